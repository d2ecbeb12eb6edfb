//! What a user has: a license, its lines, its rights, and what may be done with it (A7, A9).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::app::AppId;
use crate::charge::Owed;
use crate::document::Reason;
use crate::id::{DeviceId, LicenseId, MoveId, SupplierId, UserId};
use crate::offer::{Listed, Offer, Overdue, validity};
use crate::time::{Seconds, Time};

/// Clocks of honest devices and servers differ by less than this.
pub const LEEWAY: Seconds = Seconds(600);

/// A balance and its conditions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct License {
    /// Its name.
    pub id: LicenseId,
    /// Whose.
    pub user: UserId,
    /// Of whom.
    pub supplier: SupplierId,
    /// For what.
    pub app: AppId,
    /// License base: the offer as it was agreed to. Later menus never change it (A5).
    pub base: Arc<Listed>,
    /// When it was agreed.
    pub agreed: Time,
    /// When it was first used, as far as reported.
    pub first_use: Option<Time>,
    /// What the supplier and the user have made of it.
    pub standing: Standing,
    /// What is still to be paid.
    pub owed: Owed,
    /// Until when it is charged for, where it is charged for by the period.
    pub charged_until: Option<Time>,
    /// It was paid for elsewhere: nothing is ever charged.
    pub paid_elsewhere: bool,
    /// On which device it was agreed to.
    pub agreed_on: DeviceId,
    /// The rights line: one for each device it allows.
    pub rights: Vec<Right>,
    /// The uses line.
    pub uses: Option<Balance>,
    /// The seconds line.
    pub seconds: Option<Balance>,
    /// Rights that may be in use beyond the number agreed, because a device was declared lost or the
    /// server was restored; shown to the supplier.
    pub at_risk: u32,
    /// When a device that held it was declared lost, within the last year (D5).
    pub lost: Vec<Time>,
    /// Until when the first open request of the supplier is to be answered; none: nothing is asked for.
    pub report_due: Option<Time>,
}

/// What the supplier and the user have made of a license. What payments and its balance have made of it (charge
/// failed, exhausted, expired) is computed: see [`License::status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Good.
    Active,
    /// The supplier suspended it.
    Suspended,
    /// The user declined; there never was anything in it.
    Declined,
    /// The contract was ended. Terminal.
    Ended,
    /// The supplier revoked it. Terminal.
    Revoked,
}

/// License status, as shown and as decided by (protocol: status table).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Good.
    Active,
    /// A charge is on its way: temporary passes only.
    PaymentPending,
    /// A charge could not be made.
    ChargeFailed,
    /// Suspended by the supplier.
    Suspended,
    /// Nothing remains, is held or is on its way.
    Exhausted,
    /// Its period and the grace after it are over.
    Expired,
    /// The user declined.
    Declined,
    /// The contract was ended.
    Ended,
    /// Revoked by the supplier.
    Revoked,
}

impl Status {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::PaymentPending => "payment-pending",
            Self::ChargeFailed => "charge-failed",
            Self::Suspended => "suspended",
            Self::Exhausted => "exhausted",
            Self::Expired => "expired",
            Self::Declined => "declined",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
        }
    }
}

/// One of the devices that a license allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Right {
    /// +1 whenever an operation takes it from its holder, so that a pass of an earlier holding shows (I2).
    pub generation: u64,
    /// Who has it.
    pub holder: Holder,
    /// What was paid for with its last pass and was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
}

impl Right {
    /// A right with nothing left of an earlier pass.
    #[must_use]
    pub const fn new(generation: u64, holder: Holder) -> Self {
        Self { generation, holder, rest: None }
    }
}

/// What a pass that was charged by itself ([`Charging::PerPass`](crate::offer::Charging::PerPass)) still had when it was
/// given back. The next pass by the same right is this rest, on whichever device, and is not charged again (A4, B9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rest {
    /// Uses, where they are counted.
    pub uses: Option<u64>,
    /// Seconds of running, where they are counted.
    pub seconds: Option<u64>,
    /// The end of the pass (none: it had none).
    pub expires: Option<Time>,
}

/// Who has a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// Nobody.
    Free,
    /// A device, until its pass ends (none: without end).
    Device {
        /// Which.
        device: DeviceId,
        /// The end of the pass and its grace.
        until: Option<Time>,
    },
    /// A portable pass.
    Move(MoveId),
    /// A device, until it has given back or its pass ends; from then on it waits for another one (B9).
    Leaving {
        /// Which has it.
        device: DeviceId,
        /// The end of the pass and its grace.
        until: Option<Time>,
        /// For which it is kept afterwards.
        to: DeviceId,
    },
    /// Nobody; kept for this device, which has not asked for its pass yet (B9).
    Promised(DeviceId),
}

impl Holder {
    /// The device that may run by it.
    #[must_use]
    pub const fn device(self) -> Option<DeviceId> {
        match self {
            Self::Device { device, .. } | Self::Leaving { device, .. } => Some(device),
            Self::Free | Self::Move(_) | Self::Promised(_) => None,
        }
    }

    /// Who has it once the device that holds it does not.
    #[must_use]
    pub const fn let_go(self) -> Self {
        match self {
            Self::Leaving { to, .. } | Self::Promised(to) => Self::Promised(to),
            Self::Free | Self::Device { .. } | Self::Move(_) => Self::Free,
        }
    }
}

impl Right {
    /// Whether a device could take it now: free, or held by a pass that has run out for sure. A right comes
    /// back by itself; no sweep is needed.
    #[must_use]
    pub fn is_free(&self, now: Time) -> bool {
        match self.holder {
            Holder::Free => true,
            Holder::Device { .. } => self.has_run_out(now),
            Holder::Move(_) | Holder::Leaving { .. } | Holder::Promised(_) => false,
        }
    }

    /// Whether the pass of the device that holds it has run out for sure.
    #[must_use]
    pub fn has_run_out(&self, now: Time) -> bool {
        match self.holder {
            Holder::Device { until, .. } | Holder::Leaving { until, .. } => {
                until.is_some_and(|until| until.plus(LEEWAY) < now)
            }
            Holder::Free | Holder::Move(_) | Holder::Promised(_) => false,
        }
    }

    /// Whether it is kept for the device, now or later.
    #[must_use]
    pub fn is_promised_to(&self, device: DeviceId) -> bool {
        matches!(self.holder, Holder::Leaving { to, .. } | Holder::Promised(to) if to == device)
    }

    /// Whether the device may take what was kept for it.
    #[must_use]
    pub fn waits_for(&self, device: DeviceId, now: Time) -> bool {
        match self.holder {
            Holder::Promised(to) => to == device,
            Holder::Leaving { to, .. } => to == device && self.has_run_out(now),
            Holder::Free | Holder::Device { .. } | Holder::Move(_) => false,
        }
    }

    /// Its holder when it is not kept for the device any more; none where it was not.
    #[must_use]
    pub fn without(&self, kept_for: DeviceId) -> Option<Holder> {
        match self.holder {
            Holder::Leaving { device, until, to } if to == kept_for => Some(Holder::Device { device, until }),
            Holder::Promised(to) if to == kept_for => Some(Holder::Free),
            _ => None,
        }
    }

    /// Whether the device has it.
    #[must_use]
    pub fn is_held_by(&self, holder: DeviceId) -> bool {
        self.holder.device() == Some(holder)
    }
}

/// One counted line: `total = remaining + held + moving + settled + forfeited`, always (I3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Balance {
    /// Everything ever put in.
    pub total: u64,
    /// Not given to anybody yet.
    pub remaining: u64,
    /// In passes, not reported as used.
    pub held: u64,
    /// In portable passes.
    pub moving: u64,
    /// Used.
    pub settled: u64,
    /// Given out and lost.
    pub forfeited: u64,
}

/// The parts of a line; a posting moves an amount from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Outside of the license: where everything came from.
    Sold,
    /// Not given to anybody yet.
    Remaining,
    /// In passes.
    Held,
    /// In portable passes.
    Moving,
    /// Used.
    Settled,
    /// Lost.
    Forfeited,
}

/// Which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Devices.
    Rights,
    /// Uses.
    Uses,
    /// Seconds of running.
    Seconds,
}

/// An amount moved between two parts of a line; replaying all postings gives the balances again (I3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Posting {
    /// Of which license.
    pub license: LicenseId,
    /// Which line.
    pub line: Line,
    /// Taken from.
    pub from: Bucket,
    /// Put into.
    pub to: Bucket,
    /// How much.
    pub amount: u64,
}

/// A posting would take more than there is. Never happens with correct code; checked all the same, because
/// a balance must not wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{amount} cannot be taken from {bucket:?}, which has less")]
pub struct Overdrawn {
    /// Where too little was.
    pub bucket: Bucket,
    /// How much was wanted.
    pub amount: u64,
}

impl Balance {
    /// The line with everything still outside.
    pub const EMPTY: Self = Self { total: 0, remaining: 0, held: 0, moving: 0, settled: 0, forfeited: 0 };

    /// Whether the parts make up the whole (I3).
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        let parts = [self.remaining, self.held, self.moving, self.settled, self.forfeited];
        let (mut sum, mut at) = (0_u64, 0);
        while at < parts.len() {
            match sum.checked_add(parts[at]) {
                Some(more) => sum = more,
                None => return false,
            }
            at += 1;
        }
        sum == self.total
    }

    /// Moves an amount from one part to another.
    ///
    /// # Errors
    /// [`Overdrawn`] when there is less than `amount`; nothing is changed then.
    pub fn post(&mut self, from: Bucket, to: Bucket, amount: u64) -> Result<(), Overdrawn> {
        let overdrawn = Overdrawn { bucket: from, amount };
        let mut after = *self;
        if from == Bucket::Sold {
            after.total = after.total.checked_add(amount).ok_or(overdrawn)?;
        } else {
            let part = after.part(from).ok_or(overdrawn)?;
            *part = part.checked_sub(amount).ok_or(overdrawn)?;
        }
        let part = after.part(to).ok_or(overdrawn)?;
        *part = part.checked_add(amount).ok_or(overdrawn)?;
        *self = after;
        Ok(())
    }

    fn part(&mut self, bucket: Bucket) -> Option<&mut u64> {
        match bucket {
            Bucket::Sold => None,
            Bucket::Remaining => Some(&mut self.remaining),
            Bucket::Held => Some(&mut self.held),
            Bucket::Moving => Some(&mut self.moving),
            Bucket::Settled => Some(&mut self.settled),
            Bucket::Forfeited => Some(&mut self.forfeited),
        }
    }

    /// Whether nobody can use anything of this line any more.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.remaining == 0 && self.held == 0 && self.moving == 0
    }
}

impl License {
    /// A license to this offer, with nothing given out yet.
    #[must_use]
    pub fn new(
        id: LicenseId,
        user: UserId,
        supplier: SupplierId,
        base: Listed,
        on: DeviceId,
        now: Time,
    ) -> Self {
        let term = base.offer.term;
        let line = |total: u64| Balance { total, remaining: total, ..Balance::EMPTY };
        Self {
            id,
            user,
            supplier,
            app: base.app.clone(),
            agreed: now,
            first_use: None,
            standing: Standing::Active,
            owed: Owed::default(),
            charged_until: None,
            paid_elsewhere: false,
            agreed_on: on,
            rights: vec![Right::new(0, Holder::Free); base.offer.devices as usize],
            uses: term.uses.map(line),
            seconds: term.duration.map(|duration| line(duration.0)),
            at_risk: 0,
            lost: Vec::new(),
            report_due: None,
            base: Arc::new(base),
        }
    }

    /// The offer that was agreed to.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.base.offer
    }

    /// When the license starts and ends, as far as that is known already.
    #[must_use]
    pub fn validity(&self) -> (Time, Option<Time>) {
        validity(&self.offer().term, self.agreed, self.first_use)
    }

    /// The one status that is shown and decided by. What cannot be mended wins over what can.
    #[must_use]
    pub fn status(&self, now: Time) -> Status {
        match self.standing {
            Standing::Ended => return Status::Ended,
            Standing::Revoked => return Status::Revoked,
            Standing::Declined => return Status::Declined,
            _ => {}
        }
        if self.is_exhausted() {
            return Status::Exhausted;
        }
        if self.validity().1.is_some_and(|end| end.plus(self.offer().grace()) <= now) {
            return Status::Expired;
        }
        match self.standing {
            Standing::Suspended => Status::Suspended,
            _ if self.overdue(now) == Some(Overdue::Suspend) => Status::Suspended,
            _ if self.owed.failed > 0 => Status::ChargeFailed,
            _ if self.owed.pending > 0 => Status::PaymentPending,
            _ => Status::Active,
        }
    }

    /// What the agreement says about a request that is not answered, where one is overdue (C4).
    #[must_use]
    pub fn overdue(&self, now: Time) -> Option<Overdue> {
        self.report_due.filter(|due| *due < now)?;
        self.offer().reporting?.overdue
    }

    /// The first counted line used up ends the license (A3).
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.uses.is_some_and(|line| line.is_exhausted())
            || self.seconds.is_some_and(|line| line.is_exhausted())
    }

    /// The rights line as a balance.
    #[must_use]
    pub fn rights_balance(&self) -> Balance {
        let mut line = Balance { total: self.rights.len() as u64, ..Balance::EMPTY };
        for right in &self.rights {
            match right.holder {
                Holder::Free => line.remaining += 1,
                Holder::Device { .. } | Holder::Leaving { .. } | Holder::Promised(_) => line.held += 1,
                Holder::Move(_) => line.moving += 1,
            }
        }
        line
    }

    /// The order in which several licenses of one app are used (A23): soonest end first, then oldest.
    #[must_use]
    pub fn order(&self) -> (Time, Time, LicenseId) {
        (self.validity().1.unwrap_or(Time::LATEST), self.agreed, self.id)
    }

    /// Why no pass may be issued now; none when one may be (status table, column "renewal").
    #[must_use]
    pub fn refuses_pass(&self, now: Time) -> Option<Reason> {
        match self.status(now) {
            Status::Active | Status::PaymentPending => self.overdue(now).map(|_| Reason::ReportOverdue),
            Status::ChargeFailed if self.offer().issuance.temporary_when_refused => None,
            Status::ChargeFailed => Some(Reason::ChargeFailed),
            Status::Suspended => Some(Reason::Suspended),
            Status::Exhausted => Some(Reason::Exhausted),
            Status::Expired => Some(Reason::Expired),
            Status::Declined => Some(Reason::Declined),
            Status::Ended => Some(Reason::Ended),
            Status::Revoked => Some(Reason::Revoked),
        }
    }

    /// Why nothing may be moved now (status table, column "export, import").
    #[must_use]
    pub fn refuses_move(&self, now: Time) -> Option<Reason> {
        match self.status(now) {
            Status::Active => None,
            Status::PaymentPending => Some(Reason::PaymentPending),
            _ => self.refuses_pass(now).or(Some(Reason::ChargeFailed)),
        }
    }
}

/// The supplier's acts on a license (D: suspend, reinstate, revoke; C4: end).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// No new pass until reinstated.
    Suspend,
    /// Good again.
    Reinstate,
    /// No pass ever again.
    Revoke,
    /// The contract has ended.
    End,
}

/// The license is in a state that the act does not apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a license that is {} cannot be {what}", standing_in_words(*standing))]
pub struct NotApplicable {
    /// What it is.
    pub standing: Standing,
    /// What was wanted.
    pub what: &'static str,
}

const fn standing_in_words(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Suspended => "suspended",
        Standing::Declined => "declined",
        Standing::Ended => "ended",
        Standing::Revoked => "revoked",
    }
}

impl Standing {
    /// Whether nothing can make it good again.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Ended | Self::Revoked)
    }

    /// What the act makes of it.
    ///
    /// # Errors
    /// [`NotApplicable`] when it is terminal, or not in the state that the act undoes.
    pub const fn after(self, act: Act) -> Result<Self, NotApplicable> {
        use Standing::{Active, Ended, Revoked, Suspended};
        let open = matches!(self, Active | Suspended);
        match act {
            Act::Suspend if matches!(self, Active) => Ok(Suspended),
            Act::Reinstate if matches!(self, Suspended) => Ok(Active),
            Act::Revoke if open => Ok(Revoked),
            Act::End if open => Ok(Ended),
            Act::Suspend => Err(NotApplicable { standing: self, what: "suspended" }),
            Act::Reinstate => Err(NotApplicable { standing: self, what: "reinstated" }),
            Act::Revoke => Err(NotApplicable { standing: self, what: "revoked" }),
            Act::End => Err(NotApplicable { standing: self, what: "ended" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_a_posting_never_unbalances_a_line_and_never_overdraws_it() {
        let mut line = Balance::EMPTY;
        line.post(Bucket::Sold, Bucket::Remaining, 10).unwrap();
        line.post(Bucket::Remaining, Bucket::Held, 4).unwrap();
        assert!(line.is_balanced());
        let before = line;
        assert!(line.post(Bucket::Held, Bucket::Settled, 5).is_err());
        assert!(line.post(Bucket::Sold, Bucket::Remaining, u64::MAX).is_err());
        assert!(line.post(Bucket::Held, Bucket::Sold, 1).is_err());
        assert_eq!(line, before);
    }

    #[test]
    fn a_terminal_standing_never_changes() {
        for standing in [Standing::Ended, Standing::Revoked, Standing::Declined] {
            for act in [Act::Suspend, Act::Reinstate, Act::Revoke, Act::End] {
                assert!(standing.after(act).is_err(), "{standing:?} {act:?}");
            }
        }
        assert_eq!(Standing::Active.after(Act::Suspend).unwrap().after(Act::Reinstate), Ok(Standing::Active));
    }
}
