//! Why a store did not do what it was asked. All of it is for the operator; whoever fetches an image learns only that it
//! cannot be had now.

use carnet_api::{Problem, ProblemCode};
use carnet_image::ImageError;
use carnet_seam::FsError;

use crate::problem::Failure;

/// What went wrong. Never holds what the store has said: that repeats what it was sent (I17).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There was no answer, or it broke off.
    #[error("it does not answer: {0}")]
    Away(String),
    /// It does not believe who asks.
    #[error("it does not accept the credentials ({0}): look at their file, and at the clock of this machine")]
    Stranger(String),
    /// It knows who asks, and does not allow it.
    #[error(
        "it does not allow this ({0}): the credentials need GetObject, PutObject, DeleteObject and AbortMultipartUpload below the prefix, and ListBucket"
    )]
    Denied(String),
    /// The bucket is not there.
    #[error("there is no such bucket: make it, or correct `image-store`")]
    NoBucket,
    /// The object is not there.
    #[error("the object is not there: bring it back from wherever there is a copy")]
    Missing,
    /// Somebody has changed the object.
    #[error("the object has {found} bytes, and {expected} were published: bring back the right one")]
    OtherLength {
        /// How many it has.
        found: u64,
        /// How many it should have.
        expected: u64,
    },
    /// What was read back is not what was written.
    #[error("what was read back is not what was written")]
    OtherBytes,
    /// Anything else.
    #[error("it answered {0}")]
    Answered(String),
    /// The file in the data folder.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The file in the data folder is no image.
    #[error("it is not what was signed: {0}")]
    Image(#[from] ImageError),
}

/// After so many seconds a store that was away is worth another try.
const AGAIN: u32 = 10;
/// What is not there needs a person.
const LATER: u32 = 300;

impl Fault {
    /// Whether it is about the store as a whole, and not about one image.
    #[must_use]
    pub const fn is_of_store(&self) -> bool {
        matches!(
            self,
            Self::Away(_) | Self::Stranger(_) | Self::Denied(_) | Self::NoBucket | Self::Answered(_)
        )
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let (what, seconds) = match fault {
            Fault::Missing | Fault::OtherLength { .. } | Fault::OtherBytes => (
                "the image does not lie as it was published: the server's operator has to look after it",
                LATER,
            ),
            Fault::Fs(error) => return Self::internal(error),
            Fault::Image(error) => return Self::internal(error),
            _ => ("the server's image store does not do its work", AGAIN),
        };
        Self::Later(Box::new(Problem::new(ProblemCode::Unavailable).because(what)), seconds)
    }
}
