//! A whole menu file.

use std::collections::BTreeMap;
use std::ops::Range;

use carnet_core::app::{AppId, OfferName};
use carnet_core::offer::{MOST_OFFERS, Offer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fields::{Fields, Findings};
use super::offer::offer;
use super::problem::{Kind, Problem, Problems};
use super::{MenuFile, syntax, values};

const APP_REMEDY: &str = "begin the file with the app that is sold, like app = \"acme/paint\"";
const OFFER_REMEDY: &str =
    "begin each offer with [[offer]]; to take everything off the menu, write offer = []";

/// Reads the text of a menu file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(text: &str) -> Result<MenuFile, Problems> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut findings = Findings::default();
    let file = whole(document.get_ref(), &mut findings);
    let problems = syntax::joined(text, &errors, findings.problems);
    match file {
        Some(file) if problems.is_empty() => Ok(file),
        _ => Err(Problems::sorted(problems)),
    }
}

fn whole(document: &DeTable<'_>, findings: &mut Findings) -> Option<MenuFile> {
    let fields = Fields::new(document, "the file");
    fields.check_keys(&["app", "offer"], findings);
    let app: Option<AppId> = fields.required("app", APP_REMEDY, &(0..0), findings, values::name);
    let list = fields
        .required("offer", OFFER_REMEDY, &(0..0), findings, |value| values::list(value, OFFER_REMEDY))?;
    let mut offers = Offers::default();
    for item in list.iter().take(MOST_OFFERS) {
        offers.add(item, findings);
    }
    if let Some(item) = list.get(MOST_OFFERS) {
        let what = format!("the menu has {} offers", list.len());
        findings.value(item.span(), what, format!("keep at most {MOST_OFFERS}"));
    }
    Some(MenuFile { app: app?, offers: offers.offers })
}

#[derive(Default)]
struct Offers {
    offers: Vec<Offer>,
    names: BTreeMap<OfferName, Range<usize>>,
}

impl Offers {
    fn add(&mut self, item: &Spanned<DeValue<'_>>, findings: &mut Findings) {
        let DeValue::Table(table) = item.get_ref() else {
            return findings.value(item.span(), "this is not an offer", OFFER_REMEDY);
        };
        let Some(offer) = offer(table, &item.span(), findings) else { return };
        if !findings.broken.contains("name") {
            let span = table.get("name").map_or(item.span(), Spanned::span);
            self.note_repeated(&offer.name, span, findings);
        }
        self.offers.push(offer);
    }

    fn note_repeated(&mut self, name: &OfferName, span: Range<usize>, findings: &mut Findings) {
        match self.names.get(name) {
            None => {
                self.names.insert(name.clone(), span);
            }
            Some(first) => {
                let what = format!("two offers are named `{name}`");
                let mut problem = Problem::new(Kind::Value, span, what, "give one of them another name");
                problem.also = Some((first.clone(), "the first of them"));
                findings.problems.push(problem);
            }
        }
    }
}
