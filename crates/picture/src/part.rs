//! The parts of a document, one for each picture.

use std::fmt;

use carnet_seal::armor::Carried;
use sha2::{Digest as _, Sha256};

use crate::error::PictureError;

/// In front of everything of ours.
const PREFIX: &str = "CARNET1:";
/// Type, number, of how many, and which whole.
const HEAD: usize = 7;
/// The most bytes of a document in one picture: QR version 23, which a telephone reads from a screen.
pub(crate) const MOST: usize = 800;

/// Which part of which whole a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// What the whole is.
    pub carried: Carried,
    /// From 1.
    pub number: u8,
    /// How many parts there are.
    pub of: u8,
    /// Tells the whole from others.
    pub(crate) whole: [u8; 4],
}

/// As in `2-of-3`.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-of-{}", self.number, self.of)
    }
}

/// The parts of these bytes, each with its text.
pub(crate) fn split(carried: Carried, bytes: &[u8]) -> Result<Vec<(Part, String)>, PictureError> {
    // One empty part is still a part.
    let parts = bytes.len().div_ceil(MOST).max(1);
    let of = u8::try_from(parts).map_err(|_| PictureError::TooLarge { bytes: bytes.len() })?;
    let whole = name_of(bytes);
    let contents = bytes.chunks(MOST).chain(bytes.is_empty().then_some(&[][..]));
    Ok((1..=of)
        .zip(contents)
        .map(|(number, content)| {
            let part = Part { carried, number, of, whole };
            (part, part.text(content))
        })
        .collect())
}

/// The first bytes of its digest.
pub(crate) fn name_of(bytes: &[u8]) -> [u8; 4] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    [digest[0], digest[1], digest[2], digest[3]]
}

impl Part {
    fn text(&self, content: &[u8]) -> String {
        let mut bytes = vec![self.carried.number(), self.number, self.of];
        bytes.extend_from_slice(&self.whole);
        bytes.extend_from_slice(content);
        format!("{PREFIX}{}", base45::encode(&bytes))
    }

    /// The part in a text, found in the picture of this name.
    pub(crate) fn of_text(text: &str, name: &str) -> Result<(Self, Vec<u8>), PictureError> {
        let name = || name.to_owned();
        let text = text.strip_prefix(PREFIX).ok_or_else(|| PictureError::NotCarnet { name: name() })?;
        let damaged = || PictureError::Damaged { name: name() };
        let bytes = base45::decode(text).map_err(|_| damaged())?;
        let (head, content) = bytes.split_first_chunk::<HEAD>().ok_or_else(damaged)?;
        let [kind, number, of, whole @ ..] = *head;
        let carried = Carried::ALL.into_iter().find(|carried| carried.number() == kind);
        let carried = carried.ok_or_else(|| PictureError::UnknownType { name: name() })?;
        if number == 0 || number > of || content.len() > MOST {
            return Err(damaged());
        }
        Ok((Self { carried, number, of, whole }, content.to_vec()))
    }
}
