//! Putting a backup in the place of a database.

use std::path::{Path, PathBuf};

use carnet_core::time::Time;
use carnet_seam::{Fs, RealFs};
use rusqlite::{Connection, OpenFlags, params};

use super::{
    Contents, FORGET, MADE, SECRET, alone, beside, contents, copy, failed, put_in_place, remove_all,
};
use crate::StoreError;
use crate::migrate;
use crate::place::{self, Lock};

/// A place for a database, taken for us alone.
#[derive(Debug)]
pub struct Place {
    database: PathBuf,
    _lock: Lock,
}

/// What is in the place now.
#[derive(Debug)]
pub enum Existing {
    /// No database.
    Nothing,
    /// A database.
    Readable(Box<Contents>),
    /// A file that cannot be read as a database, and why.
    Unreadable(StoreError),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Where the database that was there is now.
    pub aside: Option<PathBuf>,
    /// What was taken over from it; none: nothing could be read of it.
    pub carried: Option<Carried>,
}

/// What the restored database has from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// Suppliers that the backup does not know.
    pub suppliers: usize,
    /// Keys that the backup does not know.
    pub keys: usize,
}

impl Place {
    /// Takes the place of a database, which no server may have open. Its folder must be there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] and what the system reports.
    pub fn take(database: &Path) -> Result<Self, StoreError> {
        Ok(Self { database: database.to_owned(), _lock: place::lock(database)? })
    }

    /// What is there.
    #[must_use]
    pub fn existing(&self) -> Existing {
        match std::fs::metadata(&self.database) {
            Ok(facts) if facts.len() > 0 => {}
            _ => return Existing::Nothing,
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let read = Connection::open_with_flags(&self.database, flags)
            .map_err(StoreError::from)
            .and_then(|connection| contents(&crate::connection::Connection::Sqlite(connection)));
        match read {
            Ok(contents) => Existing::Readable(Box::new(contents)),
            Err(error) => Existing::Unreadable(error),
        }
    }

    /// Puts the backup there. The old database stays beside it under another name, and at every instant one of
    /// the two is in the place: an empty one would be taken for a new server's.
    ///
    /// # Errors
    /// What the database and the system report; the old database is in its place then.
    pub fn put(&self, backup: &Path, now: Time) -> Result<Put, StoreError> {
        let part = beside(&self.database, ".restoring");
        copy(backup, &part)?;
        let carried = self.settle(&part, now);
        let moved = carried.and_then(|carried| Ok((carried, self.keep_aside(now)?)));
        let (carried, aside) = match moved {
            Ok(moved) => moved,
            Err(error) => {
                remove_all(&part)?;
                return Err(error);
            }
        };
        put_in_place(&part, &self.database)?;
        Ok(Put { aside, carried })
    }

    /// Makes the backup a database again, and takes over what must not go backwards.
    fn settle(&self, part: &Path, now: Time) -> Result<Option<Carried>, StoreError> {
        migrate::migrate(&crate::connection::Connection::Sqlite(alone(part)?), now)?;
        let connection = alone(part)?;
        connection.execute(FORGET, params![MADE, SECRET])?;
        // Whoever holds a code from before the backup may have used it since.
        connection.execute("DELETE FROM one_time_code WHERE used IS NULL", [])?;
        match self.existing() {
            Existing::Readable(old) if old.schema == migrate::newest_known() => {
                Ok(carry(&connection, &self.database).map_or_else(unreadable, Some))
            }
            _ => Ok(None),
        }
    }

    /// Another name for the old database, which has its log in it. One that is damaged keeps its log beside it.
    fn keep_aside(&self, now: Time) -> Result<Option<PathBuf>, StoreError> {
        if !self.database.exists() {
            return Ok(None);
        }
        let aside = beside(&self.database, &format!(".before-{}", now.0 / 1_000_000));
        if aside.exists() {
            return Err(StoreError::Taken { path: aside });
        }
        if let Err(error) = take_in_log(&self.database) {
            tracing::warn!(%error, "the old database cannot take in its log; both are kept");
        }
        let fs = RealFs::default();
        let log = beside(&self.database, "-wal");
        // A log beside another database would be taken for that one's.
        if log.exists() {
            fs.rename(&log, &beside(&aside, "-wal")).map_err(StoreError::failed)?;
        }
        carnet_seam::fs::discard(&fs, &beside(&self.database, "-shm")).map_err(StoreError::failed)?;
        std::fs::hard_link(&self.database, &aside)
            .or_else(|_| std::fs::copy(&self.database, &aside).map(drop))
            .map_err(|error| failed(&aside, error))?;
        Ok(Some(aside))
    }
}

fn unreadable(error: StoreError) -> Option<Carried> {
    tracing::warn!(%error, "nothing could be taken over from the old database");
    None
}

fn take_in_log(database: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Suppliers and keys are the root of what devices can prove; what was revoked stays revoked (I16); a menu's
/// serial never names another menu. All or nothing of it.
fn carry(connection: &Connection, old: &Path) -> Result<Carried, StoreError> {
    let name = old.to_str().ok_or_else(|| failed(old, "the name is no text"))?;
    connection.execute("ATTACH ?1 AS old", [name])?;
    let carried = carry_rows(connection);
    let end = if carried.is_ok() { "COMMIT" } else { "ROLLBACK" };
    if !connection.is_autocommit() {
        connection.execute_batch(end)?;
    }
    connection.execute_batch("DETACH old")?;
    carried
}

fn carry_rows(connection: &Connection) -> Result<Carried, StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let suppliers = connection.execute("INSERT OR IGNORE INTO supplier SELECT * FROM old.supplier", [])?;
    let keys = connection.execute(
        "INSERT OR IGNORE INTO server_key SELECT * FROM old.server_key \
         WHERE supplier_id IS NULL OR supplier_id IN (SELECT supplier_id FROM main.supplier)",
        [],
    )?;
    connection.execute_batch(
        "UPDATE server_key SET state = o.state FROM old.server_key AS o WHERE o.key_id = server_key.key_id \
            AND server_key.state <> 'revoked'; \
         UPDATE server_key SET sealed = o.sealed FROM old.server_key AS o WHERE o.key_id = server_key.key_id \
            AND length(o.sealed) = 0; \
         INSERT INTO setting SELECT * FROM old.setting WHERE name = 'key-set' \
            ON CONFLICT (name) DO UPDATE SET value = excluded.value; \
         INSERT OR IGNORE INTO supplier_token SELECT * FROM old.supplier_token; \
         UPDATE supplier_token SET revoked = o.revoked FROM old.supplier_token AS o \
            WHERE o.hash = supplier_token.hash AND o.revoked IS NOT NULL; \
         INSERT OR IGNORE INTO one_time_code SELECT * FROM old.one_time_code WHERE used IS NOT NULL; \
         INSERT INTO app SELECT * FROM old.app WHERE true ON CONFLICT (app_id) DO UPDATE SET \
            serial = excluded.serial, menu = excluded.menu, title = excluded.title, changed = excluded.changed \
            WHERE excluded.serial > app.serial; \
         UPDATE setting SET value = o.value FROM old.setting AS o WHERE o.name = setting.name \
            AND setting.name = 'key-set-version' AND o.value > setting.value",
    )?;
    Ok(Carried { suppliers, keys })
}
