//! Settings of the server itself: root hash, server id and the like.

use crate::StoreError;
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

statements! {
    FIND = "SELECT name, value FROM setting WHERE name = ?1";
    PUT = "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    DROP = "DELETE FROM setting WHERE name = ?1";
    ADD = "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
}

impl Reading<'_> {
    /// The value of a setting.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.usual_one(FIND, params![name], |mut row| {
            row.text("name")?;
            Ok(row.blob("value")?.to_vec())
        })
    }
}

impl Writing<'_> {
    /// Sets a setting.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn put_setting(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.execute(PUT, params![name, value]).map(drop)
    }

    /// Removes a setting; none of that name is fine.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn drop_setting(&self, name: &str) -> Result<(), StoreError> {
        self.execute(DROP, params![name]).map(drop)
    }

    /// Sets a setting that must not change any more, like the root key's hash.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when it is set already.
    pub fn add_setting(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let rows = self.execute(ADD, params![name, value])?;
        one_row(rows, StoreError::Exists { what: "setting" })
    }
}
