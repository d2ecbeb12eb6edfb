//! What can go wrong with the device's own storage, and the checks before it is trusted.

use std::path::{Path, PathBuf};

use carnet_seam::fs::{Access, Facts, create_folders};
use carnet_seam::{File, Fs, FsError, FsFault};

/// The passbook cannot be read or written. Each text says what its owner can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// Disk, quota or file size limit are used up.
    #[error("there is no room left to write {}: free some space and try again", .0.display())]
    DiskFull(PathBuf),
    /// The file system cannot be written.
    #[error("{} lies on a read-only file system: mount it writable, or set CARNET_HOME to a folder that can be written", .0.display())]
    ReadOnly(PathBuf),
    /// This user may not.
    #[error("no permission to use {}: it must belong to the user who runs the program (`chown` it back if another user or `sudo` wrote it)", .0.display())]
    NoPermission(PathBuf),
    /// Others could change it.
    #[error("{} can be changed or read by others (mode {mode:o}): run `chmod go-rwx {}`", path.display(), path.display())]
    NotPrivate {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Locks and syncs there are promises of another machine.
    #[error("{} lies on a network file system ({kind}), where a passbook is not safe: set CARNET_HOME to a folder on a local disk", path.display())]
    NetworkFileSystem {
        /// The folder.
        path: PathBuf,
        /// As in `nfs`.
        kind: String,
    },
    /// Another process did not let go.
    #[error("another program has been using {} for too long: wait for it, or end it, and try again", .0.display())]
    Locked(PathBuf),
    /// Anything else, in the words of the system.
    #[error("{0}: check the disk and try again")]
    Other(FsError),
}

impl From<FsError> for StorageError {
    fn from(error: FsError) -> Self {
        match error.fault {
            FsFault::DiskFull => Self::DiskFull(error.path),
            FsFault::ReadOnly => Self::ReadOnly(error.path),
            FsFault::NoPermission => Self::NoPermission(error.path),
            FsFault::Locked => Self::Locked(error.path),
            _ => Self::Other(error),
        }
    }
}

/// Makes the folder when it is missing, and refuses one that others can change, that belongs to somebody
/// else, or that lies on a network file system.
pub(crate) fn trusted_home(fs: &dyn Fs, folder: &Path) -> Result<(), StorageError> {
    create_folders(fs, folder)?;
    if let Some(kind) = fs.network_file_system(folder)? {
        return Err(StorageError::NetworkFileSystem { path: folder.to_owned(), kind });
    }
    ours(fs, folder, 0o022)
}

/// Refuses a file or folder of somebody else, and one with any of the `forbidden` permission bits.
pub(crate) fn ours(fs: &dyn Fs, path: &Path, forbidden: u32) -> Result<(), StorageError> {
    fs.facts(path)?.map_or(Ok(()), |facts| owned(fs, path, &facts, forbidden))
}

/// The same with facts that are known already.
pub(crate) fn owned(fs: &dyn Fs, path: &Path, facts: &Facts, forbidden: u32) -> Result<(), StorageError> {
    if facts.owner != fs.user() {
        return Err(StorageError::NoPermission(path.to_owned()));
    }
    if facts.mode & forbidden != 0 {
        return Err(StorageError::NotPrivate { path: path.to_owned(), mode: facts.mode });
    }
    Ok(())
}

/// Opens a file that is there to be locked, and makes it when it is missing.
pub(crate) fn lock_file(fs: &dyn Fs, path: &Path) -> Result<Box<dyn File>, StorageError> {
    match fs.open(path, Access::Write) {
        Err(error) if error.fault == FsFault::NotFound => {}
        opened => return Ok(opened?),
    }
    match fs.create_new(path) {
        Err(error) if error.fault == FsFault::AlreadyExists => Ok(fs.open(path, Access::Write)?),
        made => Ok(made?),
    }
}
