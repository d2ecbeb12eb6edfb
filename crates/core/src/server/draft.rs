//! The working copy of a decision: every change to a balance goes through here, so that no posting is
//! forgotten.

use std::collections::{BTreeMap, BTreeSet};

use crate::charge::Charge;
use crate::document::{
    Answer, Body, Head, JournalName, MOST_HOLDERS, Reason, Refusal, Request, Resume, SeatHolder, Totals,
};
use crate::id::{DeviceId, Digest, LicenseId, MoveId};
use crate::license::{Bucket, Holder, License, Line, Overdrawn, Posting, Right};
use crate::provision::KeyTransaction;
use crate::server::charging::PaidBefore;
use crate::server::{
    Account, Active, AppView, Code, Decision, Device, Event, EventKind, Grant, Held, Journal, Move,
    MoveStatus, Outcome, Past, Rejection, View,
};
use crate::time::{Length, Time};

/// The working copy of a decision.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(super) now: Time,
    pub(super) view_server: crate::id::ServerId,
    pub(super) device: Device,
    pub(super) device_changed: bool,
    pub(super) siblings: BTreeMap<DeviceId, Device>,
    pub(super) journal: Journal,
    pub(super) others: BTreeMap<JournalName, Journal>,
    pub(super) codes: Vec<Code>,
    pub(super) grant: Option<Grant>,
    pub(super) charges: Vec<Charge>,
    pub(super) licenses: BTreeMap<LicenseId, License>,
    pub(super) moves: BTreeMap<MoveId, Move>,
    pub(super) app: Option<AppView>,
    /// For how long a seat is to be borrowed.
    pub(super) borrowed: Option<Length>,
    /// What the pass that is about to be issued was paid for with already.
    pub(super) before: PaidBefore,
    pub(super) transactions: Vec<KeyTransaction>,
    body: Digest,
    changed: BTreeSet<LicenseId>,
    moved: BTreeSet<MoveId>,
    touched: Touched,
    postings: Vec<Posting>,
}

/// What else a decision has changed.
#[derive(Debug, Clone, Default)]
struct Touched {
    siblings: BTreeSet<DeviceId>,
    others: BTreeSet<JournalName>,
    codes: BTreeSet<Digest>,
    grant: bool,
}

/// A right of a license, by its number there.
pub(super) type Place = (LicenseId, u32);

impl Active {
    /// The right that the pass is by.
    pub(super) const fn place(self) -> Place {
        (self.license, self.right)
    }
}

/// Which counted line; the rights line has its own functions.
pub(super) type Counted = Line;

impl Draft {
    pub(super) fn new(view: &View, device: Device, journal: Journal, now: Time) -> Self {
        Self {
            now,
            view_server: view.server,
            device_changed: view.device.is_none(),
            device,
            siblings: view.siblings.iter().map(|device| (device.id, device.clone())).collect(),
            journal,
            others: view.others.iter().map(|other| (other.name.clone(), other.clone())).collect(),
            codes: view.codes.clone(),
            grant: view.grant.clone(),
            charges: Vec::new(),
            licenses: view.licenses.iter().map(|license| (license.id, license.clone())).collect(),
            moves: view.moves.iter().map(|movement| (movement.id, movement.clone())).collect(),
            app: view.app.clone(),
            borrowed: None,
            before: PaidBefore::Nothing,
            transactions: Vec::new(),
            body: view.body,
            changed: BTreeSet::new(),
            moved: BTreeSet::new(),
            touched: Touched::default(),
            postings: Vec::new(),
        }
    }

    /// The license, to be changed.
    pub(super) fn license(&mut self, id: LicenseId) -> Option<&mut License> {
        self.changed.insert(id);
        self.licenses.get_mut(&id)
    }

    pub(super) fn right_at(&self, (license, right): Place) -> Option<&Right> {
        self.licenses.get(&license)?.rights.get(right as usize)
    }

    /// Whether this device has the right.
    pub(super) fn is_held_here(&self, place: Place) -> bool {
        self.right_at(place).is_some_and(|right| right.is_held_by(self.device.id))
    }

    pub(super) fn insert(&mut self, license: License) {
        self.changed.insert(license.id);
        self.licenses.insert(license.id, license);
    }

    pub(super) fn insert_move(&mut self, movement: Move) {
        self.moved.insert(movement.id);
        self.moves.insert(movement.id, movement);
    }

    pub(super) fn put_device(&mut self, device: Device) {
        if device.id == self.device.id {
            self.device_changed = true;
            self.device = device;
        } else {
            self.touched.siblings.insert(device.id);
            self.siblings.insert(device.id, device);
        }
    }

    pub(super) fn put_journal(&mut self, journal: Journal) {
        self.touched.others.insert(journal.name.clone());
        self.others.insert(journal.name.clone(), journal);
    }

    pub(super) fn put_code(&mut self, code: Code) {
        self.touched.codes.insert(code.digest);
        self.codes.retain(|known| known.digest != code.digest);
        self.codes.push(code);
    }

    pub(super) fn put_grant(&mut self, grant: Grant) {
        self.touched.grant = true;
        self.grant = Some(grant);
    }

    /// Moves an amount between two parts of a counted line of a license, and notes it.
    pub(super) fn post(
        &mut self,
        id: LicenseId,
        line: Counted,
        from: Bucket,
        to: Bucket,
        amount: u64,
    ) -> Result<(), Overdrawn> {
        if amount == 0 {
            return Ok(());
        }
        let overdrawn = Overdrawn { bucket: from, amount };
        let license = self.license(id).ok_or(overdrawn)?;
        let balance = match line {
            Line::Uses => license.uses.as_mut(),
            Line::Seconds => license.seconds.as_mut(),
            Line::Rights => None,
        };
        balance.ok_or(overdrawn)?.post(from, to, amount)?;
        self.postings.push(Posting { license: id, line, from, to, amount });
        Ok(())
    }

    /// Gives a right to a holder, and notes it. Taking it from a device by an operation raises its
    /// generation, so that a pass of the earlier holding can be told from one of the new.
    pub(super) fn hand(&mut self, id: LicenseId, right: u32, to: Holder, raise: bool) -> Option<u64> {
        let license = self.license(id)?;
        let row = license.rights.get_mut(right as usize)?;
        let (from, into) = (bucket(row.holder), bucket(to));
        let passes_on = row.holder.device().zip(to.device()).is_some_and(|(old, new)| old != new);
        row.holder = to;
        row.generation += u64::from(raise || passes_on);
        let generation = row.generation;
        if from != into {
            self.postings.push(Posting { license: id, line: Line::Rights, from, to: into, amount: 1 });
        }
        Some(generation)
    }

    /// Notes what a new license starts with.
    pub(super) fn open(&mut self, license: License) {
        let id = license.id;
        let mut note = |line, amount| {
            if amount > 0 {
                let (from, to) = (Bucket::Sold, Bucket::Remaining);
                self.postings.push(Posting { license: id, line, from, to, amount });
            }
        };
        note(Line::Rights, license.rights.len() as u64);
        note(Line::Uses, license.uses.map_or(0, |line| line.total));
        note(Line::Seconds, license.seconds.map_or(0, |line| line.total));
        self.insert(license);
    }

    /// The journal's account of a license, with a line for each line that the license counts.
    pub(super) fn account(&mut self, id: LicenseId) -> &mut Account {
        let counts =
            self.licenses.get(&id).map(|license| (license.uses.is_some(), license.seconds.is_some()));
        let account = self.journal.accounts.entry(id).or_default();
        if let Some((uses, seconds)) = counts {
            account.uses = account.uses.or(uses.then(Held::default));
            account.seconds = account.seconds.or(seconds.then(Held::default));
        }
        account
    }

    pub(super) fn held(&mut self, id: LicenseId, line: Counted) -> Option<&mut Held> {
        let account = self.account(id);
        match line {
            Line::Uses => account.uses.as_mut(),
            Line::Seconds => account.seconds.as_mut(),
            Line::Rights => None,
        }
    }

    /// Takes the reported totals over: what was held and has been used is settled.
    pub(super) fn settle_totals(&mut self, totals: &BTreeMap<LicenseId, Totals>) -> Result<(), Overdrawn> {
        for (id, total) in totals {
            for (line, count) in [(Line::Uses, total.uses), (Line::Seconds, total.seconds)] {
                let Some(held) = self.held(*id, line) else { continue };
                let used = count.min(held.upto).saturating_sub(held.acknowledged);
                held.acknowledged += used;
                self.post(*id, line, Bucket::Held, Bucket::Settled, used)?;
            }
            self.note_first_use(*id, total.first_use);
        }
        Ok(())
    }

    fn note_first_use(&mut self, id: LicenseId, first_use: Option<Time>) {
        let Some(reported) = first_use else { return };
        let Some(license) = self.licenses.get(&id) else { return };
        let reported = reported.clamp(license.agreed, self.now.max(license.agreed));
        if license.first_use.is_none_or(|known| reported < known)
            && let Some(license) = self.license(id)
        {
            license.first_use = Some(reported);
        }
    }

    /// Takes everything outstanding out of the journal's account into another part of its lines: so many uses, and so
    /// many seconds.
    pub(super) fn empty_account(&mut self, id: LicenseId, to: Bucket) -> Result<(u64, u64), Overdrawn> {
        Ok((self.empty_line(id, Line::Uses, to)?, self.empty_line(id, Line::Seconds, to)?))
    }

    fn empty_line(&mut self, id: LicenseId, line: Counted, to: Bucket) -> Result<u64, Overdrawn> {
        let Some(held) = self.held(id, line) else { return Ok(0) };
        let outstanding = held.outstanding();
        match to {
            // Lost units are counted as gone through: whoever still has them has no claim that a later pass
            // could renew.
            Bucket::Forfeited => held.acknowledged = held.upto,
            _ => held.upto = held.acknowledged,
        }
        self.post(id, line, Bucket::Held, to, outstanding)?;
        Ok(outstanding)
    }

    pub(super) fn refusal(&self, reason: Reason, license: Option<LicenseId>) -> Body {
        let listed = || self.app.as_ref().map(|app| app.menu.offers.clone()).unwrap_or_default();
        let menu = if reason.asks_for_menu() { listed() } else { Vec::new() };
        let about = license.and_then(|license| self.licenses.get(&license));
        let holders = about.filter(|_| reason == Reason::HeldElsewhere).map(|license| self.holders(license));
        let floating = about.and_then(|license| license.offer().floating);
        let borrow =
            floating.filter(|_| reason == Reason::NotBorrowable).and_then(|floating| floating.borrow);
        let holders = holders.unwrap_or_default();
        Body::Refusal(Box::new(Refusal { menu, holders, borrow, ..Refusal::because(reason, license) }))
    }

    /// Who holds a license. Guests and machines that come and go are not told about the user's other devices.
    fn holders(&self, license: &License) -> Vec<SeatHolder> {
        if self.device.only.is_some() || self.device.until.is_some() {
            return Vec::new();
        }
        let held = license.rights.iter().filter_map(|right| match right.holder {
            Holder::Device { device, until } | Holder::Leaving { device, until, .. }
                if !right.has_run_out(self.now) =>
            {
                Some((device, until))
            }
            Holder::Leaving { to, .. } | Holder::Promised(to) => Some((to, None)),
            _ => None,
        });
        held.map(|(device, until)| SeatHolder { device, until }).take(MOST_HOLDERS).collect()
    }

    /// In step: epoch + 1, answer into the slot.
    pub(super) fn decided(mut self, request: &Request, body: Body, kind: EventKind) -> Decision {
        let epoch = self.journal.epoch + 1;
        self.journal.epoch = epoch;
        self.journal.slot = Some(super::Slot { request: request.id, body: self.body });
        Decision::Decided(Box::new(self.outcome(request, body, kind, epoch, None)))
    }

    /// Out of step: the slot stays as it is.
    pub(super) fn aside(
        mut self,
        request: &Request,
        body: Body,
        kind: EventKind,
        epoch: u64,
        resume: Option<Resume>,
    ) -> Decision {
        if resume.is_some() {
            self.journal.epoch = epoch;
        }
        Decision::Aside(Box::new(self.outcome(request, body, kind, epoch, resume)))
    }

    /// Licenses, journals of other devices and postings, where nobody has asked anything.
    pub(super) fn into_changes(self) -> (Vec<License>, Vec<Journal>, Vec<Posting>) {
        let licenses = self.licenses.into_values().filter(|license| self.changed.contains(&license.id));
        let journals = self.others.into_values().filter(|other| self.touched.others.contains(&other.name));
        (licenses.collect(), journals.collect(), self.postings)
    }

    fn outcome(
        self,
        request: &Request,
        body: Body,
        kind: EventKind,
        epoch: u64,
        resume: Option<Resume>,
    ) -> Outcome {
        let head = Head {
            server: self.view_server,
            user: self.device.user,
            journal: request.journal.clone(),
            request: request.id,
            quoted: request.epoch,
            epoch,
            issued: self.now,
            resume,
            over: over_of(&self.moves, request),
        };
        let touched = |id: &LicenseId| self.changed.contains(id);
        let license = about(&body).or_else(|| self.changed.iter().next().copied());
        let event = Event {
            journal: request.journal.clone(),
            quoted: request.epoch,
            past: Past { request: request.id, body: self.body },
            kind,
            license,
            postings: self.postings,
            at: self.now,
        };
        let Touched { siblings, others, codes, grant } = self.touched;
        let device = self.device_changed.then_some(self.device);
        Outcome {
            journal: self.journal,
            licenses: self.licenses.into_values().filter(|license| touched(&license.id)).collect(),
            moves: self.moves.into_values().filter(|movement| self.moved.contains(&movement.id)).collect(),
            devices: self
                .siblings
                .into_values()
                .filter(|device| siblings.contains(&device.id))
                .chain(device)
                .collect(),
            others: self.others.into_values().filter(|other| others.contains(&other.name)).collect(),
            codes: self.codes.into_iter().filter(|code| codes.contains(&code.digest)).collect(),
            grant: self.grant.filter(|_| grant),
            charges: self.charges,
            transactions: self.transactions,
            event,
            answer: Answer { head, body },
        }
    }
}

fn over_of(moves: &BTreeMap<MoveId, Move>, request: &Request) -> BTreeSet<MoveId> {
    let done = |id: &&MoveId| moves.get(*id).is_some_and(|movement| movement.status != MoveStatus::Moving);
    request.portables.iter().filter(done).copied().collect()
}

fn about(body: &Body) -> Option<LicenseId> {
    use crate::document::Effect;
    match body {
        Body::Pass(pass) => Some(pass.license),
        Body::Portable(portable) => Some(portable.license),
        Body::Refusal(refusal) => refusal.license,
        Body::Keys(delivery) => Some(delivery.license),
        Body::Receipt(receipt) => match receipt.effect {
            Effect::Declined(license) | Effect::Returned(license) => Some(license),
            Effect::Registered { .. }
            | Effect::MoveCancelled(_)
            | Effect::Invited(_)
            | Effect::Withdrawn(_)
            | Effect::DeviceGone(_)
            | Effect::Renamed(_)
            | Effect::Transferred(_)
            | Effect::KeyOrdered { .. } => None,
        },
    }
}

const fn bucket(holder: Holder) -> Bucket {
    match holder {
        Holder::Free => Bucket::Remaining,
        Holder::Device { .. } | Holder::Leaving { .. } | Holder::Promised(_) => Bucket::Held,
        Holder::Move(_) => Bucket::Moving,
    }
}

/// A ledger that does not add up stops the decision; nothing is written.
pub(super) fn or_unbalanced(result: Result<Decision, Overdrawn>) -> Decision {
    result.unwrap_or(Decision::Rejected(Rejection::Unbalanced))
}
