//! Whether there is room on the database's disk.

use crate::StoreError;
use crate::connection::Connection;
use crate::tx::Writing;

/// A megabyte in a table that goes with the transaction. Rows of ours may fit where older ones were, on the fullest disk; a table
/// that was not there before cannot.
const TAKE: &str = "CREATE TEMPORARY TABLE carnet_room ON COMMIT DROP AS \
    SELECT repeat(md5(number::text), 32) AS ballast FROM generate_series(1, 1000) AS number";
/// Everybody may, unless somebody has changed that.
const MAY: &str = "SELECT has_database_privilege(current_database(), 'TEMPORARY')";

impl Writing<'_> {
    /// Takes some room on the disk of the database, and gives it back when the transaction ends. A log that grows with each
    /// write, as SQLite's does, needs no such trial; where this server may not make such tables, there is none.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`], and what else the database reports.
    pub fn take_room(&self) -> Result<(), StoreError> {
        let Connection::Postgres(session) = self.connection else { return Ok(()) };
        let may = session.rows_once(MAY)?;
        match may.first().and_then(|row| row.try_get(0).ok()) {
            Some(true) => session.run(TAKE),
            _ => Ok(()),
        }
    }
}
