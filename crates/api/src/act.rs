//! Acts of a supplier on a license.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most characters of a reason.
pub const LONGEST_REASON: usize = 200;

/// Suspends, reinstates, ends or revokes a license. The body may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Why, in the supplier's own words: one line. It is kept with the event for ever and never changed, so it
    /// must not hold personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200, example = "chargeback of 3 May")]
    pub reason: Option<String>,
}

/// The reason without spaces around it.
///
/// # Errors
/// What is wrong with it and what to do.
///
/// ```
/// use carnet_api::act::checked_reason;
/// assert_eq!(checked_reason(" chargeback of 3 May\n").as_deref(), Ok("chargeback of 3 May"));
/// assert!(checked_reason("two\nlines").is_err() && checked_reason(" ").is_err());
/// ```
pub fn checked_reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if !(1..=LONGEST_REASON).contains(&text.chars().count()) {
        return Err(format!("must have 1 to {LONGEST_REASON} characters: say it in one sentence"));
    }
    if text.chars().any(is_not_seen) {
        return Err("holds characters that are not seen: write it on one line of plain text".to_owned());
    }
    Ok(text.to_owned())
}

/// A terminal or a log would obey it, or read on in the other direction.
fn is_not_seen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line_that_reads_as_it_is_written() {
        assert_eq!(checked_reason(&"ü".repeat(LONGEST_REASON)).unwrap().chars().count(), LONGEST_REASON);
        for wrong in [
            "",
            "  ",
            "a\nb",
            "a\tb",
            "a\u{1b}[31mb",
            "a\u{202e}b",
            "a\u{2028}b",
            &"x".repeat(LONGEST_REASON + 1),
        ] {
            assert!(checked_reason(wrong).is_err(), "{wrong:?}");
        }
    }
}
