//! The beginning of an image: everything but the frames.
//!
//! ```text
//! "CARNETIM" | version: u32 | length of the manifest: u32 | manifest | tables | pages of file lists | frames
//! ```
//!
//! Numbers are big-endian. The manifest says how long each part is, so the place of every frame is known as soon as
//! the manifest and the feature's table are. Tables, pages and frames stand in the order of the features.

use std::cmp::Ordering;

use carnet_core::app::{AppId, Feature, Platform, Version};
use carnet_core::time::Time;
use carnet_seal::cbor::Limits;
use carnet_seal::image::FeatureStream;
use carnet_seal::{ImageKey, ImageManifest, KeyId, KeyRing, Signed, Unverified};

use crate::error::ImageError;
use crate::list::{Entry, read_page};
use crate::source::{Source, read_exactly};
use crate::table::{Frame, Table, hash};

const MAGIC: &[u8; 8] = b"CARNETIM";
const FORMAT: u32 = 1;
/// The bytes before the manifest.
pub const PREFIX: u64 = 16;
/// The most bytes that have to be read to know the manifest.
pub const LARGEST_HEAD: u64 = PREFIX + Limits::DOCUMENT.bytes as u64;

/// What stands before the tables.
pub(crate) fn beginning(manifest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(manifest.len()).unwrap_or(u32::MAX);
    [MAGIC, &FORMAT.to_be_bytes()[..], &length.to_be_bytes(), manifest].concat()
}

/// Who must have signed a manifest.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// A key that a server's key set names for this supplier, as on a device.
    Server(&'a KeyRing, Time),
    /// This key, as on the supplier's own machine.
    Key(&'a ImageKey),
}

/// What an image must be to be taken.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this app.
    pub app: Option<AppId>,
    /// Exactly this version.
    pub version: Option<Version>,
    /// Not older than this one: what is installed. An older image is a signed one too, so that nobody but this
    /// check keeps a device from being led back to a version with a known hole.
    pub at_least: Option<Version>,
    /// For this machine.
    pub platform: Option<Platform>,
}

impl Wanted {
    /// Whether an image with this manifest is wanted.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, manifest: &ImageManifest) -> Result<(), ImageError> {
        let found = manifest.version;
        match (&self.app, &self.platform) {
            (Some(wanted), _) if *wanted != manifest.app => {
                let found = manifest.app.clone();
                return Err(ImageError::OtherApp { wanted: wanted.clone(), found });
            }
            (_, Some(here)) if !manifest.platform.is_for(here) => {
                let found = manifest.platform.clone();
                return Err(ImageError::OtherPlatform { found, here: here.clone() });
            }
            _ => {}
        }
        match (self.version, self.at_least) {
            (Some(wanted), _) if wanted != found => Err(ImageError::OtherVersion { wanted, found }),
            (_, Some(newest)) if found < newest => Err(ImageError::Older { found, newest }),
            _ => Ok(()),
        }
    }
}

/// An image whose manifest was checked.
#[derive(Debug, Clone)]
pub struct Front {
    manifest: Signed<ImageManifest>,
    /// Where the tables begin.
    tables: u64,
}

/// Where a frame lies in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Its row.
    pub row: Frame,
    /// Its number, from 0.
    pub index: u64,
    /// Its first byte in the image.
    pub at: u64,
    /// Its first byte in the stream.
    pub plain_at: u64,
    /// Whether it is the last of its feature.
    pub last: bool,
}

impl Front {
    /// Reads and checks the manifest; `source` needs no more than its first [`LARGEST_HEAD`] bytes for it.
    ///
    /// # Errors
    /// When it is no image, or nobody trusted has signed it.
    pub fn open(source: &dyn Source, trust: Trust<'_>) -> Result<Self, ImageError> {
        let (manifest, manifest_length) = unverified(source)?;
        let manifest = match trust {
            Trust::Server(ring, now) => manifest.verify(ring, now),
            Trust::Key(key) => manifest.verify_with(key),
        }?;
        Ok(Self { manifest, tables: PREFIX + u64::from(manifest_length) })
    }

    /// Of an image whose manifest was checked, and which is not at hand.
    #[must_use]
    pub fn of(manifest: Signed<ImageManifest>) -> Self {
        let tables = PREFIX + manifest.bytes().len() as u64;
        Self { manifest, tables }
    }

    /// Of an image that must begin with this very manifest, which was checked before.
    ///
    /// # Errors
    /// When it begins with another one.
    pub fn again(source: &dyn Source, manifest: &Signed<ImageManifest>) -> Result<Self, ImageError> {
        let beginning = beginning(manifest.bytes());
        let mut found = vec![0; beginning.len()];
        read_exactly(source, 0, &mut found)?;
        if found == beginning { Ok(Self::of(manifest.clone())) } else { Err(ImageError::OtherManifest) }
    }

    /// The manifest.
    #[must_use]
    pub const fn manifest(&self) -> &ImageManifest {
        self.manifest.claims()
    }

    /// The manifest as it was signed.
    #[must_use]
    pub const fn signed(&self) -> &Signed<ImageManifest> {
        &self.manifest
    }

    /// The bytes before the first frame.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.lists() + self.sum(|stream| stream.list_length)
    }

    /// The bytes of the whole image.
    #[must_use]
    pub fn image_length(&self) -> u64 {
        self.length() + self.sum(|stream| stream.sealed_length)
    }

    /// Whether all of the image is there, and nothing else.
    ///
    /// # Errors
    /// [`ImageError::CutShort`] and [`ImageError::Trailing`].
    pub fn check_length(&self, source: &dyn Source) -> Result<(), ImageError> {
        let (found, expected) = (source.length()?, self.image_length());
        match found.cmp(&expected) {
            Ordering::Less => Err(ImageError::CutShort { found, expected }),
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(ImageError::Trailing),
        }
    }

    /// What the image holds for a feature.
    ///
    /// # Errors
    /// When it holds nothing.
    pub fn stream(&self, feature: &Feature) -> Result<&FeatureStream, ImageError> {
        let found = self.manifest().features.iter().find(|stream| stream.feature == *feature);
        found.ok_or_else(|| ImageError::NoFeature(feature.clone()))
    }

    /// Reads and checks the table of a feature.
    ///
    /// # Errors
    /// When it is not the one that the manifest names.
    pub fn table(&self, source: &dyn Source, feature: &Feature) -> Result<Table, ImageError> {
        let stream = self.stream(feature)?;
        let at = self.tables + self.before(feature, |stream| u64::from(stream.table_length));
        let mut bytes = vec![0; stream.table_length as usize];
        read_exactly(source, at, &mut bytes)?;
        Table::open(&bytes, stream)
    }

    /// Reads and checks one page of the file list of a feature.
    ///
    /// # Errors
    /// When it is not the one that the table names.
    pub fn page(
        &self,
        source: &dyn Source,
        feature: &Feature,
        table: &Table,
        number: usize,
    ) -> Result<Vec<Entry>, ImageError> {
        let before: u64 = table.pages.iter().take(number).map(|page| u64::from(page.length)).sum();
        let page = table.pages.get(number).ok_or_else(|| ImageError::Page(feature.clone()))?;
        let mut bytes = vec![0; page.length as usize];
        let at = self.lists() + self.before(feature, |stream| stream.list_length) + before;
        read_exactly(source, at, &mut bytes)?;
        if hash(&bytes) != page.hash {
            return Err(ImageError::Page(feature.clone()));
        }
        read_page(&bytes).map_err(|wrong| ImageError::Malformed(feature.clone(), wrong))
    }

    /// The frames of a feature and where they lie.
    pub fn frames<'t>(&self, feature: &Feature, table: &'t Table) -> impl Iterator<Item = Placed> + use<'t> {
        let mut at = self.length() + self.before(feature, |stream| stream.sealed_length);
        let (mut plain_at, count) = (0, table.frames.len());
        (0_u64..).zip(&table.frames).map(move |(index, row)| {
            let placed = Placed { row: *row, index, at, plain_at, last: index + 1 == count as u64 };
            at += u64::from(row.sealed_length);
            plain_at += u64::from(row.plain_length);
            placed
        })
    }

    fn lists(&self) -> u64 {
        self.tables + self.sum(|stream| u64::from(stream.table_length))
    }

    fn sum(&self, length: impl Fn(&FeatureStream) -> u64) -> u64 {
        self.manifest().features.iter().map(length).sum()
    }

    fn before(&self, feature: &Feature, length: impl Fn(&FeatureStream) -> u64) -> u64 {
        self.manifest().features.iter().take_while(|stream| stream.feature != *feature).map(length).sum()
    }
}

/// What an image says about itself before anybody has checked it: where to look for the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peeked {
    /// The key that is said to have signed it.
    pub key: KeyId,
    /// The app that it is said to be of.
    pub app: AppId,
}

impl Peeked {
    /// Looks at the beginning of an image.
    ///
    /// # Errors
    /// When it is no image.
    pub fn at(source: &dyn Source) -> Result<Self, ImageError> {
        let (manifest, _) = unverified(source)?;
        Ok(Self { key: manifest.key_id(), app: manifest.unchecked_app()? })
    }
}

fn unverified(source: &dyn Source) -> Result<(Unverified<ImageManifest>, u32), ImageError> {
    if source.length()? < PREFIX {
        return Err(ImageError::NotAnImage);
    }
    let mut prefix = [0; PREFIX as usize];
    read_exactly(source, 0, &mut prefix)?;
    let length = manifest_length(prefix)?;
    let mut manifest = vec![0; length as usize];
    read_exactly(source, PREFIX, &mut manifest)?;
    Ok((Unverified::parse(&manifest)?, length))
}

/// How long the manifest is, by the first bytes of an image.
///
/// # Errors
/// When it is no image, or one of a later format.
pub fn manifest_length(prefix: [u8; PREFIX as usize]) -> Result<u32, ImageError> {
    let number =
        |at: usize| prefix.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    let (format, length) = (number(8), number(12).unwrap_or_default());
    let known = prefix.starts_with(MAGIC) && format == Some(FORMAT);
    if known && length as usize <= Limits::DOCUMENT.bytes { Ok(length) } else { Err(ImageError::NotAnImage) }
}
