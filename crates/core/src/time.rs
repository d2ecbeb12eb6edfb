//! Points in time and lengths of time.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::LARGEST_AMOUNT;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

/// A length of run time in whole seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub u64);

impl Time {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The last time that has a text form here: 9999-12-30T00:00:00Z. Later sums stop there.
    pub const LATEST: Self = Self(253_402_128_000_000_000);

    /// This time and so many seconds; never past [`Time::LATEST`].
    #[must_use]
    pub fn plus(self, seconds: Seconds) -> Self {
        let micros = i64::try_from(seconds.0).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        Self(self.0.saturating_add(micros).min(Self::LATEST.0))
    }

    /// This time less so many seconds.
    #[must_use]
    pub fn minus(self, seconds: Seconds) -> Self {
        let micros = i64::try_from(seconds.0).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        Self(self.0.saturating_sub(micros))
    }

    /// Whole seconds from `earlier` to this time; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Seconds {
        Seconds(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0) / 1_000_000)
    }

    /// This time and a calendar length, counted in UTC; never past [`Time::LATEST`].
    #[must_use]
    pub fn plus_length(self, length: Length) -> Self {
        let later = Timestamp::from_microsecond(self.0)
            .ok()
            .zip(length.span())
            .and_then(|(start, span)| start.to_zoned(TimeZone::UTC).checked_add(span).ok())
            .map_or(Self::LATEST.0, |end| end.timestamp().as_microsecond());
        Self(later.min(Self::LATEST.0))
    }
}

/// RFC 3339 in UTC.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_microsecond(self.0) {
            Ok(stamp) => write!(f, "{stamp}"),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a time or a length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct NotATime {
    /// What was given.
    pub text: String,
    /// What is understood, with an example.
    pub expected: &'static str,
}

/// Reads `2027-01-31` (midnight UTC) and RFC 3339 times.
impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let wrong = || NotATime {
            text: text.chars().take(80).collect(),
            expected: "a time like `2027-01-31` or `2027-01-31T18:00:00Z`",
        };
        let stamp = match text.parse::<Timestamp>() {
            Ok(stamp) => stamp,
            // A date alone: jiff would take a time without a zone for a date too, and drop the time.
            Err(_) if text.len() != 10 => return Err(wrong()),
            Err(_) => {
                let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
                date.to_zoned(TimeZone::UTC).map_err(|_| wrong())?.timestamp()
            }
        };
        let time = Self(stamp.as_microsecond());
        if (Self::EPOCH..=Self::LATEST).contains(&time) { Ok(time) } else { Err(wrong()) }
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A calendar length: months and days are as long as the calendar makes them, seconds are exact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Length {
    /// Calendar months (a year is twelve).
    pub months: u32,
    /// Calendar days (a week is seven).
    pub days: u32,
    /// Seconds (an hour is 3,600).
    pub seconds: u32,
}

impl Length {
    /// So many days.
    #[must_use]
    pub const fn days(days: u32) -> Self {
        Self { months: 0, days, seconds: 0 }
    }

    /// Nothing at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.months == 0 && self.days == 0 && self.seconds == 0
    }

    /// None when it is longer than any calendar.
    fn span(self) -> Option<Span> {
        let months = Span::new().try_months(i64::from(self.months)).ok()?;
        months.try_days(i64::from(self.days)).ok()?.try_seconds(i64::from(self.seconds)).ok()
    }
}

/// ISO 8601, as in `P1M10D`.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.span() {
            Some(span) => write!(f, "{span}"),
            None => f.write_str("longer than any calendar"),
        }
    }
}

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads `30 days`, `1 year`, `90 minutes` and ISO 8601 durations.
impl FromStr for Length {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let wrong = || NotATime {
            text: text.chars().take(80).collect(),
            expected: "a length of time like `30 days`, `1 year` or `90 minutes`, at most 100 years",
        };
        let span: Span = text.parse().map_err(|_| wrong())?;
        let months = i64::from(span.get_years()) * 12 + i64::from(span.get_months());
        let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
        let seconds = i64::from(span.get_hours()) * 3_600 + span.get_minutes() * 60 + span.get_seconds();
        let fraction =
            span.get_milliseconds() != 0 || span.get_microseconds() != 0 || span.get_nanoseconds() != 0;
        if fraction || months > 1_200 || days > 36_525 {
            return Err(wrong());
        }
        let part = |value: i64| u32::try_from(value).map_err(|_| wrong());
        Ok(Self { months: part(months)?, days: part(days)?, seconds: part(seconds)? })
    }
}

impl Serialize for Length {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// In words: `30 days`, `1 year`, `2 hours`.
#[must_use]
pub fn length_in_words(length: Length) -> String {
    let mut parts = Vec::new();
    let (years, months) = (length.months / 12, length.months % 12);
    let clock = u64::from(length.seconds);
    for (count, unit) in
        [(u64::from(years), "year"), (u64::from(months), "month"), (u64::from(length.days), "day")]
    {
        if count > 0 {
            parts.push(counted(count, unit));
        }
    }
    if clock > 0 || parts.is_empty() {
        // Not in days: a calendar day and 24 hours are two lengths, and must not read alike.
        parts.push(clock_in_words(clock / 3_600, clock));
    }
    parts.join(" ")
}

/// In words: `7 days`, `8 hours`, `1 hour 30 minutes`, `45 seconds`.
#[must_use]
pub fn seconds_in_words(seconds: Seconds) -> String {
    let Seconds(all) = seconds;
    match (all / 86_400, all % 86_400) {
        (0, clock) => clock_in_words(clock / 3_600, clock),
        (days, 0) => counted(days, "day"),
        (days, clock) => format!("{} {}", counted(days, "day"), clock_in_words(clock / 3_600, clock)),
    }
}

fn clock_in_words(hours: u64, seconds: u64) -> String {
    let parts = [(hours, "hour"), (seconds / 60 % 60, "minute"), (seconds % 60, "second")];
    let words: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| counted(*count, unit)).collect();
    if words.is_empty() { "0 seconds".into() } else { words.join(" ") }
}

/// `1 use`, `2 uses`.
#[must_use]
pub fn counted(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

impl Seconds {
    /// False when the value is larger than anything in Carnet may be.
    #[must_use]
    pub const fn is_reasonable(self) -> bool {
        self.0 <= LARGEST_AMOUNT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_lengths_follow_the_calendar() {
        let start: Time = "2028-01-31".parse().unwrap();
        let month: Length = "1 month".parse().unwrap();
        assert_eq!(start.plus_length(month).to_string(), "2028-02-29T00:00:00Z");
        assert_eq!(start.plus_length(Length::days(30)).to_string(), "2028-03-01T00:00:00Z");
    }

    #[test]
    fn lengths_come_back_from_their_text_and_read_well() {
        for (text, iso, words) in [
            ("30 days", "P30D", "30 days"),
            ("1 year", "P12M", "1 year"),
            ("90 minutes", "PT5400S", "1 hour 30 minutes"),
            ("2 weeks", "P14D", "14 days"),
        ] {
            let length: Length = text.parse().unwrap();
            assert_eq!(length.to_string(), iso);
            assert_eq!(iso.parse(), Ok(length));
            assert_eq!(length_in_words(length), words);
        }
    }

    #[test]
    fn nonsense_and_negative_lengths_are_refused() {
        for text in ["", "soon", "-3 days", "200 years", "0.5 s", "1 month ago"] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_refused_rather_than_guessed() {
        assert!("2027-01-01T18:00:00".parse::<Time>().is_err());
        assert!("2027-01-01T18:00:00Z".parse::<Time>().is_ok());
        assert_eq!(seconds_in_words(Seconds(7 * 86_400 + 3_600)), "7 days 1 hour");
        let day_of_the_clock = Length { months: 0, days: 0, seconds: 86_400 };
        assert_eq!(length_in_words(day_of_the_clock), "24 hours");
    }

    #[test]
    fn sums_stop_at_the_latest_time() {
        assert_eq!(Time::LATEST.plus(Seconds(1)), Time::LATEST);
        let longest = Length { months: u32::MAX, days: u32::MAX, seconds: u32::MAX };
        assert_eq!(Time::EPOCH.plus_length(longest), Time::LATEST);
        assert_eq!(longest.to_string(), "longer than any calendar");
        assert_eq!(Time(i64::MAX).plus_length(Length::days(1)), Time::LATEST);
        assert_eq!(Time::EPOCH.since(Time::LATEST), Seconds(0));
    }
}
