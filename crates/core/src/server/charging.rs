//! When an amount becomes due, and what is issued meanwhile (A4).

use crate::charge::{Charge, ChargeStatus, DueFor};
use crate::document::{PassKind, PortablePass};
use crate::id::{ChargeId, LicenseId};
use crate::license::{License, Line, Rest};
use crate::offer::{Charging, Counting};
use crate::server::draft::{Draft, Place};
use crate::server::{Active, Held};
use crate::term::{Period, Slice};
use crate::time::{Length, Seconds, Time};

/// What of the pass that is about to be issued was paid for with an earlier one.
#[derive(Debug, Clone, Copy)]
pub(super) enum PaidBefore {
    /// Nothing: it is a pass like any other.
    Nothing,
    /// All of it: it is what an earlier one still had.
    All(Rest),
    /// Too little to go on with: it comes on top of a pass that is charged.
    Some(Rest),
}

impl PaidBefore {
    /// How much of a counted line the pass is to have, where so much is usual.
    pub(super) fn applied(self, line: Line, usual: Option<u64>) -> Option<u64> {
        match self {
            Self::Nothing => usual,
            Self::All(rest) => rest.of(line),
            Self::Some(rest) => usual.map(|usual| usual.saturating_add(rest.of(line).unwrap_or(0))),
        }
    }

    /// The end of a pass that lasts so long: what is charged now begins when what was paid for ends.
    pub(super) fn ends(self, period: Option<Length>, start: Time, now: Time) -> Option<Time> {
        let begins = match self {
            Self::All(rest) => return rest.expires,
            Self::Some(rest) => rest.expires.map_or(now, |end| end.max(now)),
            Self::Nothing => now,
        };
        period.map(|length| begins.max(start).plus_length(length))
    }
}

impl Rest {
    fn is_spent(&self, now: Time) -> bool {
        self.uses == Some(0) || self.seconds == Some(0) || has_passed(self.expires, now)
    }

    /// Whether a quarter is left of anything. Devices ask for the next pass when a fifth of the one that they have is left,
    /// and that may be longer by as much.
    fn is_nearly_over(&self, whole: &Slice, now: Time) -> bool {
        let few = |left: Option<u64>, whole: Option<u64>| {
            left.zip(whole).is_some_and(|(left, whole)| left <= whole / 4)
        };
        let late = self
            .expires
            .zip(whole.period)
            .is_some_and(|(end, period)| end.since(now).0 <= now.plus_length(period).since(now).0 / 4);
        few(self.uses, whole.uses) || few(self.seconds, whole.duration.map(|whole| whole.0)) || late
    }

    const fn of(&self, line: Line) -> Option<u64> {
        match line {
            Line::Uses => self.uses,
            Line::Seconds => self.seconds,
            Line::Rights => None,
        }
    }
}

/// Whether each pass of the license is paid for by itself. Where uses are counted online a pass holds none in advance.
fn pays_by_pass(license: &License) -> bool {
    let offer = license.offer();
    offer.charging == Charging::PerPass && offer.counting == Counting::Offline && !license.paid_elsewhere
}

impl Draft {
    /// Keeps what a pass that was paid for still had, now that its device has given it back.
    pub(super) fn keep_rest(&mut self, active: Active, uses: u64, seconds: u64) {
        let Some(license) = self.licenses.get(&active.license).filter(|license| pays_by_pass(license)) else {
            return;
        };
        let rest = Rest {
            uses: license.uses.map(|_| uses),
            seconds: license.seconds.map(|_| seconds),
            expires: active.expires,
        };
        if active.kind == PassKind::Full && !rest.is_spent(self.now) {
            self.set_rest(active.place(), Some(rest));
        }
    }

    pub(super) fn set_rest(&mut self, (id, right): Place, rest: Option<Rest>) {
        if self.right_at((id, right)).is_some_and(|row| row.rest != rest)
            && let Some(row) = self.license(id).and_then(|license| license.rights.get_mut(right as usize))
        {
            row.rest = rest;
        }
    }

    /// What of the next pass by this right was paid for: what was given back, or what this device still has. That it may
    /// have again as it is, while a charge is on its way too; other temporary passes are not paid for, and take nothing of it.
    pub(super) fn paid_before(&self, place: Place, kind: PassKind, uses: u64) -> (PassKind, PaidBefore) {
        let Some(license) = self.licenses.get(&place.0).filter(|license| pays_by_pass(license)) else {
            return (kind, PaidBefore::Nothing);
        };
        let unspent = |rest: &Rest| !rest.is_spent(self.now);
        let enough = |rest: &Rest| rest.uses.is_none_or(|left| left >= uses);
        let here = self.rest_here(place).filter(unspent);
        let early = |rest: &Rest| enough(rest) && !rest.is_nearly_over(&license.offer().pass_term, self.now);
        if let Some(rest) = here.filter(early) {
            return (PassKind::Full, PaidBefore::All(rest));
        }
        let given_back = self.right_at(place).and_then(|right| right.rest).filter(unspent);
        let before = match (given_back, here) {
            _ if kind != PassKind::Full => PaidBefore::Nothing,
            (Some(rest), _) if enough(&rest) => PaidBefore::All(rest),
            (Some(rest), _) | (None, Some(rest)) => PaidBefore::Some(rest),
            (None, None) => PaidBefore::Nothing,
        };
        (kind, before)
    }

    /// What the pass that this device has by the right still has.
    fn rest_here(&self, place: Place) -> Option<Rest> {
        let active = self.journal.active.filter(|active| {
            active.place() == place && active.kind == PassKind::Full && self.is_held_here(place)
        })?;
        let account = self.journal.accounts.get(&active.license)?;
        let left = |line: Option<Held>| line.map(Held::outstanding);
        Some(Rest { uses: left(account.uses), seconds: left(account.seconds), expires: active.expires })
    }

    /// A pass that travels is the one that was paid for: no longer than it was, or than the one that is here already.
    pub(super) fn paid_for_move(&self, portable: &PortablePass) -> PaidBefore {
        if !self.licenses.get(&portable.license).is_some_and(pays_by_pass) {
            return PaidBefore::Nothing;
        }
        let active = self.journal.active.filter(|active| active.license == portable.license);
        let here = active.and_then(|active| self.rest_here(active.place()));
        // No end at all is the latest.
        let end = |one: Option<Time>, other: Option<Time>| Some(one?.max(other?));
        let expires = here.map_or(portable.expires, |rest| end(portable.expires, rest.expires));
        PaidBefore::All(Rest { uses: None, seconds: None, expires })
    }

    /// What is due when a license begins.
    pub(super) fn charge_agreement(&mut self, id: LicenseId, fresh: ChargeId) {
        let Some(license) = self.licenses.get(&id).filter(|license| !license.paid_elsewhere) else { return };
        match license.offer().charging {
            Charging::Once => self.charge(id, fresh, DueFor::Agreement),
            Charging::PerPeriod => self.charge_period(id, fresh),
            Charging::Free | Charging::PerPass => {}
        }
    }

    /// What is due with a pass that is about to be issued.
    pub(super) fn charge_pass(&mut self, id: LicenseId, kind: PassKind, fresh: ChargeId) {
        let Some(license) = self.licenses.get(&id).filter(|license| !license.paid_elsewhere) else { return };
        let full = kind == PassKind::Full;
        match license.offer().charging {
            Charging::PerPass if full => self.charge(id, fresh, DueFor::Pass),
            Charging::PerPeriod if full && period_is_nearly_over(license, self.now) => {
                self.charge_period(id, fresh);
            }
            _ => {}
        }
    }

    /// A period is due at its beginning. Periods in which nothing was asked for are not charged.
    fn charge_period(&mut self, id: LicenseId, fresh: ChargeId) {
        let Some(license) = self.licenses.get(&id) else { return };
        let until = period_end(license, self.now);
        if let Some(license) = self.license(id) {
            license.charged_until = until;
        }
        self.charge(id, fresh, DueFor::Period);
    }

    fn charge(&mut self, id: LicenseId, fresh: ChargeId, due_for: DueFor) {
        let now = self.now;
        let Some(license) = self.license(id) else { return };
        let money = license.offer().fee;
        if money.minor == 0 {
            return;
        }
        license.owed = license.owed.entered(ChargeStatus::Pending);
        let (user, supplier) = (license.user, license.supplier);
        let status = ChargeStatus::Pending;
        self.charges.push(Charge {
            id: fresh,
            user,
            license: id,
            supplier,
            money,
            due_for,
            status,
            due: now,
            changed: now,
        });
    }
}

fn has_passed(end: Option<Time>, now: Time) -> bool {
    end.is_some_and(|end| end <= now)
}

/// Devices ask for the next pass when a fifth of the one that they have is left; then the next period is due, so
/// that nothing has to wait at its beginning.
fn period_is_nearly_over(license: &License, now: Time) -> bool {
    let Some(until) = license.charged_until else { return false };
    let Some(length) = license.offer().pass_term.period else { return until <= now };
    let whole = until.plus_length(length).since(until).0;
    now.plus(Seconds(whole / 5)) >= until
}

/// The end of the next period: that of the pass, else the whole term. It follows the one before, or begins now
/// where that is over.
fn period_end(license: &License, now: Time) -> Option<Time> {
    let now = license.charged_until.map_or(now, |until| until.max(now));
    let term = match license.offer().term.period {
        Some(Period::FromAgreement(length) | Period::FromFirstUse(length)) => Some(now.plus_length(length)),
        Some(Period::Between { end, .. }) => Some(end),
        None => None,
    };
    let slice = license.offer().pass_term.period.map(|length| now.plus_length(length));
    slice.or(term)
}
