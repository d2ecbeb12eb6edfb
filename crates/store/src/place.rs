//! The database's files: for their owner only, and for one server only.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_seam::fs::Access;
use carnet_seam::{Crash, File, Fs, FsFault, RealFs};

use crate::StoreError;

/// Held as long as the store is open. The system lets go when the process dies, whatever it dies of.
#[derive(Debug)]
pub(crate) struct Lock {
    file: Box<dyn File>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.file.truncate(0).and_then(|()| self.file.unlock()) {
            tracing::warn!(%error, "the lock file could not be released; it will be when the process ends");
        }
    }
}

/// Takes the lock beside the database, or says who has it.
///
/// SQLite would let two servers take turns, and each would trust its own idea of the next event's number; one
/// server at a time is also what makes "stopped" mean stopped.
pub(crate) fn lock(database: &Path) -> Result<Lock, StoreError> {
    let path = beside(database, ".lock");
    let fs = RealFs::with_crash(Crash::never());
    let opened = match fs.create_new(&path) {
        Err(error) if error.fault == FsFault::AlreadyExists => fs.open(&path, Access::Write),
        created => created,
    };
    let file = opened.map_err(StoreError::failed)?;
    match file.lock(Duration::ZERO) {
        Ok(()) => {}
        Err(error) if error.fault == FsFault::Locked => {
            return Err(StoreError::InUse { path: database.to_owned(), pid: holder(file.as_ref()) });
        }
        Err(error) => return Err(StoreError::failed(error)),
    }
    let pid = std::process::id().to_string();
    file.truncate(0).and_then(|()| file.write_at(0, pid.as_bytes())).map_err(StoreError::failed)?;
    Ok(Lock { file })
}

fn holder(file: &dyn File) -> Option<u32> {
    let mut text = [0; 20];
    let length = file.read_at(0, &mut text).ok()?;
    std::str::from_utf8(text.get(..length)?).ok()?.trim().parse().ok()
}

/// Makes folder and file where they are missing, and takes the file away from everybody but its owner. SQLite gives
/// its `-wal` and `-shm` files the same mode.
pub(crate) fn prepare(database: &Path) -> Result<(), StoreError> {
    let read_only = |_| StoreError::ReadOnly { path: database.to_owned() };
    if let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(read_only)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(database);
    let file = file.map_err(read_only)?;
    let mode = file.metadata().map_err(StoreError::failed)?.permissions().mode() & 0o777;
    if mode != 0o600 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(read_only)?;
    }
    Ok(())
}

/// The database file itself, for waiting until it is durable.
pub(crate) fn open(database: &Path) -> Result<std::fs::File, StoreError> {
    std::fs::File::options().write(true).open(database).map_err(StoreError::failed)
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
