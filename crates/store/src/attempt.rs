//! Wrong codes, counted so that a restart forgives nothing. Of whom, is a digest that the server makes.

use carnet_core::id::Digest;
use carnet_core::time::Time;

use crate::StoreError;
use crate::sql::statements;
use crate::tx::{Reading, Writing};
use crate::value::params;

statements! {
    FIND = "SELECT subject, until FROM attempt WHERE subject = ?1";
    PUT = "INSERT INTO attempt (subject, until) VALUES (?1, ?2) ON CONFLICT (subject) DO UPDATE SET until = excluded.until";
    FORGET = "DELETE FROM attempt WHERE until <= ?1";
    KNOWN = "SELECT digest FROM user_code WHERE digest = ?1 UNION ALL SELECT digest FROM redeem_code WHERE digest = ?1";
}

impl Reading<'_> {
    /// Until when wrong codes of somebody count; none: there are none.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn attempts_until(&self, subject: &Digest) -> Result<Option<Time>, StoreError> {
        self.one(FIND, params![subject.0], |mut row| {
            row.digest("subject")?;
            row.time("until")
        })
    }

    /// Whether somebody has made a code with this digest, whatever has become of it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn knows_code(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.one(KNOWN, params![digest.0], |mut row| row.digest("digest"))?.is_some())
    }
}

impl Writing<'_> {
    /// Says until when wrong codes of somebody count.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn put_attempts(&self, subject: &Digest, until: Time) -> Result<(), StoreError> {
        self.execute(PUT, params![subject.0, until.0]).map(drop)
    }

    /// Forgets those that count no more.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn forget_attempts(&self, now: Time) -> Result<(), StoreError> {
        self.execute(FORGET, params![now.0]).map(drop)
    }
}
