//! Why a medium cannot be used.

use std::path::PathBuf;

use carnet_core::id::UserId;
use carnet_seal::armor::{ArmorError, Carried};
use carnet_seam::{FsError, FsFault};

use crate::portable::NotPortable;

/// A medium cannot be used. Each text ends with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediumError {
    /// There is no such folder or file.
    #[error("{} is not there: check the path, and that the medium is plugged in", .0.display())]
    NotThere(PathBuf),
    /// A folder was expected.
    #[error("{} is no folder: name the folder on the medium", .0.display())]
    NotAFolder(PathBuf),
    /// No room.
    #[error("there is no room left on {}: free some space, or use another medium", .0.display())]
    Full(PathBuf),
    /// It cannot be written.
    #[error("{} cannot be written, it is read-only: use another medium", .0.display())]
    ReadOnly(PathBuf),
    /// This user may not.
    #[error("no permission to use {}: change its permissions, or use another medium", .0.display())]
    NoPermission(PathBuf),
    /// What is not written like this.
    #[error("{0} cannot be written again: it stays as it is")]
    Fixed(String),
    /// There is no portable passbook of theirs.
    #[error("there is no portable passbook of this user and server on {}: export to it first, or use another medium", .0.display())]
    Nothing(PathBuf),
    /// Somebody else's (A16).
    #[error(
        "the portable passbook {name} belongs to another user ({user}): use a passbook of that user (CARNET_HOME)"
    )]
    OtherUser {
        /// Which.
        name: String,
        /// Whose.
        user: UserId,
    },
    /// Another server's (I14).
    #[error("the portable passbook {name} belongs to the server {url}: name that server with --server")]
    OtherServer {
        /// Which.
        name: String,
        /// Whose.
        url: String,
    },
    /// Not a passbook, damaged, or too new.
    #[error("{name} {wrong}: {}", remedy(*wrong))]
    Unreadable {
        /// Which.
        name: String,
        /// Why not.
        wrong: NotPortable,
    },
    /// A text with a mistake.
    #[error("{name}: {wrong}")]
    Armor {
        /// Which.
        name: String,
        /// What is wrong with it.
        wrong: ArmorError,
    },
    /// A text of something else.
    #[error(
        "{name} carries {found}, and a portable passbook is needed here: use the file that the export wrote"
    )]
    OtherKind {
        /// Which.
        name: String,
        /// What it carries.
        found: Carried,
    },
    /// What was written is not what is there.
    #[error("{} does not keep what is written to it: use another medium", .0.display())]
    Forgets(PathBuf),
    /// In the words of another carrier, with the remedy at the end.
    #[error("{0}")]
    Carrier(String),
    /// Anything else, in the words of the system.
    #[error("{0}: check the medium and try again")]
    Other(FsError),
}

const fn remedy(wrong: NotPortable) -> &'static str {
    match wrong {
        NotPortable::Foreign => "use the file that the export wrote",
        NotPortable::Damaged => {
            "move it aside and write it again with `carnet export --again` on the device it came from"
        }
        NotPortable::TooNew => "update this program",
    }
}

impl MediumError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotThere(_) | Self::NotAFolder(_) => "medium-missing",
            Self::Full(_) => "medium-full",
            Self::ReadOnly(_) | Self::Fixed(_) => "medium-read-only",
            Self::NoPermission(_) => "medium-permission",
            Self::Nothing(_) => "nothing-on-medium",
            Self::OtherUser { .. } => "other-user",
            Self::OtherServer { .. } => "other-server",
            Self::Unreadable { .. } | Self::Armor { .. } | Self::OtherKind { .. } => "medium-unreadable",
            Self::Forgets(_) | Self::Carrier(_) | Self::Other(_) => "medium",
        }
    }
}

impl From<FsError> for MediumError {
    fn from(error: FsError) -> Self {
        match error.fault {
            FsFault::NotFound => Self::NotThere(error.path),
            FsFault::DiskFull => Self::Full(error.path),
            FsFault::ReadOnly => Self::ReadOnly(error.path),
            FsFault::NoPermission => Self::NoPermission(error.path),
            _ => Self::Other(error),
        }
    }
}
