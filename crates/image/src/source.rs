//! Where the bytes of an image are read from.

use carnet_seam::{File, FsError};

use crate::error::ImageError;

/// Bytes that can be read from any place: a file, or a part of one that has arrived so far.
pub trait Source: Send + Sync {
    /// How many there are.
    ///
    /// # Errors
    /// What the system reports.
    fn length(&self) -> Result<u64, FsError>;

    /// Reads from `offset` until `buffer` is full or the bytes end; returns how many were read.
    ///
    /// # Errors
    /// What the system reports.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError>;
}

impl Source for Box<dyn File> {
    fn length(&self) -> Result<u64, FsError> {
        (**self).length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        (**self).read_at(offset, buffer)
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn length(&self) -> Result<u64, FsError> {
        (**self).length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        (**self).read_at(offset, buffer)
    }
}

impl<S: Source + ?Sized> Source for std::sync::Arc<S> {
    fn length(&self) -> Result<u64, FsError> {
        (**self).length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        (**self).read_at(offset, buffer)
    }
}

/// Bytes in memory.
impl Source for Vec<u8> {
    fn length(&self) -> Result<u64, FsError> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.get(offset..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }
}

/// Fills the buffer from `offset` on.
pub(crate) fn read_exactly(source: &dyn Source, offset: u64, buffer: &mut [u8]) -> Result<(), ImageError> {
    let read = source.read_at(offset, buffer)?;
    if read == buffer.len() {
        return Ok(());
    }
    let found = source.length()?;
    Err(ImageError::CutShort { found, expected: offset.saturating_add(buffer.len() as u64).max(found) })
}
