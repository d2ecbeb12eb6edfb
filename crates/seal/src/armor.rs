//! Documents as text that survives e-mail, printing and typing (A18, D4, C5).
//!
//! ```text
//! -----BEGIN CARNET REQUEST-----
//! 2ChPcGVuIHRoaXMgd2l0aCBjYXJuZXQpAAECAwQFBgcICQoL 7
//! DA0ODw== W
//! =njUN k
//! -----END CARNET REQUEST-----
//! ```
//!
//! Each line carries 36 bytes in base64 (RFC 4648 §4) and one check character, over the line and its number: it
//! finds every single mistyped character, every two that changed places, and a line that is missing or
//! stands twice. The last line checks the whole. Blanks, empty lines and text around the block do not matter.

use std::fmt;

use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};

/// What is carried. The names are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carried {
    /// A portable passbook: passes on their way between devices.
    Passbook,
    /// What a device asks of a server.
    Request,
    /// What the server has answered.
    Answer,
    /// A usage report, sealed to a supplier.
    Report,
    /// An erasure certificate, sealed to a supplier.
    Certificate,
    /// A supplier's request for a report or an erasure.
    ReportRequest,
}

impl Carried {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Passbook, Self::Request, Self::Answer, Self::Report, Self::Certificate, Self::ReportRequest];

    /// As it stands in the first line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passbook => "PASSBOOK",
            Self::Request => "REQUEST",
            Self::Answer => "ANSWER",
            Self::Report => "USAGE REPORT",
            Self::Certificate => "ERASURE CERTIFICATE",
            Self::ReportRequest => "REPORT REQUEST",
        }
    }

    /// The number that stands for it in pictures. Never used again for something else.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Passbook => 1,
            Self::Request => 2,
            Self::Answer => 3,
            Self::Report => 4,
            Self::Certificate => 5,
            Self::ReportRequest => 6,
        }
    }
}

/// As in `a portable passbook`.
impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passbook => "a portable passbook",
            Self::Request => "a request",
            Self::Answer => "an answer",
            Self::Report => "a usage report",
            Self::Certificate => "an erasure certificate",
            Self::ReportRequest => "a supplier's request",
        })
    }
}

/// What is wrong with a text. Lines are counted from 1 in the text as it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArmorError {
    /// There is no first line.
    #[error("the line `-----BEGIN CARNET …-----` is missing: copy the whole block")]
    NoBeginning,
    /// It is of a type that does not exist.
    #[error("line {line}: `{name}` is not known here: update this program")]
    UnknownType {
        /// The first line.
        line: usize,
        /// What it says.
        name: String,
    },
    /// There is no last line, or that of another type.
    #[error("the line `-----END CARNET {}-----` is missing: copy the whole block", .0.name())]
    NoEnd(Carried),
    /// A character that does not occur in such a text.
    #[error("line {line}: `{character}` does not belong there: compare the line with the original")]
    Character {
        /// Where.
        line: usize,
        /// What.
        character: char,
    },
    /// The check character does not match.
    #[error("line {line} is mistyped, or a line before it is missing: compare it with the original")]
    Mistyped {
        /// Where.
        line: usize,
    },
    /// All lines are good, and yet it is not the whole: lines at the end are missing.
    #[error("lines are missing before line {line}: copy the whole block")]
    Incomplete {
        /// The line that should follow, or the end.
        line: usize,
    },
    /// More than any document has.
    #[error("the text is too long for a document of Carnet")]
    TooLong,
}

/// Bytes in a full line.
const LINE: usize = 36;
/// The most bytes that are read; a portable passbook may hold many passes.
const MOST: usize = 1 << 20;
const BEGIN: &str = "-----BEGIN CARNET ";
const END: &str = "-----END CARNET ";
const RULE: &str = "-----";
/// The values 0 to 63 as in base64, and three more: a prime number of them makes the check find what it finds.
const CHECKS: &[u8; 67] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/*$!";

/// The text.
#[must_use]
pub fn write(carried: Carried, bytes: &[u8]) -> String {
    let mut text = format!("{BEGIN}{}{RULE}\n", carried.name());
    let lines = bytes.chunks(LINE).map(|line| BASE64.encode(line));
    for (number, line) in (1..).zip(lines.chain([whole(bytes)])) {
        text += &format!("{line} {}\n", char::from(check(number, line.as_bytes())));
    }
    text + &format!("{END}{}{RULE}\n", carried.name())
}

/// Whether a text has the first line of a block.
#[must_use]
pub fn is_armored(text: &str) -> bool {
    text.contains(BEGIN)
}

/// The text with another block in the place of its first one; what stands around it stays.
#[must_use]
pub fn replaced(text: &str, carried: Carried, bytes: &[u8]) -> String {
    let block = write(carried, bytes);
    let Some((before, rest)) = text.split_once(BEGIN) else { return block };
    let after = rest.split_once(END).map_or("", |(_, after)| after);
    let after = after.split_once('\n').map_or("", |(_, after)| after);
    format!("{before}{block}{after}")
}

/// What a text carries.
///
/// # Errors
/// [`ArmorError`], with the line.
pub fn read(text: &str) -> Result<(Carried, Vec<u8>), ArmorError> {
    if text.len() > 2 * MOST {
        return Err(ArmorError::TooLong);
    }
    let mut lines = (1..).zip(text.lines().map(str::trim));
    let carried = beginning(&mut lines)?;
    let (mut bytes, mut whole_seen, mut number) = (Vec::new(), false, 0);
    for (line, content) in lines.filter(|(_, content)| !content.is_empty()) {
        if content == format!("{END}{}{RULE}", carried.name()) {
            return if whole_seen { Ok((carried, bytes)) } else { Err(ArmorError::Incomplete { line }) };
        }
        if whole_seen || content.starts_with(RULE) {
            return Err(ArmorError::NoEnd(carried));
        }
        number += 1;
        let content = checked(number, line, content)?;
        if content.starts_with('=') {
            whole_seen = content == whole(&bytes);
            if !whole_seen {
                return Err(ArmorError::Incomplete { line });
            }
        } else {
            let decoded = BASE64.decode(content.as_bytes());
            bytes.extend(decoded.map_err(|_| ArmorError::Mistyped { line })?);
        }
    }
    Err(ArmorError::NoEnd(carried))
}

fn beginning<'t>(lines: &mut impl Iterator<Item = (usize, &'t str)>) -> Result<Carried, ArmorError> {
    let (line, name) = lines
        .find_map(|(line, content)| Some((line, content.strip_prefix(BEGIN)?)))
        .ok_or(ArmorError::NoBeginning)?;
    let name = name.trim_end_matches('-');
    let known = Carried::ALL.into_iter().find(|carried| carried.name() == name);
    known.ok_or_else(|| ArmorError::UnknownType { line, name: name.chars().take(40).collect() })
}

/// The line without blanks and without its check character, which was right.
fn checked(number: usize, line: usize, content: &str) -> Result<String, ArmorError> {
    let letters: String = content.chars().filter(|letter| !letter.is_whitespace()).collect();
    let odd = |letter: &char| *letter != '=' && !CHECKS.iter().any(|known| char::from(*known) == *letter);
    if let Some(character) = letters.chars().find(odd) {
        return Err(ArmorError::Character { line, character });
    }
    match letters.as_bytes().split_last() {
        Some((last, content)) if *last == check(number, content) => {
            Ok(content.iter().copied().map(char::from).collect())
        }
        _ => Err(ArmorError::Mistyped { line }),
    }
}

/// Weighted sum modulo 67. Weights differ from character to character and none of them is 0, values are below
/// 67: a changed character changes the sum, and so do two that change places.
fn check(number: usize, content: &[u8]) -> u8 {
    let value = |letter: u8| CHECKS.iter().position(|known| *known == letter).unwrap_or(CHECKS.len() - 1);
    let sum: usize = (2..).zip(content).map(|(weight, letter)| weight * value(*letter)).sum();
    let checks = CHECKS.len();
    CHECKS.get((sum + number) % checks).copied().unwrap_or_default()
}

/// `=` and 24 bits of SHA-256.
fn whole(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    format!("={}", BASE64.encode(&digest[..3]))
}

#[cfg(test)]
mod tests;
