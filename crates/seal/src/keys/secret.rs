//! Secret keys. Their bytes come in from outside, are wiped when dropped and never shown.

use std::fmt;

use carnet_core::document::PublicKey;
use ed25519_dalek::Signer as _;
use zeroize::Zeroizing;

use super::{Algorithm, KeyId, VerifyingKey};

/// Something that signs: a key in memory, in a TPM or behind another library.
pub trait Signer {
    /// The short name of its key.
    fn key_id(&self) -> KeyId;

    /// The algorithm of its key.
    fn algorithm(&self) -> Algorithm;

    /// A signature over these bytes. Only a key in memory gives the same one for the same bytes, so nothing may be told
    /// apart by its signature.
    ///
    /// # Errors
    /// [`SignerFault`] when the key is somewhere else and cannot be reached.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerFault>;
}

/// Nothing was signed, in the words of whatever keeps the key; they end with `: ` and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignerFault(pub String);

/// An Ed25519 key in memory.
#[derive(Clone)]
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    id: KeyId,
}

impl SigningKey {
    /// The key of this seed (RFC 8032 §5.1.5): 32 bytes that were chosen at random and are kept secret.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let id = VerifyingKey::Ed25519(key.verifying_key()).id();
        Self { key, id }
    }

    /// What checks its signatures.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::Ed25519(self.key.verifying_key())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.verifying_key().to_bytes())
    }

    /// The signature over these bytes. A key in memory cannot fail, and gives the same one for the same bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl Signer for SigningKey {
    fn key_id(&self) -> KeyId {
        self.id
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerFault> {
        Ok(Self::sign(self, message))
    }
}

/// The public name only (I17).
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, …)", self.id)
    }
}

/// An X25519 key in memory: what is meant for one device alone is sealed to its public half. Never the same
/// seed as a signing key.
#[derive(Clone)]
pub struct AgreementKey(Zeroizing<[u8; 32]>);

impl AgreementKey {
    /// The key of this seed: 32 bytes that were chosen at random and are kept secret.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*seed))
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let secret = x25519_dalek::StaticSecret::from(*self.0);
        PublicKey(x25519_dalek::PublicKey::from(&secret).to_bytes())
    }
}

/// The public half only (I17).
/// What opens codes that are sealed to a supplier: its keys on its own machine, or one that it has deposited.
pub trait OpensCodes {
    /// The key.
    fn opening_key(&self) -> &AgreementKey;
}

impl OpensCodes for AgreementKey {
    fn opening_key(&self) -> &AgreementKey {
        self
    }
}

impl fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgreementKey({:?}, …)", self.public())
    }
}
