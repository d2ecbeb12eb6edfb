//! What went wrong, in one shape for people and for scripts.

use std::fmt;

use carnet_seam::FsError;
use serde::Serialize;

use crate::exit::Exit;
use crate::text::clean;

/// Why a command did not do its work, and what to do about it.
///
/// A person reads `error[code]: message` and `help: remedy` on stderr. With `--json` a script reads
/// `{"error": {"code", "message", "remedy", "exit", "details"}}` on stdout; fields may be added to that
/// object but are never renamed or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Stable name of this kind of failure, in kebab-case.
    pub code: String,
    /// What happened, in one sentence.
    pub message: String,
    /// What to do about it; empty when nobody knows.
    pub remedy: String,
    /// How the command ends.
    #[serde(serialize_with = "number_of")]
    pub exit: Exit,
    /// The single things that are wrong, where there are several.
    pub details: Vec<Detail>,
}

/// One of several things that are wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The file it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in the line, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The whole of it as a person reads it, several lines, with styles. Not for scripts.
    #[serde(skip)]
    pub rendered: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's serialize_with passes a reference")]
fn number_of<S: serde::Serializer>(exit: &Exit, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u8(exit.number())
}

impl Failure {
    /// A failure that ends the command with `exit`.
    #[must_use]
    pub fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        Self { code, message, remedy: String::new(), exit, details: Vec::new() }
    }

    /// A command line that is not understood.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// With what to do about it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// With the single things that are wrong.
    #[must_use]
    pub fn with_details(mut self, details: Vec<Detail>) -> Self {
        self.details = details;
        self
    }

    /// A question was not answered: Ctrl-C or Escape.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted", "nothing was changed")
    }
}

/// For tests and logs; a terminal gets [`Output::failure`](crate::output::Output::failure).
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, clean(&self.message))?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "\nhelp: {}", clean(&self.remedy)) }
    }
}

impl std::error::Error for Failure {}

impl From<FsError> for Failure {
    fn from(error: FsError) -> Self {
        use carnet_seam::FsFault;
        let remedy = match error.fault {
            FsFault::NotFound => "check the path",
            FsFault::AlreadyExists => "choose another name, or move the old one away",
            FsFault::NoPermission => "check who owns the folder, or choose another one with --home",
            FsFault::DiskFull => "make room, then try again",
            FsFault::ReadOnly => "choose another folder with --home",
            FsFault::Locked => "wait for the other process, then try again",
            FsFault::Crashed(_) | FsFault::Other(_) => "check the disk and the path",
        };
        Self::new(Exit::Failure, "file", error.to_string()).with_remedy(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_the_same_for_people_and_scripts() {
        let failure = Failure::usage("no such app").with_remedy("name one of `app list`");
        assert_eq!(failure.to_string(), "error[usage]: no such app\nhelp: name one of `app list`");
        let json = serde_json::to_value(&failure).unwrap();
        let expected = serde_json::json!({
            "code": "usage", "message": "no such app", "remedy": "name one of `app list`",
            "exit": 2, "details": [],
        });
        assert_eq!(json, expected);
    }
}
