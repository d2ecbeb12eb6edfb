//! The catalog: all software that anybody can order here (B3).

use carnet_core::app::{AppId, Platform, SupplierName, Version};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Something on sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OnSale {
    /// What is ordered.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// What people read.
    pub display_name: String,
    /// The names of the offers on its menu.
    #[schema(example = json!(["monthly", "perpetual"]))]
    pub offers: Vec<String>,
    /// What can be installed, newest first; none: there is nothing to install.
    pub versions: Vec<Installable>,
}

/// A version that can be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Installable {
    /// Which.
    #[schema(value_type = String, example = "2.4.0")]
    pub version: Version,
    /// For which machines.
    #[schema(value_type = String, example = "linux-x86_64")]
    pub platform: Platform,
    /// The length of its image, in bytes.
    pub length: u64,
}

/// Whose software.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CatalogQuery {
    /// Of this supplier only.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "acme")]
    pub supplier: Option<SupplierName>,
}
