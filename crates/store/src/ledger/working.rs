//! The working copy of a batch: rows as they were loaded, and as the batch has made them so far.
//!
//! Ten requests of one hot license change its row ten times here and once in the database.

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::app::AppId;
use carnet_core::document::{JournalName, Person};
use carnet_core::id::{ChargeId, DeviceId, Digest, LicenseId, MoveId, RequestId, TransactionId, UserId};
use carnet_core::time::Time;

use crate::StoreError;
use crate::charge::ChargeRow;
use crate::device::DeviceRow;
use crate::event::{Event, UserChain};
use crate::journal::{Aside, JournalRow};
use crate::key_transaction::TransactionRow;
use crate::license::LicenseRow;
use crate::movement::MoveRow;
use crate::redeem::GrantRow;
use crate::tx::Writing;
use crate::user::Account;
use crate::user_code::CodeRow;

/// A row, and whether the batch has changed it.
#[derive(Debug, Clone)]
pub(super) struct Kept<T> {
    pub(super) row: T,
    pub(super) changed: bool,
}

impl<T> Kept<T> {
    pub(super) const fn loaded(row: T) -> Self {
        Self { row, changed: false }
    }

    pub(super) const fn changed(row: T) -> Self {
        Self { row, changed: true }
    }
}

/// Where an aside is kept.
pub(super) type AsideKey = (UserId, JournalName, RequestId);

#[derive(Debug, Default)]
pub(super) struct Working {
    /// What is not there is kept as none, so that it is asked for once.
    pub(super) devices: BTreeMap<DeviceId, Option<Kept<DeviceRow>>>,
    pub(super) journals: BTreeMap<JournalName, Option<Kept<JournalRow>>>,
    pub(super) licenses: BTreeMap<LicenseId, Kept<LicenseRow>>,
    /// The licenses of a user for an app; where there is an entry, all of them are in `licenses`.
    pub(super) ids: BTreeMap<(UserId, AppId), BTreeSet<LicenseId>>,
    pub(super) moves: BTreeMap<MoveId, Option<Kept<MoveRow>>>,
    pub(super) codes: BTreeMap<Digest, Option<Kept<CodeRow>>>,
    pub(super) grants: BTreeMap<Digest, Option<Kept<GrantRow>>>,
    pub(super) charges: BTreeMap<ChargeId, Kept<ChargeRow>>,
    pub(super) transactions: BTreeMap<TransactionId, Kept<TransactionRow>>,
    pub(super) renamed: Vec<(UserId, DeviceId, String)>,
    pub(super) chains: BTreeMap<UserId, Option<Kept<UserChain>>>,
    pub(super) asides: BTreeMap<AsideKey, (Aside, i64)>,
    pub(super) agreements: Vec<(UserId, LicenseId, Vec<u8>)>,
    pub(super) joined: Vec<Joined>,
    /// Users whom a shop has registered, with no device yet.
    pub(super) sold: Vec<Account>,
    /// In order; the first has the number after `before`.
    pub(super) events: Vec<Event>,
    /// The last event's number before this batch.
    pub(super) before: i64,
}

/// A user and device that a registration has brought.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) user: UserId,
    pub(super) device: DeviceId,
    pub(super) at: Time,
    /// The person; none for a user who was there before.
    pub(super) person: Option<Person>,
    /// What the device is called; none when only a receipt told of it.
    pub(super) name: Option<String>,
    /// Who made it.
    pub(super) maker: Option<String>,
}

impl Working {
    /// The number of the next event.
    pub(super) fn next_event(&self) -> i64 {
        self.before + 1 + i64::try_from(self.events.len()).unwrap_or(i64::MAX >> 1)
    }

    /// An event of this batch.
    pub(super) fn own_event(&self, seq: i64) -> Option<&Event> {
        usize::try_from(seq - self.before - 1).ok().and_then(|at| self.events.get(at))
    }

    /// Writes every changed row once; returns how many.
    pub(super) fn write(self, tx: &Writing<'_>) -> Result<u64, StoreError> {
        let mut rows = self.write_joined(tx)?;
        for row in changed_rows(self.devices.into_values().flatten()) {
            tx.write_device(&row)?;
            rows += 1;
        }
        for mut row in changed_rows(self.licenses.into_values()) {
            if row.version == 0 {
                row.base = tx.write_base(&row.license.base)?;
            }
            tx.write_license(&row)?;
            rows += 1;
        }
        for row in changed_rows(self.moves.into_values().flatten()) {
            tx.write_move(&row)?;
            rows += 1;
        }
        for row in changed_rows(self.codes.into_values().flatten()) {
            tx.write_code(&row)?;
            rows += 1;
        }
        for row in changed_rows(self.grants.into_values().flatten()) {
            tx.write_grant(&row)?;
            rows += 1;
        }
        for row in changed_rows(self.charges.into_values()) {
            tx.write_charge(&row)?;
            rows += 1;
        }
        for row in changed_rows(self.transactions.into_values()) {
            tx.write_transaction(&row)?;
            rows += 1;
        }
        for row in changed_rows(self.journals.into_values().flatten()) {
            tx.write_journal(&row)?;
            rows += 1;
        }
        for event in &self.events {
            tx.write_event(event)?;
            rows += 1;
        }
        for row in changed_rows(self.chains.into_values().flatten()) {
            tx.write_user_chain(&row)?;
            rows += 1;
        }
        for ((user, journal, request), (aside, event)) in &self.asides {
            tx.write_aside(*user, journal, *request, aside, *event)?;
            rows += 1;
        }
        for (user, license, document) in &self.agreements {
            tx.write_agreement(*user, *license, document)?;
            rows += 1;
        }
        Ok(rows)
    }

    fn write_joined(&self, tx: &Writing<'_>) -> Result<u64, StoreError> {
        for account in &self.sold {
            tx.add_account(account)?;
        }
        for Joined { user, device, at, person, name, maker } in &self.joined {
            tx.add_account(&Account { user: *user, created: *at, person: person.clone() })?;
            if let Some(name) = name {
                tx.name_device(*device, *user, name, maker.as_deref())?;
            }
        }
        for (user, device, name) in &self.renamed {
            tx.name_device(*device, *user, name, None)?;
        }
        Ok((self.sold.len() + self.joined.len() + self.renamed.len()) as u64)
    }
}

fn changed_rows<T>(kept: impl Iterator<Item = Kept<T>>) -> impl Iterator<Item = T> {
    kept.filter(|kept| kept.changed).map(|kept| kept.row)
}
