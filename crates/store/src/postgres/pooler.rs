//! A pooler in front of the database has to give sessions.
//!
//! One that gives transactions hands a session of the database to somebody else between two of ours. What this server sets would
//! then be set for others and not for itself, what it has prepared would lie elsewhere, and a session that waits for the disk
//! would witness nothing: it might be another one than before, after a crash.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::failure::failed;
use crate::StoreError;

/// How often two sessions are compared. Each time is enough while nobody else uses the pooler; others may come in between.
const ROUNDS: usize = 3;

/// A process of the database server, which serves one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backend(i64);

impl Backend {
    /// Which one serves this session now. `first` is run before, at the same one.
    pub(super) async fn after(client: &Client, first: &str) -> Result<Self, StoreError> {
        let said = client.simple_query(&format!("{first} SELECT pg_backend_pid()")).await;
        let said = said.map_err(|error| failed(&error))?;
        let last = said.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        last.and_then(|number| number.parse().ok()).map(Self).ok_or(StoreError::Defect)
    }

    /// Whether this is the one that has said this number.
    ///
    /// # Errors
    /// [`StoreError::Pooled`] when it is not.
    pub(super) fn is(self, number: i64) -> Result<(), StoreError> {
        if self.0 == number { Ok(()) } else { Err(StoreError::Pooled) }
    }
}

/// Finds out whether these two are sessions of their own.
///
/// A pooler that gives transactions serves both by the session that became free last; or, where it goes round, one of them by
/// several: the second one asks twice running, so that no number of sessions keeps in step with the two.
///
/// # Errors
/// [`StoreError::Pooled`] when they are not; and what the database reports.
pub(super) async fn require_sessions(one: &Client, other: &Client) -> Result<(), StoreError> {
    let (first, second) = (Backend::after(one, "").await?, Backend::after(other, "").await?);
    for _ in 0..ROUNDS {
        let again = (Backend::after(other, "").await?, Backend::after(one, "").await?);
        if first == second || again != (second, first) {
            return Err(StoreError::Pooled);
        }
    }
    Ok(())
}
