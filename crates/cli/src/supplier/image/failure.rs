//! What goes wrong with images, in the shape of all failures.

use carnet_image::sealed_keys::SealedKeysError;
use carnet_image::{BuildError, ImageError};

use crate::exit::Exit;
use crate::failure::Failure;

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let remedy = match &error {
            BuildError::Fs(inner) => return inner.clone().into(),
            BuildError::Unmatched { .. } | BuildError::NoFeature => {
                "say with --feature NAME=PATTERN what belongs to which feature"
            }
            BuildError::Nothing { .. } => "correct the pattern, or leave it out",
            BuildError::NotNamed(_) => {
                "give its files to it with --feature NAME=PATTERN, or leave --sealed out"
            }
            BuildError::Pattern(..) => "write it like `brushes/**` or `*.dll`",
            BuildError::Path { .. } | BuildError::List(_) => {
                "rename it: an image must be installable everywhere"
            }
            BuildError::Kind(_) => "take it out of the folder",
            BuildError::Link { .. } => "let it point to something in the folder, by a relative path",
            BuildError::Changed(_) => "build again when nothing writes there",
            BuildError::TooLarge(_) => "give some of its files to another feature",
            BuildError::Random(_) | BuildError::Manifest(_) | BuildError::Frame(_) => "try again",
        };
        Self::new(Exit::Failure, "image-build", error.to_string()).with_remedy(remedy)
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        let (code, remedy) = match &error {
            ImageError::Fs(inner) => return inner.clone().into(),
            ImageError::NotAnImage => ("not-an-image", "check the path; images end in .cimg"),
            ImageError::Manifest(_) => {
                ("image-untrusted", "get the image from its supplier, and the server's newest keys")
            }
            ImageError::CutShort { .. } | ImageError::Trailing => ("image-damaged", "get it again"),
            ImageError::OtherApp { .. }
            | ImageError::OtherVersion { .. }
            | ImageError::OtherPlatform { .. }
            | ImageError::Older { .. } => ("image-other", "choose another image"),
            ImageError::NoFeature(_) | ImageError::NoKey(_) => {
                ("image-feature", "see which features the license grants: carnet passes")
            }
            ImageError::InTheWay(_) => ("file", "move it away, then try again"),
            _ => ("image-damaged", "get the image again; when that does not help, tell its supplier"),
        };
        Self::new(Exit::Failure, code, error.to_string()).with_remedy(remedy)
    }
}

impl From<SealedKeysError> for Failure {
    fn from(error: SealedKeysError) -> Self {
        Self::new(Exit::Failure, "content-keys", error.to_string())
            .with_remedy("check the public key of the key service")
    }
}
