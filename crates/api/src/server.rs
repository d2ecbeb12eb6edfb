//! Who the server is.

use carnet_core::id::{Digest, ServerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who answers here. Nothing of it is a secret, and nothing of it is to be believed because it was read
/// here: what a program pins comes from the server's operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerInfo {
    /// The server's id.
    #[schema(value_type = String, example = "srv_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub id: ServerId,
    /// The thumbprint of its first root key, as `carnetd root-hash` prints it: 64 hexadecimal digits.
    #[schema(value_type = String)]
    pub root: Digest,
    /// The version of the program.
    #[schema(example = "0.1.0")]
    pub version: String,
}

/// Whether the server can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// All of the checks below are good.
    pub ready: bool,
    /// The database answers and has the schema of this program.
    pub database: bool,
    /// The keys are there and the key set has not ended.
    pub keys: bool,
    /// The server is about to stop and takes nothing new.
    pub draining: bool,
    /// What does not work while everything that licenses need does; absent: all works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
}
