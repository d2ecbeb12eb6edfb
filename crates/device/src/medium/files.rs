//! Media that are files: a folder on a stick or a share, or one file that is named.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_seal::armor::{self, Carried};
use carnet_seam::Fs;
use carnet_seam::fs::{discard, read_file, replace_file};

use super::{Medium, MediumError, Whose};
use crate::portable::{LARGEST, PortablePassbook};

/// A folder on a medium.
#[derive(Debug, Clone)]
pub struct Folder {
    fs: Arc<dyn Fs>,
    path: PathBuf,
}

impl Folder {
    /// This folder, which must be there: a medium that is not plugged in must not become a folder.
    ///
    /// # Errors
    /// [`MediumError::NotThere`], [`MediumError::NotAFolder`].
    pub fn open(fs: Arc<dyn Fs>, path: &Path) -> Result<Self, MediumError> {
        match fs.facts(path)? {
            None => Err(MediumError::NotThere(path.to_owned())),
            Some(facts) if !facts.folder => Err(MediumError::NotAFolder(path.to_owned())),
            Some(_) => Ok(Self { fs, path: path.to_owned() }),
        }
    }

    /// A passbook of another user at this server, where there is one.
    fn of_another(&self, whose: Whose) -> Result<Option<MediumError>, MediumError> {
        let names = self.fs.list(&self.path)?;
        let of_server = |name: &String| {
            PortablePassbook::of_file_name(name).filter(|(server, _)| *server == whose.server)
        };
        let other = names.iter().find_map(|name| Some((name.clone(), of_server(name)?.1)));
        Ok(other.map(|(name, user)| MediumError::OtherUser { name, user }))
    }
}

impl Medium for Folder {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The very file that the write will make first, so that nothing else is left behind.
    fn probe(&self, whose: Whose, bytes: usize) -> Result<(), MediumError> {
        Self::open(self.fs.clone(), &self.path)?;
        let path = self.path.join(format!("{}.new", whose.file_name()));
        discard(&*self.fs, &path)?;
        let file = self.fs.create_new(&path)?;
        let written = file.write_at(0, &vec![0; bytes]).and_then(|()| file.sync());
        drop(file);
        // What cannot be removed is written over later.
        let removed = discard(&*self.fs, &path);
        Ok(written.and(removed)?)
    }

    fn existing(&self, whose: Whose) -> Result<Option<PortablePassbook>, MediumError> {
        let name = whose.file_name();
        let book = passbook_in(&*self.fs, &self.path.join(&name))?;
        book.map(|(_, book)| whose.check(book, &name)).transpose()
    }

    fn read(&self, whose: Whose) -> Result<PortablePassbook, MediumError> {
        match self.existing(whose)? {
            Some(book) => Ok(book),
            None => Err(self.of_another(whose)?.unwrap_or_else(|| MediumError::Nothing(self.path.clone()))),
        }
    }

    fn all(&self) -> Result<Vec<PortablePassbook>, MediumError> {
        let names = self.fs.list(&self.path)?;
        let ours = names.iter().filter(|name| PortablePassbook::of_file_name(name).is_some());
        let read = ours.filter_map(|name| passbook_in(&*self.fs, &self.path.join(name)).ok().flatten());
        Ok(read.map(|(_, book)| book).collect())
    }

    fn write(&self, book: &PortablePassbook) -> Result<(), MediumError> {
        let path = self.path.join(PortablePassbook::file_name(book.server(), book.user));
        let bytes = book.encode();
        replace_file(&*self.fs, &path, &bytes)?;
        // Media that lie about their size take everything and keep nothing.
        match read_file(&*self.fs, &path, LARGEST as u64)? {
            Some(kept) if kept == bytes => Ok(()),
            _ => Err(MediumError::Forgets(path)),
        }
    }
}

/// One file that was named: the passbook itself, or its text form.
#[derive(Debug, Clone)]
pub struct OneFile {
    fs: Arc<dyn Fs>,
    path: PathBuf,
}

impl OneFile {
    /// This file.
    #[must_use]
    pub fn new(fs: Arc<dyn Fs>, path: &Path) -> Self {
        Self { fs, path: path.to_owned() }
    }
}

impl Medium for OneFile {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn probe(&self, _: Whose, _: usize) -> Result<(), MediumError> {
        Err(MediumError::Fixed(self.name()))
    }

    fn existing(&self, whose: Whose) -> Result<Option<PortablePassbook>, MediumError> {
        let book = passbook_in(&*self.fs, &self.path)?;
        book.map(|(_, book)| whose.check(book, &self.name())).transpose()
    }

    fn read(&self, whose: Whose) -> Result<PortablePassbook, MediumError> {
        self.existing(whose)?.ok_or_else(|| MediumError::NotThere(self.path.clone()))
    }

    fn all(&self) -> Result<Vec<PortablePassbook>, MediumError> {
        match passbook_in(&*self.fs, &self.path)? {
            Some((_, book)) => Ok(vec![book]),
            None => Err(MediumError::NotThere(self.path.clone())),
        }
    }

    /// In the form that it had.
    fn write(&self, book: &PortablePassbook) -> Result<(), MediumError> {
        let is_text = matches!(passbook_in(&*self.fs, &self.path)?, Some((Form::Text, _)));
        let bytes = book.encode();
        let bytes = if is_text { armor::write(Carried::Passbook, &bytes).into_bytes() } else { bytes };
        Ok(replace_file(&*self.fs, &self.path, &bytes)?)
    }
}

/// How a passbook stands in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Bytes,
    Text,
}

fn passbook_in(fs: &dyn Fs, path: &Path) -> Result<Option<(Form, PortablePassbook)>, MediumError> {
    // As text it has half as many bytes again.
    let Some(bytes) = read_file(fs, path, 2 * LARGEST as u64)? else { return Ok(None) };
    let name = path.display().to_string();
    let text = std::str::from_utf8(&bytes).ok().filter(|text| armor::is_armored(text));
    let (form, bytes) = match text {
        None => (Form::Bytes, bytes),
        Some(text) => (Form::Text, of_text(text, &name)?),
    };
    let book = PortablePassbook::decode(&bytes);
    book.map(|book| Some((form, book))).map_err(|wrong| MediumError::Unreadable { name, wrong })
}

fn of_text(text: &str, name: &str) -> Result<Vec<u8>, MediumError> {
    match armor::read(text) {
        Ok((Carried::Passbook, bytes)) => Ok(bytes),
        Ok((found, _)) => Err(MediumError::OtherKind { name: name.to_owned(), found }),
        Err(wrong) => Err(MediumError::Armor { name: name.to_owned(), wrong }),
    }
}
