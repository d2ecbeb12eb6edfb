//! A supplier's access tokens: one for each program that needs one, good for what that program does and nothing else.

use std::collections::BTreeSet;

use carnet_core::id::Digest;
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most characters of a token's label.
pub const LONGEST_LABEL: usize = 80;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything, further tokens included: the first token of a supplier.
    Supplier,
    /// To look at everything but tokens.
    Read,
    /// Apps and their menus.
    Menus,
    /// Licenses, and the devices that hold them.
    Licenses,
    /// What is due: for a payment service.
    Charges,
    /// Redeem codes: for a shop.
    Codes,
    /// Registering users and the devices that they have bought: for a shop.
    Shop,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Supplier, Self::Read, Self::Menus, Self::Licenses, Self::Charges, Self::Codes, Self::Shop];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Supplier => "supplier",
            Self::Read => "read",
            Self::Menus => "menus",
            Self::Licenses => "licenses",
            Self::Charges => "charges",
            Self::Codes => "codes",
            Self::Shop => "shop",
        }
    }

    /// What has that name.
    ///
    /// ```
    /// use carnet_api::token::Scope;
    /// assert_eq!(Scope::named("codes"), Some(Scope::Codes));
    /// assert_eq!(Scope::named("everything"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// A token to be made. The supplier makes the token; the server learns its hash only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What the supplier calls it: the program that uses it.
    #[schema(example = "web shop", max_length = 80)]
    pub label: String,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// SHA-256 of the token.
    #[schema(value_type = String, min_length = 64, max_length = 64)]
    pub token_hash: Digest,
}

/// A token, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// SHA-256 of the token: its name here.
    #[schema(value_type = String)]
    pub token_hash: Digest,
    /// What the supplier calls it.
    pub label: String,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made: Time,
    /// Since when it is good for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked: Option<Time>,
    /// Whether it is the one that this call was made with.
    pub this: bool,
}

/// Which token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeToken {
    /// SHA-256 of the token.
    #[schema(value_type = String, min_length = 64, max_length = 64)]
    pub token_hash: Digest,
}
