//! What durable files need, and nothing more.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::crash::{Crash, Crashed};

/// Files and folders that somebody hands over.
///
/// Names are not durable until [`sync_folder`](Fs::sync_folder), bytes are not until [`File::sync`], and
/// a power loss may keep any part of what was not synced. That is the contract the fake in
/// `carnet-testkit` makes the most of.
pub trait Fs: Send + Sync + fmt::Debug {
    /// Opens a file that exists, to be read, and to be written too when `access` says so.
    ///
    /// # Errors
    /// [`FsFault::NotFound`] and what the system reports.
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, FsError>;

    /// Makes a file that did not exist, readable and writable by its owner only.
    ///
    /// # Errors
    /// [`FsFault::AlreadyExists`] and what the system reports.
    fn create_new(&self, path: &Path) -> Result<Box<dyn File>, FsError>;

    /// Makes a folder whose parent exists, for its owner only. One that is there already is fine.
    ///
    /// # Errors
    /// What the system reports.
    fn create_folder(&self, path: &Path) -> Result<(), FsError>;

    /// Gives a file another name in the same folder, replacing a file of that name.
    ///
    /// # Errors
    /// What the system reports; whether the name has changed is then unknown.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), FsError>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`FsFault::NotFound`] and what the system reports.
    fn remove(&self, path: &Path) -> Result<(), FsError>;

    /// The names in a folder, sorted. Names that are not text are left out: Carnet wrote none.
    ///
    /// # Errors
    /// [`FsFault::NotFound`] and what the system reports.
    fn list(&self, folder: &Path) -> Result<Vec<String>, FsError>;

    /// Makes the names in a folder durable. A file system that cannot (FAT, some mounts) answers `Ok`:
    /// its limits are stated to the user, they are no failure of this call.
    ///
    /// # Errors
    /// What the system reports.
    fn sync_folder(&self, folder: &Path) -> Result<(), FsError>;

    /// What is known about a file or folder without opening it; `None` when there is nothing.
    ///
    /// # Errors
    /// What the system reports.
    fn facts(&self, path: &Path) -> Result<Option<Facts>, FsError>;

    /// The name of the network file system that holds `path` (as in `nfs`); `None` for a local one.
    ///
    /// # Errors
    /// What the system reports.
    fn network_file_system(&self, path: &Path) -> Result<Option<String>, FsError>;

    /// The number of the user in whose name files are made.
    fn user(&self) -> u32;

    /// The crash points of the process that holds these files.
    fn crash(&self) -> &Crash;
}

/// An open file. All offsets and lengths are bytes.
pub trait File: Send + Sync + fmt::Debug {
    /// How long the file is now.
    ///
    /// # Errors
    /// What the system reports.
    fn length(&self) -> Result<u64, FsError>;

    /// Reads from `offset` until `buffer` is full or the file ends; returns how much was read.
    ///
    /// # Errors
    /// What the system reports.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What the system reports; any part of `bytes` may then be in the file.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), FsError>;

    /// Cuts the file to `length`.
    ///
    /// # Errors
    /// What the system reports.
    fn truncate(&self, length: u64) -> Result<(), FsError>;

    /// Makes the bytes and the length durable.
    ///
    /// # Errors
    /// What the system reports. It is then unknown what is durable, and a second call proves nothing:
    /// systems forget the failure once they have told it.
    fn sync(&self) -> Result<(), FsError>;

    /// Waits at most `patience` for being the only holder among all processes, and among all open files
    /// of this process. A process that dies lets go.
    ///
    /// # Errors
    /// [`FsFault::Locked`] when somebody else held it all the time.
    fn lock(&self, patience: Duration) -> Result<(), FsError>;

    /// Lets go.
    ///
    /// # Errors
    /// What the system reports.
    fn unlock(&self) -> Result<(), FsError>;
}

/// What an open file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
}

/// What is known about a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Bytes in the file; meaningless for a folder.
    pub length: u64,
    /// Whether it is a folder.
    pub folder: bool,
    /// Unix permission bits, as in `0o600`.
    pub mode: u32,
    /// The number of the user who owns it.
    pub owner: u32,
}

/// Something could not be done with a file or folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {action} {}: {fault}", path.display())]
pub struct FsError {
    /// What was tried, as in `write`.
    pub action: &'static str,
    /// With what.
    pub path: PathBuf,
    /// What went wrong.
    pub fault: FsFault,
}

/// What can go wrong with files, as far as anybody can do something different about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FsFault {
    /// There is nothing of that name.
    #[error("it does not exist")]
    NotFound,
    /// There is something of that name already.
    #[error("it exists already")]
    AlreadyExists,
    /// The system does not let this user do it.
    #[error("permission denied")]
    NoPermission,
    /// Disk, quota or file size limit are used up.
    #[error("no room left")]
    DiskFull,
    /// The file system cannot be written.
    #[error("the file system is read-only")]
    ReadOnly,
    /// Another process held the lock all the time.
    #[error("another process is using it")]
    Locked,
    /// The process has died at a crash point of a test.
    #[error(transparent)]
    Crashed(#[from] Crashed),
    /// Anything else, in the words of the system.
    #[error("{0}")]
    Other(String),
}

impl FsError {
    /// Names what was tried with what.
    #[must_use]
    pub fn new(action: &'static str, path: &Path, fault: FsFault) -> Self {
        Self { action, path: path.to_owned(), fault }
    }
}

/// Reads a whole file that is not expected to have more than `limit` bytes. `None` when there is no file.
///
/// # Errors
/// What the system reports, and [`FsFault::Other`] for a larger file.
pub fn read_file(fs: &dyn Fs, path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FsError> {
    let file = match fs.open(path, Access::Read) {
        Ok(file) => file,
        Err(error) if error.fault == FsFault::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = file.length()?;
    if length > limit {
        let fault = FsFault::Other(format!("it has {length} bytes, more than the {limit} expected"));
        return Err(FsError::new("read", path, fault));
    }
    read_range(&*file, 0, length).map(Some)
}

/// Reads `length` bytes from `offset`, or fewer when the file ends before.
///
/// # Errors
/// What the system reports.
pub fn read_range(file: &dyn File, offset: u64, length: u64) -> Result<Vec<u8>, FsError> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let read = file.read_at(offset, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Writes a whole file so that at every instant, power loss included, either the old content or the new
/// one is there, never a part (I10): a new file beside it, sync, rename, sync the folder.
///
/// Whoever may be writing the same file at the same time must hold a lock.
///
/// # Errors
/// What the system reports. The old content stays, except when the very last step failed: then the new
/// one is there and may or may not survive a power loss.
pub fn replace_file(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let beside = sibling(path, ".new");
    discard(fs, &beside)?;
    let written = write_new(fs, &beside, bytes).and_then(|()| fs.rename(&beside, path));
    if let Err(error) = written {
        // The rest of a failed attempt only takes room; the next attempt removes it as well.
        let _ = fs.remove(&beside);
        return Err(error);
    }
    fs.crash().point("file.renamed").map_err(|crashed| FsError::new("sync", path, crashed.into()))?;
    // The parent of a bare name is an empty path.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs.sync_folder(folder.unwrap_or(Path::new(".")))
}

fn write_new(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let file = fs.create_new(path)?;
    file.write_at(0, bytes)?;
    file.sync()?;
    fs.crash().point("file.written").map_err(|crashed| FsError::new("rename", path, crashed.into()))
}

/// Removes a file when it is there.
///
/// # Errors
/// What the system reports.
pub fn discard(fs: &dyn Fs, path: &Path) -> Result<(), FsError> {
    match fs.remove(path) {
        Err(error) if error.fault != FsFault::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a folder and those above it that are missing, each for its owner only and each made durable in
/// its parent.
///
/// # Errors
/// What the system reports.
pub fn create_folders(fs: &dyn Fs, path: &Path) -> Result<(), FsError> {
    if path.as_os_str().is_empty() || fs.facts(path)?.is_some() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    create_folders(fs, parent)?;
    fs.create_folder(path)?;
    fs.sync_folder(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

fn sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}
