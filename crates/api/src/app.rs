//! Apps: whatever a supplier licenses (A1).

use carnet_core::app::AppId;
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An app to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// Its id; the first part is the supplier's name.
    #[schema(value_type = String, example = "acme/paint/brushes")]
    pub id: AppId,
    /// What people read.
    #[schema(example = "Acme Paint: brushes", max_length = 80)]
    pub display_name: String,
}

/// Anything that can be licensed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct App {
    /// Its id.
    #[schema(value_type = String, example = "acme/paint/brushes")]
    pub id: AppId,
    /// What people read.
    pub display_name: String,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub registered: Time,
    /// The serial of its menu; 0: there is none yet.
    pub menu_serial: u64,
    /// How many offers its menu holds.
    pub offers: u32,
}

/// An app id of two parts, in a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AppPath {
    /// The supplier.
    #[param(example = "acme")]
    pub supplier: String,
    /// The name.
    #[param(example = "paint")]
    pub name: String,
}

/// An app id of three parts, in a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct AppPartPath {
    /// The supplier.
    #[param(example = "acme")]
    pub supplier: String,
    /// The name.
    #[param(example = "paint")]
    pub name: String,
    /// The part.
    #[param(example = "brushes")]
    pub part: String,
}
