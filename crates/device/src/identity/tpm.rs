//! A TPM 2.0, as far as an identity needs one: a key that signs and never leaves it, and one secret that it seals.
//!
//! TPMs know no X25519, so the key that things are sealed to is made here and then wrapped by the TPM. What is kept on
//! the disk is wrapped both times: bytes that this TPM opens, and no other, as long as nobody clears it.

use std::fmt;
use std::sync::Arc;

use carnet_core::device_key::DeviceSigningKey;
use carnet_seal::keys::{Algorithm, CoseKey};
use carnet_seal::{KeyId, Signer, SignerFault};
use zeroize::Zeroizing;

/// A TPM that can be asked to keep an identity. Nothing of an identity stays in it: every call brings the wrapped keys.
pub trait Tpm: Send + Sync + fmt::Debug {
    /// Makes a signing key that never leaves the TPM, and wraps the secret.
    ///
    /// # Errors
    /// [`TpmFault`], with the remedy.
    fn make(&self, secret: &[u8; 32]) -> Result<Wrapped, TpmFault>;

    /// The secret; and the TPM has shown that it holds the signing key, by signing what nobody could know beforehand.
    ///
    /// # Errors
    /// [`TpmFault::Another`] when this TPM has not made them, or was cleared since.
    fn open(&self, wrapped: &Wrapped) -> Result<Zeroizing<[u8; 32]>, TpmFault>;

    /// A signature with the signing key, as [`Algorithm::Esp256`] wants it.
    ///
    /// # Errors
    /// As [`Tpm::open`].
    fn sign(&self, wrapped: &Wrapped, message: &[u8]) -> Result<[u8; 64], TpmFault>;
}

/// A signing key and a secret, of use to the TPM that has wrapped them and to nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// What checks the signatures: a key of P-256.
    pub public: DeviceSigningKey,
    /// The signing key.
    pub key: Area,
    /// The secret.
    pub secret: Area,
}

/// One object of a TPM, as TPM2_Create gives it out and TPM2_Load takes it back (TPM 2.0 Library, part 3).
#[derive(Clone, PartialEq, Eq)]
pub struct Area {
    /// What it is: `TPMT_PUBLIC`.
    pub public: Vec<u8>,
    /// Its secret part, encrypted and with a check value: the content of a `TPM2B_PRIVATE`.
    pub private: Vec<u8>,
}

/// The public key only: the rest says nothing to anybody.
impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrapped({:?}, …)", self.public)
    }
}

/// The TPM is of no help. Each text says what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TpmFault {
    /// There is no code for it in this program.
    #[error("this program was built without support for TPMs: use one that was built with its feature `tpm`")]
    NotBuiltIn,
    /// What CARNET_TPM says is no way to a TPM.
    #[error(
        "CARNET_TPM names no TPM (`{0}`): write `device:PATH`, `tabrmd`, or `swtpm:host=ADDRESS,port=NUMBER`"
    )]
    BadName(String),
    /// Nothing is there.
    #[error(
        "there is no TPM at {0}: switch it on in the firmware of this machine, or name another one in CARNET_TPM"
    )]
    Missing(String),
    /// This user may not.
    #[error(
        "no permission to use the TPM at {0}: become a member of the group `tss` (as root, `usermod -aG tss USER`), then sign in again"
    )]
    NoPermission(String),
    /// Wrapped by another TPM, or before this one was cleared.
    #[error(
        "this TPM did not make the keys of this device, or was cleared since: bring back the TPM that did"
    )]
    Another,
    /// Too many wrong passwords, of anybody.
    #[error(
        "the TPM is locked after too many wrong passwords: wait until it unlocks, or have its owner unlock it (`tpm2_dictionarylockout --clear-lockout`)"
    )]
    Lockout,
    /// Its owner lets nobody make keys without a password.
    #[error(
        "the owner of this TPM has set a password or switched its storage off: have that undone (`tpm2_changeauth`), or register with another `--identity`"
    )]
    OwnedElsewhere,
    /// Others have filled its memory.
    #[error(
        "the TPM has no room for one more key: end the programs that use it, and use it by its resource manager (/dev/tpmrm0)"
    )]
    Full,
    /// Anything else, in the words of the library below.
    #[error("the TPM does not do what it is asked ({0}): try again, and restart this machine if it stays so")]
    Failed(String),
}

/// Signs with the key of an identity, in the TPM.
pub(super) struct TpmSigner {
    pub tpm: Arc<dyn Tpm>,
    pub wrapped: Wrapped,
}

impl Signer for TpmSigner {
    fn key_id(&self) -> KeyId {
        CoseKey::from(self.wrapped.public).id()
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Esp256
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerFault> {
        self.tpm.sign(&self.wrapped, message).map_err(|fault| SignerFault(fault.to_string()))
    }
}
