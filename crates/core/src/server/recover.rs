//! What happens when a device and the server are not in step: the device went backwards, or the server did.

use crate::document::{Answer, Body, Effect, Pass, PortablePass, Reason, Request, Resume};
use crate::id::LicenseId;
use crate::license::{Bucket, Holder, Line, Overdrawn};
use crate::server::draft::{Draft, or_unbalanced};
use crate::server::{
    Active, Decision, Divergence, EventKind, Move, MoveStatus, Proof, SETTLED_ONCE_IN, acknowledged,
};

/// The device went backwards, or two devices go on from one journal (protocol, server step 3).
///
/// A disk restored in good faith happens: the first time in a year it is settled without anybody's help, at
/// the price of the slice that was out. Any further time somebody looks at it first.
pub(super) fn settle(mut draft: Draft, request: &Request) -> Decision {
    let seen = divergence(&draft, request);
    let recently = draft.device.settled.is_some_and(|at| draft.now < at.plus(SETTLED_ONCE_IN));
    let same_mishap = draft.journal.settled == Some(draft.journal.epoch);
    if (recently && !same_mishap) || draft.journal.flagged.is_some() {
        draft.journal.flagged = draft.journal.flagged.or(Some(draft.now));
        let body = draft.refusal(Reason::UnderReview, None);
        return draft.aside(request, body, EventKind::Flagged(seen), request.epoch, None);
    }
    or_unbalanced(forfeit(draft, request, seen))
}

fn forfeit(mut draft: Draft, request: &Request, seen: Divergence) -> Result<Decision, Overdrawn> {
    draft.settle_totals(&within(&draft, request))?;
    let licenses: Vec<LicenseId> = draft.journal.accounts.keys().copied().collect();
    for license in licenses {
        draft.empty_account(license, Bucket::Forfeited)?;
    }
    draft.accept_totals(request);
    // The totals that the device goes on from are those that are acknowledged now.
    draft.journal.gone.iter_mut().for_each(crate::transfer::Gone::settled);
    draft.device.settled = Some(draft.now);
    draft.device_changed = true;
    let resume = Resume { totals: acknowledged(&draft.journal), void: true };
    let epoch = draft.journal.epoch.max(request.epoch) + 1;
    draft.journal.settled = Some(epoch);
    let license = draft.journal.active.map(|active| active.license);
    let body = draft.refusal(Reason::ForkOrRollback, license);
    Ok(draft.aside(request, body, EventKind::Settled(seen), epoch, Some(resume)))
}

/// Totals of licenses that this journal was ever given something of.
fn within(
    draft: &Draft,
    request: &Request,
) -> std::collections::BTreeMap<LicenseId, crate::document::Totals> {
    let known = |license: &LicenseId| draft.journal.accounts.contains_key(license);
    request
        .totals
        .iter()
        .filter(|(license, _)| known(license))
        .map(|(license, totals)| (*license, *totals))
        .collect()
}

fn divergence(draft: &Draft, request: &Request) -> Divergence {
    Divergence {
        quoted: request.epoch,
        expected: draft.journal.epoch,
        quoted_answer: request.last_answer,
        expected_answer: draft.journal.answer,
        head: request.head,
    }
}

/// The server was restored from a backup: what the device can prove is taken over (protocol, server step 4).
/// Whatever the books are short of comes from outside, so that it shows in the license's total.
pub(super) fn reconcile(draft: Draft, request: &Request, proof: &Proof) -> Decision {
    or_unbalanced(take_over(draft, request, &proof.answer))
}

fn take_over(mut draft: Draft, request: &Request, proof: &Answer) -> Result<Decision, Overdrawn> {
    let seen = divergence(&draft, request);
    draft.journal.former.clear();
    let good = match &proof.body {
        Body::Pass(pass) => draft.take_over_pass(pass)?,
        Body::Portable(portable) => draft.take_over_portable(portable).map(|()| true)?,
        Body::Receipt(receipt) => draft.take_over_effect(&receipt.effect).map(|()| true)?,
        // The device has been told, and has stopped.
        Body::Refusal(refusal) if refusal.reason == Reason::Transferred => {
            draft.let_all_go().map(|()| true)?
        }
        Body::Refusal(_) | Body::Keys(_) => true,
    };
    // Whatever it has acknowledged since the books were saved, it has heard of a transfer in them first.
    draft.journal.gone = None;
    draft.take_over_totals(request)?;
    if !good {
        // Its units stay held: the device may have used some since it asked, and says so next time.
        draft.journal.active = None;
    }
    let resume = Resume { totals: acknowledged(&draft.journal), void: !good };
    let epoch = draft.journal.epoch.max(request.epoch) + 1;
    draft.journal.reconciled = epoch;
    let license = draft.journal.active.map(|active| active.license);
    let body = draft.refusal(Reason::Reconcile, license);
    Ok(draft.aside(request, body, EventKind::Reconciled(seen), epoch, Some(resume)))
}

impl Draft {
    /// False when the right that the pass names has gone on to somebody else.
    fn take_over_pass(&mut self, pass: &Pass) -> Result<bool, Overdrawn> {
        let id = pass.license;
        if !self.licenses.contains_key(&id) {
            return Ok(true);
        }
        if let Some(movement) = pass.from_move {
            self.finish_move(movement, pass)?;
        }
        for (line, ceiling) in [(Line::Uses, pass.uses), (Line::Seconds, pass.seconds)] {
            if let Some(ceiling) = ceiling {
                self.set_ceiling(id, line, ceiling.upto)?;
            }
        }
        let holder = Holder::Device { device: self.device.id, until: pass.grace_until };
        let taken = self.take_right(id, pass.right, pass.generation, holder);
        if taken {
            self.journal.active = Some(Active {
                license: id,
                right: pass.right,
                generation: pass.generation,
                pass: pass.id,
                kind: pass.kind,
                expires: pass.expires,
                grace_until: pass.grace_until,
                moved: None,
            });
        }
        Ok(taken)
    }

    fn take_over_portable(&mut self, portable: &PortablePass) -> Result<(), Overdrawn> {
        let id = portable.license;
        if !self.licenses.contains_key(&id) {
            return Ok(());
        }
        self.give_up(id)?;
        let (uses, seconds) = (portable.uses.unwrap_or(0), portable.seconds.unwrap_or(0));
        let arrived = self.moves.contains_key(&portable.movement);
        if arrived {
            return Ok(());
        }
        let holder = Holder::Move(portable.movement);
        if !self.take_right(id, portable.right, portable.generation, holder) {
            return Ok(());
        }
        for (line, carried) in [(Line::Uses, uses), (Line::Seconds, seconds)] {
            self.draw(id, line, Bucket::Moving, carried)?;
        }
        self.insert_move(Move {
            id: portable.movement,
            user: self.device.user,
            license: id,
            right: portable.right,
            generation: portable.generation,
            source: self.device.id,
            uses,
            seconds,
            status: MoveStatus::Moving,
        });
        if let Some(active) = &mut self.journal.active {
            active.moved = Some(portable.movement);
        }
        Ok(())
    }

    fn take_over_effect(&mut self, effect: &Effect) -> Result<(), Overdrawn> {
        match effect {
            Effect::Returned(license) => self.give_up(*license),
            Effect::Registered { .. }
            | Effect::Declined(_)
            | Effect::MoveCancelled(_)
            | Effect::Invited(_)
            | Effect::Withdrawn(_)
            | Effect::DeviceGone(_)
            | Effect::Renamed(_)
            | Effect::Transferred(_)
            | Effect::KeyOrdered { .. } => Ok(()),
        }
    }

    /// The device has left `valid`: what the books still show as held by it goes back to the license.
    fn give_up(&mut self, id: LicenseId) -> Result<(), Overdrawn> {
        if !self.licenses.contains_key(&id) {
            return Ok(());
        }
        self.empty_account(id, Bucket::Remaining)?;
        let Some(active) = self.journal.active.take() else { return Ok(()) };
        let ours = self.right_at(active.place());
        if let Some(right) = ours.filter(|right| right.is_held_by(self.device.id)) {
            let left = right.holder.let_go();
            self.hand(active.license, active.right, left, true);
        }
        Ok(())
    }

    /// A move that this device proves to have brought in.
    fn finish_move(&mut self, id: crate::id::MoveId, pass: &Pass) -> Result<(), Overdrawn> {
        let status = MoveStatus::Imported { by: self.device.id };
        match self.moves.get(&id).cloned() {
            Some(known) if known.status == MoveStatus::Moving => {
                for (line, carried) in [(Line::Uses, known.uses), (Line::Seconds, known.seconds)] {
                    self.post(known.license, line, Bucket::Moving, Bucket::Remaining, carried)?;
                }
                self.insert_move(Move { status, ..known });
            }
            Some(_) => {}
            None => self.insert_move(Move {
                id,
                user: self.device.user,
                license: pass.license,
                right: pass.right,
                generation: pass.generation,
                source: self.device.id,
                uses: 0,
                seconds: 0,
                status,
            }),
        }
        Ok(())
    }

    /// The newer generation wins. A right that somebody else holds in the same or a newer one stays there;
    /// what then runs beyond the number agreed is counted.
    fn take_right(&mut self, id: LicenseId, right: u32, generation: u64, holder: Holder) -> bool {
        let device = self.device.id;
        let Some(license) = self.license(id) else { return false };
        let Some(row) = license.rights.get(right as usize).copied() else { return false };
        let free_for_us = match row.holder {
            Holder::Free | Holder::Move(_) => true,
            Holder::Device { device: other, .. }
            | Holder::Leaving { device: other, .. }
            | Holder::Promised(other) => other == device,
        };
        if generation < row.generation || (generation == row.generation && !free_for_us) {
            if generation == row.generation {
                license.at_risk += 1;
            }
            return false;
        }
        self.hand(id, right, holder, false);
        if let Some(row) = self.license(id).and_then(|license| license.rights.get_mut(right as usize)) {
            row.generation = generation;
        }
        true
    }

    /// Sets what the journal may count up to, whatever the restored books say.
    fn set_ceiling(&mut self, id: LicenseId, line: Line, upto: u64) -> Result<(), Overdrawn> {
        let Some(held) = self.held(id, line).copied() else { return Ok(()) };
        let target = upto.max(held.acknowledged);
        if target >= held.upto {
            self.draw(id, line, Bucket::Held, target - held.upto)?;
        } else {
            self.post(id, line, Bucket::Held, Bucket::Remaining, held.upto - target)?;
        }
        if let Some(held) = self.held(id, line) {
            held.upto = target;
        }
        Ok(())
    }

    /// Takes from what remains, and the rest from outside.
    fn draw(&mut self, id: LicenseId, line: Line, to: Bucket, amount: u64) -> Result<(), Overdrawn> {
        let license = self.licenses.get(&id);
        let balance = license.and_then(|license| match line {
            Line::Uses => license.uses,
            Line::Seconds => license.seconds,
            Line::Rights => None,
        });
        let Some(balance) = balance else { return Ok(()) };
        let here = amount.min(balance.remaining);
        self.post(id, line, Bucket::Remaining, to, here)?;
        self.post(id, line, Bucket::Sold, to, amount - here)
    }

    /// What the device has used is true, even where the restored books never gave it out.
    fn take_over_totals(&mut self, request: &Request) -> Result<(), Overdrawn> {
        for (id, totals) in &request.totals {
            if !self.licenses.contains_key(id) {
                continue;
            }
            for (line, count) in [(Line::Uses, totals.uses), (Line::Seconds, totals.seconds)] {
                let Some(held) = self.held(*id, line).copied() else { continue };
                if count > held.upto {
                    self.set_ceiling(*id, line, count)?;
                }
            }
        }
        self.settle_totals(&within_all(self, request))?;
        self.accept_totals(request);
        Ok(())
    }

    /// From here on the device counts from where it is. What it used beyond everything it was given is seen in
    /// the event, and never given a second time.
    fn accept_totals(&mut self, request: &Request) {
        for (id, totals) in &request.totals {
            let unknown = !self.licenses.contains_key(id);
            let account = self.account(*id);
            for (line, count) in [(&mut account.uses, totals.uses), (&mut account.seconds, totals.seconds)] {
                let held = if unknown { Some(line.get_or_insert_default()) } else { line.as_mut() };
                if let Some(held) = held.filter(|held| held.upto < count) {
                    (held.upto, held.acknowledged) = (count, count);
                }
            }
        }
    }
}

fn within_all(
    draft: &Draft,
    request: &Request,
) -> std::collections::BTreeMap<LicenseId, crate::document::Totals> {
    let known = |license: &LicenseId| draft.licenses.contains_key(license);
    request
        .totals
        .iter()
        .filter(|(license, _)| known(license))
        .map(|(license, totals)| (*license, *totals))
        .collect()
}
