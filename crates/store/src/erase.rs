//! Erasing the personal values of a user, from rows and from everything that a database file keeps besides (I19).
//!
//! Works beside a server that has the database open: the unit of work is a short one, and no other one touches the
//! same rows. What a running server does not allow is to write the whole file anew, which is what removes values
//! from pages that were given back long ago.

use std::path::Path;

use carnet_core::charge::Charge;
use carnet_core::id::UserId;
use rusqlite::OpenFlags;

use crate::StoreError;
use crate::connection::Connection;
use crate::database::Database;
use crate::migrate;
use crate::place::{self, Lock};
use crate::postgres::Commit;
use crate::row::Columns;
use crate::sql::statements;
use crate::store::Shared;
use crate::tx::{Reading, Writing};
use crate::user::AccountView;
use crate::value::params;

statements! {
    BY_EMAIL = "SELECT user_id, name, email FROM account WHERE lower(email) = lower(?1) ORDER BY user_id";
}

/// A database, opened to erase somebody.
pub struct Erasure {
    connection: Connection,
    shared: Shared,
    /// None: a server has the database open.
    alone: Option<Lock>,
}

/// Whose values are to go, and what is kept of them besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The account with licenses, devices and journals.
    pub view: AccountView,
    /// Every charge.
    pub charges: Vec<Charge>,
}

/// A user, found by what the user is called.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// Who.
    pub user: UserId,
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
}

/// Personal values stay out of logs (I19).
impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Found({})", self.user)
    }
}

impl Erasure {
    /// Opens the database, alone where no server has it.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when its schema is not that of this program, and what the database reports.
    pub fn open(database: impl Into<Database>) -> Result<Self, StoreError> {
        let (connection, alone) = match database.into() {
            Database::File(path) => {
                let alone = lock(&path)?;
                (Connection::Sqlite(file(&path)?), alone)
            }
            Database::Postgres(url) => (Connection::beside(url)?, None),
        };
        let found = migrate::version(&connection)?;
        migrate::refuse_newer(found)?;
        if found != migrate::newest_known() {
            let known = migrate::newest_known();
            let what =
                format!("the database has schema {found}, this program {known}: run `carnetd migrate` first");
            return Err(StoreError::Failed(what));
        }
        Ok(Self { connection, shared: Shared::new(), alone })
    }

    /// Whether no server has the database open.
    #[must_use]
    pub const fn is_alone(&self) -> bool {
        self.alone.is_some()
    }

    /// What is kept of a user; none: there is no such user.
    ///
    /// # Errors
    /// What the database reports.
    pub fn kept(&self, user: UserId) -> Result<Option<Kept>, StoreError> {
        let reading = self.reading();
        let Some(view) = reading.account_view(user)? else { return Ok(None) };
        Ok(Some(Kept { view, charges: reading.charges_of_user(user)? }))
    }

    /// Erases the values from their rows, durably; what was deleted is overwritten.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such user, and what the database reports.
    pub fn erase(&self, user: UserId) -> Result<(), StoreError> {
        self.begin()?;
        let erased = Writing::over(&self.connection, &self.shared).erase_person(user);
        match erased {
            Ok(()) => self.commit(),
            Err(error) => {
                // The transaction is over either way; the first error is the one that tells.
                let _ = self.connection.end_reading();
                Err(error)
            }
        }
    }

    fn begin(&self) -> Result<(), StoreError> {
        match &self.connection {
            Connection::Sqlite(sqlite) => Ok(sqlite.execute_batch("BEGIN IMMEDIATE")?),
            Connection::Postgres(session) => session.begin_writing(Commit::Waits, false).map(drop),
        }
    }

    fn commit(&self) -> Result<(), StoreError> {
        match &self.connection {
            Connection::Sqlite(sqlite) => Ok(sqlite.execute_batch("COMMIT")?),
            Connection::Postgres(session) => session.flush().and_then(|()| session.commit()),
        }
    }

    /// Where no server has the database open, writes the whole file anew, so that no page that was given back holds
    /// anything.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`]: it needs as much room again; and what the database reports.
    pub fn rewrite(&self) -> Result<(), StoreError> {
        match &self.connection {
            Connection::Sqlite(sqlite) if self.is_alone() => Ok(sqlite.execute_batch("VACUUM")?),
            Connection::Sqlite(_) => Ok(()),
            // Beside running servers: old versions of the rows go from their pages.
            Connection::Postgres(session) => {
                session.run("VACUUM account")?;
                session.run("VACUUM device_name")?;
                session.run("VACUUM report_part")
            }
        }
    }

    /// Empties the write-ahead log, which holds pages as they were. False: somebody is reading from it; try again.
    ///
    /// # Errors
    /// What the database reports.
    pub fn empty_log(&self) -> Result<bool, StoreError> {
        let Connection::Sqlite(sqlite) = &self.connection else { return Ok(true) };
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy = sqlite.query_row(sql, [], |row| row.get::<_, i64>(0));
        match busy {
            Ok(busy) => Ok(busy == 0),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn reading(&self) -> Reading<'_> {
        Reading { connection: &self.connection, shared: &self.shared }
    }
}

/// The lock of the file; none: a server has it.
fn lock(path: &Path) -> Result<Option<Lock>, StoreError> {
    match place::lock(path) {
        Ok(lock) => Ok(Some(lock)),
        Err(StoreError::InUse { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn file(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")?;
    Ok(connection)
}

/// Users with this e-mail address, beside a running server too.
///
/// # Errors
/// What the database reports.
pub fn find(database: impl Into<Database>, email: &str) -> Result<Vec<Found>, StoreError> {
    let connection = Connection::beside(database)?;
    let shared = Shared::new();
    Reading { connection: &connection, shared: &shared }.all(BY_EMAIL, params![email], found)
}

fn found(mut row: Columns<'_>) -> Result<Found, StoreError> {
    Ok(Found {
        user: UserId(row.bytes("user_id")?),
        name: row.text("name")?.to_owned(),
        email: row.text("email")?.to_owned(),
    })
}
