//! The keys of this device at one server, bound to the machine, to its TPM or to a file (A19, B2).
//!
//! # What it protects, and what not
//!
//! The file holds both private keys in the clear, readable by its owner only, together with salted hashes
//! of what the machine looked like when it was made. Carnet refuses to use it on a machine that looks
//! different. So a copied passbook, a copied home folder or a cloned disk does not run elsewhere. It does
//! not stop somebody who changes the program or the hashes: software alone cannot, and the server's
//! epochs and hash chains are what make two users of one identity visible.
//!
//! With [`Binding::Tpm`] the TPM of the machine makes the signing key and never gives it out, and wraps the other
//! one: the file then holds nothing that is of use to anybody but this TPM, and nobody gets at the keys by changing a
//! program. Whoever may use the machine as its user can still have things signed there, for as long as that lasts.
//!
//! With [`Binding::File`] the machine is not looked at. A copy then needs that file too, so it belongs
//! somewhere that is not copied along: a secret mounted into a container, for one. The server is told
//! which of them it is, and an offer may refuse `file`.

mod error;
mod evidence;
mod file;
mod tpm;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::id::{DeviceId, ServerId};
use carnet_seal::keys::device_of;
use carnet_seal::{Signer, SigningKey};
use carnet_seam::fs::{create_folders, read_file, replace_file};
use carnet_seam::{Fs, Random, random};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

pub use error::IdentityError;
pub use evidence::{Binding, Component, Drift, EvidenceKind, Feature, GivenMachine, Machine, shows_enough};
pub use tpm::{Area, Tpm, TpmFault, Wrapped};

use crate::storage::ours;
use evidence::{Evidence, another_kind};
use tpm::TpmSigner;

/// Who this device is for one server: a name that says nothing, and two key pairs.
pub struct DeviceIdentity {
    server: ServerId,
    device: DeviceId,
    kind: EvidenceKind,
    drift: Drift,
    signer: Box<dyn Signer + Send + Sync>,
    signing_public: DeviceSigningKey,
    agreement: StaticSecret,
    own_secret: Zeroizing<[u8; 32]>,
}

impl DeviceIdentity {
    /// Opens the identity at `path`.
    ///
    /// # Errors
    /// [`IdentityError`], with the remedy; [`IdentityError::Missing`] when there is none.
    pub fn open(
        fs: &dyn Fs,
        path: &Path,
        server: ServerId,
        binding: &Binding<'_>,
    ) -> Result<Self, IdentityError> {
        Unbound::read(fs, path, server)?.bind(fs, binding)
    }

    /// Opens the identity at `path`, or makes one: new keys, the device id that goes with them, and with
    /// [`Binding::File`] the evidence file when there is none. Of several processes doing this at once
    /// one makes it and the others open it.
    ///
    /// # Errors
    /// [`IdentityError`], with the remedy. Nothing or a whole identity is at `path` then (I10).
    pub fn open_or_create(
        fs: &dyn Fs,
        path: &Path,
        server: ServerId,
        binding: &Binding<'_>,
        random: &dyn Random,
    ) -> Result<Self, IdentityError> {
        match Self::open(fs, path, server, binding) {
            Err(IdentityError::Missing(_)) => {}
            opened => return opened,
        }
        if let Some(folder) = path.parent() {
            create_folders(fs, folder)?;
        }
        let lock = crate::storage::lock_file(fs, &path.with_extension("lock"))?;
        lock.lock(Duration::from_secs(10))?;
        let made = match Self::open(fs, path, server, binding) {
            Err(IdentityError::Missing(_)) => Self::create(fs, path, server, binding, random),
            opened => opened,
        };
        lock.unlock()?;
        made
    }

    fn create(
        fs: &dyn Fs,
        path: &Path,
        server: ServerId,
        binding: &Binding<'_>,
        random: &dyn Random,
    ) -> Result<Self, IdentityError> {
        let kept = match binding {
            Binding::Tpm(machine) => {
                let wrapped = machine.tpm()?.make(&Zeroizing::new(random::bytes(random)?))?;
                Kept { server, device: device_of(wrapped.public), keys: Keys::Wrapped(wrapped) }
            }
            Binding::Machine(_) | Binding::File(_) => Kept::in_clear(fs, server, binding, random)?,
        };
        let unbound = Unbound { path: path.to_owned(), kept };
        // It must open before it is kept, or the server would register a device that cannot sign.
        let (bytes, identity) = (file::write(&unbound.kept), unbound.bind(fs, binding)?);
        replace_file(fs, path, &bytes)?;
        Ok(identity)
    }

    /// The server this identity is for.
    #[must_use]
    pub fn server(&self) -> ServerId {
        self.server
    }

    /// The device's name at that server.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// What the identity is bound to, as the server is told.
    #[must_use]
    pub fn evidence_kind(&self) -> EvidenceKind {
        self.kind
    }

    /// What of the machine has changed since the identity was bound to it, within what is tolerated.
    #[must_use]
    pub fn drift(&self) -> &Drift {
        &self.drift
    }

    /// Signs requests, agreements, reports and certificates.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// Opens what the server seals to this device (X25519).
    #[must_use]
    pub fn agreement_secret(&self) -> &StaticSecret {
        &self.agreement
    }

    /// Checks what [`DeviceIdentity::signer`] signs.
    #[must_use]
    pub fn signing_public(&self) -> DeviceSigningKey {
        self.signing_public
    }

    /// A secret that is only this device's: pseudonyms are made with it.
    #[must_use]
    pub fn own_secret(&self) -> &[u8; 32] {
        &self.own_secret
    }

    /// The public half of [`DeviceIdentity::agreement_secret`].
    #[must_use]
    pub fn agreement_public(&self) -> [u8; 32] {
        PublicKey::from(&self.agreement).to_bytes()
    }
}

/// What a file says of an identity.
struct Kept {
    server: ServerId,
    device: DeviceId,
    keys: Keys,
}

/// Its keys.
enum Keys {
    /// Both, as they are, and what machine or file looked like.
    Clear { evidence: Evidence, signing: Zeroizing<[u8; 32]>, agreement: Zeroizing<[u8; 32]> },
    /// Of use to one TPM only.
    Wrapped(Wrapped),
}

impl Kept {
    fn in_clear(
        fs: &dyn Fs,
        server: ServerId,
        binding: &Binding<'_>,
        random: &dyn Random,
    ) -> Result<Self, IdentityError> {
        let evidence = Evidence::gather(fs, binding, random)?;
        let (signing, agreement) =
            (Zeroizing::new(random::bytes(random)?), Zeroizing::new(random::bytes(random)?));
        let device = device_of(SigningKey::from_seed(&signing).public());
        Ok(Self { server, device, keys: Keys::Clear { evidence, signing, agreement } })
    }

    fn kind(&self) -> EvidenceKind {
        match &self.keys {
            Keys::Clear { evidence, .. } => evidence.kind,
            Keys::Wrapped(_) => EvidenceKind::Tpm,
        }
    }
}

/// An identity as read from its file. Nobody has looked yet at what it is bound to.
pub struct Unbound {
    path: PathBuf,
    kept: Kept,
}

impl Unbound {
    /// Reads the identity at `path`.
    ///
    /// # Errors
    /// As [`DeviceIdentity::open`], but for what is said about machine and file.
    pub fn read(fs: &dyn Fs, path: &Path, server: ServerId) -> Result<Self, IdentityError> {
        ours(fs, path, 0o077)?;
        let bytes = read_file(fs, path, file::SIZE_LIMIT)?.map(Zeroizing::new);
        let bytes = bytes.ok_or_else(|| IdentityError::Missing(path.to_owned()))?;
        let kept = file::read(&bytes, path)?;
        if kept.server != server {
            return Err(IdentityError::AnotherServer(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), kept })
    }

    /// What it is bound to.
    #[must_use]
    pub fn kind(&self) -> EvidenceKind {
        self.kept.kind()
    }

    /// The device that it says to be.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.kept.device
    }

    /// The identity, if this is what it is bound to (A19).
    ///
    /// # Errors
    /// [`IdentityError::AnotherMachine`], [`IdentityError::AnotherFile`], [`IdentityError::AnotherKind`],
    /// [`IdentityError::AnotherTpm`], [`IdentityError::Tpm`].
    pub fn bind(self, fs: &dyn Fs, binding: &Binding<'_>) -> Result<DeviceIdentity, IdentityError> {
        let kind = self.kept.kind();
        let Self { path, kept: Kept { server, device, keys } } = self;
        let (drift, signer, signing_public, own_secret, agreement) = match keys {
            Keys::Clear { evidence, signing, agreement } => {
                let (drift, key) = (evidence.check(fs, &path, binding)?, SigningKey::from_seed(&signing));
                let public = key.public().into();
                let agreement = StaticSecret::from(*agreement);
                (drift, Box::new(key) as Box<dyn Signer + Send + Sync>, public, signing, agreement)
            }
            Keys::Wrapped(wrapped) => {
                let Binding::Tpm(machine) = binding else { return Err(another_kind(path, kind, binding)) };
                let tpm = machine.tpm()?;
                let secret = tpm.open(&wrapped).map_err(|fault| match fault {
                    TpmFault::Another => IdentityError::AnotherTpm(path),
                    fault => fault.into(),
                })?;
                let (public, agreement) = (wrapped.public, StaticSecret::from(*secret));
                (Drift::default(), Box::new(TpmSigner { tpm, wrapped }) as _, public, secret, agreement)
            }
        };
        Ok(DeviceIdentity { server, device, kind, drift, signer, signing_public, agreement, own_secret })
    }

    /// Takes note of tolerated changes: from now on the identity is bound to the machine as it is. Keys stay.
    ///
    /// # Errors
    /// As [`Unbound::bind`]; whatever fails, the identity at its path is whole (I10).
    pub fn note_changes(
        self,
        fs: &dyn Fs,
        binding: &Binding<'_>,
        random: &dyn Random,
    ) -> Result<Drift, IdentityError> {
        let Self { path, mut kept } = self;
        let Keys::Clear { evidence, .. } = &mut kept.keys else {
            return Err(another_kind(path, EvidenceKind::Tpm, binding));
        };
        let drift = evidence.check(fs, &path, binding)?;
        if !drift.is_none() {
            *evidence = Evidence::gather(fs, binding, random)?;
            replace_file(fs, &path, &file::write(&kept))?;
        }
        Ok(drift)
    }
}

impl fmt::Debug for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kept { server, device, .. } = &self.kept;
        write!(f, "Unbound({device} at {server}, {})", self.kept.kind())
    }
}

/// Names the device; keys are never shown (I17).
impl fmt::Debug for DeviceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceIdentity({} at {}, {})", self.device, self.server, self.kind)
    }
}
