//! Transfers between the devices of one user (B9, B10).
//!
//! A device goes on running by the pass that it has until it hears of the transfer. So its right goes over in one of two
//! ways: at once, as if the device were lost, at the price of what the pass still had; or when the device has given it
//! back, or the pass has run out for sure. From then on it is kept for the destination, and for nobody else.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::AppId;
use crate::document::{Effect, Evidence, JournalName, Operation, Reason, Request, Totals};
use crate::id::{DeviceId, LicenseId};
use crate::license::{Bucket, Holder, Line, Overdrawn, Right};
use crate::provision::{KeyTransaction, TransactionStatus};
use crate::server::draft::{Draft, Place};
use crate::server::{Account, Active, Decision, Device, EventKind, Held, Journal, View, receipt};
use crate::time::Time;
use crate::transfer::{Gone, Handover, Lost, MOST_TRANSFERRED, Transfer, Which};

impl Draft {
    /// Decides for each app by itself what becomes of it.
    pub(super) fn transfer(
        mut self,
        request: &Request,
        transfer: &Transfer,
        view: &View,
    ) -> Result<Decision, Overdrawn> {
        if let Some(reason) = self.refuses_devices(transfer) {
            return Ok(self.refused(request, reason, None));
        }
        let before = self.clone();
        let mut told = BTreeMap::new();
        for app in self.named_apps(transfer) {
            let handover = self.hand_over(&app, transfer, view)?;
            told.insert(app, handover);
        }
        if !told.values().any(Handover::goes) {
            return Ok(before.nothing_goes(request, told));
        }
        if transfer.retire {
            if let Some(license) = self.stays_behind(transfer.from, &told) {
                return Ok(before.refused(request, Reason::StillHolds, Some(license)));
            }
            if let Some(source) = self.known(transfer.from).cloned() {
                self.put_device(Device { retired: true, ..source });
            }
        }
        let kind = EventKind::Transferred { source: transfer.from, destination: transfer.to };
        Ok(self.decided(request, receipt(Effect::Transferred(told)), kind))
    }

    /// One reason is a refusal like any other; several are told app by app.
    fn nothing_goes(self, request: &Request, told: BTreeMap<AppId, Handover>) -> Decision {
        let reasons = told.values().filter_map(|handover| match handover {
            Handover::Refused(reason) => Some(*reason),
            Handover::AtOnce { .. } | Handover::Waits { .. } => None,
        });
        let reasons: BTreeSet<Reason> = reasons.collect();
        match reasons.first() {
            Some(reason) if reasons.len() > 1 => {
                let kind = EventKind::Refused { reason: *reason };
                self.decided(request, receipt(Effect::Transferred(told)), kind)
            }
            reason => self.refused(request, reason.copied().unwrap_or(Reason::NotHeldThere), None),
        }
    }

    /// Of another user's device nobody is told more than of one that is not there (I15).
    fn refuses_devices(&self, transfer: &Transfer) -> Option<Reason> {
        if transfer.from == transfer.to {
            return Some(Reason::SameDevice);
        }
        let (Some(source), Some(destination)) = (self.known(transfer.from), self.known(transfer.to)) else {
            return Some(Reason::NoSuchDevice);
        };
        if source.is_over(self.now) || destination.is_over(self.now) {
            return Some(Reason::RetiredThere);
        }
        let passing = destination.only.is_some() || destination.until.is_some();
        passing.then_some(Reason::GuestThere)
    }

    fn known(&self, id: DeviceId) -> Option<&Device> {
        let known = if id == self.device.id { Some(&self.device) } else { self.siblings.get(&id) };
        known.filter(|device| device.user == self.device.user)
    }

    fn named_apps(&self, transfer: &Transfer) -> BTreeSet<AppId> {
        let apps: BTreeSet<AppId> = match &transfer.apps {
            Which::Named(apps) => apps.clone(),
            Which::All => {
                let has = |right: &Right| concerns(right.holder, transfer.from);
                let has = self.licenses.values().filter(|license| license.rights.iter().any(has));
                has.map(|license| license.app.clone()).collect()
            }
        };
        apps.into_iter().take(MOST_TRANSFERRED).collect()
    }

    fn hand_over(&mut self, app: &AppId, transfer: &Transfer, view: &View) -> Result<Handover, Overdrawn> {
        let places = match self.transferable(app, transfer) {
            Ok(places) => places,
            Err(reason) => return Ok(Handover::Refused(reason)),
        };
        self.close_orders(app, transfer.from, view);
        let running = |place: &&Place| self.may_run(**place, transfer.from);
        let running: Vec<Place> = places.iter().filter(running).copied().collect();
        let too_often = |(license, _): &Place| {
            self.licenses.get(license).is_some_and(|license| self.lost_too_often(license))
        };
        let patient = transfer.wait || transfer.from == self.device.id || running.iter().any(too_often);
        let active = self.others.get(&named(transfer.from, app)).and_then(|journal| journal.active);
        let lost = if running.is_empty() || patient {
            BTreeMap::new()
        } else {
            self.take_from_source(app, transfer.from, &running)?
        };
        let taken = !lost.is_empty();
        let (uses, seconds) =
            lost.values().fold((0, 0), |(uses, seconds), one| (uses + one.uses, seconds + one.seconds));
        let mut waits: Option<Option<Time>> = None;
        for place in &places {
            let Some(row) = self.right_at(*place).copied() else { continue };
            let until = self.redirect(*place, row, transfer, taken);
            waits = [waits, until].into_iter().flatten().reduce(later);
        }
        // What is taken from the source was paid for; the destination does not pay again.
        if let Some(active) = active.filter(|active| running.contains(&active.place()))
            && let Some(one) = lost.get(&active.license)
        {
            self.keep_rest(active, one.uses, one.seconds);
        }
        self.tell_source(app, transfer, lost);
        Ok(waits.map_or(Handover::AtOnce { uses, seconds }, |until| Handover::Waits { until }))
    }

    /// The rights of the app that the transfer is about, that of the pass in use first; or why nothing of it goes.
    fn transferable(&self, app: &AppId, transfer: &Transfer) -> Result<Vec<Place>, Reason> {
        let journal = self.others.get(&named(transfer.from, app));
        if journal.is_some_and(|journal| journal.flagged.is_some()) {
            return Err(Reason::UnderReview);
        }
        let destination = self.known(transfer.to).map(|device| device.evidence);
        let (mut places, mut why) = (Vec::new(), None);
        for license in self.licenses.values().filter(|license| license.app == *app) {
            let here = (0..).zip(&license.rights).filter(|(_, right)| concerns(right.holder, transfer.from));
            let here: Vec<(u32, Right)> = here.map(|(at, right)| (at, *right)).collect();
            if here.is_empty() || license.user != self.device.user {
                continue;
            }
            let hardware = license.offer().hardware_only && destination == Some(Evidence::File);
            match license.refuses_move(self.now).or(hardware.then_some(Reason::HardwareOnly)) {
                None => places.extend(here.iter().map(|(at, _)| (license.id, *at))),
                // What has run out of a license that is over says nothing about the one in use.
                Some(reason) if here.iter().any(|(_, right)| !right.has_run_out(self.now)) => {
                    return Err(reason);
                }
                Some(reason) => why = why.or(Some(reason)),
            }
        }
        if places.is_empty() {
            let moving = journal.is_some_and(|journal| self.is_away(journal));
            return Err(if moving { Reason::Moving } else { why.unwrap_or(Reason::NotHeldThere) });
        }
        let active = journal.and_then(|journal| journal.active).map(Active::place);
        places.sort_by_key(|place| (Some(*place) != active, *place));
        Ok(places)
    }

    /// Whether the pass of the journal is on its way to another device.
    fn is_away(&self, journal: &Journal) -> bool {
        journal.active.is_some_and(|active| {
            let right = self.right_at(active.place());
            active.moved.is_some_and(|movement| right.is_some_and(|row| row.holder == Holder::Move(movement)))
        })
    }

    /// Whether the device has a pass by this right that may be good yet.
    fn may_run(&self, place: Place, device: DeviceId) -> bool {
        self.right_at(place).is_some_and(|right| right.is_held_by(device) && !right.has_run_out(self.now))
    }

    /// Takes what the source has of the app without waiting for it, as if it were lost. What it has used of that, and may
    /// use yet, it may still report.
    fn take_from_source(
        &mut self,
        app: &AppId,
        source: DeviceId,
        running: &[Place],
    ) -> Result<BTreeMap<LicenseId, Lost>, Overdrawn> {
        let mut lost: BTreeMap<LicenseId, Lost> = BTreeMap::new();
        for (license, _) in running {
            lost.entry(*license).or_default().rights += 1;
        }
        if let Some(journal) = self.others.get(&named(source, app)).cloned() {
            for (license, account) in &journal.accounts {
                let outstanding = |line: Option<Held>| line.map_or(0, Held::outstanding);
                let (uses, seconds) = (outstanding(account.uses), outstanding(account.seconds));
                if uses > 0 || seconds > 0 {
                    let one = lost.entry(*license).or_default();
                    (one.uses, one.seconds) = (uses, seconds);
                }
            }
            let journal = self.forfeited(journal)?;
            self.put_journal(journal);
        }
        for (license, one) in &lost {
            self.note_lost(*license, one.rights);
        }
        Ok(lost)
    }

    /// Gives a right its new holder. Whose pass is waited for, and until when, where one is.
    fn redirect(
        &mut self,
        place: Place,
        row: Right,
        transfer: &Transfer,
        taken: bool,
    ) -> Option<Option<Time>> {
        let to = transfer.to;
        let second = self.has_another(place, to);
        let waited_for = match row.holder {
            Holder::Device { device, until } | Holder::Leaving { device, until, .. } => {
                let over = row.has_run_out(self.now) || (taken && device == transfer.from);
                (!over).then_some((device, until))
            }
            Holder::Free | Holder::Move(_) | Holder::Promised(_) => None,
        };
        let (holder, raise) = match waited_for {
            None if second => (Holder::Free, true),
            None => (Holder::Promised(to), true),
            // Back to where its pass still is, or to a device that has a right already.
            Some((device, until)) if device == to || second => (Holder::Device { device, until }, false),
            Some((device, until)) => (Holder::Leaving { device, until, to }, false),
        };
        self.hand(place.0, place.1, holder, raise);
        waited_for.filter(|(device, _)| *device != to).map(|(_, until)| until)
    }

    /// Whoever has another right of the license, or is to have one, needs no second one.
    fn has_another(&self, (id, but): Place, device: DeviceId) -> bool {
        let has = |right: &Right| match right.holder {
            Holder::Device { device: holder, .. } => holder == device && !right.has_run_out(self.now),
            Holder::Leaving { to, .. } | Holder::Promised(to) => to == device,
            Holder::Free | Holder::Move(_) => false,
        };
        let rights = self.licenses.get(&id).map(|license| license.rights.as_slice()).unwrap_or_default();
        (0..).zip(rights).any(|(at, right)| at != but && has(right))
    }

    /// Notes in the source's journal that the app has gone, until its device shows that it knows; and in that of the
    /// destination that it has not, where a transfer goes back before anybody has heard of it.
    fn tell_source(&mut self, app: &AppId, transfer: &Transfer, lost: BTreeMap<LicenseId, Lost>) {
        if let Some(journal) = self.others.get(&named(transfer.from, app)).cloned()
            && (!lost.is_empty() || journal.gone.is_some() || journal.has_anything())
        {
            let mut all = journal.gone.map(|gone| gone.lost).unwrap_or_default();
            for (license, more) in lost {
                all.entry(license).or_default().add(more);
            }
            let gone = Some(Gone { to: transfer.to, at: self.now, lost: all });
            self.put_journal(Journal { gone, ..journal });
        }
        let Some(journal) = self.others.get(&named(transfer.to, app)).cloned() else { return };
        let holds = |active: Active| {
            let right = self.right_at(active.place());
            right.is_some_and(
                |row| matches!(row.holder, Holder::Device { device, .. } if device == transfer.to),
            )
        };
        let untouched = journal.gone.as_ref().is_some_and(|gone| gone.lost.is_empty());
        if untouched && journal.active.is_some_and(holds) {
            self.put_journal(Journal { gone: None, ..journal });
        }
    }

    /// Nobody gets the key of an image any more for a device that the software has left.
    fn close_orders(&mut self, app: &AppId, source: DeviceId, view: &View) {
        let open = |order: &&KeyTransaction| {
            order.device == source && order.app == *app && order.status != TransactionStatus::Closed
        };
        let closed = view.transactions.iter().filter(open);
        self.transactions.extend(
            closed.map(|order| KeyTransaction { status: TransactionStatus::Closed, ..order.clone() }),
        );
    }

    /// A license of the source that does not go along.
    fn stays_behind(&self, source: DeviceId, told: &BTreeMap<AppId, Handover>) -> Option<LicenseId> {
        let stays = |id: &LicenseId| {
            let app = self.licenses.get(id).map(|license| &license.app);
            app.and_then(|app| told.get(app)).is_none_or(|handover| !handover.goes())
        };
        self.held_by(source).into_iter().find(stays)
    }

    /// What a journal is told whose app was transferred away. Only the device that gives back, and so has stopped before
    /// it asked, shows that it knows: until then it may run by the pass that it has (I1).
    pub(super) fn transferred_away(mut self, request: &Request) -> Result<Decision, Overdrawn> {
        self.release_former();
        self.settle_totals(&request.totals)?;
        self.settle_lost(&request.totals)?;
        self.forfeit_terminal()?;
        let license = self.journal.active.map(|active| active.license);
        let to = self.journal.gone.as_ref().map(|gone| gone.to);
        let body = self.refusal(Reason::Transferred, license);
        let (true, Some(to)) = (matches!(request.operation, Operation::Return), to) else {
            return Ok(self.decided(request, body, EventKind::Refused { reason: Reason::Transferred }));
        };
        self.let_all_go()?;
        Ok(self.decided(request, body, EventKind::HandedOver { to }))
    }

    /// What was forfeited, and was used all the same.
    fn settle_lost(&mut self, totals: &BTreeMap<LicenseId, Totals>) -> Result<(), Overdrawn> {
        let lost = self.journal.gone.as_ref().map(|gone| gone.lost.clone()).unwrap_or_default();
        for (id, mut one) in lost {
            let total = totals.get(&id).copied().unwrap_or_default();
            for (line, count, left) in
                [(Line::Uses, total.uses, &mut one.uses), (Line::Seconds, total.seconds, &mut one.seconds)]
            {
                let Some(held) = self.held(id, line).copied() else { continue };
                let known = held.acknowledged.saturating_sub(*left);
                let used = count.min(held.acknowledged).saturating_sub(known);
                *left -= used;
                self.post(id, line, Bucket::Forfeited, Bucket::Settled, used)?;
            }
            if let Some(gone) = &mut self.journal.gone {
                gone.lost.insert(id, one);
            }
        }
        Ok(())
    }

    /// The device has left `valid` and has said what it used: everything that it had of the app goes on.
    pub(super) fn let_all_go(&mut self) -> Result<(), Overdrawn> {
        let accounts = self.journal.accounts.keys().filter(|id| self.licenses.contains_key(id));
        let accounts: Vec<LicenseId> = accounts.copied().collect();
        let active = self.journal.active.filter(|active| active.moved.is_none());
        let mut given_back = None;
        for id in accounts {
            let left = self.empty_account(id, Bucket::Remaining)?;
            let here = active.filter(|active| active.license == id && self.is_held_here(active.place()));
            given_back = given_back.or(here.map(|active| (active, left)));
        }
        let lost = self.journal.gone.take().map(|gone| gone.lost).unwrap_or_default();
        for (id, lost) in lost {
            // From here on it counts from what it has said, and not from what it might have used.
            if let Some(account) = self.journal.accounts.get_mut(&id) {
                account.take_off(lost);
            }
            if lost.rights > 0
                && let Some(license) = self.license(id)
            {
                license.at_risk = license.at_risk.saturating_sub(lost.rights);
            }
        }
        let device = self.device.id;
        let of_app: Vec<LicenseId> = self.candidates();
        for id in of_app {
            self.let_go_of(id, device);
        }
        if let Some((active, (uses, seconds))) = given_back {
            self.keep_rest(active, uses, seconds);
        }
        self.journal.active = self.journal.active.filter(|active| active.moved.is_some());
        Ok(())
    }

    /// Every right of the license that the device has is free, or waits for whoever it was promised to.
    pub(super) fn let_go_of(&mut self, id: LicenseId, device: DeviceId) -> u32 {
        let rights = self.licenses.get(&id).map(|license| license.rights.clone()).unwrap_or_default();
        let held = (0..).zip(rights).filter(|(_, right)| right.is_held_by(device));
        let held: Vec<(u32, Right)> = held.collect();
        for (at, right) in &held {
            self.hand(id, *at, right.holder.let_go(), true);
        }
        u32::try_from(held.len()).unwrap_or(u32::MAX)
    }

    /// The device has a right of the license now: whatever else was kept for it of the same license, it does not need.
    pub(super) fn needs_no_more(&mut self, id: LicenseId, has: u32) {
        let rights = self.licenses.get(&id).map(|license| license.rights.clone()).unwrap_or_default();
        for (at, right) in (0..).zip(rights).filter(|(at, _)| *at != has) {
            if let Some(holder) = right.without(self.device.id) {
                self.hand(id, at, holder, false);
            }
        }
    }
}

impl Gone {
    /// How far below what is acknowledged a device may be honest with its totals.
    pub(super) fn slack(&self, license: LicenseId) -> Lost {
        self.lost.get(&license).copied().unwrap_or_default()
    }

    /// The device's totals have been set to what is acknowledged.
    pub(super) fn settled(&mut self) {
        self.lost.values_mut().for_each(|lost| (lost.uses, lost.seconds) = (0, 0));
    }
}

impl Lost {
    const fn add(&mut self, more: Self) {
        self.uses += more.uses;
        self.seconds += more.seconds;
        self.rights = self.rights.saturating_add(more.rights);
    }
}

impl Account {
    fn take_off(&mut self, lost: Lost) {
        for (held, lost) in [(&mut self.uses, lost.uses), (&mut self.seconds, lost.seconds)] {
            let Some(held) = held else { continue };
            held.acknowledged = held.acknowledged.saturating_sub(lost);
            held.upto = held.acknowledged;
        }
    }
}

impl Journal {
    /// Whether its device may have a pass, or units that it has not reported.
    fn has_anything(&self) -> bool {
        let outstanding = |line: Option<Held>| line.is_some_and(|held| held.outstanding() > 0);
        let counted = |account: &Account| outstanding(account.uses) || outstanding(account.seconds);
        self.active.is_some() || !self.former.is_empty() || self.accounts.values().any(counted)
    }
}

fn named(device: DeviceId, app: &AppId) -> JournalName {
    JournalName { device, app: Some(app.clone()) }
}

/// Whether the device has the right, or is to have it.
fn concerns(holder: Holder, device: DeviceId) -> bool {
    match holder {
        Holder::Device { device: holder, .. } => holder == device,
        Holder::Leaving { device: holder, to, .. } => holder == device || to == device,
        Holder::Promised(to) => to == device,
        Holder::Free | Holder::Move(_) => false,
    }
}

/// The later of two ends; none is never.
fn later(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.zip(other).map(|(one, other)| one.max(other))
}
