//! Texts fitted to the width of a terminal. Where there is no terminal nothing is cut and nothing is broken:
//! a script, or a person with a pager, gets whole lines.

use anstream::adapter::strip_str;
use terminal_size::{Width, terminal_size_of};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Stands for what was left out.
const MORE: &str = "…";
/// Narrower than this a text cannot be read; it is then wider than the terminal.
const LEAST: usize = 10;

/// How many columns the terminal behind stdout has; none: it is no terminal, or does not say.
#[must_use]
pub fn of_stdout() -> Option<usize> {
    terminal_size_of(std::io::stdout()).and_then(columns_of)
}

/// How many columns the terminal behind stderr has; none: it is no terminal, or does not say.
#[must_use]
pub fn of_stderr() -> Option<usize> {
    terminal_size_of(std::io::stderr()).and_then(columns_of)
}

fn columns_of((Width(columns), _): (Width, terminal_size::Height)) -> Option<usize> {
    (columns > 0).then_some(usize::from(columns))
}

/// How many columns a text takes, without its styles.
#[must_use]
pub fn columns(text: &str) -> usize {
    strip_str(text).to_string().width()
}

/// The text in at most so many columns, with a mark where something is left out at its end.
#[must_use]
pub fn shortened(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    format!("{}{MORE}", head(text, room.saturating_sub(MORE.width())).trim_end())
}

/// As much of the beginning of a text as fits, at a letter.
fn head(text: &str, room: usize) -> &str {
    let mut taken = 0;
    let mut fits = |letter: char| {
        taken += letter.width().unwrap_or(0);
        taken <= room
    };
    let end: usize = text.chars().take_while(|letter| fits(*letter)).map(char::len_utf8).sum();
    text.get(..end).unwrap_or_default()
}

/// Parts in one line of at most so many columns. The longest parts are shortened; the last one, which says
/// what it comes to, only when nothing else is left to shorten.
#[must_use]
pub fn in_one_line(parts: &[&str], between: &str, room: Option<usize>) -> String {
    let mut parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    let Some(room) = room else { return parts.join(between) };
    let last = parts.len().saturating_sub(1);
    loop {
        let line = parts.join(between);
        let over = line.width().saturating_sub(room);
        let longest = parts.iter_mut().take(last).max_by_key(|part| part.width());
        match longest.filter(|part| over > 0 && part.width() > LEAST) {
            Some(part) => *part = shortened(part, part.width().saturating_sub(over.min(4)).max(LEAST)),
            None => return shortened(&line, room.max(LEAST)),
        }
    }
}

/// The lines of a text that has so much room; a word that is longer than that is broken.
#[must_use]
pub fn lines(text: &str, room: usize) -> Vec<String> {
    let room = room.max(LEAST);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word;
        let gap = usize::from(!line.is_empty());
        if columns(&line) + gap + columns(word) <= room {
            line += &format!("{}{word}", " ".repeat(gap));
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        // Styles have no width of their own and are not cut apart.
        while columns(word) > room && !word.contains('\u{1b}') {
            let (start, rest) = word.split_at(head(word, room).len());
            lines.push(start.to_owned());
            word = rest;
        }
        word.clone_into(&mut line);
    }
    lines.push(line);
    lines
}

/// A text broken to lines between words, where there is a terminal.
#[must_use]
pub fn broken(text: &str, width: Option<usize>) -> String {
    width.map_or_else(|| text.to_owned(), |width| lines(text, width).join("\n"))
}

/// Labels in one column, and beside each its text, broken to lines where there is a terminal.
#[must_use]
pub fn labelled<'a>(
    words: impl IntoIterator<Item = (&'a str, String)>,
    indent: &str,
    label_width: usize,
    width: Option<usize>,
) -> String {
    let lead = columns(indent) + label_width;
    let mut all = String::new();
    for (label, text) in words {
        let broken = match width {
            Some(width) => lines(&text, width.saturating_sub(lead)),
            None => vec![text],
        };
        for (at, line) in broken.iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            all += format!("{indent}{label:<label_width$}{line}").trim_end();
            all.push('\n');
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shortened_at_a_letter_and_by_the_columns_it_takes() {
        assert_eq!(shortened("Ten runs", 8), "Ten runs");
        assert_eq!(shortened("Ten runs", 7), "Ten ru…");
        assert_eq!(shortened("Ten runs", 5), "Ten…");
        assert_eq!(shortened("十の走り", 5), "十の…");
    }

    #[test]
    fn a_line_keeps_its_last_part_as_long_as_it_can() {
        let parts = ["Studio, by the month", "without end, on three devices at once", "29.00 EUR"];
        let line = |room| in_one_line(&parts, " – ", room);
        assert_eq!(line(None), "Studio, by the month – without end, on three devices at once – 29.00 EUR");
        for room in [72, 60, 44, 36] {
            let line = line(Some(room));
            assert!(line.width() <= room && line.ends_with(" – 29.00 EUR"), "{room}: {line}");
        }
        assert_eq!(line(Some(20)).width(), 20);
        assert!(line(Some(0)).width() <= LEAST);
    }

    #[test]
    fn words_stay_whole_unless_they_are_longer_than_a_line() {
        assert_eq!(lines("one two three", 10), ["one two", "three"]);
        assert_eq!(lines("0123456789abc d", 10), ["0123456789", "abc d"]);
        assert_eq!(lines("", 10), [""]);
        assert_eq!(lines("\u{1b}[1m0123456789\u{1b}[0m", 10), ["\u{1b}[1m0123456789\u{1b}[0m"]);
    }

    #[test]
    fn what_stands_beside_a_label_stays_beside_it() {
        let words = || [("Term", "ten uses within a month".to_owned()), ("Price", "free".to_owned())];
        let broken = labelled(words(), "  ", 7, Some(24));
        assert_eq!(broken, "  Term   ten uses within\n         a month\n  Price  free\n");
        assert_eq!(labelled(words(), "", 6, None), "Term  ten uses within a month\nPrice free\n");
    }
}
