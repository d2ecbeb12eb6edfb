//! The machine's own files.

use std::fs::{DirBuilder, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

use crate::crash::Crash;
use crate::fs::{Access, Facts, File, Fs, FsError, FsFault};
use crate::network;
use crate::tree::{Found, Tree};

/// The machine's own files.
///
/// ```
/// use carnet_seam::{Fs, RealFs};
///
/// let fs = RealFs::default();
/// assert!(fs.facts("/definitely/not/here".as_ref())?.is_none());
/// # Ok::<(), carnet_seam::FsError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RealFs {
    crash: Crash,
}

impl RealFs {
    /// Files of a process that a test lets die.
    #[must_use]
    pub fn with_crash(crash: Crash) -> Self {
        Self { crash }
    }

    fn alive(&self, action: &'static str, path: &Path) -> Result<(), FsError> {
        alive(&self.crash, action, path)
    }

    fn opened(&self, path: &Path, file: std::fs::File) -> Box<dyn File> {
        Box::new(RealFile { file, path: path.to_owned(), crash: self.crash.clone() })
    }
}

fn alive(crash: &Crash, action: &'static str, path: &Path) -> Result<(), FsError> {
    if crash.is_dead() { Err(FsError::new(action, path, crate::Crashed.into())) } else { Ok(()) }
}

impl Fs for RealFs {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, FsError> {
        self.alive("open", path)?;
        let file = OpenOptions::new().read(true).write(access == Access::Write).open(path);
        Ok(self.opened(path, file.map_err(failed("open", path))?))
    }

    fn create_new(&self, path: &Path) -> Result<Box<dyn File>, FsError> {
        self.alive("create", path)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
        Ok(self.opened(path, file.map_err(failed("create", path))?))
    }

    fn create_folder(&self, path: &Path) -> Result<(), FsError> {
        self.alive("create", path)?;
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made.map_err(failed("create", path)),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the implementation the lint points to")]
    fn rename(&self, from: &Path, to: &Path) -> Result<(), FsError> {
        self.alive("rename", from)?;
        std::fs::rename(from, to).map_err(failed("rename", from))
    }

    fn remove(&self, path: &Path) -> Result<(), FsError> {
        self.alive("remove", path)?;
        std::fs::remove_file(path).map_err(failed("remove", path))
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>, FsError> {
        self.alive("list", folder)?;
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed("list", folder))? {
            let name = entry.map_err(failed("list", folder))?.file_name();
            names.extend(name.into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), FsError> {
        self.alive("sync", folder)?;
        let synced = std::fs::File::open(folder).and_then(|opened| opened.sync_all());
        match synced {
            Err(error) if cannot_sync_folders(&error) => Ok(()),
            synced => synced.map_err(failed("sync", folder)),
        }
    }

    fn facts(&self, path: &Path) -> Result<Option<Facts>, FsError> {
        self.alive("look at", path)?;
        match std::fs::metadata(path) {
            Ok(found) => Ok(Some(Facts {
                length: found.len(),
                folder: found.is_dir(),
                mode: found.permissions().mode() & 0o7777,
                owner: found.uid(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("look at", path)(error)),
        }
    }

    fn network_file_system(&self, path: &Path) -> Result<Option<String>, FsError> {
        self.alive("look at", path)?;
        network::file_system(path).map_err(failed("look at", path))
    }

    fn user(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn crash(&self) -> &Crash {
        &self.crash
    }
}

impl Tree for RealFs {
    fn found(&self, path: &Path) -> Result<Option<Found>, FsError> {
        self.alive("look at", path)?;
        match std::fs::symlink_metadata(path) {
            Ok(found) => Ok(Some(found_of(&found))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("look at", path)(error)),
        }
    }

    fn inside(&self, folder: &Path) -> Result<Vec<(String, Found)>, FsError> {
        self.alive("list", folder)?;
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed("list", folder))? {
            let entry = entry.map_err(failed("list", folder))?;
            let found = entry.metadata().map_err(failed("look at", &entry.path()))?;
            let name = entry.file_name().into_string().map_err(|_| not_text("list", &entry.path()))?;
            inside.push((name, found_of(&found)));
        }
        Ok(inside)
    }

    fn link_target(&self, path: &Path) -> Result<String, FsError> {
        self.alive("read", path)?;
        let target = std::fs::read_link(path).map_err(failed("read", path))?;
        target.into_os_string().into_string().map_err(|_| not_text("read", path))
    }

    fn make_link(&self, path: &Path, target: &str) -> Result<(), FsError> {
        self.alive("create", path)?;
        std::os::unix::fs::symlink(target, path).map_err(failed("create", path))
    }

    fn publish(&self, path: &Path, executable: bool) -> Result<(), FsError> {
        self.alive("change", path)?;
        let mode = if executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed("change", path))
    }

    fn sync_all(&self, folder: &Path) -> Result<(), FsError> {
        self.alive("sync", folder)?;
        let opened = std::fs::File::open(folder).map_err(failed("sync", folder))?;
        sync_file_system(&opened).map_err(|errno| failed("sync", folder)(errno.into()))
    }

    fn remove_folder(&self, path: &Path) -> Result<(), FsError> {
        self.alive("remove", path)?;
        std::fs::remove_dir(path).map_err(failed("remove", path))
    }
}

#[cfg(target_os = "linux")]
fn sync_file_system(folder: &std::fs::File) -> Result<(), Errno> {
    rustix::fs::syncfs(folder)
}

/// Where one file system cannot be named, all of them are synced; what goes wrong is not told then.
#[cfg(not(target_os = "linux"))]
fn sync_file_system(_folder: &std::fs::File) -> Result<(), Errno> {
    rustix::fs::sync();
    Ok(())
}

fn found_of(found: &std::fs::Metadata) -> Found {
    let kind = found.file_type();
    if kind.is_file() {
        Found::File { length: found.len(), executable: found.permissions().mode() & 0o100 != 0 }
    } else if kind.is_dir() {
        Found::Folder
    } else if kind.is_symlink() {
        Found::Link
    } else {
        Found::Other
    }
}

fn not_text(action: &'static str, path: &Path) -> FsError {
    FsError::new(action, path, FsFault::Other("its name is not text in UTF-8".to_owned()))
}

#[derive(Debug)]
struct RealFile {
    file: std::fs::File,
    path: PathBuf,
    crash: Crash,
}

impl RealFile {
    fn run<T>(
        &self,
        action: &'static str,
        run: impl FnOnce(&std::fs::File) -> io::Result<T>,
    ) -> Result<T, FsError> {
        alive(&self.crash, action, &self.path)?;
        run(&self.file).map_err(failed(action, &self.path))
    }
}

impl File for RealFile {
    fn length(&self) -> Result<u64, FsError> {
        self.run("look at", |file| Ok(file.metadata()?.len()))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        self.run("read", |file| read_up_to(file, offset, buffer))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), FsError> {
        self.run("write", |file| file.write_all_at(bytes, offset))
    }

    fn truncate(&self, length: u64) -> Result<(), FsError> {
        self.run("truncate", |file| file.set_len(length))
    }

    fn sync(&self) -> Result<(), FsError> {
        self.run("sync", std::fs::File::sync_data)
    }

    /// Asks again and again, because a blocking wait could not be ended: a holder that was stopped would
    /// stop everybody.
    fn lock(&self, patience: Duration) -> Result<(), FsError> {
        let (mut pause, mut waited) = (Duration::from_micros(50), Duration::ZERO);
        loop {
            alive(&self.crash, "lock", &self.path)?;
            match self.file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) => return Err(failed("lock", &self.path)(error)),
                Err(TryLockError::WouldBlock) if waited >= patience => {
                    return Err(FsError::new("lock", &self.path, FsFault::Locked));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(pause),
            }
            waited += pause;
            pause = (pause * 2).min(Duration::from_millis(2));
        }
    }

    fn unlock(&self) -> Result<(), FsError> {
        self.run("unlock", std::fs::File::unlock)
    }
}

fn read_up_to(file: &std::fs::File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FsError {
    move |error| FsError::new(action, path, fault_of(&error))
}

fn fault_of(error: &io::Error) -> FsFault {
    match error.kind() {
        io::ErrorKind::NotFound => FsFault::NotFound,
        io::ErrorKind::AlreadyExists => FsFault::AlreadyExists,
        io::ErrorKind::PermissionDenied => FsFault::NoPermission,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            FsFault::DiskFull
        }
        io::ErrorKind::ReadOnlyFilesystem => FsFault::ReadOnly,
        _ => FsFault::Other(error.to_string()),
    }
}

/// FAT and some network mounts refuse to sync a folder; a folder of somebody else may not be opened.
fn cannot_sync_folders(error: &io::Error) -> bool {
    let refusals = [Errno::INVAL, Errno::NOTSUP, Errno::NOSYS, Errno::BADF, Errno::ISDIR, Errno::ACCESS];
    Errno::from_io_error(error).is_some_and(|errno| refusals.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_errno_that_means_no_room_says_so() {
        for errno in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
            assert_eq!(fault_of(&errno.into()), FsFault::DiskFull, "{errno}");
        }
        assert_eq!(fault_of(&Errno::ROFS.into()), FsFault::ReadOnly);
        assert_eq!(fault_of(&Errno::ACCESS.into()), FsFault::NoPermission);
    }
}
