//! Reading a menu so that everything that is wrong with it is said at once, each with its place.

use std::collections::BTreeSet;

use carnet_api::FieldError;
use carnet_api::menu::MenuUpdate;
use carnet_core::offer::{MOST_OFFERS, Offer, repeated_names};
use serde::Deserialize;
use serde_json::Value;

use crate::extract::{pointer_of, spoken};
use crate::problem::Failure;

/// The offers of a menu that can be sold.
///
/// # Errors
/// [`ProblemCode::BadJson`], or [`ProblemCode::Invalid`] with all that is wrong.
pub fn offers(bytes: &[u8]) -> Result<Vec<Offer>, Failure> {
    let offers =
        crate::extract::read_json::<MenuUpdate>(bytes).map_err(|first| all_of(bytes).unwrap_or(first))?;
    let offers = offers.offers;
    let mut errors = Vec::new();
    if offers.len() > MOST_OFFERS {
        errors.push(FieldError::new("/offers", format!("are more than {MOST_OFFERS}: offer fewer")));
    }
    for (at, offer) in offers.iter().enumerate() {
        let wrong = offer.problems().into_iter();
        errors.extend(wrong.map(|problem| {
            let pointer = format!("/offers/{at}/{}", problem.field.replace('.', "/"));
            FieldError::new(pointer, format!("{}: {}", problem.what, problem.remedy))
        }));
    }
    errors.extend(repeated(&offers));
    if errors.is_empty() { Ok(offers) } else { Err(Failure::of_fields(errors)) }
}

fn repeated(offers: &[Offer]) -> Vec<FieldError> {
    let (names, mut seen) = (repeated_names(offers), BTreeSet::new());
    let again = offers.iter().enumerate().filter(|(_, offer)| !seen.insert(&offer.name));
    again
        .filter(|(_, offer)| names.contains(&offer.name))
        .map(|(at, _)| {
            FieldError::new(format!("/offers/{at}/name"), "occurs twice: give each offer a name of its own")
        })
        .collect()
}

/// Reading stops at the first mistake; this reads each offer by itself, for the first mistake of each. None
/// when the mistake is not in an offer.
fn all_of(bytes: &[u8]) -> Option<Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Loose {
        offers: Vec<Value>,
    }
    let loose: Loose = serde_json::from_slice(bytes).ok()?;
    let mut errors = Vec::new();
    for (at, value) in loose.offers.into_iter().enumerate() {
        if let Err(error) = serde_path_to_error::deserialize::<_, Offer>(value) {
            let pointer = format!("/offers/{at}{}", pointer_of(error.path()));
            errors.push(FieldError::new(pointer, spoken(error.inner())));
        }
    }
    (!errors.is_empty()).then(|| Failure::of_fields(errors))
}
