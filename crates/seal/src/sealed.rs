//! Codes that only the supplier can read: a signed document with what lies beside it, sealed with HPKE (C2 to C5).
//!
//! ```text
//!  0  magic and version   `CARNETC1`
//!  8  what it is          1 usage report, 2 erasure certificate
//!  9  key id              8 bytes: for whom
//! 17  begins              32 bytes (RFC 9180 `enc`)
//! 49  pieces: length (u32, little-endian), sealed bytes
//! ```
//!
//! The first piece is the document, the others are the attachment, 256 KiB each. A document has at most 64 KiB; the
//! records of a year have many times that, and are read and written piece by piece. HPKE numbers the pieces, so that
//! none can be left out or change places, and the last one says that it is the last (RFC 9180 §9.8). The first 17
//! bytes are bound into the seal.

use carnet_core::document::PublicKey;

use crate::error::SealError;
use crate::hpke::{Receiver, Sender, TAG};
use crate::keys::{CoseKey, KeyId, OpensCodes};

/// What a code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carried {
    /// A usage report ("C2").
    Report = 1,
    /// An erasure certificate ("C1").
    Certificate = 2,
}

/// Why a code was not opened. Each text says what can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// It is something else.
    #[error("this is neither a usage report nor an erasure certificate: look for the right file")]
    NotACode,
    /// A later program has made it.
    #[error("this code was made by a newer version of Carnet (format {0}): update this program")]
    Newer(char),
    /// It is a code of the other kind.
    #[error("this is {}: open it as that", match .0 { Carried::Report => "a usage report", Carried::Certificate => "an erasure certificate" })]
    OtherKind(Carried),
    /// It is sealed to a key that is not at hand.
    #[error(
        "this code is sealed to key {0}, which is not here: use the machine or the medium that has that key, or ask whose it is"
    )]
    OtherKey(KeyId),
    /// Bytes of it have changed, or the end is missing.
    #[error("the code was damaged on its way ({0}): ask for it again")]
    Damaged(&'static str),
    /// Nobody uses an app that much.
    #[error("the code has more than {} MiB: it is not opened", LARGEST >> 20)]
    TooLarge,
    /// The document in it is no good.
    #[error("what is in the code is no good ({0}): ask the supplier of this program")]
    Document(#[from] SealError),
    /// The device has signed something else than what it has sent along.
    #[error("the device has signed other records than it has sent along")]
    OtherAttachment,
}

/// What a code holds. Nobody has checked yet who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The signed document.
    pub document: Vec<u8>,
    /// What lies beside it.
    pub attachment: Vec<u8>,
}

/// The most bytes that are opened.
pub const LARGEST: usize = 64 << 20;
const MAGIC: &[u8; 7] = b"CARNETC";
const VERSION: u8 = b'1';
const NAMED: usize = 17;
const PIECES: usize = 49;
const PIECE: usize = 256 << 10;
const INFO: &[u8] = b"carnet sealed code";
const GOES_ON: &[u8] = &[0];
const LAST: &[u8] = &[1];

/// Seals a document and what lies beside it. `seed` is 32 random bytes, used for nothing else.
///
/// # Errors
/// [`SealError::BadKey`] when `to` is no key that can be sealed to.
pub fn seal(
    carried: Carried,
    document: &[u8],
    attachment: &[u8],
    to: PublicKey,
    seed: [u8; 32],
) -> Result<Vec<u8>, SealError> {
    let mut code = Vec::with_capacity(PIECES + document.len() + attachment.len() * 1_001 / 1_000 + 64);
    code.extend_from_slice(MAGIC);
    code.extend_from_slice(&[VERSION, carried as u8]);
    code.extend_from_slice(&CoseKey::X25519(to).id().0);
    let info = [INFO, &code].concat();
    let (mut sender, begins) = Sender::begin(to, &info, seed).map_err(|_| SealError::BadKey)?;
    code.extend_from_slice(&begins.0);
    let mut pieces = std::iter::once(document).chain(attachment.chunks(PIECE)).peekable();
    while let Some(piece) = pieces.next() {
        let place = if pieces.peek().is_some() { GOES_ON } else { LAST };
        let sealed = sender.seal(piece, place).map_err(|_| SealError::BadKey)?;
        code.extend_from_slice(&u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_le_bytes());
        code.extend_from_slice(&sealed);
    }
    Ok(code)
}

/// What a code says that it is, and for which key. Only opening it tells whether that is so.
///
/// # Errors
/// [`CodeError::NotACode`], [`CodeError::Newer`], [`CodeError::TooLarge`].
pub fn look(code: &[u8]) -> Result<(Carried, KeyId), CodeError> {
    let version = *code.strip_prefix(MAGIC).and_then(<[u8]>::first).ok_or(CodeError::NotACode)?;
    if version != VERSION {
        return Err(if version.is_ascii_graphic() {
            CodeError::Newer(version.into())
        } else {
            CodeError::NotACode
        });
    }
    if code.len() > LARGEST {
        return Err(CodeError::TooLarge);
    }
    let carried = match code.get(8) {
        Some(1) => Carried::Report,
        Some(2) => Carried::Certificate,
        _ => return Err(CodeError::NotACode),
    };
    let id = code
        .get(9..NAMED)
        .and_then(|id| id.try_into().ok())
        .ok_or(CodeError::Damaged("its beginning is cut"))?;
    Ok((carried, KeyId(id)))
}

/// Opens a code with whichever of these keys it is for.
///
/// # Errors
/// [`CodeError`], with the remedy.
pub fn open<K: OpensCodes>(carried: Carried, code: &[u8], keys: &[K]) -> Result<Opened, CodeError> {
    let (found, id) = look(code)?;
    if found != carried {
        return Err(CodeError::OtherKind(found));
    }
    let mut keys = keys.iter().map(OpensCodes::opening_key);
    let key = keys.find(|key| CoseKey::X25519(key.public()).id() == id).ok_or(CodeError::OtherKey(id))?;
    let begins = code.get(NAMED..PIECES).and_then(|bytes| bytes.try_into().ok());
    let begins = PublicKey(begins.ok_or(CodeError::Damaged("its beginning is cut"))?);
    let info = [INFO, &code[..NAMED]].concat();
    let damaged = |_| CodeError::Damaged("a piece of it does not open");
    let mut receiver = Receiver::begin(key, begins, &info).map_err(damaged)?;
    let (mut rest, mut document, mut attachment) = (&code[PIECES..], None, Vec::new());
    while !rest.is_empty() {
        let (piece, after) = next_piece(rest)?;
        let place = if after.is_empty() { LAST } else { GOES_ON };
        let opened = receiver.open(piece, place).map_err(damaged)?;
        match document {
            None => document = Some(opened),
            Some(_) => attachment.extend_from_slice(&opened),
        }
        rest = after;
    }
    let document = document.ok_or(CodeError::Damaged("nothing is in it"))?;
    Ok(Opened { document, attachment })
}

fn next_piece(rest: &[u8]) -> Result<(&[u8], &[u8]), CodeError> {
    let cut = CodeError::Damaged("its end is missing");
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(cut.clone())?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > PIECE + TAG {
        return Err(CodeError::Damaged("a piece of it is too long"));
    }
    rest.split_at_checked(length).ok_or(cut)
}
