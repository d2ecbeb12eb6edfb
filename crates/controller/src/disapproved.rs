//! Why a program may not run, in the words that it can show.

use std::fmt;

use carnet_core::device::Disapproval;
use carnet_core::document::Refusal;
use carnet_core::offer::Listed;
use carnet_device::identity::IdentityError;
use carnet_device::journal::JournalError;
use carnet_device::{ContactError, PassbookError, StorageError};
use carnet_seal::SealError;
use carnet_seam::{NetError, NoRandom};

/// Run disapproved: what happened, what to do, and the menu where buying helps.
///
/// Its text is whole sentences for the user; [`Disapproved::code`] is for programs and never changes (the
/// table is in the [crate's documentation](crate)).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}: {remedy}")]
#[non_exhaustive]
pub struct Disapproved {
    /// Which case this is.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// What the user can do.
    pub remedy: String,
    /// The license menu, where the server has sent it: buying one of these helps (A9).
    pub menu: Vec<Listed>,
}

/// What stands in the way, before anybody was asked for help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The pass, or there is none.
    Pass(Disapproval),
    /// What lies in the journal is no pass that the server gave to this device.
    NotGenuine,
    /// Each use is counted at the server (online counting).
    AskFirst,
    /// The server's keys are gone from the passbook, so that nothing in it can be checked.
    NoKeys,
}

/// After one contact the keys are there again, and no server is needed.
const CONNECT_ONCE: &str = "connect to the license server once";

impl Why {
    pub fn server_helps(self) -> bool {
        match self {
            Self::Pass(why) => why.server_helps(),
            Self::NotGenuine | Self::AskFirst | Self::NoKeys => true,
        }
    }

    /// What a report shows as the reason of a refused start (C1).
    pub fn recorded_as(self) -> Disapproval {
        match self {
            Self::Pass(why) => why,
            Self::NotGenuine | Self::NoKeys => Disapproval::Invalid(None),
            Self::AskFirst => Disapproval::NoUsesLeft,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(why) => why.fmt(f),
            Self::NotGenuine => f.write_str("the pass here is not one that the server gave to this device"),
            Self::AskFirst => f.write_str("each use is counted by the license server"),
            Self::NoKeys => f.write_str("the keys of the license server are missing on this device"),
        }
    }
}

impl From<Why> for Disapproved {
    fn from(why: Why) -> Self {
        match why {
            Why::Pass(why) => Self::new(why.code(), why.to_string(), why.remedy()),
            Why::NotGenuine => Self::new(
                "pass-not-genuine",
                why.to_string(),
                "connect to the license server for a pass of this device",
            ),
            Why::AskFirst => {
                Self::new("server-unreachable", why.to_string(), "connect to the license server")
            }
            Why::NoKeys => Self::new("server-unreachable", why.to_string(), CONNECT_ONCE),
        }
    }
}

impl Disapproved {
    pub(crate) fn new(code: &'static str, message: String, remedy: impl Into<String>) -> Self {
        Self { code, message, remedy: remedy.into(), menu: Vec::new() }
    }

    /// The errors of Carnet end with `: ` and what to do about them.
    pub(crate) fn told(code: &'static str, error: &dyn fmt::Display) -> Self {
        let text = error.to_string();
        match text.rsplit_once(": ") {
            Some((message, remedy)) => Self::new(code, message.to_owned(), remedy),
            None => Self::new(code, text, "try again, and ask the supplier if it stays so"),
        }
    }

    /// The server's no.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        let reason = refusal.reason;
        let menu = refusal.menu.clone();
        // Who has the seats is for the license manager to show; a program can say when to try again.
        let first = refusal.holders.iter().filter_map(|holder| holder.until).min();
        let first = first.map(|until| format!(" (one comes back at {until} at the latest)"));
        let message = format!("{}{}", reason.in_words(), first.unwrap_or_default());
        Self { menu, ..Self::new(reason.code(), message, reason.remedy()) }
    }

    pub(crate) fn not_registered(server: &dyn fmt::Display) -> Self {
        Self::new(
            "not-registered",
            format!("this device is not registered with the license server {server}"),
            "register it once with the license manager (`carnet register`), then start again",
        )
    }

    /// The server was needed, and could not help: both reasons are told.
    pub(crate) fn without_help(why: Why, error: ContactError) -> Self {
        let told = Self::from(error);
        if told.code == "request-open" {
            return told;
        }
        let told = Self { message: format!("{why}, and {}", told.message), ..told };
        match (why, told.code) {
            (Why::NoKeys, "server-unreachable") => Self { remedy: CONNECT_ONCE.to_owned(), ..told },
            _ => told,
        }
    }
}

impl From<ContactError> for Disapproved {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::Net(error @ (NetError::Tls(_) | NetError::TooLarge { .. })) => {
                Self::told("server-not-trusted", &error)
            }
            ContactError::Net(error) => Self::told("server-unreachable", &error),
            ContactError::Problem { status, .. } => Self::new(
                "server-problem",
                format!("the license server answered with status {status}"),
                "try again later, and ask the supplier if it stays so",
            ),
            // The key set has just been fetched: if it is over, it is most likely the clock that is wrong.
            ContactError::Untrusted(SealError::KeySetExpired(end)) => Self::new(
                "clock-ahead",
                format!("by this device's clock the license server's keys ended at {end}"),
                "set the clock right",
            ),
            error @ ContactError::Untrusted(_) => Self::told("server-not-trusted", &error),
            ContactError::Passbook(error) => error.into(),
            ContactError::Disapproved(why) => Why::Pass(why).into(),
            ContactError::NoRandom(error) => error.into(),
            error @ ContactError::PinNeeded => Self::told("pin-needed", &error),
            error @ ContactError::OutOfStep => Self::told("out-of-step", &error),
        }
    }
}

impl From<PassbookError> for Disapproved {
    fn from(error: PassbookError) -> Self {
        match error {
            PassbookError::Identity(
                error @ (IdentityError::AnotherMachine { .. }
                | IdentityError::AnotherTpm(_)
                | IdentityError::AnotherFile { .. }
                | IdentityError::AnotherKind { .. }),
            ) => Self::told("another-device", &error),
            PassbookError::Identity(IdentityError::Storage(error)) | PassbookError::Storage(error) => {
                error.into()
            }
            PassbookError::Identity(error) => Self::told("passbook-unusable", &error),
            PassbookError::Journal(error) => error.into(),
            error @ (PassbookError::Damaged { .. } | PassbookError::Signer(_)) => {
                Self::told("passbook-unusable", &error)
            }
            error @ PassbookError::KeySet(_) => Self::told("server-not-trusted", &error),
        }
    }
}

impl From<JournalError> for Disapproved {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Storage(error) => error.into(),
            JournalError::Foreign { .. } => Self::told("another-device", &error),
            _ => Self::told("passbook-unusable", &error),
        }
    }
}

impl From<StorageError> for Disapproved {
    fn from(error: StorageError) -> Self {
        let code = match error {
            StorageError::DiskFull(_) => "disk-full",
            StorageError::ReadOnly(_) => "passbook-read-only",
            _ => "passbook-unusable",
        };
        Self::told(code, &error)
    }
}

impl From<NoRandom> for Disapproved {
    fn from(error: NoRandom) -> Self {
        Self::told("no-random", &error)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn every_text_says_what_happened_and_what_to_do() {
        let path = || PathBuf::from("/ann/c: d");
        let cases: Vec<(Disapproved, &str, &str)> = vec![
            (StorageError::DiskFull(path()).into(), "disk-full", "free some space"),
            (StorageError::ReadOnly(path()).into(), "passbook-read-only", "mount it writable"),
            (
                StorageError::NotPrivate { path: path(), mode: 0o644 }.into(),
                "passbook-unusable",
                "chmod go-rwx",
            ),
            (JournalError::Poisoned(path()).into(), "passbook-unusable", "check the disk"),
            (ContactError::OutOfStep.into(), "out-of-step", "ask the supplier"),
            (ContactError::Net(NetError::Timeout).into(), "server-unreachable", "try again"),
            (ContactError::Net(NetError::Tls("x".into())).into(), "server-not-trusted", "check its address"),
            (ContactError::Untrusted(SealError::WrongSignature).into(), "server-not-trusted", "right server"),
            (ContactError::Problem { status: 503, body: vec![] }.into(), "server-problem", "later"),
            (Why::Pass(Disapproval::Moving).into(), "pass-moving", "import it here again"),
            (Why::NotGenuine.into(), "pass-not-genuine", "a pass of this device"),
            (NoRandom("x".into()).into(), "no-random", "try again"),
        ];
        for (told, code, piece) in cases {
            assert_eq!(told.code, code);
            assert!(!told.remedy.is_empty() && told.to_string().contains(piece), "{told}");
        }
    }

    #[test]
    fn a_pass_that_is_used_up_where_no_server_is_tells_both() {
        let error = ContactError::Net(NetError::Unreachable("connection refused".into()));
        let told = Disapproved::without_help(Why::Pass(Disapproval::NoUsesLeft), error);
        assert_eq!(
            told.to_string(),
            "no uses are left in the pass, and the server cannot be reached (connection refused): \
             check the network and the server's address"
        );
    }
}
