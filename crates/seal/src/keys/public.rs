//! Public keys and their names.

use std::fmt;

use carnet_core::document::PublicKey;
use carnet_core::id::{DeviceId, Digest};
use sha2::Digest as _;

use crate::cbor::{self, Cbor, CborError, Claims, Decoder, Encoder, Fault, MapReader, MapWriter};
use crate::error::SealError;
use crate::newtype;

/// A signature algorithm (RFC 9864: names that say everything).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    /// The number in the COSE registry.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Ed25519 => -19,
        }
    }
}

/// The short name of a key: the first 8 bytes of its thumbprint. A hint where to look, never a proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

newtype!(KeyId);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key with its curve, written as a COSE_Key (RFC 9052 §7) of type OKP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoseKey {
    /// Checks signatures.
    Ed25519(PublicKey),
    /// Things are sealed to it.
    X25519(PublicKey),
}

/// RFC 9053 §7.2: kty 1 is OKP, crv −1, x −2.
impl Claims for CoseKey {
    fn put(&self, map: &mut MapWriter) {
        let (curve, point) = match self {
            Self::X25519(point) => (4_u64, point),
            Self::Ed25519(point) => (6, point),
        };
        map.put(1, &1_u64);
        map.put(-1, &curve);
        map.put(-2, &point.0);
    }

    fn take(map: &mut MapReader<'_>) -> Result<Self, CborError> {
        let octet_key_pair = map.take::<u64>(1)? == 1;
        let curve = map.take::<u64>(-1)?;
        let point = PublicKey(map.take(-2)?);
        match curve {
            4 if octet_key_pair => Ok(Self::X25519(point)),
            6 if octet_key_pair => Ok(Self::Ed25519(point)),
            _ => Err(map.wrong(Fault::Expected("a COSE_Key with curve X25519 or Ed25519"))),
        }
    }
}

impl Cbor for CoseKey {
    fn encode(&self, out: &mut Encoder) {
        self.encode_map(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        Self::decode_map(from)
    }
}

impl CoseKey {
    /// SHA-256 of the COSE_Key with its required parameters only (RFC 9679); a key has one, whoever computes it.
    #[must_use]
    pub fn thumbprint(&self) -> Digest {
        Digest(sha2::Sha256::digest(cbor::encode(self)).into())
    }

    /// The short name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&self.thumbprint().0[..8]);
        KeyId(id)
    }
}

/// The name of the device with this signing key: the first 16 bytes of the key's thumbprint. A device that chose
/// its name freely could take another one's.
#[must_use]
pub fn device_of(signing_key: PublicKey) -> DeviceId {
    let mut id = [0; 16];
    id.copy_from_slice(&CoseKey::Ed25519(signing_key).thumbprint().0[..16]);
    DeviceId(id)
}

/// Whether y < p = 2^255 − 19 (RFC 8032 §5.1.3). The library takes y modulo p, so that one key could go by two ids.
fn is_canonical(public: &PublicKey) -> bool {
    let [first, middle @ .., last] = public.0;
    first < 0xed || last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

/// A public key that signatures can be checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyingKey {
    /// Ed25519 (RFC 8032).
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl VerifyingKey {
    /// The Ed25519 key with these bytes.
    ///
    /// # Errors
    /// [`SealError::BadKey`] when they are no point of the curve, not in its one spelling, or one of the few for
    /// which signatures can be made up.
    pub fn ed25519(public: PublicKey) -> Result<Self, SealError> {
        match ed25519_dalek::VerifyingKey::from_bytes(&public.0) {
            Ok(key) if is_canonical(&public) && !key.is_weak() => Ok(Self::Ed25519(key)),
            _ => Err(SealError::BadKey),
        }
    }

    /// The algorithm that goes with this key, and no other.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The bytes of the key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        match self {
            Self::Ed25519(key) => PublicKey(key.to_bytes()),
        }
    }

    /// The key as it is written.
    #[must_use]
    pub fn cose(&self) -> CoseKey {
        match self {
            Self::Ed25519(_) => CoseKey::Ed25519(self.public()),
        }
    }

    /// The full name of the key: its COSE thumbprint.
    #[must_use]
    pub fn thumbprint(&self) -> Digest {
        self.cose().thumbprint()
    }

    /// The short name of the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.cose().id()
    }

    /// Checks a signature, strictly: one key, one message, one signature (no malleable or small-order parts).
    ///
    /// # Errors
    /// [`SealError::WrongSignature`] when it does not match.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), SealError> {
        match self {
            Self::Ed25519(key) => key
                .verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature))
                .map_err(|_| SealError::WrongSignature),
        }
    }
}
