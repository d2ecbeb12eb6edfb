//! Single values of a menu file.

use std::str::FromStr;

use carnet_core::LARGEST_AMOUNT;
use carnet_core::app::BadName;
use carnet_core::money::{Money, NotMoney};
use carnet_core::offer::Charging;
use carnet_core::time::{Length, Seconds, Time, seconds_in_words};
use toml::de::{DeArray, DeTable, DeValue};

use super::fields::{Wrong, listed};
use crate::text::did_you_mean;

/// Written for a free offer instead of an amount.
pub(super) const FREE: &str = "free";

pub(super) fn text<'t>(value: &'t DeValue<'_>) -> Result<&'t str, Wrong> {
    value.as_str().ok_or_else(|| wrong_type(value, "text", "write it in double quotes"))
}

pub(super) fn table<'t, 'i>(value: &'t DeValue<'i>, remedy: &str) -> Result<&'t DeTable<'i>, Wrong> {
    value.as_table().ok_or_else(|| wrong_type(value, "a table", remedy))
}

pub(super) fn list<'t, 'i>(value: &'t DeValue<'i>, remedy: &str) -> Result<&'t DeArray<'i>, Wrong> {
    value.as_array().ok_or_else(|| wrong_type(value, "a list", remedy))
}

pub(super) fn yes_or_no(value: &DeValue<'_>) -> Result<bool, Wrong> {
    value.as_bool().ok_or_else(|| wrong_type(value, "yes or no", "write `true` or `false`, without quotes"))
}

pub(super) fn wrong_type(value: &DeValue<'_>, wanted: &str, remedy: &str) -> Wrong {
    let given = match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Wrong::new(format!("is {given}, but must be {wanted}"), remedy)
}

/// A whole number. Whether zero or a large one makes sense is decided where its meaning is known.
pub(super) fn count(value: &DeValue<'_>) -> Result<u64, Wrong> {
    let Some(number) = value.as_integer() else {
        return Err(wrong_type(value, "a whole number", "write a whole number without quotes"));
    };
    let digits = number.as_str();
    if digits.starts_with('-') {
        return Err(Wrong::new("is negative", "write a positive number"));
    }
    let digits = digits.trim_start_matches('+');
    u64::from_str_radix(digits, number.radix())
        .map_err(|_| Wrong::new("is too large", format!("use at most {LARGEST_AMOUNT}")))
}

pub(super) fn small_count(value: &DeValue<'_>) -> Result<u32, Wrong> {
    u32::try_from(count(value)?).map_err(|_| Wrong::new("is too large", format!("use at most {}", u32::MAX)))
}

pub(super) fn name<T: FromStr<Err = BadName>>(value: &DeValue<'_>) -> Result<T, Wrong> {
    parsed_name(text(value)?)
}

pub(super) fn parsed_name<T: FromStr<Err = BadName>>(text: &str) -> Result<T, Wrong> {
    text.parse().map_err(|bad: BadName| {
        Wrong::new(format!("is `{}`, which is no good name", bad.text), format!("write {}", bad.expected))
    })
}

pub(super) fn one_of<T: Copy>(value: &DeValue<'_>, known: &[(&str, T)]) -> Result<T, Wrong> {
    let given = text(value)?;
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    known.iter().find(|(word, _)| *word == given).map(|(_, value)| *value).ok_or_else(|| {
        let shown: String = given.chars().take(40).collect();
        let remedy = did_you_mean(given, &words).unwrap_or_else(|| format!("write {}", listed(&words)));
        Wrong::new(format!("is `{shown}`, which means nothing here"), remedy)
    })
}

/// `9.00 EUR`, or `free`.
pub(super) fn fee(value: &DeValue<'_>) -> Result<Money, Wrong> {
    let remedy = "write it in quotes, like \"9.00 EUR\" or \"free\"";
    let given = value.as_str().ok_or_else(|| wrong_type(value, "an amount with its currency", remedy))?;
    if given == FREE {
        return Ok(Money::NOTHING);
    }
    given.parse().map_err(|error: NotMoney| {
        let words = error.to_string();
        let (what, remedy) = words.rsplit_once(": ").unwrap_or((&words, "write it like `9.00 EUR`"));
        Wrong::new(format!("is wrong: {what}"), remedy)
    })
}

/// When a fee is due.
pub(super) const CHARGING: &[(&str, Charging)] = &[
    (FREE, Charging::Free),
    ("once", Charging::Once),
    ("per-pass", Charging::PerPass),
    ("per-period", Charging::PerPeriod),
];

const LENGTH_REMEDY: &str = "write a length like \"30 days\", \"1 year\" or \"90 minutes\"";

/// A calendar length.
pub(super) fn length(value: &DeValue<'_>) -> Result<Length, Wrong> {
    let given = value.as_str().ok_or_else(|| wrong_type(value, "a length of time", LENGTH_REMEDY))?;
    given.parse().map_err(|_| not_a_length(given))
}

fn not_a_length(given: &str) -> Wrong {
    let shown: String = given.chars().take(40).collect();
    Wrong::new(format!("is `{shown}`, which is not a length of time up to 100 years"), LENGTH_REMEDY)
}

/// An exact length: a day is 24 hours, and months are refused because they differ.
pub(super) fn seconds(value: &DeValue<'_>) -> Result<Seconds, Wrong> {
    let given = value.as_str().ok_or_else(|| wrong_type(value, "a length of time", LENGTH_REMEDY))?;
    if let Some(seconds) = given.strip_suffix(" seconds").and_then(|digits| digits.parse().ok()) {
        return Ok(Seconds(seconds));
    }
    let length: Length = given.parse().map_err(|_| not_a_length(given))?;
    if length.months > 0 {
        return Err(Wrong::new("counts months, which differ in length", "write it in days or hours"));
    }
    Ok(Seconds(u64::from(length.days) * 86_400 + u64::from(length.seconds)))
}

/// The longest length that is read in words, in seconds.
const CENTURY: u64 = 36_525 * 86_400;

/// What [`seconds`] reads back.
pub(super) fn seconds_in_text(seconds: Seconds) -> String {
    match seconds.0 {
        0 => "0 seconds".into(),
        whole if whole % 86_400 == 0 && whole <= CENTURY => format!("{} days", whole / 86_400),
        short if short <= CENTURY => seconds_in_words(seconds),
        long => format!("{long} seconds"),
    }
}

/// A date, midnight UTC, or a time with its zone.
pub(super) fn date(value: &DeValue<'_>) -> Result<Time, Wrong> {
    let remedy = "write a date without quotes, like 2027-01-31";
    let Some(given) = value.as_datetime() else { return Err(wrong_type(value, "a date", remedy)) };
    if given.date.is_none() {
        return Err(Wrong::new("names no day", remedy));
    }
    if given.time.is_some() && given.offset.is_none() {
        return Err(Wrong::new("names no time zone", format!("write {given}Z if it is in UTC")));
    }
    given
        .to_string()
        .parse()
        .map_err(|_| Wrong::new("is not between 1970 and 9999", "write a date of these years"))
}
