//! The identity as bytes.
//!
//! ```text
//!   0  magic                                     `CARNETI1`
//!   8  version                                   u16
//!  10  server, device                            16 bytes each
//!  42  evidence: 1 hardware, 2 file              u8
//!  43  salt                                      16 bytes
//!  59  five times: 1 known, 0 not; salted hash   u8, 32 bytes
//! 224  Ed25519 seed, X25519 secret               32 bytes each
//! 288  CRC-32C of everything before it           u32
//! ```
//! Integers are little-endian.

use std::path::Path;

use carnet_core::id::{DeviceId, ServerId};
use ed25519_dalek::SigningKey;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::evidence::{Drift, Evidence, EvidenceKind};
use super::{DeviceIdentity, IdentityError};

const MAGIC: &[u8; 8] = b"CARNETI1";
const VERSION: u16 = 1;
const SIZE: usize = 292;
const CRC: usize = SIZE - 4;

/// What is larger is no identity.
pub(super) const SIZE_LIMIT: u64 = 4096;

pub(super) fn write(identity: &DeviceIdentity, evidence: &Evidence) -> Zeroizing<Vec<u8>> {
    // Room for all of it from the start: a vector that grows leaves copies behind.
    let mut out = Zeroizing::new(Vec::with_capacity(SIZE));
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&identity.server.0);
    out.extend_from_slice(&identity.device.0);
    out.push(match identity.kind {
        EvidenceKind::Hardware => 1,
        EvidenceKind::File => 2,
    });
    out.extend_from_slice(&evidence.salt);
    for hash in &evidence.hashes {
        out.push(u8::from(hash.is_some()));
        out.extend_from_slice(&hash.unwrap_or_default());
    }
    out.extend_from_slice(identity.signing.as_bytes());
    out.extend_from_slice(identity.agreement.as_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

pub(super) fn read(bytes: &[u8], path: &Path) -> Result<(DeviceIdentity, Evidence), IdentityError> {
    let damaged = || IdentityError::Damaged(path.to_owned());
    let mut rest = Reader(bytes);
    let whole = bytes.len() == SIZE && crc32c::crc32c(&bytes[..CRC]).to_le_bytes() == bytes[CRC..];
    let known = rest.array() == Some(*MAGIC);
    let version = rest.array().map(u16::from_le_bytes).ok_or_else(damaged)?;
    if known && version > VERSION && !whole_as_known(bytes) {
        return Err(IdentityError::TooNew { path: path.to_owned(), version });
    }
    if !whole || !known || version != VERSION {
        return Err(damaged());
    }
    rest.identity().ok_or_else(damaged)
}

/// Whether bytes that claim another version are this version with damage in just that place.
fn whole_as_known(bytes: &[u8]) -> bool {
    let mut known = Zeroizing::new(bytes.to_vec());
    known.len() == SIZE && {
        known[8..10].copy_from_slice(&VERSION.to_le_bytes());
        crc32c::crc32c(&known[..CRC]).to_le_bytes() == known[CRC..]
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn identity(&mut self) -> Option<(DeviceIdentity, Evidence)> {
        let (server, device) = (ServerId(self.array()?), DeviceId(self.array()?));
        let kind = match self.array()? {
            [1] => EvidenceKind::Hardware,
            [2] => EvidenceKind::File,
            _ => return None,
        };
        let (salt, mut hashes) = (self.array()?, [None; 5]);
        for hash in &mut hashes {
            let ([known], value) = (self.array()?, self.array()?);
            *hash = (known == 1).then_some(value);
        }
        let signing = SigningKey::from_bytes(&Zeroizing::new(self.array()?));
        let agreement = StaticSecret::from(*Zeroizing::new(self.array()?));
        let identity = DeviceIdentity { server, device, kind, drift: Drift::default(), signing, agreement };
        Some((identity, Evidence { kind, salt, hashes }))
    }
}
