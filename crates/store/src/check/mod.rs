//! The ledger check: every invariant, derived again from nothing but the rows.
//!
//! It trusts neither the engine nor the database's own checks: all postings are replayed, every hash is computed
//! again, every number that stands in two places is compared. It reads one snapshot, so it may run while a
//! server does, and after whatever crash. Memory grows with licenses and journals, not with events.

mod replay;
mod rows;

use std::fmt;

use crate::StoreError;
use crate::connection::Connection;
use crate::database::Database;
use crate::migrate;
use crate::store::{Shared, Store};
use crate::tx::Reading;

#[cfg(test)]
pub(crate) use self::rows::STATEMENTS;

/// Findings kept at most; more are only counted.
const MOST_FINDINGS: usize = 1_000;

/// What the check has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was looked at.
    pub counts: Counts,
    /// What is wrong, up to a thousand.
    pub findings: Vec<Finding>,
    /// How many things are wrong in all.
    pub wrong: u64,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Devices.
    pub devices: u64,
    /// Licenses.
    pub licenses: u64,
    /// Journals.
    pub journals: u64,
    /// Moves.
    pub moves: u64,
    /// Events.
    pub events: u64,
    /// Answers kept beside a slot.
    pub asides: u64,
}

/// Something that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub problem: Problem,
    /// Which row or thing.
    pub what: String,
    /// What was expected and what is there.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}: {}", self.problem, self.what, self.detail)
    }
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// A row has an impossible value.
    Unreadable,
    /// An event is missing.
    EventMissing,
    /// An event's hash is not what its row and its chain say.
    BrokenChain,
    /// A chain does not end where its license or user says.
    WrongHead,
    /// An event is not where its journal's chain of events says.
    WrongPlace,
    /// A journal's epoch does not follow from its events (I8, I9).
    WrongEpoch,
    /// The parts of a line do not make up the whole (I3).
    Unbalanced,
    /// A license's line is not what its postings make (I3).
    NotReplayed,
    /// What journals hold of a license is not what the license says is held (I3).
    WrongHeld,
    /// What moves carry of a license is not what the license says is moving (I3).
    WrongMoving,
    /// A right is with somebody who has no pass by it, or a pass is by a right of another generation (I2).
    WrongHolder,
    /// A license's standing does not follow from its events.
    WrongStanding,
    /// A journal's slot is not for its last decided request (I5).
    WrongSlot,
    /// An answer kept beside a slot does not fit its event (I5).
    WrongAside,
    /// What a license says is owed is not what its charges make (A7).
    WrongOwed,
    /// What was agreed has changed (A10).
    WrongWording,
    /// A row belongs to something that is not there.
    Orphan,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.wrong == 0
    }

    fn find(&mut self, problem: Problem, what: impl fmt::Display, detail: impl fmt::Display) {
        self.wrong += 1;
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding { problem, what: what.to_string(), detail: detail.to_string() });
        }
    }

    fn expect(&mut self, holds: bool, problem: Problem, what: impl fmt::Display, detail: impl fmt::Display) {
        if !holds {
            self.find(problem, what, detail);
        }
    }

    /// A row that could be read; one that could not is a finding, anything else ends the check.
    fn readable<T>(&mut self, row: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match row {
            Ok(row) => Ok(Some(row)),
            Err(StoreError::CorruptRow { table, column, row }) => {
                self.find(Problem::Unreadable, format!("{table} {row}"), format!("impossible {column}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Store {
    /// Checks this store's ledger, beside whatever it is doing.
    ///
    /// # Errors
    /// What the database reports; what is merely wrong is in the report.
    pub fn check(&self) -> Result<Report, StoreError> {
        check_ledger(self.database())
    }
}

/// Checks the ledger in a database. Writes nothing.
///
/// # Errors
/// What the database reports, and [`StoreError::NewerSchema`]; what is merely wrong is in the report.
pub fn check_ledger(database: impl Into<Database>) -> Result<Report, StoreError> {
    let connection = Connection::beside(database)?;
    connection.begin_reading()?;
    migrate::refuse_newer(migrate::version(&connection)?)?;
    let shared = Shared::new();
    let tx = Reading { connection: &connection, shared: &shared };
    let mut report = Report::default();
    let replay = replay::replay(&tx, &mut report)?;
    rows::check(&tx, &mut report, replay)?;
    Ok(report)
}
