//! Backups: one consistent file of a database in use, and a database from such a file.
//!
//! A backup is a SQLite database like the one it was made of, without write-ahead log, with two settings more
//! ([`MADE`], [`SECRET`]). Putting one back is in [`Place`].

mod place;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use carnet_core::time::Time;
use rusqlite::OpenFlags;

use crate::StoreError;
use crate::connection::Connection;
use crate::database::Database;
use crate::key::ServerKey;
use crate::migrate;
use crate::sql::statements;
use crate::store::{Shared, reading_connection};
use crate::supplier::Supplier;
use crate::tx::Reading;
use crate::value::params;

pub use place::{Carried, Existing, Place, Put};

/// When the backup was made: 8 bytes, most significant first.
const MADE: &str = "backup-made";
/// What opens the keys, where the operator wants it in the backup.
const SECRET: &str = "backup-secret";
/// The version of the newest key set, as the server writes it: 8 bytes, most significant first.
const KEY_SET: &str = "key-set-version";

statements! {
    NOTE = "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    FORGET = "DELETE FROM setting WHERE name IN (?1, ?2)";
}

const COPY: &str = "VACUUM INTO ?1";

/// What is in a database file that nobody has open.
#[derive(Clone, PartialEq, Eq)]
pub struct Contents {
    /// The number of its schema.
    pub schema: i64,
    /// When it was made; none: it is no backup, but a database.
    pub made: Option<Time>,
    /// What opens the keys, where it was put into the backup.
    pub secret: Option<Vec<u8>>,
    /// The server's keys, encrypted.
    pub keys: Vec<ServerKey>,
    /// The version of the newest key set.
    pub key_set: Option<u64>,
    /// Who has keys.
    pub suppliers: Vec<Supplier>,
}

/// The secret stays out of logs (I17).
impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contents(schema {}, made {:?}, {} keys)", self.schema, self.made, self.keys.len())
    }
}

/// Writes a backup of a database, beside the server that has it open. At every instant there is no such file
/// or a complete one.
///
/// # Errors
/// [`StoreError::Taken`] when there is such a file already, and what the database and the system report.
pub fn make(database: &Path, file: &Path, made: Time, secret: Option<&[u8]>) -> Result<(), StoreError> {
    if file.exists() {
        return Err(StoreError::Taken { path: file.to_owned() });
    }
    let part = beside(file, ".part");
    let written = copy(database, &part).and_then(|()| {
        let connection = Connection::Sqlite(alone(&part)?);
        connection.execute(NOTE, params![MADE, made.0.to_be_bytes()])?;
        if let Some(secret) = secret {
            connection.execute(NOTE, params![SECRET, secret])?;
        }
        drop(connection);
        put_in_place(&part, file)
    });
    if written.is_err() {
        remove_all(&part)?;
    }
    written
}

/// Looks into a backup or database, and checks that it is whole as far as that can be seen.
///
/// # Errors
/// [`StoreError::Failed`] when it is no database or damaged, [`StoreError::NewerSchema`].
pub fn inspect(database: impl Into<Database>) -> Result<Contents, StoreError> {
    let file = match database.into() {
        Database::File(file) => file,
        Database::Postgres(url) => return glance(url),
    };
    let connection = reading_connection(&file)?;
    let damage = damage(&connection)?;
    if let Some(first) = damage.first() {
        return Err(StoreError::Failed(format!("{} is damaged: {first}", file.display())));
    }
    contents(&Connection::Sqlite(connection))
}

/// Looks into a database without reading all of it, beside a running server too.
///
/// # Errors
/// [`StoreError::Failed`] when it is no database, [`StoreError::NewerSchema`].
pub fn glance(database: impl Into<Database>) -> Result<Contents, StoreError> {
    contents(&Connection::beside(database)?)
}

/// What SQLite finds wrong with a database file, beside a running server too; empty when it is whole.
///
/// # Errors
/// What the database reports.
pub fn check_integrity(database: &Path) -> Result<Vec<String>, StoreError> {
    damage(&reading_connection(database)?)
}

fn damage(connection: &rusqlite::Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

fn contents(connection: &Connection) -> Result<Contents, StoreError> {
    let schema = migrate::version(connection)?;
    migrate::refuse_newer(schema)?;
    let shared = Shared::new();
    let reading = Reading { connection, shared: &shared };
    let made = reading.setting(MADE)?.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
    let key_set = reading.setting(KEY_SET)?.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    let (secret, keys, suppliers) = (reading.setting(SECRET)?, reading.keys()?, reading.suppliers()?);
    Ok(Contents { schema, made: made.map(Time), secret, keys, key_set, suppliers })
}

/// One snapshot, written as a new file for its owner only.
fn copy(database: &Path, to: &Path) -> Result<(), StoreError> {
    remove_all(to)?;
    // SQLite writes into an empty file that is there, and keeps its mode.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(|error| failed(to, error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    let name = to.to_str().ok_or_else(|| failed(to, "the name is no text"))?;
    let connection = Connection::Sqlite(connection);
    migrate::refuse_newer(migrate::version(&connection)?)?;
    connection.execute(COPY, params![name])?;
    Ok(())
}

/// A database that nobody else knows of, changed without a write-ahead log, so that it stays one file.
fn alone(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    let connection = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let _: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    // What is forgotten leaves the pages too: a secret must not stay behind.
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")?;
    Ok(connection)
}

/// Durable under its own name, or not there at all.
fn put_in_place(part: &Path, file: &Path) -> Result<(), StoreError> {
    File::open(part).and_then(|opened| opened.sync_all()).map_err(|error| failed(part, error))?;
    let fs = carnet_seam::RealFs::default();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    carnet_seam::Fs::rename(&fs, part, file)
        .and_then(|()| carnet_seam::Fs::sync_folder(&fs, folder))
        .map_err(StoreError::failed)
}

/// The file and what SQLite keeps beside it.
fn remove_all(path: &Path) -> Result<(), StoreError> {
    let fs = carnet_seam::RealFs::default();
    ["", "-journal", "-wal", "-shm"]
        .iter()
        .try_for_each(|suffix| carnet_seam::fs::discard(&fs, &beside(path, suffix)))
        .map_err(StoreError::failed)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn failed(path: &Path, error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("{}: {error}", path.display()))
}
