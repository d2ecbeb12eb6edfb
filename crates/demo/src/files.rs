//! The performance's own files, in a folder of its own.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::surprise::Surprise;

/// A new folder for its owner only, which goes with this value unless it is to be kept.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// A new one in the system's temporary folder.
    ///
    /// # Errors
    /// What the system reports.
    pub fn new(name: &str, keep: bool) -> Result<Self, Surprise> {
        let path = std::env::temp_dir().join(name);
        folder(&path)?;
        Ok(Self { path, keep })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stays.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.keep
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            remove(&self.path);
        }
    }
}

/// Removes a folder of ours, as far as that is possible.
pub fn remove(path: &Path) {
    // A file that is just being made by a dying process may be in the way of the first attempt.
    let _ = std::fs::remove_dir_all(path).or_else(|_| std::fs::remove_dir_all(path));
}

/// Makes a folder for its owner only.
///
/// # Errors
/// What the system reports, also where it is there already.
pub fn folder(path: &Path) -> Result<(), Surprise> {
    let made = DirBuilder::new().mode(0o700).create(path);
    made.map_err(|error| Surprise::system(format_args!("make the folder {}", path.display()), error))
}

/// Makes a file for its owner only, or replaces what is in it.
///
/// # Errors
/// What the system reports.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Surprise> {
    let opened = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    let written = opened.and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| Surprise::system(format_args!("write {}", path.display()), error))
}

/// Reads a text file.
///
/// # Errors
/// What the system reports.
pub fn text(path: &Path) -> Result<String, Surprise> {
    let read = std::fs::read_to_string(path);
    read.map_err(|error| Surprise::system(format_args!("read {}", path.display()), error))
}

/// Gives a file or folder another name.
///
/// # Errors
/// What the system reports.
#[expect(clippy::disallowed_methods, reason = "the demonstration's own scratch files")]
pub fn rename(from: &Path, to: &Path) -> Result<(), Surprise> {
    let renamed = std::fs::rename(from, to);
    renamed.map_err(|error| Surprise::system(format_args!("rename {}", from.display()), error))
}

/// Copies a folder with everything in it.
///
/// # Errors
/// What the system reports.
pub fn copy(from: &Path, to: &Path) -> Result<(), Surprise> {
    let failed = |error| Surprise::system(format_args!("copy {}", from.display()), error);
    folder(to)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).map_err(failed)?;
        }
    }
    Ok(())
}

/// The newest file with this ending in a folder below one of the folders here, by its name.
///
/// # Errors
/// Where there is none.
pub fn newest(home: &Path, folder: &str, ending: &str) -> Result<PathBuf, Surprise> {
    let fits = |path: &PathBuf| {
        let beside = path.parent().is_some_and(|parent| parent.ends_with(folder));
        beside && path.extension().is_some_and(|found| found == ending)
    };
    let found = everything_in(home)?.into_iter().filter(fits).max();
    found.ok_or_else(|| Surprise::new(format!("a file {folder}/*.{ending}"), "there is none"))
}

/// Takes the last bytes of a file away.
///
/// # Errors
/// What the system reports.
pub fn cut(path: &Path, bytes: u64) -> Result<(), Surprise> {
    let file = OpenOptions::new().write(true).open(path);
    let cut = file.and_then(|file| file.set_len(file.metadata()?.len().saturating_sub(bytes)));
    cut.map_err(|error| Surprise::system(format_args!("cut {}", path.display()), error))
}

/// Who may do what with it: the last nine bits.
///
/// # Errors
/// What the system reports.
pub fn mode(path: &Path) -> Result<u32, Surprise> {
    let facts = std::fs::metadata(path);
    let facts = facts.map_err(|error| Surprise::system(format_args!("look at {}", path.display()), error))?;
    Ok(facts.permissions().mode() & 0o777)
}

/// Everything in a folder, at any depth, and the folder itself.
///
/// # Errors
/// What the system reports.
pub fn everything_in(path: &Path) -> Result<Vec<PathBuf>, Surprise> {
    let failed = |error| Surprise::system(format_args!("list {}", path.display()), error);
    let mut found = vec![path.to_owned()];
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(failed)? {
            found.extend(everything_in(&entry.map_err(failed)?.path())?);
        }
    }
    Ok(found)
}
