//! The portable passbook: passes on their way between the devices of one user (A14, A18).
//!
//! ```text
//!   0  magic                                        `CARNETP1`
//!   8  version                                      u16
//!  10  {1: root, 2: address, 3: user, 4: passes}    deterministic CBOR
//!  -4  CRC-32C of everything before it              u32
//! ```
//! Integers are little-endian. Each of the passes is `[status, document]`: what it carries stands in the
//! document, which the server has signed, and nowhere else. Nothing here is secret, and nothing is believed: whoever
//! imports checks the documents, and the server accepts each of them once (I7).

use carnet_core::id::{Digest, ServerId, UserId};
use carnet_seal::cbor::{self, Limits};
use carnet_seal::keys::RootPin;
use carnet_seal::{ServerUrl, record};

const MAGIC: &[u8; 8] = b"CARNETP1";
const VERSION: u16 = 1;
const HEAD: usize = 10;
const CRC: usize = 4;

/// The most bytes of a portable passbook: room for some hundred passes.
pub const LARGEST: usize = 512 * 1024;
const LIMITS: Limits = Limits { bytes: LARGEST, depth: 8 };

/// Passes of one user at one server, on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortablePassbook {
    /// The server's root of trust, from which its id follows.
    pub root: Digest,
    /// Where the server was last reached.
    pub url: ServerUrl,
    /// Whose passes they are.
    pub user: UserId,
    /// The passes.
    pub passes: Vec<PortableEntry>,
}

/// One pass on a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortableEntry {
    /// What has become of it, as far as this medium knows.
    pub status: PortableStatus,
    /// The portable pass, as the server signed it.
    pub document: Vec<u8>,
}

/// What has become of a portable pass. The server's books decide; this is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortableStatus {
    /// On its way.
    Moving,
    /// Imported, or cancelled.
    Invalid,
}

/// Bytes that are no portable passbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPortable {
    /// They do not begin like one.
    #[error("is no portable passbook")]
    Foreign,
    /// They begin like one and have changed since (I12).
    #[error("is damaged")]
    Damaged,
    /// A newer version of Carnet has written them.
    #[error("was written by a newer version of Carnet")]
    TooNew,
}

struct Content {
    root: Digest,
    url: String,
    user: UserId,
    passes: Vec<PortableEntry>,
}

record! { Content { 1 => root, 2 => url, 3 => user, 4 => passes } }
carnet_seal::choice! { PortableStatus { 0 => Moving, 1 => Invalid } }

impl cbor::Cbor for PortableEntry {
    fn encode(&self, out: &mut cbor::Encoder) {
        out.array(2);
        self.status.encode(out);
        out.bytes(&self.document);
    }

    fn decode(from: &mut cbor::Decoder<'_>) -> Result<Self, cbor::CborError> {
        from.array_of(2, "a status and a document")?;
        Ok(Self { status: cbor::Cbor::decode(from)?, document: from.bytes()?.to_vec() })
    }
}

impl PortablePassbook {
    /// One without passes.
    #[must_use]
    pub fn new(root: Digest, url: ServerUrl, user: UserId) -> Self {
        Self { root, url, user, passes: Vec::new() }
    }

    /// At which server.
    #[must_use]
    pub fn server(&self) -> ServerId {
        RootPin::of_first_root(self.root).server
    }

    /// The name of its file: one for each user at each server.
    #[must_use]
    pub fn file_name(server: ServerId, user: UserId) -> String {
        format!("{server}-{user}.carnet")
    }

    /// Whose a file of this name is; none: it is no name of a portable passbook.
    #[must_use]
    pub fn of_file_name(name: &str) -> Option<(ServerId, UserId)> {
        let (server, user) = name.strip_suffix(".carnet")?.split_once('-')?;
        Some((server.parse().ok()?, user.parse().ok()?))
    }

    /// Puts a pass on it. One that is there already stays as it is: what is over does not come back.
    /// Returns what its status is now.
    pub fn add(&mut self, document: &[u8]) -> PortableStatus {
        if let Some(known) = self.passes.iter().find(|entry| entry.document == document) {
            return known.status;
        }
        self.passes.push(PortableEntry { status: PortableStatus::Moving, document: document.to_vec() });
        PortableStatus::Moving
    }

    /// Marks a pass as over (A17). False when it was, or is not here.
    pub fn end(&mut self, document: &[u8]) -> bool {
        let moving =
            |entry: &&mut PortableEntry| entry.document == document && entry.status == PortableStatus::Moving;
        let found = self.passes.iter_mut().find(moving);
        found.map(|entry| entry.status = PortableStatus::Invalid).is_some()
    }

    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (root, url, user, passes) = (self.root, self.url.to_string(), self.user, self.passes.clone());
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend(cbor::encode(&Content { root, url, user, passes }));
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// From bytes, strictly: what does not encode to the very same bytes is refused.
    ///
    /// # Errors
    /// [`NotPortable`].
    pub fn decode(bytes: &[u8]) -> Result<Self, NotPortable> {
        let after_magic = bytes.strip_prefix(MAGIC).ok_or(NotPortable::Foreign)?;
        let version = after_magic.first_chunk().copied().map(u16::from_le_bytes);
        if version.is_some_and(|version| version > VERSION) {
            return Err(NotPortable::TooNew);
        }
        let (all, crc) = bytes.split_last_chunk::<CRC>().ok_or(NotPortable::Damaged)?;
        let whole = version == Some(VERSION) && crc32c::crc32c(all).to_le_bytes() == *crc;
        let content = all.get(HEAD..).filter(|_| whole).ok_or(NotPortable::Damaged)?;
        let content: Content = cbor::decode_within(content, LIMITS).map_err(|_| NotPortable::Damaged)?;
        let url = content.url.parse().map_err(|_| NotPortable::Damaged)?;
        Ok(Self { root: content.root, url, user: content.user, passes: content.passes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> PortablePassbook {
        let mut book = PortablePassbook::new(
            Digest([7; 32]),
            "https://licenses.example.org".parse().unwrap(),
            UserId([9; 16]),
        );
        book.add(&[1; 400]);
        book.add(&[2; 300]);
        book
    }

    #[test]
    fn a18_it_comes_back_with_every_status() {
        let mut book = sample();
        assert_eq!(PortablePassbook::decode(&book.encode()), Ok(book.clone()));
        assert!(book.end(&[1; 400]) && !book.end(&[1; 400]) && !book.end(&[3; 4]));
        let read = PortablePassbook::decode(&book.encode()).unwrap();
        assert_eq!(
            (read.passes[0].status, read.passes[1].status),
            (PortableStatus::Invalid, PortableStatus::Moving)
        );
        assert_eq!(book.add(&[1; 400]), PortableStatus::Invalid, "what is over does not come back");
        assert_eq!(book.passes.len(), 2);
    }

    #[test]
    fn i12_no_changed_cut_or_added_byte_is_accepted() {
        let bytes = sample().encode();
        for at in 0..bytes.len() {
            for bit in [1, 128] {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                assert!(PortablePassbook::decode(&changed).is_err(), "bit {bit} of byte {at}");
            }
            assert!(PortablePassbook::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        assert!(PortablePassbook::decode(&[&bytes[..], &[0]].concat()).is_err());
        assert_eq!(PortablePassbook::decode(b"hello"), Err(NotPortable::Foreign));
    }

    #[test]
    fn i20_a_newer_format_says_so() {
        let mut bytes = sample().encode();
        bytes[8] = 2;
        assert_eq!(PortablePassbook::decode(&bytes), Err(NotPortable::TooNew));
    }

    #[test]
    fn its_file_name_says_whose_it_is() {
        let (server, user) = (ServerId([1; 16]), UserId([2; 16]));
        let name = PortablePassbook::file_name(server, user);
        assert_eq!(PortablePassbook::of_file_name(&name), Some((server, user)));
        for other in ["", "a.carnet", "srv_1-usr_2.carnet", "notes.txt", &name[..60], &format!("{name}.new")]
        {
            assert_eq!(PortablePassbook::of_file_name(other), None, "{other}");
        }
    }
}
