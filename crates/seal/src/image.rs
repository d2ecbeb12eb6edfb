//! The manifest of an installation image: the part of it that is signed.
//!
//! A document has at most 64 KiB, and an image of 2 GiB has some 2,000 frames and any number of files. So the
//! signed part names the hash of one table for each feature, the table names the hashes of frames and of pages of
//! the file list, and each is checked before anything in it is used. That way the limit that protects every
//! reader of documents stays as it is, a device reads tables only of the features that it may have, and
//! a list of a million files is read page by page.
//!
//! It is signed with a key that is made and stays on the supplier's own machine. Which key that is, devices
//! learn from the server's key set ([`Purpose::Image`](crate::keys::Purpose::Image)), so where an image comes from
//! does not matter (B5).

use std::fmt;

use carnet_core::app::{AppId, Feature, Platform, SupplierName, Version};
use carnet_core::id::ImageId;
use carnet_core::time::Time;

use crate::envelope::{Signed, Unverified, document};
use crate::error::SealError;
use crate::keys::{KeyRing, VerifyingKey};
use crate::{choice, newtype, record};

/// A BLAKE3 hash of a part of an image.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

newtype!(ContentHash);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an installation image holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageManifest {
    /// This build: bound into each of its frames.
    pub id: ImageId,
    /// Of which app.
    pub app: AppId,
    /// Which version of it.
    pub version: Version,
    /// For which kind of machine.
    pub platform: Platform,
    /// When it was built, by the clock of the supplier's machine.
    pub built: Time,
    /// What it holds for each feature, in the order of their names.
    pub features: Vec<FeatureStream>,
}

/// What an image holds for one feature. All lengths are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureStream {
    /// The feature.
    pub feature: Feature,
    /// Hash of the table.
    pub table: ContentHash,
    /// Length of the table.
    pub table_length: u32,
    /// Length of the pages of the file list.
    pub list_length: u64,
    /// Length of the encrypted frames.
    pub sealed_length: u64,
    /// Length of the stream that is in the frames.
    pub plain_length: u64,
    /// Files, folders and links in it.
    pub entries: u64,
    /// How it lies on a device once it is installed; none: as files in the clear.
    pub kept: Option<Kept>,
}

/// How a feature lies on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// As it came, encrypted: the program reads it through its controller, while a run is approved (B8).
    Sealed,
}

choice! { Kept { 0 => Sealed, } }

record! {
    ImageManifest where unsound { 1 => id, 2 => app, 3 => version, 4 => platform, 5 => built, 6 => features }
    FeatureStream {
        1 => feature,
        2 => table,
        3 => table_length,
        4 => list_length,
        5 => sealed_length,
        6 => plain_length,
        7 => entries,
        8 => kept,
    }
}

document! { ImageManifest: ImageManifest }

/// The most features in one image. More of them would not fit into a document.
const MOST_FEATURES: usize = 256;
/// The largest table, in bytes: 64 GiB in one feature, or a hundred million files.
pub const LARGEST_TABLE: usize = 8 * 1024 * 1024;
/// 2^48 bytes: the lengths of all parts can be added up.
const LARGEST: u64 = 1 << 48;

fn unsound(manifest: &ImageManifest) -> Option<&'static str> {
    let features = &manifest.features;
    let too_large = |stream: &FeatureStream| {
        let table = stream.table_length as usize > LARGEST_TABLE;
        table
            || [stream.list_length, stream.sealed_length, stream.plain_length, stream.entries]
                .iter()
                .any(|number| *number > LARGEST)
    };
    if features.is_empty() || features.len() > MOST_FEATURES {
        Some("between 1 and 256 features")
    } else if features.windows(2).any(|pair| pair[0].feature >= pair[1].feature) {
        Some("features in the order of their names")
    } else if features.iter().any(too_large) {
        Some("an image of a possible size")
    } else {
        None
    }
}

/// A key that signs the images of one supplier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageKey {
    /// Whose key: the first part of the supplier's app ids.
    pub supplier: SupplierName,
    /// What checks its signatures.
    pub key: VerifyingKey,
}

impl Unverified<ImageManifest> {
    /// Checks a manifest on a device: its key stands in the server's key set for images of the app's supplier.
    ///
    /// # Errors
    /// When the key set is over, the key is not trusted for images of this supplier, or the signature is wrong.
    pub fn verify(&self, ring: &KeyRing, now: Time) -> Result<Signed<ImageManifest>, SealError> {
        if ring.is_expired(now) {
            return Err(SealError::KeySetExpired(ring.set().claims().expires));
        }
        let supplier = self.unverified_claims()?.app.supplier();
        self.verify_with(&ring.image_key(self.key_id(), &supplier)?)
    }

    /// The app that it names. Nobody has checked that yet: it says where to ask.
    ///
    /// # Errors
    /// When the claims are malformed.
    pub fn unchecked_app(&self) -> Result<AppId, SealError> {
        Ok(self.unverified_claims()?.app)
    }

    /// Checks a manifest with the supplier's own key: on its machine, and at the server where it is registered.
    ///
    /// # Errors
    /// When the signature is wrong, or the image is of another supplier's app.
    pub fn verify_with(&self, key: &ImageKey) -> Result<Signed<ImageManifest>, SealError> {
        let signed = self.check(&key.key)?;
        if signed.claims().app.supplier() == key.supplier {
            Ok(signed)
        } else {
            Err(SealError::OtherSupplier(self.key_id()))
        }
    }
}
