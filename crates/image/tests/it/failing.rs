//! The machine's files, of which the nth change fails.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use carnet_seam::fs::{Access, Facts};
use carnet_seam::{Crash, File, Found, Fs, FsError, FsFault, RealFs, Tree};

/// Counts what changes the disk. From the one on that fails, none of them does anything any more: the disk is full.
#[derive(Debug, Clone)]
pub struct Failing {
    real: RealFs,
    left: Arc<AtomicI64>,
}

#[derive(Debug)]
struct Open {
    file: Box<dyn File>,
    left: Arc<AtomicI64>,
}

fn counted(left: &AtomicI64, action: &'static str, path: &Path) -> Result<(), FsError> {
    if left.fetch_sub(1, Ordering::SeqCst) > 0 {
        Ok(())
    } else {
        Err(FsError::new(action, path, FsFault::DiskFull))
    }
}

impl Failing {
    /// The `nth` change fails, from 1.
    pub fn at(nth: i64) -> Self {
        Self { real: RealFs::default(), left: Arc::new(AtomicI64::new(nth - 1)) }
    }

    pub fn has_failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    fn count(&self, action: &'static str, path: &Path) -> Result<(), FsError> {
        counted(&self.left, action, path)
    }

    fn opened(&self, file: Box<dyn File>) -> Box<dyn File> {
        Box::new(Open { file, left: self.left.clone() })
    }
}

impl Fs for Failing {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, FsError> {
        Ok(self.opened(self.real.open(path, access)?))
    }

    fn create_new(&self, path: &Path) -> Result<Box<dyn File>, FsError> {
        self.count("create", path)?;
        Ok(self.opened(self.real.create_new(path)?))
    }

    fn create_folder(&self, path: &Path) -> Result<(), FsError> {
        self.count("create", path)?;
        self.real.create_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), FsError> {
        self.count("rename", from)?;
        self.real.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), FsError> {
        self.count("remove", path)?;
        self.real.remove(path)
    }

    fn list(&self, folder: &Path) -> Result<Vec<String>, FsError> {
        self.real.list(folder)
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), FsError> {
        self.count("sync", folder)?;
        self.real.sync_folder(folder)
    }

    fn facts(&self, path: &Path) -> Result<Option<Facts>, FsError> {
        self.real.facts(path)
    }

    fn network_file_system(&self, path: &Path) -> Result<Option<String>, FsError> {
        self.real.network_file_system(path)
    }

    fn user(&self) -> u32 {
        self.real.user()
    }

    fn crash(&self) -> &Crash {
        self.real.crash()
    }
}

impl Tree for Failing {
    fn found(&self, path: &Path) -> Result<Option<Found>, FsError> {
        self.real.found(path)
    }

    fn inside(&self, folder: &Path) -> Result<Vec<(String, Found)>, FsError> {
        self.real.inside(folder)
    }

    fn link_target(&self, path: &Path) -> Result<String, FsError> {
        self.real.link_target(path)
    }

    fn make_link(&self, path: &Path, target: &str) -> Result<(), FsError> {
        self.count("create", path)?;
        self.real.make_link(path, target)
    }

    fn publish(&self, path: &Path, executable: bool) -> Result<(), FsError> {
        self.count("change", path)?;
        self.real.publish(path, executable)
    }

    fn sync_all(&self, folder: &Path) -> Result<(), FsError> {
        // Counted and not done: a test does not wait for the whole disk of the machine.
        self.count("sync", folder)
    }

    fn remove_folder(&self, path: &Path) -> Result<(), FsError> {
        self.count("remove", path)?;
        self.real.remove_folder(path)
    }
}

impl File for Open {
    fn length(&self) -> Result<u64, FsError> {
        self.file.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), FsError> {
        counted(&self.left, "write", Path::new("a file"))?;
        self.file.write_at(offset, bytes)
    }

    fn truncate(&self, length: u64) -> Result<(), FsError> {
        counted(&self.left, "truncate", Path::new("a file"))?;
        self.file.truncate(length)
    }

    fn sync(&self) -> Result<(), FsError> {
        counted(&self.left, "sync", Path::new("a file"))
    }

    fn lock(&self, patience: Duration) -> Result<(), FsError> {
        self.file.lock(patience)
    }

    fn unlock(&self) -> Result<(), FsError> {
        self.file.unlock()
    }
}
