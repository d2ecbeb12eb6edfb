//! Names of files in an image, and where links may point.
//!
//! A name that is accepted here can be created below any folder on any system we know without leaving it. Names are
//! ordered so that a folder comes right before what is in it, and that two names which differ in case only stand
//! side by side: a reader that keeps nothing but the last name finds both faults.

use std::cmp::Ordering;
use std::fmt;
use std::path::{Path, PathBuf};

use carnet_seal::cbor::{Cbor, CborError, Decoder, Encoder, Fault};

/// The longest name of one file, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest path, in bytes.
const LONGEST_PATH: usize = 1_024;

/// Why a path or the target of a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// There is none.
    #[error("is empty")]
    Empty,
    /// It begins at the root of the file system, or at a drive.
    #[error("is absolute")]
    Absolute,
    /// It goes up.
    #[error("has a part `.` or `..`, or an empty one")]
    Dots,
    /// It has a character that is not a plain one everywhere.
    #[error("has a control character, a backslash or a colon")]
    Character,
    /// It is longer than some systems allow.
    #[error("is too long (a name has at most 255 bytes, a path at most 1,024)")]
    TooLong,
    /// It leads out of the image.
    #[error("points out of the image")]
    Outside,
}

/// A path in an image: parts joined by `/`, none of which leads upwards or elsewhere.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EntryPath(String);

impl EntryPath {
    /// The path with this text.
    ///
    /// # Errors
    /// When it could lead out of the folder below which it is created.
    ///
    /// ```
    /// use carnet_image::path::{BadPath, EntryPath};
    ///
    /// assert!(EntryPath::new("bin/paint").is_ok());
    /// assert_eq!(EntryPath::new("../paint"), Err(BadPath::Dots));
    /// ```
    pub fn new(text: &str) -> Result<Self, BadPath> {
        let first = text.bytes().next().ok_or(BadPath::Empty)?;
        if first == b'/' {
            return Err(BadPath::Absolute);
        }
        text.split('/').try_for_each(good_name)?;
        if text.len() > LONGEST_PATH { Err(BadPath::TooLong) } else { Ok(Self(text.to_owned())) }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that it is in; none at the top.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// Where it is below this folder.
    #[must_use]
    pub fn below(&self, folder: &Path) -> PathBuf {
        folder.join(&self.0)
    }

    /// Whether it is somewhere in this folder.
    #[must_use]
    pub fn is_in(&self, folder: &Self) -> bool {
        self.0.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }

    fn depth(&self) -> usize {
        self.0.matches('/').count()
    }

    /// The parts as they are ordered.
    fn key(&self) -> impl Iterator<Item = String> {
        self.0.split('/').map(str::to_lowercase)
    }

    /// Whether the two could be one file where case is not told apart.
    #[must_use]
    pub fn is_same_without_case(&self, other: &Self) -> bool {
        self.key().eq(other.key())
    }
}

fn good_name(name: &str) -> Result<(), BadPath> {
    let bad = |character: char| character.is_control() || character == '\\' || character == ':';
    match name {
        "" | "." | ".." => Err(BadPath::Dots),
        _ if name.len() > LONGEST_NAME => Err(BadPath::TooLong),
        _ if name.chars().any(bad) => Err(BadPath::Character),
        _ => Ok(()),
    }
}

/// How names in one folder are ordered, and with them paths, part by part.
#[must_use]
pub fn compare_names(one: &str, other: &str) -> Ordering {
    one.to_lowercase().cmp(&other.to_lowercase()).then_with(|| one.cmp(other))
}

impl Ord for EntryPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(other.key()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for EntryPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Cbor for EntryPath {
    fn encode(&self, out: &mut Encoder) {
        out.text(&self.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let at = from.position();
        let text = from.text()?;
        Self::new(text).map_err(|wrong| Fault::Value(format!("a path that {wrong}")).at(at))
    }
}

/// Whether a link at `at` with this target stays in the image whatever else is there.
///
/// `..` may only come first: there it goes up through folders. After the name of what may be a link, it would go up
/// from wherever that link leads.
///
/// # Errors
/// [`BadPath`] when it does not.
pub fn check_target(at: &EntryPath, target: &str) -> Result<(), BadPath> {
    let first = target.bytes().next().ok_or(BadPath::Empty)?;
    if first == b'/' {
        return Err(BadPath::Absolute);
    }
    if target.len() > LONGEST_PATH {
        return Err(BadPath::TooLong);
    }
    let up = target.split('/').take_while(|part| *part == "..").count();
    if up > at.depth() {
        return Err(BadPath::Outside);
    }
    target.split('/').skip(up).try_for_each(good_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b5_a_path_cannot_lead_out_of_its_folder() {
        for (text, why) in [
            ("", BadPath::Empty),
            ("/etc/passwd", BadPath::Absolute),
            ("..", BadPath::Dots),
            ("a/../b", BadPath::Dots),
            ("a//b", BadPath::Dots),
            ("a/", BadPath::Dots),
            ("./a", BadPath::Dots),
            ("a\\..\\b", BadPath::Character),
            ("C:evil", BadPath::Character),
            ("a\0b", BadPath::Character),
            ("a\nb", BadPath::Character),
        ] {
            assert_eq!(EntryPath::new(text), Err(why), "{text:?}");
        }
        assert_eq!(EntryPath::new(&"a".repeat(256)), Err(BadPath::TooLong));
        assert_eq!(EntryPath::new(&"a/".repeat(600)[..1_199]), Err(BadPath::TooLong));
        for text in ["a", "bin/paint", "...", "a b/ü.txt", ".hidden"] {
            assert!(EntryPath::new(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn b5_a_link_cannot_lead_out_of_the_image() {
        let at = |text: &str| EntryPath::new(text).unwrap();
        for (link, target) in [("a", "b"), ("a", "b/c"), ("x/y/a", "../../b"), ("x/a", "../x/b")] {
            assert_eq!(check_target(&at(link), target), Ok(()), "{link} -> {target}");
        }
        for (link, target, why) in [
            ("a", "/etc", BadPath::Absolute),
            ("a", "..", BadPath::Outside),
            ("x/a", "../../etc", BadPath::Outside),
            ("a", "", BadPath::Empty),
            // `b` may be a link to the top, from where `..` leads out.
            ("a", "b/..", BadPath::Dots),
            ("x/a", "../b/../..", BadPath::Dots),
            ("a", ".", BadPath::Dots),
        ] {
            assert_eq!(check_target(&at(link), target), Err(why), "{link} -> {target}");
        }
    }

    #[test]
    fn a_folder_stands_right_before_what_is_in_it() {
        let mut paths =
            ["b", "a.txt", "a/z", "a", "a/b/c", "a/b", "A0"].map(|text| EntryPath::new(text).unwrap());
        paths.sort();
        assert_eq!(paths.each_ref().map(EntryPath::as_str), ["a", "a/b", "a/b/c", "a/z", "a.txt", "A0", "b"]);
    }
}
