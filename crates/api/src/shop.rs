//! Shops: a user and the devices that they have bought are registered in one go (B1).

use std::fmt;

use carnet_core::id::{Digest, UserId};
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most devices of one sale.
pub const MOST_DEVICES: usize = 50;
/// The most days for which the codes of a sale are good.
pub const MOST_DAYS: u32 = 366;

/// A user to be registered, and codes by which the devices that they have bought join.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSale {
    /// The user's name.
    #[schema(max_length = 120)]
    pub name: String,
    /// An e-mail address.
    #[schema(example = "ann@example.org", max_length = 254)]
    pub email: String,
    /// A postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub address: Option<String>,
    /// A telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40)]
    pub telephone: Option<String>,
    /// A reference to a means of payment; never a card number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub payment_reference: Option<String>,
    /// Digests of join codes, one for each device. The shop draws the codes; each is good once.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 50)]
    pub codes: Vec<Digest>,
    /// For how many days the codes are good.
    #[schema(minimum = 1, maximum = 366, example = 90)]
    pub days: u32,
}

/// Personal values stay out of logs (I19).
impl fmt::Debug for NewSale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewSale(…)")
    }
}

/// A user whom a shop has registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sale {
    /// The user.
    #[schema(value_type = String)]
    pub user: UserId,
    /// Until when the codes are good.
    #[schema(value_type = String, format = DateTime)]
    pub until: Time,
}
