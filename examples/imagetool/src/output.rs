//! Writing a picture: whole or not at all, and never over a file by accident.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageError, ImageFormat};

use crate::colour::{Colour, flatten};
use crate::error::{Error, in_range};

const FORMATS: [ImageFormat; 5] =
    [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::WebP];

/// How a picture is encoded where its format leaves a choice.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    /// JPEG quality, 1 to 100.
    pub quality: u8,
    /// What shows through where the picture is transparent and the format (JPEG) is not.
    pub background: Colour,
}

/// A place for a picture, checked before any work is done.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    format: ImageFormat,
    encoding: Encoding,
}

impl Output {
    /// Takes the format from the extension and checks that a picture may be written there; `force` allows to replace
    /// a file.
    ///
    /// # Errors
    /// [`Error::UnknownExtension`], [`Error::NoFolder`], [`Error::Exists`], or [`Error::OutOfRange`] for the quality.
    pub fn new(path: &Path, encoding: Encoding, force: bool) -> Result<Self, Error> {
        in_range("quality", u32::from(encoding.quality), 1, 100)?;
        let format = ImageFormat::from_path(path).ok().filter(|format| FORMATS.contains(format));
        let format = format.ok_or_else(|| Error::UnknownExtension { path: path.to_owned() })?;
        let folder = folder_of(path);
        if !folder.is_dir() {
            return Err(Error::NoFolder { folder: folder.to_owned() });
        }
        if !force && path.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), format, encoding })
    }

    /// Writes the picture beside its place and moves it there, so that a crash leaves the old file or the new one.
    ///
    /// # Errors
    /// [`Error::Unwritable`]; no part of the picture is left then.
    pub fn write(&self, picture: &DynamicImage) -> Result<(), Error> {
        let bytes = self.encode(picture).map_err(|error| self.unwritable(&error))?;
        let part = self.part_path();
        let written = write_new(&part, &bytes).and_then(|()| move_into_place(&part, &self.path));
        written.map_err(|error| {
            // Best effort: the error told is the one that mattered.
            let _ = std::fs::remove_file(&part);
            self.unwritable(&error)
        })
    }

    fn encode(&self, picture: &DynamicImage) -> Result<Vec<u8>, ImageError> {
        let mut bytes = Cursor::new(Vec::new());
        match self.format {
            ImageFormat::Jpeg => {
                let flat = flatten(picture, self.encoding.background);
                flat.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, self.encoding.quality))?;
            }
            // PNG keeps 16 bits, the others have eight.
            ImageFormat::Png => picture.write_to(&mut bytes, self.format)?,
            _ if picture.color().has_alpha() => picture.to_rgba8().write_to(&mut bytes, self.format)?,
            _ => picture.to_rgb8().write_to(&mut bytes, self.format)?,
        }
        Ok(bytes.into_inner())
    }

    /// A name beside the output, hidden, and of this process alone.
    fn part_path(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        self.path.with_file_name(name)
    }

    fn unwritable(&self, error: &dyn std::error::Error) -> Error {
        Error::Unwritable { path: self.path.clone(), reason: error.to_string() }
    }
}

/// The folder a file lies in; of a bare name, the current one.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[expect(clippy::disallowed_methods, reason = "a supplier's program has no need of Carnet's own file layer")]
fn move_into_place(part: &Path, path: &Path) -> std::io::Result<()> {
    std::fs::rename(part, path)
}
