//! One-time codes: the first set-up of a server, and invitations of suppliers.

use carnet_core::id::Digest;
use carnet_core::time::Time;

use crate::StoreError;
use crate::connection::Connection;
use crate::database::Database;
use crate::row::Columns;
use crate::sql::{one_row, statements};
use crate::store::Shared;
use crate::tx::{Reading, Writing};
use crate::value::params;

/// A code that is good once and for a while. The code itself is never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeCode {
    /// SHA-256 of the code.
    pub hash: Digest,
    /// What it is good for; the server's word.
    pub purpose: String,
    /// When it was made.
    pub created: Time,
    /// From here on it is no good.
    pub expires: Time,
    /// When it was used.
    pub used: Option<Time>,
}

statements! {
    OPEN = "SELECT hash, purpose, created, expires, used FROM one_time_code WHERE purpose = ?1 AND used IS NULL AND expires > ?2 ORDER BY created, hash";
    INSERT = "INSERT INTO one_time_code (hash, purpose, created, expires) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    USE = "UPDATE one_time_code SET used = ?3 WHERE hash = ?1 AND purpose = ?2 AND used IS NULL AND expires > ?3";
    WITHDRAW_ONE = "DELETE FROM one_time_code WHERE hash = ?1 AND purpose = ?2 AND used IS NULL";
    WITHDRAW = "DELETE FROM one_time_code WHERE purpose = ?1 AND used IS NULL";
}

/// Codes of that purpose that are still good, beside a running server too.
///
/// # Errors
/// What the database reports.
pub fn open_codes_beside(
    database: impl Into<Database>,
    purpose: &str,
    now: Time,
) -> Result<Vec<OneTimeCode>, StoreError> {
    let connection = Connection::beside(database)?;
    let shared = Shared::new();
    Reading { connection: &connection, shared: &shared }.open_codes(purpose, now)
}

impl Reading<'_> {
    /// Codes of that purpose that are still good.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn open_codes(&self, purpose: &str, now: Time) -> Result<Vec<OneTimeCode>, StoreError> {
        self.all(OPEN, params![purpose, now.0], code)
    }
}

impl Writing<'_> {
    /// Adds a code.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when it was made before.
    pub fn add_code(&self, code: &OneTimeCode) -> Result<(), StoreError> {
        let OneTimeCode { hash, purpose, created, expires, used: _ } = code;
        let rows = self.execute(INSERT, params![hash.0, purpose, created.0, expires.0])?;
        one_row(rows, StoreError::Exists { what: "code" })
    }

    /// Uses a code up. Whatever it is good for belongs into the same unit of work.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is unknown, for something else, used or too old: all alike.
    pub fn use_code(&self, hash: &Digest, purpose: &str, now: Time) -> Result<(), StoreError> {
        let rows = self.execute(USE, params![hash.0, purpose, now.0])?;
        one_row(rows, StoreError::NotFound { what: "code" })
    }

    /// Withdraws a code; one that was used, or is unknown, stays as it is.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn withdraw_code(&self, hash: &Digest, purpose: &str) -> Result<(), StoreError> {
        self.execute(WITHDRAW_ONE, params![hash.0, purpose]).map(drop)
    }

    /// Withdraws all unused codes of that purpose; returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn withdraw_codes(&self, purpose: &str) -> Result<usize, StoreError> {
        self.execute(WITHDRAW, params![purpose])
    }
}

fn code(mut row: Columns<'_>) -> Result<OneTimeCode, StoreError> {
    Ok(OneTimeCode {
        hash: row.digest("hash")?,
        purpose: row.text("purpose")?.to_owned(),
        created: row.time("created")?,
        expires: row.time("expires")?,
        used: row.some_time("used")?,
    })
}
