//! Texts of others, made fit for a terminal.

use carnet_core::time::Time;

/// The text without anything that a terminal would obey rather than show: control characters (a hostile
/// server could move the cursor or retitle the window) and marks that reverse the reading direction.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().map(|letter| if obeyed(letter) { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

fn obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A time as a person reads it; scripts get every digit.
#[must_use]
pub const fn to_the_second(time: Time) -> Time {
    Time(time.0 - time.0.rem_euclid(1_000_000))
}

/// ` (did you mean …?)`, where one of the known words is near; else nothing.
#[must_use]
pub fn did_you_mean(word: &str, known: &[&str]) -> Option<String> {
    // Long words are nonsense, and comparing them takes long.
    let word: String = word.chars().take(60).collect::<String>().to_lowercase().replace('-', "_");
    let near = |known: &&str| known.replace('-', "_") == word;
    let same = known.iter().find(|known| near(known)).copied();
    let close = || similar::get_close_matches(word.as_str(), known, 1, 0.6).first().copied();
    same.or_else(close).map(|found| format!("did you mean `{found}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_a_mark() {
        assert_eq!(clean("a\x1b[31mb\u{202E}c\n"), "a\u{FFFD}[31mb\u{FFFD}c\u{FFFD}");
    }

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let known = ["condition", "devices", "per-pass"];
        assert_eq!(did_you_mean("device", &known).as_deref(), Some("did you mean `devices`?"));
        assert_eq!(did_you_mean("per_pass", &known).as_deref(), Some("did you mean `per-pass`?"));
        assert_eq!(did_you_mean("colour", &known), None);
    }
}
