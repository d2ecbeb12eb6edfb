//! Reading the stream of a feature, one frame at a time and in any order.

use std::sync::Arc;

use carnet_core::app::Feature;
use carnet_seal::ContentHash;

use crate::error::ImageError;
use crate::frame::{self, Opener, Stream};
use crate::front::{Front, Placed};
use crate::keys::ContentKey;
use crate::reuse::Reuse;
use crate::source::{Source, read_exactly};
use crate::table::{Table, hash};

/// The decrypted stream of one feature. Two frames of at most 1 MiB are in memory, one of them encrypted.
pub struct StreamReader<'s> {
    source: Arc<dyn Source + 's>,
    frames: Vec<Placed>,
    opener: Opener,
    feature: Feature,
    reuse: Option<&'s Reuse<'s>>,
    sealed: Vec<u8>,
    plain: Vec<u8>,
    open: Option<usize>,
}

impl<'s> StreamReader<'s> {
    /// Over the frames of this feature.
    ///
    /// # Errors
    /// When the image holds nothing for it.
    pub fn new(
        source: Arc<dyn Source + 's>,
        front: &Front,
        table: &Table,
        feature: &Feature,
        key: &ContentKey,
    ) -> Result<Self, ImageError> {
        front.stream(feature)?;
        let opener = Opener::new(Stream::new(front.manifest().id, feature, key)?)?;
        Ok(Self {
            source,
            frames: front.frames(feature, table).collect(),
            opener,
            feature: feature.clone(),
            reuse: None,
            sealed: Vec::new(),
            plain: Vec::new(),
            open: None,
        })
    }

    /// Takes frames from there that an older installation has already.
    #[must_use]
    pub fn reusing(mut self, reuse: &'s Reuse<'s>) -> Self {
        self.reuse = Some(reuse);
        self
    }

    /// Shows `length` bytes from `offset` of the stream, piece by piece.
    ///
    /// # Errors
    /// When a frame is damaged, or the stream ends before; and whatever `see` says.
    pub fn pieces<E: From<ImageError>>(
        &mut self,
        offset: u64,
        length: u64,
        mut see: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut at, end) = (offset, offset.saturating_add(length));
        while at < end {
            let piece = self.from(at)?;
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(piece.len());
            let piece = piece.get(..wanted).unwrap_or_default();
            see(piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// What the stream has from here to the end of the frame: at least one byte.
    pub(crate) fn from(&mut self, offset: u64) -> Result<&[u8], ImageError> {
        let after = self.frames.partition_point(|placed| placed.plain_at <= offset);
        let number = after.saturating_sub(1);
        let Some(placed) = self.frames.get(number).copied() else { return Err(self.ended()) };
        let within = usize::try_from(offset - placed.plain_at).unwrap_or(usize::MAX);
        if within >= placed.row.plain_length as usize {
            return Err(self.ended());
        }
        if self.open != Some(number) {
            // A frame that fails leaves nothing that could be taken for it.
            self.open = None;
            self.load(&placed)?;
            self.open = Some(number);
        }
        Ok(self.plain.get(within..).unwrap_or_default())
    }

    fn load(&mut self, placed: &Placed) -> Result<(), ImageError> {
        if let Some(reuse) = self.reuse
            && reuse.frame(&placed.row, &mut self.plain)?
        {
            return Ok(());
        }
        self.sealed.resize(placed.row.sealed_length as usize, 0);
        read_exactly(&self.source, placed.at, &mut self.sealed)?;
        self.opener.open(&placed.row, placed.index, placed.last, &mut self.sealed, &mut self.plain)
    }

    fn ended(&self) -> ImageError {
        ImageError::Sizes(self.feature.clone())
    }
}

/// Checks the encrypted frames of a feature as they lie in the image: all that somebody without keys can check.
/// `seen` is told the length of each.
///
/// # Errors
/// [`ImageError::Frame`] for the first that is damaged.
pub fn check_frames(
    source: &dyn Source,
    front: &Front,
    table: &Table,
    feature: &Feature,
    mut seen: impl FnMut(u64),
) -> Result<(), ImageError> {
    let mut sealed = Vec::new();
    for placed in front.frames(feature, table) {
        sealed.resize(placed.row.sealed_length as usize, 0);
        read_exactly(source, placed.at, &mut sealed)?;
        frame::check(&placed.row, placed.index, feature, &sealed)?;
        seen(sealed.len() as u64);
    }
    Ok(())
}

/// Whether these bytes are the encrypted frame of this place, as it has just arrived.
#[must_use]
pub fn is_frame(placed: &Placed, sealed: &[u8]) -> bool {
    sealed.len() == placed.row.sealed_length as usize && hash(sealed) == placed.row.sealed
}

/// The hash of a content that was seen piece by piece.
pub(crate) fn finished(content: &blake3::Hasher) -> ContentHash {
    ContentHash(*content.finalize().as_bytes())
}
