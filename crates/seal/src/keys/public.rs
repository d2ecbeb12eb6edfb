//! Public keys and their names.

use std::fmt;

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::PublicKey;
use carnet_core::id::{DeviceId, Digest};
use p256::Sec1Point;
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Verifier as _;
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
    /// ECDSA over P-256 with SHA-256, of devices whose key is in a TPM.
    Esp256,
}

impl Algorithm {
    /// The number in the COSE registry.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Ed25519 => -19,
            Self::Esp256 => -9,
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

/// A public key with its curve, written as a COSE_Key (RFC 9052 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoseKey {
    /// Checks signatures.
    Ed25519(PublicKey),
    /// Things are sealed to it.
    X25519(PublicKey),
    /// Checks the signatures of a device, and of nobody else.
    P256 {
        /// The first coordinate.
        x: [u8; 32],
        /// The second one.
        y: [u8; 32],
    },
}

/// Kinds of keys (RFC 9053 §7).
const OCTET_KEY_PAIR: u64 = 1;
const TWO_COORDINATES: u64 = 2;

/// RFC 9053 §7.2: kty 1 is OKP, crv −1, x −2. §7.1: kty 2 is EC2, y −3, and that in full: RFC 9679 §3 makes the
/// thumbprint of the uncompressed point, so a key that may stand compressed would have two spellings.
impl Claims for CoseKey {
    fn put(&self, map: &mut MapWriter) {
        let (kind, curve, first) = match self {
            Self::X25519(point) => (OCTET_KEY_PAIR, 4_u64, &point.0),
            Self::Ed25519(point) => (OCTET_KEY_PAIR, 6, &point.0),
            Self::P256 { x, .. } => (TWO_COORDINATES, 1, x),
        };
        map.put(1, &kind);
        map.put(-1, &curve);
        map.put(-2, first);
        if let Self::P256 { y, .. } = self {
            map.put(-3, y);
        }
    }

    fn take(map: &mut MapReader<'_>) -> Result<Self, CborError> {
        let (kind, curve) = (map.take::<u64>(1)?, map.take::<u64>(-1)?);
        let first = map.take(-2)?;
        match (kind, curve) {
            (OCTET_KEY_PAIR, 4) => Ok(Self::X25519(PublicKey(first))),
            (OCTET_KEY_PAIR, 6) => Ok(Self::Ed25519(PublicKey(first))),
            (TWO_COORDINATES, 1) => Ok(Self::P256 { x: first, y: map.take(-3)? }),
            _ => Err(map.wrong(Fault::Expected("a COSE_Key with curve X25519, Ed25519 or P-256"))),
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

impl From<DeviceSigningKey> for CoseKey {
    fn from(key: DeviceSigningKey) -> Self {
        match key {
            DeviceSigningKey::Ed25519(public) => Self::Ed25519(public),
            DeviceSigningKey::P256 { x, y } => Self::P256 { x, y },
        }
    }
}

/// The name of the device with this signing key: the first 16 bytes of the key's thumbprint. A device that chose
/// its name freely could take another one's.
#[must_use]
pub fn device_of(signing_key: impl Into<DeviceSigningKey>) -> DeviceId {
    let mut id = [0; 16];
    id.copy_from_slice(&CoseKey::from(signing_key.into()).thumbprint().0[..16]);
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
    /// ECDSA over P-256 (FIPS 186-5), of a device.
    P256(p256::ecdsa::VerifyingKey),
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

    /// The key of a device.
    ///
    /// # Errors
    /// [`SealError::BadKey`] as [`VerifyingKey::ed25519`], or when the coordinates are not those of a point of P-256.
    pub fn of_device(key: DeviceSigningKey) -> Result<Self, SealError> {
        match key {
            DeviceSigningKey::Ed25519(public) => Self::ed25519(public),
            // Coordinates beyond the prime are refused too; P-256 has no points of small order.
            DeviceSigningKey::P256 { x, y } => {
                let point = Sec1Point::from_affine_coordinates(&x.into(), &y.into(), false);
                let key = p256::ecdsa::VerifyingKey::from_sec1_point(&point);
                key.map(Self::P256).map_err(|_| SealError::BadKey)
            }
        }
    }

    /// The algorithm that goes with this key, and no other.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::P256(_) => Algorithm::Esp256,
        }
    }

    /// The bytes of the key.
    #[must_use]
    pub fn public(&self) -> DeviceSigningKey {
        match self {
            Self::Ed25519(key) => PublicKey(key.to_bytes()).into(),
            Self::P256(key) => {
                let point = key.to_sec1_point(false);
                let (mut x, mut y) = ([0; 32], [0; 32]);
                // A point of the curve has both.
                x.iter_mut().zip(point.x().into_iter().flatten()).for_each(|(to, from)| *to = *from);
                y.iter_mut().zip(point.y().into_iter().flatten()).for_each(|(to, from)| *to = *from);
                DeviceSigningKey::P256 { x, y }
            }
        }
    }

    /// The key as it is written.
    #[must_use]
    pub fn cose(&self) -> CoseKey {
        self.public().into()
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
            Self::P256(key) => verify_low(key, message, signature).ok_or(SealError::WrongSignature),
        }
    }
}

/// With (r, s) also (r, n − s) fits; only the one with the lower s counts, so that nobody makes a second signature of
/// the first.
fn verify_low(key: &p256::ecdsa::VerifyingKey, message: &[u8], signature: &[u8; 64]) -> Option<()> {
    let signature = Signature::from_bytes(&(*signature).into()).ok()?;
    (signature == signature.normalize_s()).then_some(())?;
    key.verify(message, &signature).ok()
}

/// The same signature with the lower s, as the verifier asks for it: what makes signatures elsewhere does not care.
///
/// # Errors
/// [`SealError::WrongSignature`] when r or s is zero or not below the order of the curve.
pub fn low_s(signature: &[u8; 64]) -> Result<[u8; 64], SealError> {
    let signature = Signature::from_bytes(&(*signature).into()).map_err(|_| SealError::WrongSignature)?;
    Ok(signature.normalize_s().to_bytes().into())
}
