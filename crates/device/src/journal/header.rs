//! The first bytes of a segment: whose journal it is, and where it goes on from.
//!
//! ```text
//!   0  magic                                   `CARNETJ1`
//!   8  version                                 u16
//!  10  server, device                          16 bytes each
//!  42  number of the segment                   u64
//!  50  sequence and chain of the head before   u64, 32 bytes
//!  90  what follows that head in the segment before and is no record: length, SHA-256
//! 130  app id: length (0: the device's own journal), text
//!      CRC-32C of everything before it         u32
//! ```

use carnet_core::id::{DeviceId, ServerId};
use sha2::{Digest, Sha256};

use super::frame::array;
use super::{Head, JournalName, Tail};

pub(super) const MAGIC: &[u8; 8] = b"CARNETJ1";
pub(super) const VERSION: u16 = 1;
const FIXED: usize = 131;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub name: JournalName,
    pub number: u64,
    /// The last good record before this segment.
    pub before: Head,
    /// What the segment before has after that record. Its record comes right after the checkpoint.
    pub dropped: Tail,
}

impl Header {
    pub fn write(&self) -> Vec<u8> {
        let app = self.name.app.as_ref().map_or("", |app| app.as_str()).as_bytes();
        let mut out = Vec::with_capacity(FIXED + app.len() + 4);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.name.server.0);
        out.extend_from_slice(&self.name.device.0);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.before.sequence.to_le_bytes());
        out.extend_from_slice(&self.before.chain);
        out.extend_from_slice(&self.dropped.length.to_le_bytes());
        out.extend_from_slice(&self.dropped.sha256);
        // An app id has at most 122 bytes.
        out.push(u8::try_from(app.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(app);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header at the start of `bytes` and its size; `None` unless every byte of it is right.
    pub fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let size = FIXED + usize::from(*bytes.get(FIXED - 1)?);
        let crc = u32::from_le_bytes(array(bytes, size)?);
        let fits = bytes.starts_with(MAGIC) && array(bytes, 8) == Some(VERSION.to_le_bytes());
        if !fits || crc32c::crc32c(&bytes[..size]) != crc {
            return None;
        }
        let app = std::str::from_utf8(&bytes[FIXED..size]).ok()?;
        let app = if app.is_empty() { None } else { Some(app.parse().ok()?) };
        let name =
            JournalName { server: ServerId(array(bytes, 10)?), device: DeviceId(array(bytes, 26)?), app };
        let number = u64::from_le_bytes(array(bytes, 42)?);
        let before = Head { sequence: u64::from_le_bytes(array(bytes, 50)?), chain: array(bytes, 58)? };
        let dropped = Tail { length: u64::from_le_bytes(array(bytes, 90)?), sha256: array(bytes, 98)? };
        Some((Self { name, number, before, dropped }, size + 4))
    }

    /// The head that the checkpoint follows: it binds the whole header into the chain.
    pub fn head(&self) -> Head {
        Head { sequence: self.before.sequence, chain: Sha256::digest(self.write()).into() }
    }

    /// What differs from the journal that was expected, in words.
    pub fn foreign(&self, name: &JournalName, number: u64) -> Option<&'static str> {
        match self {
            _ if self.name.server != name.server => Some("another server"),
            _ if self.name.device != name.device => Some("another device"),
            _ if self.name.app != name.app => Some("another app"),
            _ if self.number != number => Some("another segment"),
            _ => None,
        }
    }
}

/// The version of a header that this program does not know; `None` when it is no header or a known one.
pub(super) fn newer_version(bytes: &[u8]) -> Option<u16> {
    let version = u16::from_le_bytes(array(bytes, 8)?);
    (bytes.starts_with(MAGIC) && version > VERSION).then_some(version)
}
