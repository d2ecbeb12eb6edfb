//! What each operation does, once the device and the server are known to be in step.

use crate::app::{OfferName, VersionRange};
use crate::document::{
    Agreement, Body, Ceiling, Effect, Evidence, JournalName, Operation, Pass, PassKind, PortablePass, Reason,
    Request,
};
use crate::id::{LicenseId, MoveId, SupplierId};
use crate::license::{Balance, Bucket, Holder, License, Line, Overdrawn, Right, Standing, Status};
use crate::money::Money;
use crate::offer::{Charging, Counting, Issuance, Listed, Offer, OncePer};
use crate::server::charging::PaidBefore;
use crate::server::draft::{Draft, or_unbalanced};
use crate::server::{Active, Decision, EventKind, Fresh, Move, MoveStatus, Rejection, View, receipt};
use crate::term::{Slice, Term};
use crate::time::{Length, Seconds, Time};

const COUNTED: [Line; 2] = [Line::Uses, Line::Seconds];

pub(super) fn operate(draft: Draft, view: &View, request: &Request, fresh: &Fresh) -> Decision {
    if request.journal.app.is_none() != request.operation.is_of_device() {
        return Decision::Rejected(Rejection::WrongJournal);
    }
    or_unbalanced(dispatch(draft, view, request, fresh))
}

fn dispatch(mut draft: Draft, view: &View, request: &Request, fresh: &Fresh) -> Result<Decision, Overdrawn> {
    if let Operation::Register(registration) = &request.operation {
        return draft.register(request, registration);
    }
    if draft.journal.gone.is_some() {
        return draft.transferred_away(request);
    }
    if let Some(reason) = draft.closed(&request.operation) {
        return Ok(draft.refused(request, reason, None));
    }
    if request.operation.is_of_device() {
        return draft.manage(request, view);
    }
    draft.release_former();
    draft.settle_totals(&request.totals)?;
    draft.forfeit_terminal()?;
    if draft.journal.flagged.is_some() && !matches!(request.operation, Operation::Return) {
        return Ok(draft.refused(request, Reason::UnderReview, None));
    }
    match &request.operation {
        Operation::Renew { uses } => draft.renew(request, *uses, fresh, EventKind::Issued),
        Operation::Borrow(length) => draft.borrow(request, *length, fresh),
        Operation::Agree(agreed) => draft.agree(request, &agreed.agreement, fresh),
        Operation::Decline => draft.decline(request, fresh),
        Operation::Export => draft.export(request, fresh),
        Operation::Import(brought) => draft.import(request, &brought.portable, fresh),
        Operation::CancelMove(movement) => draft.cancel_move(request, *movement),
        Operation::Return => draft.give_back(request),
        Operation::Redeem(redemption) => draft.redeem(request, redemption, fresh),
        Operation::OrderKey(image) => Ok(draft.order_key(request, *image, view, fresh)),
        Operation::RedeemKey(redemption) => Ok(draft.redeem_key(request, redemption, view)),
        _ => Ok(Decision::Rejected(Rejection::WrongJournal)),
    }
}

impl Draft {
    /// What concerns the user's devices, in the device's own journal.
    fn manage(self, request: &Request, view: &View) -> Result<Decision, Overdrawn> {
        match &request.operation {
            Operation::Invite(invitation) => self.invite(request, invitation),
            Operation::Withdraw(digest) => self.withdraw(request, *digest),
            Operation::Lost(device) => self.lose(request, *device),
            Operation::Replaced(replacement) => self.replace(request, replacement),
            Operation::Retire(device) => self.retire(request, *device),
            Operation::Rename { device, name } => self.rename(request, *device, name),
            Operation::Transfer(transfer) => self.transfer(request, transfer, view),
            _ => Ok(Decision::Rejected(Rejection::WrongJournal)),
        }
    }

    fn closed(&self, operation: &Operation) -> Option<Reason> {
        let manages = operation.is_of_device();
        // A guest may run what it came for; what is installed, the user's own devices order.
        let buys = matches!(operation, Operation::Agree(_) | Operation::Redeem(_) | Operation::OrderKey(_));
        if self.device.is_over(self.now) {
            Some(Reason::Retired)
        } else if self.device.only.is_some() && (manages || buys) {
            Some(Reason::Guest)
        } else if self.app.is_none() && !manages {
            Some(Reason::UnknownApp)
        } else {
            None
        }
    }

    pub(super) fn refused(self, request: &Request, reason: Reason, license: Option<LicenseId>) -> Decision {
        let body = self.refusal(reason, license);
        self.decided(request, body, EventKind::Refused { reason })
    }

    /// This request shows that the device has the newer pass: the rights behind older ones are free.
    pub(super) fn release_former(&mut self) {
        for (license, right) in std::mem::take(&mut self.journal.former) {
            let ours = self.right_at((license, right)).filter(|row| row.is_held_by(self.device.id));
            if let Some(left) = ours.map(|row| row.holder.let_go()) {
                self.hand(license, right, left, true);
            }
        }
    }

    /// What was out of a license that has ended for good is lost, once its use has been reported.
    pub(super) fn forfeit_terminal(&mut self) -> Result<(), Overdrawn> {
        let terminal = |license: &&License| license.standing.is_terminal();
        let over: Vec<LicenseId> = self.own().filter(terminal).map(|license| license.id).collect();
        for id in over {
            if self.journal.accounts.contains_key(&id) {
                self.empty_account(id, Bucket::Forfeited)?;
            }
            let active = self.journal.active.filter(|active| active.license == id && active.moved.is_none());
            if let Some(active) = active {
                self.journal.active = None;
                if self.is_held_here(active.place()) {
                    self.hand(id, active.right, Holder::Free, true);
                }
            }
        }
        Ok(())
    }

    /// A move that took the pass away and is over leaves nothing to go back to.
    fn forget_finished_move(&mut self) {
        let Some(active) = self.journal.active else { return };
        let Some(movement) = active.moved else { return };
        let away = self.right_at(active.place()).is_some_and(|row| row.holder == Holder::Move(movement));
        if !away {
            self.journal.active = None;
        }
    }

    /// Licenses of this device's user.
    fn own(&self) -> impl Iterator<Item = &License> {
        let all = self.device.only.is_none();
        let may = move |license: &&License| all || self.device.only == Some(license.id);
        self.licenses.values().filter(|license| license.user == self.device.user).filter(may)
    }

    /// Licenses of this app in the order of use (A23), the one in use first.
    pub(super) fn candidates(&self) -> Vec<LicenseId> {
        let app = self.journal.name.app.as_ref();
        let mut ours: Vec<&License> = self.own().filter(|license| Some(&license.app) == app).collect();
        let active = self.journal.active.filter(|active| active.moved.is_none()).map(|active| active.license);
        ours.sort_by_key(|license| (Some(license.id) != active, license.order()));
        ours.iter().map(|license| license.id).collect()
    }

    /// The next pass from the first license that has one to give (A9).
    pub(super) fn renew(
        mut self,
        request: &Request,
        uses: u64,
        fresh: &Fresh,
        kind: EventKind,
    ) -> Result<Decision, Overdrawn> {
        self.forget_finished_move();
        let mut why: Option<(Reason, LicenseId)> = None;
        for license in self.candidates() {
            let first = kind == EventKind::Agreed || kind == EventKind::Redeemed;
            match self.place(license, first && license == fresh.license) {
                Ok((right, pass_kind)) => {
                    let (pass_kind, before) = self.paid_before((license, right), pass_kind, uses);
                    self.before = before;
                    if self.slice(license, pass_kind, uses)? {
                        if !matches!(self.before, PaidBefore::All(_)) {
                            self.charge_pass(license, pass_kind, fresh.charge);
                        }
                        let body = self.issue(license, right, pass_kind, fresh, None);
                        return Ok(self.decided(request, body, kind));
                    }
                    let reason = self.why_nothing_left(license, uses);
                    why = stronger(why, (reason, license));
                }
                Err(reason) => why = stronger(why, (reason, license)),
            }
        }
        if let Some(active) = self.journal.active.filter(|active| active.moved.is_some()) {
            why = stronger(why, (Reason::Moving, active.license));
        }
        let (reason, license) =
            why.map_or((Reason::NoLicense, None), |(reason, license)| (reason, Some(license)));
        Ok(self.refused(request, reason, license))
    }

    /// A pass that lasts longer than seats do otherwise.
    fn borrow(mut self, request: &Request, length: Length, fresh: &Fresh) -> Result<Decision, Overdrawn> {
        self.borrowed = Some(length);
        self.renew(request, 0, fresh, EventKind::Issued)
    }

    /// Why a seat of this license may not be borrowed for as long as is asked.
    fn refuses_borrowing(&self, license: &License) -> Option<Reason> {
        let wanted = self.borrowed?;
        if license.status(self.now) != Status::Active {
            return Some(Reason::PaymentPending);
        }
        let most = license.offer().floating.and_then(|floating| floating.borrow);
        let good = most.is_some_and(|most| self.now.plus_length(wanted) <= self.now.plus_length(most));
        (!good).then_some(Reason::NotBorrowable)
    }

    /// Which right this journal may use, and for which kind of pass.
    fn place(&self, id: LicenseId, first: bool) -> Result<(u32, PassKind), Reason> {
        let license = self.licenses.get(&id).ok_or(Reason::NoLicense)?;
        if let Some(reason) = license.refuses_pass(self.now) {
            return Err(reason);
        }
        if license.offer().hardware_only && self.device.evidence == Evidence::File {
            return Err(Reason::HardwareOnly);
        }
        if let Some(reason) = self.refuses_borrowing(license) {
            return Err(reason);
        }
        let paid = license.status(self.now) == Status::Active;
        let trusted = first && !license.offer().issuance.temporary_at_purchase;
        let kind = if paid || trusted { PassKind::Full } else { PassKind::Temporary };
        let find = |wanted: &dyn Fn(&Right) -> bool| license.rights.iter().position(wanted);
        let right = find(&|right| right.is_held_by(self.device.id))
            .or_else(|| find(&|right| right.waits_for(self.device.id, self.now)))
            // What was paid for and given back goes first.
            .or_else(|| find(&|right| right.is_free(self.now) && right.rest.is_some()))
            .or_else(|| find(&|right| right.is_free(self.now)))
            .ok_or(Reason::HeldElsewhere)?;
        Ok((u32::try_from(right).map_err(|_| Reason::HeldElsewhere)?, kind))
    }

    /// Moves the next slice of each counted line to the journal. False when nothing is left to slice.
    fn slice(&mut self, id: LicenseId, kind: PassKind, uses: u64) -> Result<bool, Overdrawn> {
        let Some(license) = self.licenses.get(&id) else { return Ok(false) };
        let slice = slice_of(license.offer(), kind);
        let online = license.offer().counting == Counting::Online;
        let mut plan = Vec::new();
        for line in COUNTED {
            let Some(balance) = balance(self.licenses.get(&id), line) else { continue };
            let wanted = match line {
                Line::Uses if online => Some(uses),
                Line::Uses => slice.uses.map(|slice| slice.max(uses)),
                _ => slice.duration.map(|slice| slice.0),
            };
            let wanted = self.before.applied(line, wanted);
            let outstanding = self.held(id, line).map_or(0, |held| held.outstanding());
            let missing = wanted.map_or(balance.remaining, |wanted| wanted.saturating_sub(outstanding));
            let granted = missing.min(balance.remaining);
            let asked_in_vain = online && line == Line::Uses && granted < missing;
            let empty = outstanding + granted == 0 && !(online && uses == 0 && balance.remaining > 0);
            if empty || asked_in_vain {
                return Ok(false);
            }
            plan.push((line, granted));
        }
        for (line, granted) in plan {
            self.post(id, line, Bucket::Remaining, Bucket::Held, granted)?;
            if let Some(held) = self.held(id, line) {
                held.upto += granted;
            }
        }
        Ok(true)
    }

    fn why_nothing_left(&self, id: LicenseId, uses: u64) -> Reason {
        let online = |license: &License| license.offer().counting == Counting::Online;
        let some_left =
            |license: &License| license.uses.is_some_and(|line| (1..uses).contains(&line.remaining));
        if self.licenses.get(&id).is_some_and(|license| online(license) && some_left(license)) {
            return Reason::NotEnoughLeft;
        }
        let away = |line| {
            balance(self.licenses.get(&id), line)
                .is_some_and(|line| line.remaining == 0 && !line.is_exhausted())
        };
        if COUNTED.into_iter().any(away) { Reason::HeldElsewhere } else { Reason::Exhausted }
    }

    /// Makes the pass for what the journal's account holds.
    fn issue(
        &mut self,
        id: LicenseId,
        right: u32,
        kind: PassKind,
        fresh: &Fresh,
        from_move: Option<MoveId>,
    ) -> Body {
        let Some(license) = self.licenses.get(&id).cloned() else {
            return self.refusal(Reason::NoLicense, None);
        };
        let Ends { expires, grace_until, floating } = self.ends(&license, kind);
        let holder = Holder::Device {
            device: self.device.id,
            until: if license_end_unknown(&license) { self.device.until } else { grace_until },
        };
        self.account(id);
        self.retire_active(id, right);
        if kind == PassKind::Full {
            self.set_rest((id, right), None);
        }
        let generation = self.hand(id, right, holder, false).unwrap_or_default();
        self.needs_no_more(id, right);
        self.journal.active = Some(Active {
            license: id,
            right,
            generation,
            pass: fresh.pass,
            kind,
            expires,
            grace_until,
            moved: None,
        });
        let offer = license.offer();
        let (start, _) = license.validity();
        let from_first_use = match (offer.term.period, license.first_use) {
            (Some(crate::term::Period::FromFirstUse(length)), None) => Some(length),
            _ => None,
        };
        Body::Pass(Box::new(Pass {
            id: fresh.pass,
            supplier: license.supplier,
            app: license.app.clone(),
            license: id,
            right,
            generation,
            kind,
            condition: offer.condition.clone(),
            features: offer.features.clone(),
            not_before: start,
            expires,
            grace_until,
            from_first_use,
            uses: self.ceiling(id, Line::Uses),
            seconds: self.ceiling(id, Line::Seconds),
            counting: offer.counting,
            floating,
            versions: offer.versions,
            reporting: offer.reporting,
            device_key: self.device.signing_key,
            previous: self.journal.answer,
            from_move,
        }))
    }

    /// A right of another license, or another right of this one, is given up once the device has the new pass.
    fn retire_active(&mut self, license: LicenseId, right: u32) {
        if let Some(active) = self.journal.active.take()
            && active.moved.is_none()
            && (active.license, active.right) != (license, right)
        {
            self.journal.former.push((active.license, active.right));
        }
    }

    fn ceiling(&mut self, id: LicenseId, line: Line) -> Option<Ceiling> {
        let balance = balance(self.licenses.get(&id), line)?;
        let upto = self.held(id, line)?.upto;
        Some(Ceiling { upto, licensed: balance.total, remaining: balance.remaining })
    }

    fn ends(&self, license: &License, kind: PassKind) -> Ends {
        let offer = license.offer();
        let (start, end) = license.validity();
        let cut = self.before.ends(slice_of(offer, kind).period, start, self.now);
        let borrowed = self.borrowed_until(license);
        let floating = offer.floating.is_some() && borrowed <= cut;
        let cut = if floating { cut } else { cut.max(borrowed) };
        let charged = license.charged_until.filter(|_| kind == PassKind::Full);
        // A machine that joined for a while holds nothing beyond it: killed, it makes room by itself.
        let expires = [end, cut, charged, self.device.until].into_iter().flatten().min();
        let grace = if kind == PassKind::Full { offer.grace() } else { Seconds(0) };
        let last = end.map(|end| end.plus(offer.grace()));
        let until = expires
            .map(|expires| expires.plus(grace))
            .map(|until| [last, self.device.until].into_iter().flatten().fold(until, Time::min));
        Ends { expires, grace_until: until, floating }
    }

    /// Until when the device has, or asks for, a seat for longer than seats last otherwise. Asking for the next pass in
    /// the meantime does not end it.
    fn borrowed_until(&self, license: &License) -> Option<Time> {
        license.offer().floating?;
        let asked = self.borrowed.map(|length| self.now.plus_length(length));
        let active =
            self.journal.active.filter(|active| active.license == license.id && active.moved.is_none());
        let held = active.filter(|active| active.kind == PassKind::Full && self.is_held_here(active.place()));
        asked.max(held.and_then(|active| active.expires))
    }

    /// Builds the license from the server's own menu (A10): what the user agreed to must stand there, word for
    /// word.
    fn agree(
        mut self,
        request: &Request,
        agreement: &Agreement,
        fresh: &Fresh,
    ) -> Result<Decision, Overdrawn> {
        if agreement.user != self.device.user || agreement.device != self.device.id {
            return Ok(self.refused(request, Reason::OtherUser, None));
        }
        let Some(app) = self.app.clone() else { return Ok(self.refused(request, Reason::UnknownApp, None)) };
        let ours = app.menu.find(&agreement.listed.offer.name).filter(|listed| **listed == agreement.listed);
        let Some(listed) = ours.cloned().filter(|listed| Some(&listed.app) == request.journal.app.as_ref())
        else {
            return Ok(self.refused(request, Reason::OfferChanged, None));
        };
        if let Some(reason) = self.refuses_agreement(&listed) {
            return Ok(self.refused(request, reason, None));
        }
        let license = new_license(fresh.license, &self, app.supplier, listed);
        self.open(license);
        self.charge_agreement(fresh.license, fresh.charge);
        self.renew(request, 1, fresh, EventKind::Agreed)
    }

    pub(super) fn refuses_agreement(&self, listed: &Listed) -> Option<Reason> {
        let offer = &listed.offer;
        if offer.hardware_only && self.device.evidence == Evidence::File {
            return Some(Reason::HardwareOnly);
        }
        let (_, end) = crate::offer::validity(&offer.term, self.now, None);
        if end.is_some_and(|end| end <= self.now) {
            return Some(Reason::Expired);
        }
        let had = |license: &&License| license.app == listed.app && license.offer().name == offer.name;
        let here = |license: &&License| license.agreed_on == self.device.id;
        let again = match offer.once_per {
            None => false,
            Some(OncePer::User) => self.own().any(|license| had(&license)),
            Some(OncePer::Device) => self.own().any(|license| had(&license) && here(&license)),
        };
        again.then_some(Reason::OnlyOnce)
    }

    /// Records a license and a pass that are no good (A13), once for each app.
    fn decline(mut self, request: &Request, fresh: &Fresh) -> Result<Decision, Overdrawn> {
        let Some(app) = self.app.clone() else { return Ok(self.refused(request, Reason::UnknownApp, None)) };
        let Some(name) = request.journal.app.clone() else {
            return Ok(Decision::Rejected(Rejection::WrongJournal));
        };
        let usable = |license: &License| license.refuses_pass(self.now).is_none();
        let active = self.journal.active.filter(|active| active.moved.is_none());
        let good = active.filter(|active| self.licenses.get(&active.license).is_some_and(usable));
        if let Some(good) = good {
            return Ok(self.refused(request, Reason::StillGood, Some(good.license)));
        }
        let known = self.own().find(|license| license.standing == Standing::Declined && license.app == name);
        let id = known.map_or(fresh.license, |license| license.id);
        if known.is_none() {
            let Ok(offer) = nothing() else { return Ok(Decision::Rejected(Rejection::Unbalanced)) };
            let base = Listed { app: name, serial: app.menu.serial, offer };
            let mut license = new_license(id, &self, app.supplier, base);
            (license.standing, license.rights) = (Standing::Declined, Vec::new());
            self.open(license);
        }
        if let Some(active) = self.journal.active.take_if(|active| active.moved.is_none()) {
            self.journal.former.push((active.license, active.right));
        }
        Ok(self.decided(request, receipt(Effect::Declined(id)), EventKind::Declined))
    }

    /// Turns what the pass still has into a portable pass (A14, A15).
    fn export(mut self, request: &Request, fresh: &Fresh) -> Result<Decision, Overdrawn> {
        let active = match self.movable() {
            Ok(active) => active,
            Err((reason, license)) => return Ok(self.refused(request, reason, license)),
        };
        let id = active.license;
        let (uses, seconds) = self.empty_account(id, Bucket::Moving)?;
        let generation = self.hand(id, active.right, Holder::Move(fresh.movement), true).unwrap_or_default();
        self.journal.active = Some(Active { moved: Some(fresh.movement), ..active });
        self.insert_move(Move {
            id: fresh.movement,
            user: self.device.user,
            license: id,
            right: active.right,
            generation,
            source: self.device.id,
            uses,
            seconds,
            status: MoveStatus::Moving,
        });
        let Some(license) = self.licenses.get(&id) else {
            return Ok(Decision::Rejected(Rejection::Unbalanced));
        };
        let portable = PortablePass {
            movement: fresh.movement,
            supplier: license.supplier,
            app: license.app.clone(),
            license: id,
            right: active.right,
            generation,
            condition: license.offer().condition.clone(),
            features: license.offer().features.clone(),
            uses: license.uses.map(|_| uses),
            seconds: license.seconds.map(|_| seconds),
            expires: active.expires,
            source: self.device.id,
        };
        Ok(self.decided(
            request,
            Body::Portable(Box::new(portable)),
            EventKind::Exported { movement: fresh.movement },
        ))
    }

    /// The pass, when there is something in it that may leave this device.
    fn movable(&mut self) -> Result<Active, (Reason, Option<LicenseId>)> {
        self.forget_finished_move();
        let active = self.journal.active.ok_or((Reason::NothingToMove, None))?;
        let id = active.license;
        let no = |reason| (reason, Some(id));
        if active.moved.is_some() {
            return Err(no(Reason::Moving));
        }
        let license = self.licenses.get(&id).ok_or((Reason::NothingToMove, None))?;
        if let Some(reason) = license.refuses_move(self.now) {
            return Err(no(reason));
        }
        let ours = self.is_held_here(active.place());
        let over = active.grace_until.or(active.expires).is_some_and(|end| end <= self.now);
        let online = license.offer().counting == Counting::Online;
        let empty = |line| {
            self.journal
                .accounts
                .get(&id)
                .and_then(|account| line_of(account, line))
                .is_some_and(|held| held.outstanding() == 0)
        };
        let spent = (empty(Line::Uses) && !online) || empty(Line::Seconds);
        if !ours || over || spent || active.kind == PassKind::Temporary {
            return Err(no(Reason::NothingToMove));
        }
        Ok(active)
    }

    /// Takes a portable pass in: accepted once, with exactly what it had (A16, I7).
    fn import(
        mut self,
        request: &Request,
        portable: &PortablePass,
        fresh: &Fresh,
    ) -> Result<Decision, Overdrawn> {
        self.forget_finished_move();
        let id = portable.license;
        let movement = match self.importable(portable, request) {
            Ok(movement) => movement,
            Err(reason) => return Ok(self.refused(request, reason, Some(id))),
        };
        for (line, carried) in [(Line::Uses, movement.uses), (Line::Seconds, movement.seconds)] {
            self.post(id, line, Bucket::Moving, Bucket::Held, carried)?;
            if let Some(held) = self.held(id, line) {
                held.upto += carried;
            }
        }
        // A device that already holds a right of this license needs no second one.
        let here = self
            .licenses
            .get(&id)
            .and_then(|license| license.rights.iter().position(|right| right.is_held_by(self.device.id)));
        let right = match here.and_then(|right| u32::try_from(right).ok()) {
            Some(right) => {
                self.hand(id, movement.right, Holder::Free, false);
                right
            }
            None => movement.right,
        };
        self.before = self.paid_for_move(portable);
        let status = MoveStatus::Imported { by: self.device.id };
        self.insert_move(Move { status, ..movement });
        let body = self.issue(id, right, PassKind::Full, fresh, Some(portable.movement));
        Ok(self.decided(request, body, EventKind::Imported { movement: portable.movement }))
    }

    fn importable(&self, portable: &PortablePass, request: &Request) -> Result<Move, Reason> {
        if request.journal.app.as_ref() != Some(&portable.app) {
            return Err(Reason::UnknownApp);
        }
        let movement = self.moves.get(&portable.movement).ok_or(Reason::MoveOver)?;
        if movement.user != self.device.user {
            return Err(Reason::OtherUser);
        }
        let license = self.licenses.get(&portable.license).ok_or(Reason::MoveOver)?;
        let right = license.rights.get(movement.right as usize).ok_or(Reason::MoveOver)?;
        let on_its_way = movement.status == MoveStatus::Moving
            && right.holder == Holder::Move(movement.id)
            && right.generation == portable.generation;
        if !on_its_way || movement.license != portable.license {
            return Err(Reason::MoveOver);
        }
        if license.offer().hardware_only && self.device.evidence == Evidence::File {
            return Err(Reason::HardwareOnly);
        }
        license.refuses_move(self.now).map_or(Ok(movement.clone()), Err)
    }

    /// Takes a move back whose medium is lost: what it carried returns to the license, a late import finds
    /// another generation.
    fn cancel_move(mut self, request: &Request, id: MoveId) -> Result<Decision, Overdrawn> {
        let known = self.moves.get(&id).filter(|movement| movement.user == self.device.user).cloned();
        let Some(movement) = known.filter(|movement| movement.status == MoveStatus::Moving) else {
            return Ok(self.refused(request, Reason::MoveOver, None));
        };
        for (line, carried) in [(Line::Uses, movement.uses), (Line::Seconds, movement.seconds)] {
            self.post(movement.license, line, Bucket::Moving, Bucket::Remaining, carried)?;
        }
        self.hand(movement.license, movement.right, Holder::Free, true);
        let source = JournalName { device: movement.source, app: request.journal.app.clone() };
        let journals = [Some(&self.journal), self.others.get(&source)].into_iter().flatten();
        let carried = journals.filter_map(|journal| journal.active).find(|active| active.moved == Some(id));
        if let Some(active) = carried {
            self.keep_rest(active, movement.uses, movement.seconds);
        }
        self.insert_move(Move { status: MoveStatus::Cancelled, ..movement });
        self.forget_finished_move();
        Ok(self.decided(
            request,
            receipt(Effect::MoveCancelled(id)),
            EventKind::MoveCancelled { movement: id },
        ))
    }

    /// Gives back what the pass still has.
    fn give_back(mut self, request: &Request) -> Result<Decision, Overdrawn> {
        let Some(active) = self.journal.active.filter(|active| active.moved.is_none()) else {
            return Ok(self.refused(request, Reason::NothingToMove, None));
        };
        let (uses, seconds) = self.empty_account(active.license, Bucket::Remaining)?;
        if self.is_held_here(active.place()) {
            self.hand(active.license, active.right, Holder::Free, true);
            self.keep_rest(active, uses, seconds);
        }
        self.journal.active = None;
        Ok(self.decided(request, receipt(Effect::Returned(active.license)), EventKind::Returned))
    }
}

/// How long a pass lasts.
struct Ends {
    expires: Option<Time>,
    grace_until: Option<Time>,
    floating: bool,
}

/// The reason that tells the user most: what can be mended before what cannot.
fn stronger(old: Option<(Reason, LicenseId)>, new: (Reason, LicenseId)) -> Option<(Reason, LicenseId)> {
    let weight = |reason: Reason| match reason {
        Reason::Moving => 9,
        Reason::HeldElsewhere => 8,
        Reason::NotBorrowable => 7,
        Reason::ChargeFailed => 7,
        Reason::Suspended | Reason::ReportOverdue => 6,
        Reason::HardwareOnly | Reason::NotEnoughLeft => 5,
        Reason::Exhausted => 4,
        Reason::Expired => 3,
        Reason::Revoked | Reason::Ended => 2,
        _ => 1,
    };
    match old {
        Some(old) if weight(old.0) >= weight(new.0) => Some(old),
        _ => Some(new),
    }
}

fn slice_of(offer: &Offer, kind: PassKind) -> Slice {
    match kind {
        PassKind::Full => offer.pass_term,
        PassKind::Temporary => offer.temporary_slice(),
    }
}

/// The end is counted from a first use that nobody has reported: the right cannot come back by itself.
fn license_end_unknown(license: &License) -> bool {
    let from_first_use = matches!(license.offer().term.period, Some(crate::term::Period::FromFirstUse(_)));
    from_first_use && license.first_use.is_none() && license.offer().pass_term.period.is_none()
}

fn balance(license: Option<&License>, line: Line) -> Option<Balance> {
    let license = license?;
    match line {
        Line::Uses => license.uses,
        Line::Seconds => license.seconds,
        Line::Rights => None,
    }
}

const fn line_of(account: &super::Account, line: Line) -> Option<super::Held> {
    match line {
        Line::Uses => account.uses,
        Line::Seconds => account.seconds,
        Line::Rights => None,
    }
}

pub(super) fn new_license(id: LicenseId, draft: &Draft, supplier: SupplierId, base: Listed) -> License {
    License::new(id, draft.device.user, supplier, base, draft.device.id, draft.now)
}

/// The base of a license that was declined: nothing is granted.
fn nothing() -> Result<Offer, crate::app::BadName> {
    let name: OfferName = "declined".parse()?;
    Ok(Offer {
        name,
        condition: "Declined".into(),
        features: std::collections::BTreeMap::new(),
        term: Term::PERPETUAL,
        devices: 0,
        fee: Money::NOTHING,
        charging: Charging::Free,
        issuance: Issuance::default(),
        pass_term: Slice::WHOLE,
        temporary_pass_term: None,
        counting: Counting::Offline,
        grace: None,
        lost_devices_per_year: 0,
        reporting: None,
        once_per: None,
        floating: None,
        hardware_only: false,
        versions: VersionRange::default(),
    })
}
