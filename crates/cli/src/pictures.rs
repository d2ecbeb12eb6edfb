//! QR pictures as a medium: written as PNG files, shown in the terminal, read back in any order.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_device::medium::Whose;
use carnet_device::portable::PortablePassbook;
use carnet_device::{Medium, MediumError};
use carnet_picture::{Picture, PictureError, draw, parts_in, read};
use carnet_seal::armor::Carried;
use carnet_seam::Fs;
use carnet_seam::fs::{discard, read_file, replace_file};

use crate::width;

/// A photograph of a telephone has some ten megabytes as PNG.
const LARGEST: u64 = 64 << 20;
/// Room for the pictures of some passes.
const ROOM: usize = 64 << 10;

/// Whether a file of this name is a picture.
#[must_use]
pub fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
}

/// Where pictures are drawn to: one file, or several beside each other.
#[derive(Debug)]
pub struct Drawn {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    drawn: RefCell<Vec<(PathBuf, Picture)>>,
}

impl Drawn {
    /// Pictures in this file; of several parts, each gets its number in the name.
    #[must_use]
    pub fn new(fs: Arc<dyn Fs>, path: &Path) -> Self {
        Self { fs, path: path.to_owned(), drawn: RefCell::default() }
    }

    /// Writes the pictures of a document.
    ///
    /// # Errors
    /// [`MediumError`], with the remedy.
    pub fn draw(&self, carried: Carried, bytes: &[u8]) -> Result<(), MediumError> {
        for picture in draw(carried, bytes).map_err(of_picture)? {
            let path = self.path_of(&picture);
            replace_file(&*self.fs, &path, &picture.png())?;
            self.drawn.borrow_mut().push((path, picture));
        }
        Ok(())
    }

    /// The files that were written.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.drawn.borrow().iter().map(|(path, _)| path.clone()).collect()
    }

    /// The pictures as text, where each of them fits the terminal.
    #[must_use]
    pub fn on_screen(&self) -> Option<String> {
        let room = width::of_stdout()?;
        let drawn = self.drawn.borrow();
        let fits = drawn.iter().all(|(_, picture)| picture.columns() <= room);
        fits.then(|| drawn.iter().map(|(_, picture)| format!("\n{}", picture.text(false))).collect())
    }

    /// `move.png`, or `move-1-of-3.png`.
    fn path_of(&self, picture: &Picture) -> PathBuf {
        if picture.part.of == 1 { self.path.clone() } else { numbered(&self.path, &picture.part.to_string()) }
    }
}

fn numbered(path: &Path, part: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{part}.png"))
}

impl Medium for Drawn {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// A picture of something else is not written over.
    fn probe(&self, _: Whose, bytes: usize) -> Result<(), MediumError> {
        if let Some(there) = read_file(&*self.fs, &self.path, LARGEST)?
            && parts_in(&self.name(), &there).is_err()
        {
            let name = self.name();
            return Err(MediumError::Carrier(format!(
                "{name} is there and shows nothing of Carnet: choose another name"
            )));
        }
        let probe = numbered(&self.path, "new");
        discard(&*self.fs, &probe)?;
        let file = self.fs.create_new(&probe)?;
        let written = file.write_at(0, &vec![0; bytes + ROOM]).and_then(|()| file.sync());
        drop(file);
        Ok(written.and(discard(&*self.fs, &probe))?)
    }

    /// Pictures are not added to: each export draws its own.
    fn existing(&self, _: Whose) -> Result<Option<PortablePassbook>, MediumError> {
        Ok(None)
    }

    fn read(&self, _: Whose) -> Result<PortablePassbook, MediumError> {
        Err(MediumError::Fixed(self.name()))
    }

    fn all(&self) -> Result<Vec<PortablePassbook>, MediumError> {
        Ok(Vec::new())
    }

    fn write(&self, book: &PortablePassbook) -> Result<(), MediumError> {
        self.draw(Carried::Passbook, &book.encode())
    }
}

/// Pictures that are read.
#[derive(Debug)]
pub struct Shown {
    fs: Arc<dyn Fs>,
    paths: Vec<PathBuf>,
}

impl Shown {
    /// These pictures; further parts are looked for beside the first one.
    #[must_use]
    pub fn new(fs: Arc<dyn Fs>, paths: &[PathBuf]) -> Self {
        Self { fs, paths: paths.to_owned() }
    }

    /// What they carry.
    ///
    /// # Errors
    /// [`MediumError`], with the remedy.
    pub fn content(&self) -> Result<(Carried, Vec<u8>), MediumError> {
        let mut pictures = Vec::new();
        for path in &self.paths {
            let bytes = read_file(&*self.fs, path, LARGEST)?;
            let bytes = bytes.ok_or_else(|| MediumError::NotThere(path.clone()))?;
            pictures.push((path.display().to_string(), bytes));
        }
        match read(&pictures) {
            Err(PictureError::Missing { missing, of, .. }) => {
                pictures.extend(self.beside(&missing, of)?);
                read(&pictures).map_err(of_picture)
            }
            read => read.map_err(of_picture),
        }
    }

    /// The parts that stand beside the first one under the names that they were given.
    fn beside(&self, missing: &[u8], of: u8) -> Result<Vec<(String, Vec<u8>)>, MediumError> {
        let Some(first) = self.paths.first() else { return Ok(Vec::new()) };
        let stem = first.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let whole = (1..=of).find_map(|number| stem.strip_suffix(&format!("-{number}-of-{of}")));
        let mut found = Vec::new();
        for number in missing {
            let Some(whole) = whole else { break };
            let path = first.with_file_name(format!("{whole}-{number}-of-{of}.png"));
            let bytes = read_file(&*self.fs, &path, LARGEST)?;
            found.extend(bytes.map(|bytes| (path.display().to_string(), bytes)));
        }
        Ok(found)
    }

    fn passbook(&self) -> Result<PortablePassbook, MediumError> {
        match self.content()? {
            (Carried::Passbook, bytes) => PortablePassbook::decode(&bytes)
                .map_err(|wrong| MediumError::Unreadable { name: self.name(), wrong }),
            (found, _) => Err(MediumError::OtherKind { name: self.name(), found }),
        }
    }
}

impl Medium for Shown {
    fn name(&self) -> String {
        let names: Vec<_> = self.paths.iter().map(|path| path.display().to_string()).collect();
        names.join(", ")
    }

    fn probe(&self, _: Whose, _: usize) -> Result<(), MediumError> {
        Err(MediumError::Fixed(self.name()))
    }

    fn existing(&self, whose: Whose) -> Result<Option<PortablePassbook>, MediumError> {
        self.read(whose).map(Some)
    }

    fn read(&self, whose: Whose) -> Result<PortablePassbook, MediumError> {
        whose.check(self.passbook()?, &self.name())
    }

    fn all(&self) -> Result<Vec<PortablePassbook>, MediumError> {
        Ok(vec![self.passbook()?])
    }

    /// Paper does not change.
    fn write(&self, _: &PortablePassbook) -> Result<(), MediumError> {
        Err(MediumError::Fixed(self.name()))
    }
}

/// The texts end with the remedy, as all of a medium do.
fn of_picture(error: PictureError) -> MediumError {
    MediumError::Carrier(error.to_string())
}
