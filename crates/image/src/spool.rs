//! A file beside the image that is being built, for parts whose place in it is not known yet.

use std::path::{Path, PathBuf};

use carnet_seam::fs::discard;
use carnet_seam::{File, Fs, FsError, FsFault};

/// How much is copied at a time, in bytes.
const PIECE: usize = 1024 * 1024;

/// A file that grows. It is removed when the value goes.
#[derive(Debug)]
pub(crate) struct Spool<'a> {
    fs: &'a dyn Fs,
    path: PathBuf,
    file: Box<dyn File>,
    length: u64,
}

impl<'a> Spool<'a> {
    /// Replaces what an interrupted build has left there.
    pub(crate) fn beside(fs: &'a dyn Fs, path: &Path, ending: &str) -> Result<Self, FsError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        let path = path.with_file_name(name);
        discard(fs, &path)?;
        let file = fs.create_new(&path)?;
        Ok(Self { fs, path, file, length: 0 })
    }

    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), FsError> {
        self.file.write_at(self.length, bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Adds everything that is in another one.
    pub(crate) fn add_all(&mut self, other: &Self) -> Result<(), FsError> {
        let mut piece = vec![0; PIECE];
        let mut at = 0;
        while at < other.length {
            let read = other.file.read_at(at, &mut piece)?;
            if read == 0 {
                let fault = FsFault::Other("it became shorter".to_owned());
                return Err(FsError::new("read", &other.path, fault));
            }
            self.add(piece.get(..read).unwrap_or_default())?;
            at += read as u64;
        }
        Ok(())
    }

    /// Gives the file its name, durably.
    pub(crate) fn rename(self, to: &Path) -> Result<(), FsError> {
        self.file.sync()?;
        self.fs.rename(&self.path, to)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        self.fs.sync_folder(folder.unwrap_or(Path::new(".")))
    }
}

impl Drop for Spool<'_> {
    fn drop(&mut self) {
        // What stays after a failure only takes room, and the next build removes it.
        let _ = discard(self.fs, &self.path);
    }
}
