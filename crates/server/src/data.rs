//! The data folder: the database, the secret that opens its keys, and what an operator may read.
//!
//! ```text
//! carnet-data/            owner only
//!   carnet.db             the database, with its -wal and -shm while the server runs; not there when the
//!                         server keeps everything in PostgreSQL
//!   secret.key            opens the keys in the database; keep a copy elsewhere
//!   root.hash             what programs pin; no secret
//!   images/               installation images that suppliers have sent
//!   keys/                 the key service, where it is not a process of its own
//!   invitations/          codes that `carnetd invite` has made and the server has not taken in yet
//! ```

use std::path::{Path, PathBuf};

use carnet_core::id::Digest;
use carnet_seal::keys::RootPin;
use carnet_seam::fs::{create_folders, read_file, replace_file};
use carnet_seam::{Fs, FsError};
use carnet_store::key::ServerKey;
use carnet_store::{Database, Options, PostgresUrl, Store, StoreError};

use crate::admission::Policy;
use crate::key_service::PairError;
use crate::keys::{self, KeyFault};
use crate::server::Surroundings;

const DATABASE: &str = "carnet.db";
const ROOT_HASH: &str = "root.hash";

/// Why the data folder cannot be used. All of it is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Others can look into it.
    #[error("{path} can be read by others: run `chmod 700 {path}`, and think about who may have read it", path = .0.display())]
    Exposed(PathBuf),
    /// It lies on another machine, where locks and syncs are promises of somebody else.
    #[error("{path} lies on a network file system ({kind}): use a folder on a local disk", path = .path.display())]
    Network {
        /// The folder.
        path: PathBuf,
        /// Which file system.
        kind: String,
    },
    /// There is none yet.
    #[error("{path} holds no server: run `carnetd up` first, or name another folder with --data", path = .0.display())]
    Empty(PathBuf),
    /// Its place is taken.
    #[error("{path} belongs to another server: name that of the backup with --data, or an empty folder", path = .0.display())]
    OtherServer(PathBuf),
    /// PostgreSQL has its own backups, which cover what is written while they are made.
    #[error(
        "{0} is backed up and restored with PostgreSQL's own means (pg_dump, or base backups with archived logs); keep a copy of secret.key apart from them. Devices that are ahead of a restored database are reconciled by themselves"
    )]
    BackedUpElsewhere(PostgresUrl),
    /// The files in it.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The pair of certificates for the key service cannot be used.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The database in it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys in it.
    #[error(transparent)]
    Keys(#[from] KeyFault),
}

impl OpenError {
    /// Whether another server has the folder open.
    #[must_use]
    pub const fn is_in_use(&self) -> bool {
        matches!(self, Self::Store(StoreError::InUse { .. }))
    }
}

/// Makes sure that a server was started here before: with a file as its database, that the file is there.
///
/// # Errors
/// [`OpenError::Empty`].
pub fn require(around: &Surroundings) -> Result<(), OpenError> {
    match around.database() {
        Database::File(path) if around.fs.facts(&path)?.is_none() => {
            Err(OpenError::Empty(around.data.clone()))
        }
        _ => Ok(()),
    }
}

/// Where the database lies, when it is a file.
#[must_use]
pub fn database(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}

/// Makes the folder, or checks the one that is there.
///
/// # Errors
/// [`OpenError::Exposed`], [`OpenError::Network`] and what the system reports.
pub fn prepare(fs: &dyn Fs, folder: &Path) -> Result<(), OpenError> {
    create_folders(fs, folder)?;
    if fs.facts(folder)?.is_some_and(|facts| facts.mode & 0o077 != 0) {
        return Err(OpenError::Exposed(folder.to_owned()));
    }
    match fs.network_file_system(folder)? {
        Some(kind) => Err(OpenError::Network { path: folder.to_owned(), kind }),
        None => Ok(()),
    }
}

/// The server that has these keys.
///
/// # Errors
/// [`KeyFault::Missing`] when there is no root among them.
pub fn identity(keys: &[ServerKey]) -> Result<RootPin, OpenError> {
    Ok(keys::root_of(keys)?)
}

/// Whether the root key was taken away from this database.
///
/// # Errors
/// What the database reports.
pub fn has_root_away(database: &Path) -> Result<bool, OpenError> {
    Ok(!keys::has_root(&carnet_store::backup::glance(database)?.keys))
}

/// Takes the database, alone, and brings its schema up to date.
///
/// # Errors
/// [`StoreError::InUse`] when another server has it.
pub fn open_store(around: &Surroundings) -> Result<Store, StoreError> {
    open_store_with(around, &Policy::default())
}

/// [`open_store`], with what may wait and share a transaction there.
///
/// # Errors
/// [`StoreError::InUse`] when another server has it.
pub fn open_store_with(around: &Surroundings, policy: &Policy) -> Result<Store, StoreError> {
    let mut options = Options::new(around.clock.clone(), around.random.clone());
    options.crash = around.fs.crash().clone();
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX).max(1);
    (options.queue, options.batch) = (number(policy.ledger_queue), number(policy.ledger_batch));
    Store::open(around.database(), options)
}

/// Writes what programs pin where an operator can read it while the server runs.
///
/// # Errors
/// What the system reports.
pub fn write_root_hash(fs: &dyn Fs, folder: &Path, root: Digest) -> Result<(), OpenError> {
    let path = folder.join(ROOT_HASH);
    let text = format!("{root}\n");
    if read_file(fs, &path, 256)?.as_deref() != Some(text.as_bytes()) {
        replace_file(fs, &path, text.as_bytes())?;
    }
    Ok(())
}

/// Reads what programs pin.
///
/// # Errors
/// [`OpenError::Empty`] when no server was ever started there.
pub fn read_root_hash(fs: &dyn Fs, folder: &Path) -> Result<Digest, OpenError> {
    let text = read_file(fs, &folder.join(ROOT_HASH), 256)?;
    let digest = text.and_then(|text| String::from_utf8(text).ok()?.trim().parse().ok());
    digest.ok_or_else(|| OpenError::Empty(folder.to_owned()))
}
