//! Showing the menu to a person, and asking for consent (A10).

use std::fmt;

use carnet_api::menu::{ListedOffer, MenuView};
use carnet_core::app::AppId;

use crate::context::Context;
use crate::failure::Failure;
use crate::offer_words::{aligned, offer_in_words};
use crate::output::BOLD;
use crate::text::clean;
use crate::user::ask;
use crate::width::{self, broken, in_one_line};

/// What a person has chosen from a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This offer, with all of its conditions read and agreed to.
    Agreed(Box<ListedOffer>),
    /// Nothing.
    None,
}

/// Columns for the mark before each line of the question, and one that stays free: a full line would break.
const MARK: usize = 3;

/// A line of the question.
enum Line<'a> {
    Offer { listed: &'a ListedOffer, words: String },
    None,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offer { words, .. } => f.write_str(words),
            Self::None => f.write_str("none of these"),
        }
    }
}

fn line_of(listed: &ListedOffer, room: Option<usize>) -> String {
    let words = offer_in_words(&listed.offer);
    let of =
        |label: &str| words.iter().find(|(have, _)| *have == label).map_or("", |(_, text)| text.as_str());
    in_one_line(&[of("Condition"), of("Term"), of("Price")], " – ", room)
}

/// Shows the menu and asks until an offer is agreed to or none is wanted.
///
/// # Errors
/// `interrupted` when nobody wants to answer.
pub fn choose(context: &Context, menu: &MenuView) -> Result<Choice, Failure> {
    loop {
        let room = width::of_stderr().map(|width| width.saturating_sub(MARK));
        let line = |listed| Line::Offer { listed, words: line_of(listed, room) };
        let offers = menu.offers.iter().map(line);
        let options = offers.chain(std::iter::once(Line::None)).collect();
        let Line::Offer { listed, .. } =
            ask::one_of(&format!("What do you want for {}?", menu.app), options)?
        else {
            return Ok(Choice::None);
        };
        if agreed(context, &menu.app, listed)? {
            return Ok(Choice::Agreed(Box::new(listed.clone())));
        }
    }
}

/// Shows every condition of an offer and asks for consent to it.
///
/// # Errors
/// `interrupted` when nobody wants to answer.
pub fn agreed(context: &Context, app: &AppId, listed: &ListedOffer) -> Result<bool, Failure> {
    context.output.note(&conditions(app, listed));
    ask::yes("Do you agree to these conditions?")
}

/// Every condition of an offer, in plain words.
#[must_use]
pub fn conditions(app: &AppId, listed: &ListedOffer) -> String {
    let width = width::of_stderr();
    let title = broken(&format!("{BOLD}{}{BOLD:#} for {app}:", clean(&listed.offer.condition)), width);
    format!("\n{title}\n{}", aligned(&offer_in_words(&listed.offer), "  ", width))
}
