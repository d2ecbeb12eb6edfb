//! Menus: what an app is offered for (A2, A5).

use carnet_core::app::{AppId, OfferName};
use carnet_core::offer::{Menu, MenuDiff, Offer};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;

/// The menu of an app, for anybody to read. Its serial is the `ETag` too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MenuView {
    /// Of which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// +1 at each change; 0: there is none yet.
    pub serial: u64,
    /// In the supplier's order.
    pub offers: Vec<ListedOffer>,
}

/// An offer as it stands in a menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListedOffer {
    /// The menu's serial when this offer last changed; an agreement names it (A10).
    pub serial: u64,
    /// The offer.
    #[schema(value_type = schema::Offer)]
    pub offer: Offer,
    /// The license term, in plain words.
    #[schema(example = "10 uses within 30 days from the agreement")]
    pub term_in_words: String,
    /// The pass term, in plain words.
    #[schema(example = "1 use at a time")]
    pub pass_term_in_words: String,
}

impl MenuView {
    /// The menu of this app, with words.
    #[must_use]
    pub fn new(app: AppId, menu: &Menu) -> Self {
        let listed = |listed: &carnet_core::offer::Listed| ListedOffer {
            serial: listed.serial,
            term_in_words: listed.offer.term.in_words(),
            pass_term_in_words: listed.offer.pass_term.in_words(),
            offer: listed.offer.clone(),
        };
        Self { app, serial: menu.serial, offers: menu.offers.iter().map(listed).collect() }
    }
}

/// A whole menu, to take the place of the one that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MenuUpdate {
    /// In the order in which they are to be shown; at most 50. Licenses already agreed keep their offers.
    #[schema(value_type = Vec<schema::Offer>, max_items = 50)]
    pub offers: Vec<Offer>,
}

/// Whether a menu is only to be looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct MenuUpdateQuery {
    /// Only say what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// What the update of a menu has changed, or would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MenuUpdated {
    /// Of which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// The menu's serial after this; unchanged where nothing has changed.
    pub serial: u64,
    /// Nothing was written, because that was asked for.
    pub dry_run: bool,
    /// What is another.
    pub diff: Diff,
    /// What the supplier should know, though nothing forbids it.
    pub warnings: Vec<OfferWarning>,
}

/// What another menu changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diff {
    /// Offers that were not there.
    #[schema(value_type = Vec<schema::Offer>)]
    pub added: Vec<Offer>,
    /// Offers that stay under their name with other conditions.
    pub changed: Vec<ChangedOffer>,
    /// Offers that go. Licenses already agreed keep them.
    #[schema(value_type = Vec<schema::Offer>)]
    pub removed: Vec<Offer>,
    /// The offers are the same, in another order.
    pub reordered: bool,
}

/// An offer that stays under its name with other conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedOffer {
    /// As it was.
    #[schema(value_type = schema::Offer)]
    pub before: Offer,
    /// As it is now.
    #[schema(value_type = schema::Offer)]
    pub after: Offer,
}

/// What a supplier should know about one offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfferWarning {
    /// Which offer.
    #[schema(value_type = String, example = "for-ever")]
    pub offer: OfferName,
    /// What.
    pub warning: String,
}

impl Diff {
    /// What putting `offers` in the place of `menu` changes.
    #[must_use]
    pub fn between(menu: &Menu, offers: &[Offer]) -> Self {
        let diff = menu.diff(offers);
        let same_order =
            menu.offers.iter().map(|listed| &listed.offer.name).eq(offers.iter().map(|offer| &offer.name));
        let reordered = diff.added.is_empty() && diff.removed.is_empty() && !same_order;
        let MenuDiff { added, changed, removed } = diff;
        let changed = changed.into_iter().map(|(before, after)| ChangedOffer { before, after }).collect();
        Self { added, changed, removed, reordered }
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
