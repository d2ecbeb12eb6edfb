//! What another menu changes, in plain words (A5).

use carnet_api::menu::Diff;
use carnet_core::offer::Offer;

use crate::offer_words::{aligned, offer_in_words};
use crate::output::{BOLD, GREEN, RED, YELLOW};

/// One paragraph for each offer that is added, changed or removed, then what stays as it is; in at most so many
/// columns, where there is a terminal.
#[must_use]
pub fn diff_in_words(diff: &Diff, width: Option<usize>) -> String {
    let mut words = String::new();
    for offer in &diff.added {
        words += &format!("{GREEN}+ added{GREEN:#} {BOLD}{}{BOLD:#}\n", offer.name);
        words += &aligned(&offer_in_words(offer), "    ", width);
    }
    for changed in &diff.changed {
        words += &format!("{YELLOW}~ changed{YELLOW:#} {BOLD}{}{BOLD:#}\n", changed.after.name);
        words += &changes(&changed.before, &changed.after, width);
    }
    for offer in &diff.removed {
        let condition = crate::text::clean(&offer.condition);
        words += &format!("{RED}- removed{RED:#} {BOLD}{}{BOLD:#} ({condition})\n", offer.name);
    }
    if diff.reordered {
        words += &format!("{YELLOW}~ reordered{YELLOW:#}: the same offers in another order\n");
    }
    if !diff.changed.is_empty() || !diff.removed.is_empty() {
        words += "Licenses already agreed keep the conditions they were agreed with.\n";
    }
    words
}

/// Each label whose words differ: `Price  9.00 EUR … → 12.00 EUR …`.
fn changes(before: &Offer, after: &Offer, width: Option<usize>) -> String {
    let (before, after) = (offer_in_words(before), offer_in_words(after));
    let find = |words: &[(&'static str, String)], label: &str| {
        words.iter().find(|(have, _)| *have == label).map_or("–".to_owned(), |(_, text)| text.clone())
    };
    let mut labels: Vec<&'static str> = before.iter().map(|(label, _)| *label).collect();
    labels.extend(after.iter().map(|(label, _)| *label).filter(|label| find(&before, label) == "–"));
    let differs = |label: &&'static str| find(&before, label) != find(&after, label);
    let line = |label: &'static str| (label, format!("{} → {}", find(&before, label), find(&after, label)));
    let lines: Vec<_> = labels.into_iter().filter(differs).map(line).collect();
    if lines.is_empty() {
        return "    written differently, with the same meaning\n".into();
    }
    aligned(&lines, "    ", width)
}
