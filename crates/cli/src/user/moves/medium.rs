//! Which medium is meant.

use std::path::PathBuf;
use std::sync::Arc;

use carnet_device::medium::{Folder, OneFile};
use carnet_device::{Medium, MediumError};
use carnet_manager::ManagerError;
use carnet_picture::is_png;
use carnet_seam::Fs;
use carnet_seam::fs::{Access, read_range};

use crate::failure::Failure;
use crate::pictures::Shown;

impl From<MediumError> for Failure {
    fn from(error: MediumError) -> Self {
        ManagerError::from(error).into()
    }
}

/// What to read from: a folder, one file, or pictures.
///
/// # Errors
/// When it is not there, or they are not all pictures.
pub fn source(fs: Arc<dyn Fs>, paths: &[PathBuf]) -> Result<Box<dyn Medium>, Failure> {
    let mut pictures = 0;
    for path in paths {
        let facts = fs.facts(path).map_err(MediumError::from)?;
        let facts = facts.ok_or_else(|| MediumError::NotThere(path.clone()))?;
        if facts.folder && paths.len() == 1 {
            return Ok(Box::new(Folder::open(fs, path)?));
        }
        pictures += usize::from(!facts.folder && begins_like_png(&*fs, path)?);
    }
    match paths {
        _ if pictures == paths.len() => Ok(Box::new(Shown::new(fs, paths))),
        [path] => Ok(Box::new(OneFile::new(fs, path))),
        _ => Err(Failure::usage("several files are named, and not all of them are pictures")
            .with_remedy("name one folder, one file, or the PNG pictures of one export")),
    }
}

fn begins_like_png(fs: &dyn Fs, path: &std::path::Path) -> Result<bool, MediumError> {
    let file = fs.open(path, Access::Read)?;
    Ok(is_png(&read_range(&*file, 0, 8)?))
}
