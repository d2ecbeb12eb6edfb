//! How `carnet` ends: the exit codes. Scripts rely on them, so a number never changes its meaning.

use std::process::ExitCode;

/// An exit code. Documented in `carnet help exit-codes`; numbers are only ever added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something failed that has no number of its own.
    Failure = 1,
    /// The command line or a file given with it is not understood.
    Usage = 2,
    /// The device has no valid passbook yet (A6).
    NotRegistered = 3,
    /// No good pass: the run is disapproved (A11).
    NotLicensed = 4,
    /// The server answered no.
    Refused = 5,
    /// No answer came.
    Unreachable = 6,
    /// The passbook is there but cannot be used.
    PassbookUnusable = 7,
    /// The supplier's token is missing, wrong or expired.
    BadToken = 8,
    /// The medium cannot be read or written (A18).
    Medium = 9,
    /// Ended from outside, as by Ctrl-C: 128 and the number of the signal.
    Interrupted = 130,
}

impl Exit {
    /// Every exit code, in order.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Failure,
        Self::Usage,
        Self::NotRegistered,
        Self::NotLicensed,
        Self::Refused,
        Self::Unreachable,
        Self::PassbookUnusable,
        Self::BadToken,
        Self::Medium,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What it says, in one line.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "done",
            Self::Failure => "something failed that has no number of its own",
            Self::Usage => "the command line, or a file given with it, is not understood",
            Self::NotRegistered => "this device is not registered: there is no valid passbook",
            Self::NotLicensed => "not licensed: the run is disapproved",
            Self::Refused => "the server refused, as when a limit is reached",
            Self::Unreachable => "the server cannot be reached or is out of order",
            Self::PassbookUnusable => "the passbook is there but cannot be used",
            Self::BadToken => "the supplier token is missing, wrong or expired",
            Self::Medium => "the medium of a move cannot be read or written, or is somebody else's",
            Self::Interrupted => "interrupted, or a question was not answered",
        }
    }

    /// The table shown by `carnet help exit-codes`.
    #[must_use]
    pub fn table() -> String {
        let line = |exit: Self| format!("  {:>3}  {}\n", exit.number(), exit.meaning());
        Self::ALL.map(line).concat()
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// How the process ends: by our own word, or by that of a program that was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Ours.
    Here(Exit),
    /// The program's own exit code; 128 and the number of the signal that ended it.
    Program(u8),
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self::Here(exit)
    }
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Here(exit) => exit.into(),
            Ended::Program(code) => code.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_frozen() {
        assert_eq!(Exit::ALL.map(Exit::number), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130]);
    }
}
