//! One record as bytes.
//!
//! ```text
//!  0  CRC-32C of everything after it           u32
//!  4  length of the body                       u32
//!  8  sequence                                 u64
//! 16  every record up to this one was durable  u64
//!     when this one was written
//! 24  kind                                     u8
//! 25  flags                                    u8
//! 26  chain: SHA-256(chain before, bytes 4 to 25, body)
//! 58  body
//! ```
//! Integers are little-endian.

use sha2::{Digest, Sha256};

use super::Head;

pub(super) const OVERHEAD: usize = 58;
const CHAIN: usize = 26;

/// The record after this one belongs to the same write: all of them count, or none (I10).
pub(super) const MORE: u8 = 1;
/// Written when the segment was made, hence durable before the segment had its name.
pub(super) const BORN: u8 = 2;

/// A record whose CRC is right. Whether it fits where it stands is for the [walk](super::walk) to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub sequence: u64,
    pub durable: u64,
    pub kind: u8,
    pub flags: u8,
    pub chain: [u8; 32],
    pub body: &'a [u8],
    /// From the length to the flags, as hashed.
    facts: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The record at the start of `bytes`, if there is one with at most `largest` bytes of body.
    pub fn read(bytes: &'a [u8], largest: usize) -> Option<Self> {
        let length = usize::try_from(u32::from_le_bytes(array(bytes, 4)?)).ok()?;
        let whole = bytes.get(..OVERHEAD.checked_add(length).filter(|_| length <= largest)?)?;
        if crc32c::crc32c(&whole[4..]) != u32::from_le_bytes(array(whole, 0)?) {
            return None;
        }
        let frame = Self {
            sequence: u64::from_le_bytes(array(whole, 8)?),
            durable: u64::from_le_bytes(array(whole, 16)?),
            kind: whole[24],
            flags: whole[25],
            chain: array(whole, CHAIN)?,
            body: &whole[OVERHEAD..],
            facts: &whole[4..CHAIN],
        };
        let sane = frame.flags & !(MORE | BORN) == 0 && frame.durable < frame.sequence;
        sane.then_some(frame)
    }

    /// The sequence number that the bytes would have if they were a record; far cheaper than reading it.
    pub fn sequence_at(bytes: &[u8]) -> Option<u64> {
        array(bytes, 8).map(u64::from_le_bytes)
    }

    /// How many bytes reading a record there has to hash.
    pub fn cost_at(bytes: &[u8]) -> usize {
        let length = array(bytes, 4).map_or(0, u32::from_le_bytes) as usize;
        if length.saturating_add(OVERHEAD) <= bytes.len() { length + OVERHEAD } else { 0 }
    }

    pub fn follows(&self, head: &Head) -> bool {
        Some(self.sequence) == head.sequence.checked_add(1)
            && self.chain == chained(&head.chain, self.facts, self.body)
    }

    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, chain: self.chain }
    }

    pub fn size(&self) -> usize {
        OVERHEAD + self.body.len()
    }
}

/// Appends a record that follows `head` to `out`; returns the head after it.
pub(super) fn write(out: &mut Vec<u8>, head: &Head, durable: u64, kind: u8, flags: u8, body: &[u8]) -> Head {
    let start = out.len();
    let sequence = head.sequence.saturating_add(1);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&durable.to_le_bytes());
    out.extend_from_slice(&[kind, flags]);
    let chain = chained(&head.chain, &out[start + 4..start + CHAIN], body);
    out.extend_from_slice(&chain);
    out.extend_from_slice(body);
    let crc = crc32c::crc32c(&out[start + 4..]);
    out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
    Head { sequence, chain }
}

fn chained(before: &[u8; 32], facts: &[u8], body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(before).chain_update(facts).chain_update(body).finalize().into()
}

/// `N` bytes at `at`.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
