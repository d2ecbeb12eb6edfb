//! Reports, certificates and requests on their way: as a file, as text, as pictures (C5).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_device::MediumError;
use carnet_picture::is_png;
use carnet_seal::armor::{self, Carried};
use carnet_seam::Fs;
use carnet_seam::fs::{read_file, replace_file};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::pictures::{Drawn, Shown, is_picture};

/// The largest file that is read: the records of a year, or a photograph.
const LARGEST: u64 = 64 << 20;
/// Nobody types more, and no mail likes more.
const LARGEST_TEXT: usize = 1 << 20;

/// Writes what is carried: as pictures where the name ends in `.png`, as text where it ends in `.txt`, else as it
/// is. Returns the files.
///
/// # Errors
/// When they cannot be written, or it is too large for that.
pub fn write(fs: &Arc<dyn Fs>, path: &Path, carried: Carried, bytes: &[u8]) -> Result<Vec<PathBuf>, Failure> {
    if is_picture(path) {
        let drawn = Drawn::new(fs.clone(), path);
        drawn.draw(carried, bytes)?;
        return Ok(drawn.files());
    }
    let is_text = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt"));
    if is_text && bytes.len() > LARGEST_TEXT {
        let what = format!("{carried} of {} KiB is too large to be sent as text", bytes.len() >> 10);
        return Err(Failure::new(Exit::Usage, "too-large", what).with_remedy("choose a name without `.txt`"));
    }
    let text = is_text.then(|| armor::write(carried, bytes).into_bytes());
    replace_file(&**fs, path, text.as_deref().unwrap_or(bytes)).map_err(MediumError::from)?;
    Ok(vec![path.to_owned()])
}

/// What these files carry, each document once: pictures in any order, texts and files.
///
/// # Errors
/// When one cannot be read; a mistyped text is told with its line.
pub fn read(fs: &Arc<dyn Fs>, paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, Failure> {
    let (mut pictures, mut found) = (Vec::new(), Vec::new());
    for path in paths {
        let bytes = read_file(&**fs, path, LARGEST).map_err(MediumError::from)?;
        let bytes = bytes.ok_or_else(|| MediumError::NotThere(path.clone()))?;
        if is_png(&bytes) {
            pictures.push(path.clone());
            continue;
        }
        let text = std::str::from_utf8(&bytes).ok().filter(|text| armor::is_armored(text));
        found.push(match text {
            Some(text) => of_text(text, path)?,
            None => bytes,
        });
    }
    if !pictures.is_empty() {
        found.push(Shown::new(fs.clone(), &pictures).content()?.1);
    }
    found.dedup();
    Ok(found)
}

fn of_text(text: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let name = path.display().to_string();
    Ok(armor::read(text).map_err(|wrong| MediumError::Armor { name, wrong })?.1)
}
