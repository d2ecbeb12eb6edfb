//! What can go wrong, by who can do something about it.

use std::path::PathBuf;

/// Why the store could not do what was asked. Nothing of it was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operator: another server has this database open.
    #[error(
        "{path} is in use by another server{}: stop that one first, or give this one its own data folder",
        .pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
    )]
    InUse {
        /// The database.
        path: PathBuf,
        /// Who has it, where that is known.
        pid: Option<u32>,
    },
    /// The operator: the database was written by a newer program.
    #[error(
        "the database has schema {found}, this program knows up to {known}: start the newer program, or restore a backup made before it ran"
    )]
    NewerSchema {
        /// In the database.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// The operator: no space is left.
    #[error("the disk is full: make room, nothing has been lost")]
    DiskFull,
    /// The operator: the file or its folder may not be written.
    #[error("the database cannot be written: check owner and permissions of {path} and its folder")]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// The operator: what was given is no address of a database.
    #[error(
        "this is no address of a PostgreSQL database: {why}; it looks like postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=require"
    )]
    WrongUrl {
        /// What is wrong with it. Never the address itself, which holds a password (I17).
        why: String,
    },
    /// The operator, or time: there is no connection to the database.
    #[error(
        "the database cannot be reached ({why}): check that it runs and that its address is right; the server tries again by itself"
    )]
    Unreachable {
        /// What was tried.
        why: String,
    },
    /// The operator: the database does not let this server do its work.
    #[error(
        "the database refuses this server ({why}): check user, password and database name, and that the user may create and change tables there"
    )]
    Denied {
        /// In the database's words.
        why: String,
    },
    /// The operator: between this server and the database there is a pooler that gives transactions, not sessions.
    #[error(
        "the pooler in front of the database gives transactions, and this server needs sessions: set pool_mode = session for it (pgbouncer), or name the database server itself"
    )]
    Pooled,
    /// The operator: the database belongs to another program.
    #[error(
        "the database holds tables that are not ours: make an empty database for this server and name that"
    )]
    Foreign,
    /// The operator: there is nothing in the database yet.
    #[error("the database is empty: run `carnetd up` first, or name another database")]
    Empty,
    /// The operator: a target that is to be empty is not.
    #[error("the database is not empty: make an empty one for this server and name that")]
    NotEmpty,
    /// The operator: what was in this file lives elsewhere now.
    #[error(
        "what was in this database was copied to {to} and goes on there: start with --database-url or CARNETD_DATABASE_URL"
    )]
    Relocated {
        /// Where, without user and password.
        to: String,
    },
    /// The operator: a file that would be overwritten.
    #[error("{path} exists already: name another file, or move that one away")]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// The operator: the disk, or something that is no database.
    #[error("the database failed ({0}): check the disk and the server's log")]
    Failed(String),
    /// The operator: a row does not say what it must.
    #[error(
        "row {row} of table {table} has an impossible {column}: run the ledger check and restore a backup"
    )]
    CorruptRow {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Which row, as far as it can be named.
        row: String,
    },
    /// The caller: somebody else was faster. Read again, then decide again.
    #[error("{what} has changed meanwhile: read it again")]
    Conflict {
        /// What has changed.
        what: &'static str,
    },
    /// The caller: it is there already.
    #[error("this {what} exists already")]
    Exists {
        /// What.
        what: &'static str,
    },
    /// The caller: it is not there.
    #[error("there is no such {what}")]
    NotFound {
        /// What.
        what: &'static str,
    },
    /// The caller: a value that cannot be stored.
    #[error("{what} is out of range")]
    OutOfRange {
        /// Which value.
        what: &'static str,
    },
    /// The store is shutting down or has given up after a failed commit.
    #[error("the store is closed")]
    Closed,
    /// More is waiting than will be taken.
    #[error("too much is waiting to be written: try again shortly")]
    Busy,
    /// A defect: a unit of work ended in a panic. It was rolled back.
    #[error("an internal error stopped this operation; nothing was stored")]
    Defect,
    /// A commit failed: whether the work is stored cannot be told. Only for units of work; the ledger says
    /// [`LedgerError::Unknown`](crate::ledger::LedgerError::Unknown).
    #[error("it is not known whether this was stored: look before trying again")]
    Unknown,
}

/// What has changed where the database itself could not put transactions in an order.
pub(crate) const ORDER: &str = "the database";

/// Why a database that only follows another one refuses.
pub(crate) const STANDBY: &str = "it takes no writes (a standby?)";

impl StoreError {
    /// Whether another connection may do better.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Pooled => true,
            Self::Denied { why } => why == STANDBY,
            _ => false,
        }
    }

    /// Whether the transaction is to be run again as a whole: it came in another's way, and is not to blame for it.
    pub(crate) fn is_of_order(&self) -> bool {
        matches!(self, Self::Conflict { what } if *what == ORDER)
    }

    /// The database failed in a way that has no name of its own.
    pub(crate) fn failed(what: impl std::fmt::Display) -> Self {
        Self::Failed(what.to_string())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly { path: PathBuf::from("the database") }
            }
            // SQLite names table and columns in its text, never a value: no secret gets out (I17).
            _ => Self::Failed(error.to_string()),
        }
    }
}
