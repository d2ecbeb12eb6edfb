//! Offers that were paid for elsewhere.

use carnet_core::app::{AppId, OfferName};
use carnet_core::charge::{Charge, ChargeStatus};
use carnet_core::id::{Digest, LicenseId};
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::menu::ListedOffer;

/// The most codes that are made at once.
pub const MOST_CODES: usize = 10_000;

/// A code that somebody was given.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeemQuery {
    /// The code, as it was printed.
    #[schema(example = "redeem1-qqqqq-…")]
    pub code: String,
}

/// Codes stay out of logs (I17).
impl std::fmt::Debug for RedeemQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedeemQuery(…)")
    }
}

/// What a code is good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedeemTerms {
    /// For which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// The offer, word for word; it costs nothing any more.
    pub listed: ListedOffer,
    /// Not good from here on; absent: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Time>,
}

/// Codes to be made. The supplier draws the codes; the server learns their digests only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRedeemCodes {
    /// For which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// Which offer of its menu.
    #[schema(value_type = String, example = "pro")]
    pub offer: OfferName,
    /// What the supplier calls them: an order number, a shop, a campaign. No personal data.
    #[serde(default)]
    pub label: String,
    /// Not good from here on; absent: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Time>,
    /// Digests of the codes, 1 to 10,000.
    #[schema(value_type = Vec<String>)]
    pub digests: Vec<Digest>,
}

/// A redeem code as its supplier sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RedeemCode {
    /// Digest of the code.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// For which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// Which offer.
    #[schema(value_type = String, example = "pro")]
    pub offer: OfferName,
    /// What the supplier calls it.
    pub label: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made: Time,
    /// Not good from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Time>,
    /// The license that it was taken up for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub license: Option<LicenseId>,
    /// It was withdrawn.
    pub withdrawn: bool,
}

/// A code to be made useless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRedeemCode {
    /// Digest of the code.
    #[schema(value_type = String)]
    pub digest: Digest,
}

/// Which charges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ChargeQuery {
    /// How many entries, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(nullable = false)]
    pub cursor: Option<String>,
    /// Only with this status: `pending`, `settled`, `failed` or `refunded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// What is said of a charge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeNote {
    /// A reference or the supplier's own words, up to 200 characters on one line. No personal data.
    #[serde(default)]
    pub note: String,
}

/// One amount that is due, as its supplier sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChargeView {
    /// Its name.
    #[schema(example = "chg_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub charge: String,
    /// For which license.
    #[schema(value_type = String)]
    pub license: LicenseId,
    /// How much, with its currency.
    #[schema(example = "12.50 EUR")]
    pub amount: String,
    /// What for: `agreement`, `pass` or `period`.
    pub due_for: String,
    /// What has become of it.
    pub status: String,
    /// Since when it is due.
    #[schema(value_type = String, format = DateTime)]
    pub due: Time,
    /// When its status last changed.
    #[schema(value_type = String, format = DateTime)]
    pub changed: Time,
}

impl From<&Charge> for ChargeView {
    fn from(charge: &Charge) -> Self {
        use carnet_core::charge::DueFor;
        let due_for = match charge.due_for {
            DueFor::Agreement => "agreement",
            DueFor::Pass => "pass",
            DueFor::Period => "period",
        };
        let status: ChargeStatus = charge.status;
        Self {
            charge: charge.id.to_string(),
            license: charge.license,
            amount: charge.money.to_string(),
            due_for: due_for.into(),
            status: status.code().into(),
            due: charge.due,
            changed: charge.changed,
        }
    }
}
