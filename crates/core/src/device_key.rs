//! The key that checks what a device signs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::document::PublicKey;
use crate::id::Digest;

/// The public key that checks what a device signs, opaque here.
///
/// Servers and suppliers sign with Ed25519 alone. A device may keep its key in a TPM, which knows no Ed25519; so only
/// where a device's own key is named another curve is possible.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeviceSigningKey {
    /// Ed25519.
    Ed25519(PublicKey),
    /// ECDSA over P-256: both coordinates of the point, big-endian. Never compressed, so that a key has one spelling.
    P256 {
        /// The first coordinate.
        x: [u8; 32],
        /// The second one.
        y: [u8; 32],
    },
}

impl From<PublicKey> for DeviceSigningKey {
    fn from(key: PublicKey) -> Self {
        Self::Ed25519(key)
    }
}

impl fmt::Debug for DeviceSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ed25519(key) => fmt::Debug::fmt(key, f),
            Self::P256 { x, y } => write!(f, "P-256 {:?} {:?}", Digest(*x), Digest(*y)),
        }
    }
}
