//! Suppliers: who licenses software to others.

use carnet_core::app::SupplierName;
use carnet_core::id::{Digest, SupplierId};
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::TOKEN_PREFIX;

/// The most characters of a name that is only shown.
pub const LONGEST_DISPLAY_NAME: usize = 80;

/// A supplier joins the server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSupplier {
    /// The one-time code that the operator handed out.
    #[schema(example = "carnet_setup_abcdefghijklmnopqrstuvwxyz")]
    pub setup_code: String,
    /// The short name: the first part of all its app ids, never to be changed.
    #[schema(value_type = String, example = "acme")]
    pub name: SupplierName,
    /// What people read.
    #[schema(example = "Acme Painting Ltd.", max_length = 80)]
    pub display_name: String,
    /// SHA-256 of a token that the supplier has made itself, as [`token_of`] does: the server then never sees the
    /// token before it is used, and a registration whose answer was lost can be repeated, with the same token
    /// and the code used up. Absent: the server makes a token and shows it once, in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 64, max_length = 64)]
    pub token_hash: Option<Digest>,
}

/// The token of 32 random bytes: a prefix that scanners know, and the bytes as base64url without padding, which
/// the caller has made of them.
///
/// ```
/// assert_eq!(carnet_api::supplier::token_of("AAAA"), "carnet_sup_AAAA");
/// ```
#[must_use]
pub fn token_of(base64url: &str) -> String {
    format!("{TOKEN_PREFIX}{base64url}")
}

/// The set-up code stays out of logs (I17).
impl std::fmt::Debug for NewSupplier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewSupplier({}, …)", self.name)
    }
}

/// A supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Supplier {
    /// Its id.
    #[schema(value_type = String, example = "sup_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub id: SupplierId,
    /// The short name: the first part of all its app ids.
    #[schema(value_type = String, example = "acme")]
    pub name: SupplierName,
    /// What people read.
    pub display_name: String,
    /// When it joined.
    #[schema(value_type = String, format = DateTime)]
    pub registered: Time,
}

/// A supplier that has joined, with the token that is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegisteredSupplier {
    /// The supplier.
    pub supplier: Supplier,
    /// What all further calls are made with. Shown once: the server keeps only its hash. Absent where the supplier
    /// has made the token itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "carnet_sup_…")]
    pub token: Option<String>,
}

/// The token stays out of logs (I17).
impl std::fmt::Debug for RegisteredSupplier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegisteredSupplier({}, …)", self.supplier.name)
    }
}
