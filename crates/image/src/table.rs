//! The table of a feature: hash and lengths of each frame, and of each page of the file list.

use carnet_seal::cbor::{self, CborError, Limits};
use carnet_seal::image::{FeatureStream, LARGEST_TABLE};
use carnet_seal::{ContentHash, record};

use crate::error::ImageError;
use crate::list::LARGEST_PAGE;

/// The most bytes of the stream in one frame.
pub const LARGEST_FRAME: usize = 1024 * 1024;
/// The most bytes of one encrypted frame: what does not compress grows a little, and the tag of AES-GCM is added.
pub const LARGEST_SEALED: usize = LARGEST_FRAME + LARGEST_FRAME / 128 + 64;
const LIMITS: Limits = Limits { bytes: LARGEST_TABLE, depth: 4 };

/// What is known of the parts of a feature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The pages of the file list.
    pub pages: Vec<Page>,
    /// The frames.
    pub frames: Vec<Frame>,
}

/// A page of the file list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Bytes in it.
    pub length: u32,
    /// Its hash.
    pub hash: ContentHash,
}

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Bytes as they lie in the image.
    pub sealed_length: u32,
    /// Hash of these.
    pub sealed: ContentHash,
    /// Bytes of the stream.
    pub plain_length: u32,
    /// Hash of these: by it an upgrade finds what is there already.
    pub plain: ContentHash,
}

record! {
    Table { 1 => pages, 2 => frames }
    Page { 1 => length, 2 => hash }
    Frame { 1 => sealed_length, 2 => sealed, 3 => plain_length, 4 => plain }
}

impl Table {
    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads a table without any check but that of its form.
    ///
    /// # Errors
    /// When it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode_within(bytes, LIMITS)
    }

    /// Reads the table of a feature, after its hash was checked, and holds it against the manifest.
    ///
    /// # Errors
    /// When it is another one, or does not fit to what the manifest says.
    pub fn open(bytes: &[u8], stream: &FeatureStream) -> Result<Self, ImageError> {
        let feature = || stream.feature.clone();
        if hash(bytes) != stream.table {
            return Err(ImageError::Table(feature()));
        }
        let table = Self::decode(bytes).map_err(|wrong| ImageError::Malformed(feature(), wrong))?;
        if table.fits(stream) { Ok(table) } else { Err(ImageError::Sizes(feature())) }
    }

    fn fits(&self, stream: &FeatureStream) -> bool {
        let sum = |lengths: &mut dyn Iterator<Item = u32>| lengths.map(u64::from).sum::<u64>();
        let within = |length: u32, most: usize| length > 0 && length as usize <= most;
        self.pages.iter().all(|page| within(page.length, LARGEST_PAGE))
            && self.frames.iter().all(|frame| {
                within(frame.plain_length, LARGEST_FRAME) && within(frame.sealed_length, LARGEST_SEALED)
            })
            && !self.frames.is_empty()
            && sum(&mut self.pages.iter().map(|page| page.length)) == stream.list_length
            && sum(&mut self.frames.iter().map(|frame| frame.sealed_length)) == stream.sealed_length
            && sum(&mut self.frames.iter().map(|frame| frame.plain_length)) == stream.plain_length
    }

    /// Whether a table of so many pages and frames would be accepted.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        // The widest row: a map of four with two hashes and two numbers.
        self.frames.len() * 83 + self.pages.len() * 43 + 32 > LIMITS.bytes
    }
}

/// The hash of a part of an image.
#[must_use]
pub fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash(*blake3::hash(bytes).as_bytes())
}
