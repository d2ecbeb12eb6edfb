//! What the HTTP API answered to a request with an idempotency key.

use carnet_core::id::Digest;
use carnet_core::time::Time;

use crate::StoreError;
use crate::row::Columns;
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

/// An answer kept for repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Who asked; keys of different accounts never meet.
    pub account: String,
    /// The key.
    pub key: String,
    /// Digest of the request; another one under the same key is a mistake of the caller.
    pub request: Digest,
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
    /// When.
    pub created: Time,
}

statements! {
    FIND = "SELECT account, key, request_hash, status, body, created FROM idempotency WHERE account = ?1 AND key = ?2";
    INSERT = "INSERT INTO idempotency (account, key, request_hash, status, body, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    SWEEP = "DELETE FROM idempotency WHERE created < ?1";
}

impl Reading<'_> {
    /// The answer kept for that key.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn kept_answer(&self, account: &str, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        self.one(FIND, params![account, key], kept)
    }
}

impl Writing<'_> {
    /// Keeps an answer, in the unit of work that made it true.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when another request was faster: roll back and send that answer.
    pub fn keep_answer(&self, answer: &KeptAnswer) -> Result<(), StoreError> {
        let KeptAnswer { account, key, request, status, body, created } = answer;
        let rows = self.execute(INSERT, params![account, key, request.0, status, body, created.0])?;
        one_row(rows, StoreError::Exists { what: "idempotency key" })
    }

    /// Forgets answers made before that time; returns how many.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn forget_answers(&self, before: Time) -> Result<usize, StoreError> {
        self.execute(SWEEP, params![before.0])
    }
}

fn kept(mut row: Columns<'_>) -> Result<KeptAnswer, StoreError> {
    Ok(KeptAnswer {
        account: row.text("account")?.to_owned(),
        key: row.text("key")?.to_owned(),
        request: row.digest("request_hash")?,
        status: row.amount("status")?,
        body: row.blob("body")?.to_vec(),
        created: row.time("created")?,
    })
}
