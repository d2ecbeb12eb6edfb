//! When an amount becomes due, and what is issued meanwhile (A4).

use crate::charge::{Charge, ChargeStatus, DueFor};
use crate::document::PassKind;
use crate::id::{ChargeId, LicenseId};
use crate::license::License;
use crate::offer::Charging;
use crate::server::draft::Draft;
use crate::term::Period;
use crate::time::{Seconds, Time};

impl Draft {
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
