//! What can be wrong with an image, and who can do something about it.

use std::path::PathBuf;

use carnet_core::app::{AppId, Feature, Platform, Version};
use carnet_seal::SealError;
use carnet_seal::cbor::CborError;
use carnet_seam::{FsError, NoRandom};

use crate::list::BadList;
use crate::path::{BadPath, EntryPath};

/// Why an image cannot be opened, checked or installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The bytes do not begin as an image.
    #[error("this is no installation image")]
    NotAnImage,
    /// It ends too early.
    #[error("the image is cut short: it has {found} bytes of {expected}; get it again")]
    CutShort {
        /// The bytes that it has.
        found: u64,
        /// The bytes that it should have.
        expected: u64,
    },
    /// Something follows after its end.
    #[error("something follows after the end of the image; get it again")]
    Trailing,
    /// Nobody trusted has signed the manifest.
    #[error("the manifest of the image: {0}")]
    Manifest(#[from] SealError),
    /// It does not begin with the manifest that it should.
    #[error("the image begins with another manifest")]
    OtherManifest,
    /// It is of another app.
    #[error("the image is of `{found}`, not of `{wanted}`")]
    OtherApp {
        /// What was asked for.
        wanted: AppId,
        /// What it is.
        found: AppId,
    },
    /// It is older than what is there.
    #[error("the image has version {found}, and {newest} is there already")]
    Older {
        /// The version of the image.
        found: Version,
        /// The newest version that is known.
        newest: Version,
    },
    /// It is another version than the one asked for.
    #[error("the image has version {found}, not {wanted}")]
    OtherVersion {
        /// What was asked for.
        wanted: Version,
        /// What it is.
        found: Version,
    },
    /// It is for other machines.
    #[error("the image is for `{found}`, and this machine is `{here}`")]
    OtherPlatform {
        /// For what it is.
        found: Platform,
        /// What is here.
        here: Platform,
    },
    /// It holds nothing for this feature.
    #[error("the image holds nothing for the feature `{0}`")]
    NoFeature(Feature),
    /// There is no key for this feature.
    #[error("there is no key for the feature `{0}`: the license does not grant it")]
    NoKey(Feature),
    /// The table is not the one that the manifest names.
    #[error("the table of `{0}` is damaged: get the image again")]
    Table(Feature),
    /// A table or list that was signed but cannot be read.
    #[error("the table or file list of `{0}` is malformed: {1}")]
    Malformed(Feature, CborError),
    /// The table does not fit to the lengths in the manifest.
    #[error("the table of `{0}` does not fit to the manifest")]
    Sizes(Feature),
    /// A page of the file list is damaged.
    #[error("the file list of `{0}` is damaged: get the image again")]
    Page(Feature),
    /// The file list cannot be what a build makes.
    #[error("the file list of `{0}`: {1}")]
    List(Feature, BadList),
    /// A frame is damaged, missing or not in its place.
    #[error("frame {index} of `{feature}` is damaged or not the one that belongs there: get it again")]
    Frame {
        /// In which feature.
        feature: Feature,
        /// Which, from 0.
        index: u64,
    },
    /// A frame cannot be decrypted.
    #[error("frame {index} of `{feature}` does not open: the key is another build's, or another feature's")]
    Sealed {
        /// In which feature.
        feature: Feature,
        /// Which, from 0.
        index: u64,
    },
    /// A frame gives another content than the manifest says.
    #[error("frame {index} of `{feature}` does not hold what its table says")]
    Content {
        /// In which feature.
        feature: Feature,
        /// Which, from 0.
        index: u64,
    },
    /// A file has another content than the manifest says.
    #[error("`{0}` is not what the manifest says")]
    File(EntryPath),
    /// What is to be made exists as something else.
    #[error("`{0}` is there already, as something else")]
    InTheWay(EntryPath),
    /// There is no such file.
    #[error("the image holds no file `{0}` for this feature")]
    NoFile(String),
    /// What the system reports.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The encryption refused to work.
    #[error("the frame could not be encrypted or decrypted")]
    Cipher,
}

/// Why an image cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A path that an image cannot hold.
    #[error("`{}` {why}", path.display())]
    Path {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: BadPath,
    },
    /// Two names that some systems take for one.
    #[error(transparent)]
    List(#[from] BadList),
    /// Something that is neither a file nor a folder nor a link.
    #[error("`{}` is neither a file nor a folder nor a link", .0.display())]
    Kind(PathBuf),
    /// A link that leads out of the folder.
    #[error("the target of the link `{}` {why}", path.display())]
    Link {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: BadPath,
    },
    /// A pattern that cannot be read.
    #[error("`{0}` is not a pattern: {1}")]
    Pattern(String, String),
    /// A pattern that no file matches.
    #[error("no file matches `{pattern}` of the feature `{feature}`")]
    Nothing {
        /// Of which feature.
        feature: Feature,
        /// The pattern.
        pattern: String,
    },
    /// A feature that is to stay sealed, and is none of those that were named. Its files would lie in the clear.
    #[error("there is no feature `{0}` that could stay sealed")]
    NotNamed(Feature),
    /// Files that belong to no feature.
    #[error("{count} files belong to no feature, as `{first}`: give the rest to one with `NAME=**`")]
    Unmatched {
        /// How many.
        count: u64,
        /// One of them.
        first: String,
    },
    /// No feature at all.
    #[error("no feature is named")]
    NoFeature,
    /// A file was changed meanwhile.
    #[error("`{}` was changed while it was read: build again", .0.display())]
    Changed(PathBuf),
    /// More than an image may hold.
    #[error("the feature `{0}` is too large for one image (64 GiB, or some million files): split it")]
    TooLarge(Feature),
    /// What the system reports.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// There are no random bytes for keys.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// The manifest cannot be signed.
    #[error("the manifest: {0}")]
    Manifest(#[from] SealError),
    /// Compressing or encrypting failed.
    #[error("a frame could not be made: {0}")]
    Frame(String),
}
