//! Why an identity cannot be used or made.

use std::path::PathBuf;

use carnet_seam::{FsError, NoRandom};

use super::evidence::{Drift, EvidenceKind};
use super::tpm::TpmFault;
use crate::storage::StorageError;

/// The identity cannot be used or made. Each text says what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The disk or the permissions are in the way.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is none yet.
    #[error("this device is not registered: {} does not exist", .0.display())]
    Missing(PathBuf),
    /// Bytes of it have changed (I12).
    #[error("{} is damaged: restore it from a backup of this machine, or remove it and register this device anew", .0.display())]
    Damaged(PathBuf),
    /// It was made for another server (I14).
    #[error("{} belongs to another server: move it back to the folder it came from", .0.display())]
    AnotherServer(PathBuf),
    /// A newer version of Carnet has written it.
    #[error("{} was written by a newer version of Carnet (format {version}): update this program", path.display())]
    TooNew {
        /// The identity.
        path: PathBuf,
        /// The version of the format.
        version: u16,
    },
    /// Too much of the machine is different (A19).
    #[error("{} was made on another machine ({drift}): a copied passbook does not run; if this is your device with other parts, run `carnet devices repair`", path.display())]
    AnotherMachine {
        /// The identity.
        path: PathBuf,
        /// What was not found again.
        drift: Drift,
    },
    /// The evidence file is another one, or gone (A19).
    #[error("{} was made with another evidence file than {}: put the right file there; a copied passbook does not run without it", path.display(), evidence.display())]
    AnotherFile {
        /// The identity.
        path: PathBuf,
        /// The evidence file.
        evidence: PathBuf,
    },
    /// Made with a machine and opened with a file, or the other way round.
    #[error("{} is bound to {made}, but the configuration says {asked}: change the setting `identity` back, or register this device anew", path.display())]
    AnotherKind {
        /// The identity.
        path: PathBuf,
        /// What it was made with.
        made: EvidenceKind,
        /// What it was opened with.
        asked: EvidenceKind,
    },
    /// Containers and some virtual machines show next to nothing.
    #[error(
        "this machine shows only {found} of the {needed} features that tell it from another: register it with `--identity file:PATH` or CARNET_IDENTITY=file:PATH, and keep that file where it is not copied along"
    )]
    TooLittleEvidence {
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// Some virtual machines and containers show nothing but their make.
    #[error(
        "this machine shows no number of its own, so a copy of it would look the same: register it with `--identity file:PATH` or CARNET_IDENTITY=file:PATH, and keep that file where it is not copied along"
    )]
    NothingOfItsOwn,
    /// The TPM that has wrapped its keys is another one, or has forgotten (A19).
    #[error("{} was made with another TPM, or this TPM was cleared since: a copied passbook does not run, and `carnet devices repair` cannot carry it over; if this is your device, move {} away, run `carnet register --code -` with your recovery code, then `carnet devices lost`", .0.display(), .0.parent().unwrap_or(.0).display())]
    AnotherTpm(PathBuf),
    /// The TPM is of no help.
    #[error(transparent)]
    Tpm(#[from] TpmFault),
    /// No random bytes for keys.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

impl IdentityError {
    /// Whether this is a copy, by all that can be seen: the machine, or its TPM, is not the one it was made on (A19).
    #[must_use]
    pub const fn is_of_another_machine(&self) -> bool {
        matches!(self, Self::AnotherMachine { .. } | Self::AnotherTpm(_))
    }
}

impl From<FsError> for IdentityError {
    fn from(error: FsError) -> Self {
        Self::Storage(error.into())
    }
}
