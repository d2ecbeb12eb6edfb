//! Postings as text: `uses remaining>held 1;rights remaining>held 1`.
//!
//! Short, and readable by whoever audits with nothing but a database shell. A posting of another license than
//! the event's names it at its end.

use carnet_core::id::LicenseId;
use carnet_core::license::{Bucket, Line, Posting};

const LINES: [(Line, &str); 3] = [(Line::Rights, "rights"), (Line::Uses, "uses"), (Line::Seconds, "seconds")];
const BUCKETS: [(Bucket, &str); 6] = [
    (Bucket::Sold, "sold"),
    (Bucket::Remaining, "remaining"),
    (Bucket::Held, "held"),
    (Bucket::Moving, "moving"),
    (Bucket::Settled, "settled"),
    (Bucket::Forfeited, "forfeited"),
];

pub(crate) fn text(postings: &[Posting], license: Option<LicenseId>) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(postings.len() * 32);
    for Posting { license: of, line, from, to, amount } in postings {
        let separator = if out.is_empty() { "" } else { ";" };
        let (line, from, to) = (word(&LINES, *line), word(&BUCKETS, *from), word(&BUCKETS, *to));
        // Writing to a String cannot fail.
        let _ = write!(out, "{separator}{line} {from}>{to} {amount}");
        if Some(*of) != license {
            let _ = write!(out, " {of}");
        }
    }
    out
}

pub(crate) fn parse(text: &str, license: Option<LicenseId>) -> Option<Vec<Posting>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(';').map(|posting| parse_one(posting, license)).collect()
}

fn parse_one(text: &str, license: Option<LicenseId>) -> Option<Posting> {
    let mut words = text.split(' ');
    let line = meaning(&LINES, words.next()?)?;
    let (from, to) = words.next()?.split_once('>')?;
    let (from, to) = (meaning(&BUCKETS, from)?, meaning(&BUCKETS, to)?);
    let amount = words.next()?.parse().ok()?;
    let license = match words.next() {
        None => license?,
        Some(other) => other.parse().ok()?,
    };
    words.next().is_none().then_some(Posting { license, line, from, to, amount })
}

fn word<T: PartialEq + Copy>(table: &[(T, &'static str)], value: T) -> &'static str {
    table.iter().find(|(known, _)| *known == value).map_or("", |(_, word)| word)
}

fn meaning<T: Copy>(table: &[(T, &'static str)], word: &str) -> Option<T> {
    table.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postings_read_well_and_come_back() {
        let (ours, other) = (LicenseId([1; 16]), LicenseId([2; 16]));
        let postings = [
            Posting { license: ours, line: Line::Uses, from: Bucket::Remaining, to: Bucket::Held, amount: 3 },
            Posting {
                license: other,
                line: Line::Rights,
                from: Bucket::Held,
                to: Bucket::Remaining,
                amount: 1,
            },
        ];
        let text = text(&postings, Some(ours));
        assert_eq!(text, format!("uses remaining>held 3;rights held>remaining 1 {other}"));
        assert_eq!(parse(&text, Some(ours)).unwrap(), postings);
        assert_eq!(parse("", None), Some(Vec::new()));
        for bad in
            ["uses", "uses held 3", "uses held>lost 3", "uses held>settled -1", "uses held>settled 1 x"]
        {
            assert_eq!(parse(bad, Some(ours)), None, "{bad}");
        }
    }
}
