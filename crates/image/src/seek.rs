//! Reading one file of an image without extracting it: for content that need not lie in clear.

use std::cmp::Ordering;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use carnet_core::app::Feature;

use crate::error::ImageError;
use crate::front::Front;
use crate::keys::ContentKey;
use crate::list::{Entry, FileFacts, What};
use crate::path::EntryPath;
use crate::read::StreamReader;
use crate::source::Source;
use crate::table::Table;

/// One file of an image, decrypted as it is read. Each frame is checked when it is first touched; only the frame that
/// is being read is in memory.
pub struct FileReader<'s> {
    stream: StreamReader<'s>,
    facts: FileFacts,
    position: u64,
}

impl<'s> FileReader<'s> {
    /// Opens the file with this path.
    ///
    /// # Errors
    /// [`ImageError::NoFile`] when the feature has no such file.
    pub fn open(
        source: &'s dyn Source,
        front: &Front,
        feature: &Feature,
        key: &ContentKey,
        path: &EntryPath,
    ) -> Result<Self, ImageError> {
        Self::open_shared(Arc::new(source), front, feature, key, path)
    }

    /// The same, of an image that the reader keeps open itself.
    ///
    /// # Errors
    /// [`ImageError::NoFile`] when the feature has no such file.
    pub fn open_shared(
        source: Arc<dyn Source + 's>,
        front: &Front,
        feature: &Feature,
        key: &ContentKey,
        path: &EntryPath,
    ) -> Result<Self, ImageError> {
        let table = front.table(&source, feature)?;
        let entry = find(&source, front, feature, &table, path)?;
        let end = front.stream(feature)?.plain_length;
        match entry.map(|entry| entry.what) {
            Some(What::File(facts)) if facts.offset.checked_add(facts.length).is_some_and(|at| at <= end) => {
                let stream = StreamReader::new(source, front, &table, feature, key)?;
                Ok(Self { stream, facts, position: 0 })
            }
            _ => Err(ImageError::NoFile(path.to_string())),
        }
    }

    /// What the file list says about it.
    #[must_use]
    pub const fn facts(&self) -> FileFacts {
        self.facts
    }
}

/// Pages are in order: half of them need not be looked at, and half of the rest.
fn find(
    source: &dyn Source,
    front: &Front,
    feature: &Feature,
    table: &Table,
    path: &EntryPath,
) -> Result<Option<Entry>, ImageError> {
    let (mut low, mut high) = (0, table.pages.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let mut page = front.page(source, feature, table, middle)?;
        match page.binary_search_by(|entry| entry.path.cmp(path)) {
            Ok(at) => return Ok(Some(page.swap_remove(at))),
            Err(0) => high = middle,
            Err(_) if page.last().is_some_and(|last| last.path.cmp(path) == Ordering::Less) => {
                low = middle + 1
            }
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

impl Read for FileReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.facts.length.saturating_sub(self.position);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let piece = self.stream.from(self.facts.offset + self.position).map_err(io::Error::other)?;
        let length = wanted.min(piece.len());
        buffer[..length].copy_from_slice(&piece[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for FileReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(back) => self.facts.length.checked_add_signed(back),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
