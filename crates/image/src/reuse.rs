//! Frames that need not be fetched, because an older installation has what is in them.
//!
//! The files of an installation, put together again as its own image has listed them, give the stream of that image.
//! Whatever frame of it still has the hash that the old table names can stand for a frame with the same hash in the new one.
//! A file that somebody has changed gives another hash, and its frames are fetched.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use carnet_core::app::Feature;
use carnet_seal::ContentHash;
use carnet_seam::fs::Access;
use carnet_seam::{File, Found, Tree};

use crate::error::ImageError;
use crate::front::Front;
use crate::list::{Entry, What};
use crate::source::Source;
use crate::stream::{Says, header, padding};
use crate::table::{Frame, Table, hash};

/// An installation that an image was extracted to.
#[derive(Clone)]
pub struct Installed<'a> {
    /// The beginning of that image.
    pub front: &'a Front,
    /// Where that beginning is kept: everything of the image but its frames.
    pub source: &'a dyn Source,
    /// Where the files are.
    pub files: &'a dyn Tree,
    /// In which folder.
    pub folder: PathBuf,
}

/// The frames that were found.
pub struct Reuse<'a> {
    installed: Installed<'a>,
    spots: HashMap<ContentHash, Spot>,
    tables: Vec<(Feature, Table)>,
}

/// Where the stream of an installation begins a frame: so many bytes into what an entry becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Spot {
    table: usize,
    page: usize,
    entry: usize,
    skip: u64,
}

impl<'a> Reuse<'a> {
    /// Looks through these features of an installation for frames that are wanted. `progress` is told how many bytes
    /// were read.
    ///
    /// # Errors
    /// When the installation's own lists cannot be read.
    pub fn find(
        installed: Installed<'a>,
        features: &[Feature],
        wanted: &HashSet<ContentHash>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, ImageError> {
        let mut reuse = Self { installed, spots: HashMap::new(), tables: Vec::new() };
        for feature in features {
            let Installed { front, source, .. } = &reuse.installed;
            let table = front.table(*source, feature)?;
            reuse.tables.push((feature.clone(), table));
            reuse.look(wanted, progress)?;
        }
        Ok(reuse)
    }

    /// Whether this frame need not be fetched.
    #[must_use]
    pub fn has(&self, frame: &Frame) -> bool {
        self.spots.contains_key(&frame.plain)
    }

    /// Replaces `plain` by the content of this frame, if it is here, still.
    ///
    /// # Errors
    /// When it was here and is not any more: a file was changed meanwhile.
    pub(crate) fn frame(&self, row: &Frame, plain: &mut Vec<u8>) -> Result<bool, ImageError> {
        let Some(spot) = self.spots.get(&row.plain) else { return Ok(false) };
        let mut again = Again::new(self, *spot)?;
        plain.resize(row.plain_length as usize, 0);
        again.fill(plain)?;
        if hash(plain) == row.plain {
            return Ok(true);
        }
        let feature = self.tables.get(spot.table).map(|(feature, _)| feature.clone());
        match feature {
            Some(feature) => Err(ImageError::Content { feature, index: 0 }),
            None => Ok(false),
        }
    }

    /// Goes through the feature that was added last.
    fn look(
        &mut self,
        wanted: &HashSet<ContentHash>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ImageError> {
        let Some((last, (_, table))) = self.tables.iter().enumerate().next_back() else { return Ok(()) };
        let mut again = Again::new(self, Spot { table: last, ..Spot::default() })?;
        let (mut plain, mut found) = (Vec::new(), Vec::new());
        for frame in &table.frames {
            let spot = again.spot;
            plain.resize(frame.plain_length as usize, 0);
            again.fill(&mut plain)?;
            if wanted.contains(&frame.plain) && hash(&plain) == frame.plain {
                found.push((frame.plain, spot));
            }
            progress(plain.len() as u64);
        }
        self.spots.extend(found);
        Ok(())
    }
}

/// The stream of an installation, put together again from some entry on.
struct Again<'r, 'a> {
    reuse: &'r Reuse<'a>,
    entries: Vec<Entry>,
    spot: Spot,
    /// The entry at `spot`, as it stands in the stream.
    piece: Option<Piece>,
}

impl<'r, 'a> Again<'r, 'a> {
    fn new(reuse: &'r Reuse<'a>, spot: Spot) -> Result<Self, ImageError> {
        let mut again = Self { reuse, entries: Vec::new(), spot, piece: None };
        again.read_page()?;
        Ok(again)
    }

    /// Fills the buffer. What is missing on the disk, and what follows the last entry, is zeros.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), ImageError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let Some(entry) = self.entries.get(self.spot.entry) else {
                rest.fill(0);
                return Ok(());
            };
            let piece = match self.piece.take() {
                Some(piece) => piece,
                None => Piece::open(entry, &self.reuse.installed)?,
            };
            let now = piece.read(self.spot.skip, rest);
            filled += now;
            self.spot.skip += now as u64;
            if self.spot.skip < piece.whole {
                self.piece = Some(piece);
            } else {
                self.next_entry()?;
            }
        }
        Ok(())
    }

    fn next_entry(&mut self) -> Result<(), ImageError> {
        self.spot = Spot { entry: self.spot.entry + 1, skip: 0, ..self.spot };
        if self.spot.entry < self.entries.len() {
            return Ok(());
        }
        self.spot = Spot { page: self.spot.page + 1, entry: 0, ..self.spot };
        self.read_page()
    }

    fn read_page(&mut self) -> Result<(), ImageError> {
        let Installed { front, source, .. } = &self.reuse.installed;
        self.entries = match self.reuse.tables.get(self.spot.table) {
            Some((feature, table)) if self.spot.page < table.pages.len() => {
                front.page(*source, feature, table, self.spot.page)?
            }
            _ => Vec::new(),
        };
        Ok(())
    }
}

/// An entry as it stands in a stream: header, content, zeros up to a whole block.
struct Piece {
    header: Vec<u8>,
    content: Option<Box<dyn File>>,
    length: u64,
    whole: u64,
}

impl Piece {
    fn open(entry: &Entry, installed: &Installed<'_>) -> Result<Self, ImageError> {
        let (says, length) = match &entry.what {
            What::Folder => (Says::Folder, 0),
            What::Link(target) => (Says::Link(target), 0),
            What::File(facts) => {
                (Says::File { length: facts.length, executable: facts.executable }, facts.length)
            }
        };
        // A header that cannot be made has never been in a stream: no frame will fit.
        let header = header(&entry.path, says).unwrap_or_default();
        let place = entry.path.below(&installed.folder);
        let is_file = matches!(installed.files.found(&place)?, Some(Found::File { .. }));
        let content = is_file.then(|| installed.files.open(&place, Access::Read)).transpose()?;
        let whole = (header.len() + padding(length)) as u64 + length;
        Ok(Self { header, content, length, whole })
    }

    /// Reads from `skip` on, at least one byte, into a buffer that is not empty.
    fn read(&self, skip: u64, buffer: &mut [u8]) -> usize {
        let header = self.header.len() as u64;
        if let Some(rest) = usize::try_from(skip).ok().and_then(|skip| self.header.get(skip..))
            && !rest.is_empty()
        {
            return copy(rest, buffer);
        }
        let end = if skip < header + self.length { header + self.length } else { self.whole };
        let wanted = usize::try_from(end - skip).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..wanted) else { return 0 };
        let content = self.content.as_ref().filter(|_| skip < header + self.length);
        let read = content.and_then(|file| file.read_at(skip - header, buffer).ok()).unwrap_or_default();
        // Missing bytes become zeros: the hash will differ.
        buffer[read..].fill(0);
        wanted
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let length = from.len().min(to.len());
    to[..length].copy_from_slice(&from[..length]);
    length
}
