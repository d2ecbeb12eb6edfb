//! What is left, and what the user should know before it is too late.

use std::fmt;

use carnet_core::document::Ceiling;
use carnet_core::journal::State;
use carnet_core::report::Wanted;
use carnet_core::term::moment;
use carnet_core::time::{Seconds, Time, counted, seconds_in_words};

/// What is left. A limit that the license does not have is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remaining {
    /// Uses: those in the pass, and those that the server had left in the license when it issued the pass.
    pub uses: Option<u64>,
    /// Uses in the pass: they can be made without the server.
    pub uses_in_pass: Option<u64>,
    /// Run time in seconds, in the pass and in the license.
    pub seconds: Option<u64>,
    /// Run time in seconds in the pass.
    pub seconds_in_pass: Option<u64>,
    /// The pass ends here. Where the server gives a next one, that comes before.
    pub ends: Option<Time>,
    /// Until here it goes on with a warning.
    pub grace_until: Option<Time>,
}

impl Remaining {
    /// As the journal has it; `unrun` is recorded run time that is still to be run.
    pub(crate) fn of(state: &State, unrun: Seconds) -> Self {
        let pass = state.held.as_ref().map(|held| &held.pass);
        let behind = |line: Option<Ceiling>| line.map_or(0, |ceiling| ceiling.remaining);
        let uses_in_pass = state.uses_left();
        let seconds_in_pass = state.seconds_left().map(|left| left.0.saturating_add(unrun.0));
        let (ends, grace_until) = state.ends();
        Self {
            uses: uses_in_pass.map(|left| left.saturating_add(behind(pass.and_then(|pass| pass.uses)))),
            uses_in_pass,
            seconds: seconds_in_pass
                .map(|left| left.saturating_add(behind(pass.and_then(|pass| pass.seconds)))),
            seconds_in_pass,
            ends,
            grace_until: grace_until.filter(|grace| ends.is_none_or(|end| *grace > end)),
        }
    }
}

/// For the user: `9 uses`, `1 hour 20 minutes of running, until 2027-01-31`, `without limit`.
impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uses = self.uses.map(|uses| counted(uses, "use"));
        let seconds =
            self.seconds.map(|seconds| format!("{} of running", seconds_in_words(Seconds(seconds))));
        let ends = self.ends.map(|end| format!("until {}", moment(end)));
        let parts: Vec<_> = [uses, seconds, ends].into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "without limit" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// Something that a user should be told while the program still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The pass has ended and runs in grace.
    InGrace {
        /// Until here.
        until: Time,
    },
    /// It is a temporary pass: the payment is not settled yet, and the next pass depends on it.
    Temporary {
        /// It ends here, where it has an end.
        until: Option<Time>,
    },
    /// The supplier waits for a usage report or an erasure (C4).
    Asked {
        /// For which of the two.
        wanted: Wanted,
        /// Until when.
        due: Time,
        /// That time is over.
        overdue: bool,
    },
    /// The pass ends soon, and no next one has come yet.
    EndsSoon {
        /// Here.
        at: Time,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InGrace { until } => {
                write!(
                    f,
                    "the license pass has ended and still works until {until}: connect to the license server"
                )
            }
            Self::Temporary { until: Some(until) } => {
                write!(f, "a temporary license pass until {until}: the payment is not settled yet")
            }
            Self::Temporary { until: None } => {
                f.write_str("a temporary license pass: the payment is not settled yet")
            }
            Self::Asked { wanted, due, overdue } => {
                let command = match wanted {
                    Wanted::Usage => "carnet report",
                    Wanted::Erasure => "carnet erase",
                };
                let by = if *overdue { "was due" } else { "is due" };
                write!(f, "the supplier has asked for {wanted}; it {by} at {due}: run `{command}`")
            }
            Self::EndsSoon { at } => {
                write!(f, "the license pass ends at {at}: connect to the license server before")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_reads_well() {
        let none = Remaining::default();
        let ends = "2027-01-31".parse().ok();
        for (remaining, words) in [
            (none, "without limit"),
            (Remaining { uses: Some(1), ..none }, "1 use"),
            (
                Remaining { seconds: Some(3_605), ends, ..none },
                "1 hour 5 seconds of running, until 2027-01-31",
            ),
        ] {
            assert_eq!(remaining.to_string(), words);
        }
    }
}
