//! The identity as bytes.
//!
//! ```text
//!   0  magic                                     `CARNETI1`
//!   8  version                                   u16
//!  10  server, device                            16 bytes each
//! ```
//! Version 1, keys that lie in the file:
//! ```text
//!  42  evidence: 1 hardware, 2 file              u8
//!  43  salt                                      16 bytes
//!  59  five times: 1 known, 0 not; salted hash   u8, 32 bytes
//! 224  Ed25519 seed, X25519 secret               32 bytes each
//! 288  CRC-32C of everything before it           u32
//! ```
//! Version 2, keys that a TPM has wrapped:
//! ```text
//!  42  evidence: 3 TPM                           u8
//!  43  P-256 point                               x, y, 32 bytes each
//! 107  four times: length, bytes                 u16, bytes
//!        public and private area of the signing key, then of the X25519 secret
//!      CRC-32C of everything before it           u32
//! ```
//! Integers are little-endian.

use std::path::Path;

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::id::{DeviceId, ServerId};
use carnet_seal::keys::device_of;
use zeroize::Zeroizing;

use super::evidence::{Evidence, EvidenceKind};
use super::tpm::{Area, Wrapped};
use super::{IdentityError, Kept, Keys};

const MAGIC: &[u8; 8] = b"CARNETI1";
/// Keys in the file, and its size then.
const CLEAR: u16 = 1;
const CLEAR_SIZE: usize = 292;
/// Keys that a TPM has wrapped.
const WRAPPED: u16 = 2;
const NEWEST: u16 = WRAPPED;
const CRC: usize = 4;

/// What is larger is no identity.
pub(super) const SIZE_LIMIT: u64 = 4096;

pub(super) fn write(kept: &Kept) -> Zeroizing<Vec<u8>> {
    // Room for all of it from the start: a vector that grows leaves copies behind.
    let mut out = Zeroizing::new(Vec::with_capacity(SIZE_LIMIT as usize));
    let version = if matches!(kept.keys, Keys::Clear { .. }) { CLEAR } else { WRAPPED };
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&kept.server.0);
    out.extend_from_slice(&kept.device.0);
    match &kept.keys {
        Keys::Clear { evidence, signing, agreement } => {
            out.push(if evidence.kind == EvidenceKind::File { 2 } else { 1 });
            out.extend_from_slice(&evidence.salt);
            for hash in &evidence.hashes {
                out.push(u8::from(hash.is_some()));
                out.extend_from_slice(&hash.unwrap_or_default());
            }
            out.extend_from_slice(&**signing);
            out.extend_from_slice(&**agreement);
        }
        Keys::Wrapped(wrapped) => write_wrapped(wrapped, &mut out),
    }
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

fn write_wrapped(wrapped: &Wrapped, out: &mut Vec<u8>) {
    out.push(3);
    if let DeviceSigningKey::P256 { x, y } = wrapped.public {
        out.extend_from_slice(&x);
        out.extend_from_slice(&y);
    }
    for area in [&wrapped.key, &wrapped.secret] {
        for part in [&area.public, &area.private] {
            // No object of a TPM comes near this; one that does is cut, and so found damaged.
            let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&part[..usize::from(length)]);
        }
    }
}

pub(super) fn read(bytes: &[u8], path: &Path) -> Result<Kept, IdentityError> {
    let damaged = || IdentityError::Damaged(path.to_owned());
    let mut rest = Reader(bytes);
    let known = rest.array() == Some(*MAGIC);
    let version = rest.array().map(u16::from_le_bytes).ok_or_else(damaged)?;
    // Otherwise it is one of ours with damage in just that place.
    if known && version > NEWEST && !(CLEAR..=NEWEST).any(|version| is_whole(bytes, version)) {
        return Err(IdentityError::TooNew { path: path.to_owned(), version });
    }
    if !known || !is_whole(bytes, version) {
        return Err(damaged());
    }
    rest.0 = rest.0.split_last_chunk::<CRC>().map_or(&[][..], |(before, _)| before);
    let kept = if version == CLEAR { rest.clear() } else { rest.wrapped() };
    kept.filter(|_| rest.0.is_empty()).ok_or_else(damaged)
}

/// Whether the bytes are a whole identity of this version, whatever version they claim.
fn is_whole(bytes: &[u8], version: u16) -> bool {
    let mut claimed = Zeroizing::new(bytes.to_vec());
    let Some(place) = claimed.get_mut(8..10) else { return false };
    place.copy_from_slice(&version.to_le_bytes());
    let Some((before, crc)) = claimed.split_last_chunk::<CRC>() else { return false };
    let fits = if version == CLEAR { bytes.len() == CLEAR_SIZE } else { version == WRAPPED };
    fits && crc32c::crc32c(before).to_le_bytes() == *crc
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string.to_vec())
    }

    fn clear(&mut self) -> Option<Kept> {
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
        let (signing, agreement) = (Zeroizing::new(self.array()?), Zeroizing::new(self.array()?));
        let evidence = Evidence { kind, salt, hashes };
        Some(Kept { server, device, keys: Keys::Clear { evidence, signing, agreement } })
    }

    /// The device must have the name of the key: nothing else here says that the point belongs to it.
    fn wrapped(&mut self) -> Option<Kept> {
        let (server, device) = (ServerId(self.array()?), DeviceId(self.array()?));
        if self.array()? != [3] {
            return None;
        }
        let public = DeviceSigningKey::P256 { x: self.array()?, y: self.array()? };
        let key = Area { public: self.string()?, private: self.string()? };
        let secret = Area { public: self.string()?, private: self.string()? };
        let keys = Keys::Wrapped(Wrapped { public, key, secret });
        (device_of(public) == device).then_some(Kept { server, device, keys })
    }
}
