//! What can go wrong with a journal.

use std::path::PathBuf;

use carnet_seam::{Crashed, FsError};

use super::Misfit;
use crate::storage::StorageError;

/// A journal cannot be read or written. Each text says what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The disk, the permissions or another process are in the way.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Records that were safe once have been changed or damaged (I11).
    #[error("{} is damaged at byte {offset}: keep its folder as evidence, move it aside and renew online; the server gives back what it has acknowledged", path.display())]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// The first byte that does not fit.
        offset: u64,
    },
    /// A segment of another journal lies here (I14).
    #[error("{} belongs to {whose}: a passbook cannot be copied; remove the copy, and get passes for this device from the server", path.display())]
    Foreign {
        /// The segment.
        path: PathBuf,
        /// What differs, as in `another device`.
        whose: &'static str,
    },
    /// A newer version of Carnet has written here.
    #[error("{} was written by a newer version of Carnet (format {version}): update this program", path.display())]
    TooNew {
        /// The segment.
        path: PathBuf,
        /// The version of the format.
        version: u16,
    },
    /// The journal has fewer records than this process has seen.
    #[error("{} was replaced by an older copy while it was in use: restart the program", .0.display())]
    Shortened(PathBuf),
    /// A whole record that means nothing.
    #[error("record {sequence} of {} is not understood ({misfit}): update this program", path.display())]
    Unreadable {
        /// The segment.
        path: PathBuf,
        /// The record's number.
        sequence: u64,
        /// Why.
        misfit: Misfit,
    },
    /// The records handed over do not fit together; nothing was written. A mistake of the program.
    #[error(
        "the program tried to record something impossible ({0}): nothing was recorded; report this to its maker"
    )]
    Refused(Misfit),
    /// A sync failed earlier; what is on the disk is unknown until the journal is opened again.
    #[error("an earlier write to {} failed: check the disk and restart the program", .0.display())]
    Poisoned(PathBuf),
}

impl From<FsError> for JournalError {
    fn from(error: FsError) -> Self {
        Self::Storage(error.into())
    }
}

impl JournalError {
    /// The process has died at a crash point of a test.
    pub(super) fn crashed(crashed: Crashed, path: &std::path::Path) -> Self {
        FsError::new("use", path, crashed.into()).into()
    }
}
