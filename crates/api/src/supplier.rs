//! Suppliers: who licenses software to others.

use carnet_core::app::SupplierName;
use carnet_core::id::SupplierId;
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// A supplier that has just joined, with the token that is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegisteredSupplier {
    /// The supplier.
    pub supplier: Supplier,
    /// What all further calls are made with. Shown once: the server keeps only its hash.
    #[schema(example = "carnet_sup_…")]
    pub token: String,
}

/// The token stays out of logs (I17).
impl std::fmt::Debug for RegisteredSupplier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RegisteredSupplier({}, …)", self.supplier.name)
    }
}
