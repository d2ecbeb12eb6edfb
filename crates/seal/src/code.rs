//! Codes that people pass on: by voice, on paper, by e-mail.
//!
//! The text is Bech32m (BIP 350): `join1…`. The word in front says what the code is for, letters that look alike do
//! not occur, and its checksum finds up to four mistyped letters for sure. Servers keep a digest only.

use std::fmt;
use std::str::FromStr;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use carnet_core::document::Secret;
use carnet_core::id::Digest;
use sha2::Digest as _;

/// How many letters stand together when a code is shown.
const GROUP: usize = 5;

/// A code with what it is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeText {
    /// What it is for.
    pub kind: CodeKind,
    /// The code itself.
    pub secret: Secret,
}

/// What a code is for, as its text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// One device joins a user.
    Join,
    /// The user's way back.
    Recovery,
    /// Machines that come and go join a user.
    Enrolment,
    /// An offer that was paid for elsewhere.
    Redeem,
}

/// Why a text is no such code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotACode {
    /// It has another form, or a mistake.
    #[error("this is no code, or a letter of it is mistyped: check it letter by letter")]
    Mistyped,
    /// It is a code for something else.
    #[error("this is a code to {}, and a code to {} is needed here", found.in_words(), wanted.in_words())]
    OtherKind {
        /// What it is for.
        found: CodeKind,
        /// What it should be for.
        wanted: CodeKind,
    },
}

impl CodeKind {
    const ALL: [Self; 4] = [Self::Join, Self::Recovery, Self::Enrolment, Self::Redeem];

    const fn word(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Recovery => "recover",
            Self::Enrolment => "enrol",
            Self::Redeem => "redeem",
        }
    }

    /// What it is for.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Join => "join a device",
            Self::Recovery => "recover an account",
            Self::Enrolment => "enrol machines",
            Self::Redeem => "redeem an offer",
        }
    }
}

impl CodeText {
    /// Reads a code of this kind; spaces, hyphens and the case of letters do not matter.
    ///
    /// # Errors
    /// [`NotACode`].
    pub fn read(text: &str, wanted: CodeKind) -> Result<Secret, NotACode> {
        let code: Self = text.parse()?;
        if code.kind == wanted {
            Ok(code.secret)
        } else {
            Err(NotACode::OtherKind { found: code.kind, wanted })
        }
    }
}

/// What a server keeps of a code.
#[must_use]
pub fn digest_of(secret: Secret) -> Digest {
    let mut hash = sha2::Sha256::new();
    hash.update(b"carnet code\0");
    hash.update(secret.0);
    Digest(hash.finalize().into())
}

impl fmt::Display for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hrp = Hrp::parse(self.kind.word()).map_err(|_| fmt::Error)?;
        let text = bech32::encode::<Bech32m>(hrp, &self.secret.0).map_err(|_| fmt::Error)?;
        let Some((word, rest)) = text.split_once('1') else { return Err(fmt::Error) };
        write!(f, "{word}1")?;
        for (at, letter) in rest.chars().enumerate() {
            if at % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeText({}…)", self.kind.word())
    }
}

impl FromStr for CodeText {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        let letters = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
        let plain: String = letters.map(|letter| letter.to_ascii_lowercase()).take(120).collect();
        let checked = CheckedHrpstring::new::<Bech32m>(&plain).map_err(|_| NotACode::Mistyped)?;
        let word = checked.hrp().to_lowercase();
        let kind = CodeKind::ALL.into_iter().find(|kind| kind.word() == word).ok_or(NotACode::Mistyped)?;
        let bytes: Vec<u8> = checked.byte_iter().collect();
        let secret = bytes.try_into().map_err(|_| NotACode::Mistyped)?;
        Ok(Self { kind, secret: Secret(secret) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

    fn code() -> CodeText {
        CodeText { kind: CodeKind::Redeem, secret: Secret(*b"sixteen letters!") }
    }

    #[test]
    fn a_code_is_read_back_however_it_was_typed() {
        let text = code().to_string();
        assert!(text.starts_with("redeem1-"), "{text}");
        for typed in [text.clone(), text.to_uppercase(), text.replace('-', ""), text.replace('-', " ")] {
            assert_eq!(typed.parse(), Ok(code()), "{typed}");
        }
        let wanted = CodeKind::Join;
        let wrong = CodeText::read(&text, wanted).unwrap_err();
        assert_eq!(wrong, NotACode::OtherKind { found: CodeKind::Redeem, wanted });
    }

    #[test]
    fn every_mistyped_letter_and_every_two_that_changed_places_are_found() {
        let text = code().to_string().replace('-', "");
        let start = text.find('1').unwrap() + 1;
        for at in start..text.len() {
            for other in ALPHABET.chars().filter(|letter| !text[at..].starts_with(*letter)) {
                let mut typed = text.clone();
                typed.replace_range(at..=at, &other.to_string());
                assert_eq!(typed.parse::<CodeText>(), Err(NotACode::Mistyped), "{typed}");
            }
        }
        for at in start..text.len() - 1 {
            let mut letters: Vec<char> = text.chars().collect();
            letters.swap(at, at + 1);
            let typed: String = letters.into_iter().collect();
            assert!(typed == text || typed.parse::<CodeText>().is_err(), "{typed}");
        }
    }

    #[test]
    fn nothing_else_is_a_code_and_a_code_is_not_shown_by_accident() {
        for text in ["", "join1", "hello", "join1-qqqqq", &"q".repeat(5_000)] {
            assert!(text.parse::<CodeText>().is_err(), "{text}");
        }
        assert!(!format!("{:?} {:?}", code(), code().secret).contains("sixteen"));
        assert_ne!(digest_of(code().secret), digest_of(Secret([0; 16])));
    }
}
