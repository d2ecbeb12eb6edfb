//! A user's account, as one of their devices sees it (A7).

use carnet_core::app::AppId;
use carnet_core::document::Evidence;
use carnet_core::id::{DeviceId, ServerId, UserId};
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::license::License;
use crate::report::Notice;
use crate::transfer::TransferView;

/// A device asks for its user's account: reads only, so that a repeat does no harm.
///
/// The signature is the device's, over [`AccountQuery::statement`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountQuery {
    /// The server that is asked; another one refuses (I14).
    #[schema(value_type = String)]
    pub server: ServerId,
    /// Who asks.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// When, by the device's clock; more than ten minutes off is refused.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// Ed25519, 64 bytes as base64url without padding.
    #[schema(min_length = 86, max_length = 86)]
    pub signature: String,
}

impl AccountQuery {
    /// What is signed. It begins with letters where a signed document begins with `0x84`, so that neither can
    /// be taken for the other.
    ///
    /// ```
    /// # use carnet_core::{id::{DeviceId, ServerId}, time::Time};
    /// let text = carnet_api::account::AccountQuery::statement(ServerId([1; 16]), DeviceId([2; 16]), Time::EPOCH);
    /// assert!(text.starts_with("carnet-account-query-1\nsrv_0101") && text.ends_with("\n1970-01-01T00:00:00Z\n"));
    /// ```
    #[must_use]
    pub fn statement(server: ServerId, device: DeviceId, at: Time) -> String {
        format!("carnet-account-query-1\n{server}\n{device}\n{at}\n")
    }
}

/// What the server keeps of a user. No personal data: those never leave the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// At which server.
    #[schema(value_type = String)]
    pub server: ServerId,
    /// Whose.
    #[schema(value_type = String)]
    pub user: UserId,
    /// The device that asked.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// Everything licensed, by app id.
    pub apps: Vec<AccountApp>,
    /// The user's devices; of a device that joined for one license only, itself.
    pub devices: Vec<DeviceView>,
    /// The user has a recovery code, shown to them once.
    #[serde(default)]
    pub recovery_code: bool,
    /// Transfers that are not finished yet, step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<TransferView>,
    /// What suppliers say about contracts that were not kept, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// One of the user's devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: DeviceId,
    /// What the user calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who made it, where somebody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<String>,
    /// What its identity is bound to.
    #[schema(value_type = String, example = "hardware")]
    pub evidence: Evidence,
    /// When it joined.
    #[schema(value_type = String, format = DateTime)]
    pub registered: Time,
    /// When it asked for something last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_contact: Option<Time>,
    /// It is of no use any more.
    pub retired: bool,
    /// When it was declared lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub lost: Option<Time>,
    /// It belongs to the user until then only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Time>,
    /// Apps of which it has a pass that is good.
    #[schema(value_type = Vec<String>)]
    pub holds: Vec<AppId>,
}

/// All licenses of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountApp {
    /// Which.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// In the order in which they are used (A23).
    pub licenses: Vec<License>,
}
