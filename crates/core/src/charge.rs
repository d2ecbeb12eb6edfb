//! Charges: what is due for a license, and what has become of it (A4, A7).
//!
//! Nothing here moves money. A gateway, or the supplier by hand, says what has become of a charge; the license's
//! status follows.

use serde::{Deserialize, Serialize};

use crate::id::{ChargeId, LicenseId, SupplierId, UserId};
use crate::money::Money;
use crate::time::Time;

/// One amount that is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Charge {
    /// Its name.
    pub id: ChargeId,
    /// Who pays.
    pub user: UserId,
    /// For which license.
    pub license: LicenseId,
    /// To whom.
    pub supplier: SupplierId,
    /// How much.
    pub money: Money,
    /// What for.
    pub due_for: DueFor,
    /// What has become of it.
    pub status: ChargeStatus,
    /// Since when it is due.
    pub due: Time,
    /// When its status last changed.
    pub changed: Time,
}

/// What an amount is due for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueFor {
    /// The agreement.
    Agreement,
    /// One pass.
    Pass,
    /// One period.
    Period,
}

/// What has become of a charge. Codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeStatus {
    /// On its way.
    Pending,
    /// Paid.
    Settled,
    /// Could not be made.
    Failed,
    /// Paid, and paid back.
    Refunded,
}

impl ChargeStatus {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Settled => "settled",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
        }
    }
}

/// What a gateway or the supplier says of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeAct {
    /// It was paid.
    Settle,
    /// It could not be made.
    Fail,
    /// It was paid back.
    Refund,
}

/// The charge is in a state that the act does not apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a charge that is {} cannot be {}", status.code(), in_words(*act))]
pub struct NotChargeable {
    /// What it is.
    pub status: ChargeStatus,
    /// What was wanted.
    pub act: ChargeAct,
}

const fn in_words(act: ChargeAct) -> &'static str {
    match act {
        ChargeAct::Settle => "settled",
        ChargeAct::Fail => "marked as failed",
        ChargeAct::Refund => "refunded",
    }
}

impl ChargeStatus {
    /// What the act makes of it. A charge that failed can still be paid; only what was paid can be paid back.
    ///
    /// # Errors
    /// [`NotChargeable`] when the act does not apply.
    pub const fn after(self, act: ChargeAct) -> Result<Self, NotChargeable> {
        match (self, act) {
            (Self::Pending | Self::Failed, ChargeAct::Settle) => Ok(Self::Settled),
            (Self::Pending, ChargeAct::Fail) => Ok(Self::Failed),
            (Self::Settled, ChargeAct::Refund) => Ok(Self::Refunded),
            (status, act) => Err(NotChargeable { status, act }),
        }
    }

    /// Whether something is still to be paid.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Failed)
    }
}

/// What is still to be paid for one license.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owed {
    /// Charges on their way.
    pub pending: u32,
    /// Charges that could not be made.
    pub failed: u32,
}

impl Owed {
    /// With a charge that comes to this status.
    #[must_use]
    pub fn entered(self, status: ChargeStatus) -> Self {
        match status {
            ChargeStatus::Pending => Self { pending: self.pending.saturating_add(1), ..self },
            ChargeStatus::Failed => Self { failed: self.failed.saturating_add(1), ..self },
            ChargeStatus::Settled | ChargeStatus::Refunded => self,
        }
    }

    /// Without a charge that leaves this status.
    #[must_use]
    pub fn left(self, status: ChargeStatus) -> Self {
        match status {
            ChargeStatus::Pending => Self { pending: self.pending.saturating_sub(1), ..self },
            ChargeStatus::Failed => Self { failed: self.failed.saturating_sub(1), ..self },
            ChargeStatus::Settled | ChargeStatus::Refunded => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_paid_is_refunded_and_only_what_is_open_is_paid() {
        use ChargeAct::{Fail, Refund, Settle};
        use ChargeStatus::{Failed, Pending, Refunded, Settled};
        let good = [
            (Pending, Settle, Settled),
            (Pending, Fail, Failed),
            (Failed, Settle, Settled),
            (Settled, Refund, Refunded),
        ];
        for status in [Pending, Settled, Failed, Refunded] {
            for act in [Settle, Fail, Refund] {
                let wanted =
                    good.iter().find(|(from, by, _)| (*from, *by) == (status, act)).map(|(_, _, to)| *to);
                assert_eq!(status.after(act).ok(), wanted, "{status:?} {act:?}");
            }
        }
    }

    #[test]
    fn what_is_owed_follows_each_charge() {
        let owed = Owed::default().entered(ChargeStatus::Pending).entered(ChargeStatus::Pending);
        let owed = owed.left(ChargeStatus::Pending).entered(ChargeStatus::Failed);
        assert_eq!(owed, Owed { pending: 1, failed: 1 });
        let paid = owed.left(ChargeStatus::Failed).entered(ChargeStatus::Settled).left(ChargeStatus::Pending);
        assert_eq!(paid, Owed::default());
    }
}
