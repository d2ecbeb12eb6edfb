//! Which runs still live: each keeps a file of its own locked, which the system lets go of when the process ends, however
//! it ends. What the journal says is not enough: a run that was killed has no end there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::id::RunId;
use carnet_seam::fs::discard;
use carnet_seam::{File, Fs, FsFault};

use crate::passbook::Passbook;
use crate::storage::{StorageError, lock_file};

/// The mark of a run that lives. Dropped, the run is over.
#[derive(Debug)]
pub struct Alive {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    file: Box<dyn File>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        // Removed first: who comes in between finds nothing, and that is what is true.
        let _ = discard(&*self.fs, &self.path);
        let _ = self.file.unlock();
    }
}

impl Passbook {
    /// Marks a run as alive. To be done before the journal names the run, so that nobody takes it for one that was
    /// killed.
    ///
    /// # Errors
    /// [`StorageError`] when the mark cannot be made.
    pub fn mark_alive(&self, app: &AppId, run: RunId) -> Result<Alive, StorageError> {
        let marks = self.marks(app);
        let (path, fs) = (marks.of(run), marks.fs);
        let file = lock_file(&*fs, &path)?;
        file.lock(Duration::ZERO)?;
        Ok(Alive { fs, path, file })
    }

    /// The marks of all runs of an app.
    #[must_use]
    pub fn marks(&self, app: &AppId) -> Marks {
        Marks { fs: self.env().fs.clone(), folder: self.app_folder(app) }
    }
}

/// Where the runs of an app keep their marks.
#[derive(Debug, Clone)]
pub struct Marks {
    fs: Arc<dyn Fs>,
    folder: PathBuf,
}

impl Marks {
    /// Whether a run still lives. The mark of one that was killed is removed.
    ///
    /// # Errors
    /// [`StorageError`] when that cannot be found out.
    pub fn is_alive(&self, run: RunId) -> Result<bool, StorageError> {
        is_locked(&*self.fs, &self.of(run))
    }

    fn of(&self, run: RunId) -> PathBuf {
        self.folder.join(format!("{run}.lock"))
    }
}

fn is_locked(fs: &dyn Fs, path: &Path) -> Result<bool, StorageError> {
    let file = match fs.open(path, carnet_seam::fs::Access::Write) {
        Err(error) if error.fault == FsFault::NotFound => return Ok(false),
        opened => opened?,
    };
    match file.lock(Duration::ZERO) {
        Err(error) if error.fault == FsFault::Locked => Ok(true),
        locked => {
            locked?;
            discard(fs, path)?;
            let _ = file.unlock();
            Ok(false)
        }
    }
}
