//! Terms: for how long or how often something may be used (A3).

use serde::{Deserialize, Serialize};

use crate::time::{Length, Seconds, Time, counted, length_in_words, seconds_in_words};

/// What limits a license. With no part at all it is perpetual; with several, the first part used up ends it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// A stretch of the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Total duration of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Seconds>,
    /// Total number of uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
}

/// A stretch of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Between two dates, the same for everybody. The end is not included.
    Between {
        /// The first moment of the period.
        start: Time,
        /// The first moment after the period.
        end: Time,
    },
    /// Counted from the moment of agreement.
    FromAgreement(Length),
    /// Counted from the first use on any device.
    FromFirstUse(Length),
}

impl Term {
    /// Nothing is counted and nothing ends.
    pub const PERPETUAL: Self = Self { period: None, duration: None, uses: None };

    /// Whether nothing limits this license.
    #[must_use]
    pub fn is_perpetual(&self) -> bool {
        *self == Self::PERPETUAL
    }

    /// In plain words: `10 uses within 30 days of the agreement`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut counted_parts = Vec::new();
        if let Some(uses) = self.uses {
            counted_parts.push(counted(uses, "use"));
        }
        if let Some(duration) = self.duration {
            counted_parts.push(format!("{} of running", seconds_in_words(duration)));
        }
        let amounts = counted_parts.join(" or ");
        match (amounts.is_empty(), self.period) {
            (true, None) => "without end".into(),
            (false, None) => amounts,
            (true, Some(period)) => period.in_words(),
            (false, Some(Period::Between { .. })) => format!("{amounts}, {}", self.period_in_words()),
            (false, Some(_)) => format!("{amounts} within {}", self.period_in_words()),
        }
    }

    fn period_in_words(&self) -> String {
        self.period.map(Period::in_words).unwrap_or_default()
    }
}

impl Period {
    fn in_words(self) -> String {
        match self {
            Self::Between { start, end } => format!("from {} until {}", day(start), day(end)),
            Self::FromAgreement(length) => format!("{} from the agreement", length_in_words(length)),
            Self::FromFirstUse(length) => format!("{} from the first use", length_in_words(length)),
        }
    }
}

/// A time as a reader wants it: the date alone when it is midnight.
#[must_use]
pub fn day(time: Time) -> String {
    let text = time.to_string();
    text.strip_suffix("T00:00:00Z").map_or_else(|| text.clone(), str::to_owned)
}

/// A time as a person wants it, to the minute: `2027-01-31 18:00 UTC`, or the date alone at midnight. Not to be
/// read back: what must be exact uses [`day`].
#[must_use]
pub fn moment(time: Time) -> String {
    let exact = day(time);
    match (exact.split_once('T'), time.0 < 0) {
        (Some((date, clock)), false) if clock.len() >= 5 => format!("{date} {} UTC", &clock[..5]),
        _ => exact,
    }
}

/// How big a part of a license one pass carries (A4): "license 10 uses, pass 1 use". A part that is absent
/// is not cut: the pass carries all that remains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Uses in one pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// Run time in one pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Seconds>,
    /// How long one pass is good for after its issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Length>,
}

impl Slice {
    /// Everything that remains.
    pub const WHOLE: Self = Self { uses: None, duration: None, period: None };

    /// In plain words: `1 use at a time`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let parts: Vec<_> = [
            self.uses.map(|uses| counted(uses, "use")),
            self.duration.map(|duration| format!("{} of running", seconds_in_words(duration))),
            self.period.map(length_in_words),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() { "everything at once".into() } else { format!("{} at a time", parts.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_to_the_minute() {
        let at = |text: &str| moment(text.parse().unwrap());
        assert_eq!(at("2027-01-31T18:00:59.123456Z"), "2027-01-31 18:00 UTC");
        assert_eq!(at("2027-01-31"), "2027-01-31");
    }

    #[test]
    fn a3_every_kind_of_term_and_their_combinations_read_well() {
        let days = |count| Some(Period::FromAgreement(Length::days(count)));
        let fixed =
            Period::Between { start: "2027-01-01".parse().unwrap(), end: "2028-01-01".parse().unwrap() };
        for (term, words) in [
            (Term::PERPETUAL, "without end"),
            (Term { uses: Some(10), ..Term::PERPETUAL }, "10 uses"),
            (Term { duration: Some(Seconds(28_800)), ..Term::PERPETUAL }, "8 hours of running"),
            (Term { period: Some(fixed), ..Term::PERPETUAL }, "from 2027-01-01 until 2028-01-01"),
            (
                Term { period: days(30), uses: Some(10), duration: None },
                "10 uses within 30 days from the agreement",
            ),
            (
                Term {
                    period: Some(Period::FromFirstUse(Length::days(1))),
                    uses: Some(1),
                    duration: Some(Seconds(60)),
                },
                "1 use or 1 minute of running within 1 day from the first use",
            ),
        ] {
            assert_eq!(term.in_words(), words);
        }
    }
}
