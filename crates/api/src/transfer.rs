//! Transfers that are not finished yet, as the account of a user shows them (B9, B10).

use carnet_core::app::AppId;
use carnet_core::id::DeviceId;
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is still to be done for a transfer, by one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferView {
    /// Of which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// The device that it is about.
    #[schema(value_type = String, example = "dev_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub device: DeviceId,
    /// What that device is to do, or waits for.
    pub step: TransferStep,
    /// The other device of the transfer, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub other: Option<DeviceId>,
    /// With `wait`: when the pass of the source has run out, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Time>,
}

/// A step of a transfer. Stable names; there may be more one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TransferStep {
    /// The source is to stop, and to give back what it has: `carnet sync`, or its next contact.
    GiveBack,
    /// The destination can get its pass: `carnet sync`, or the next start.
    Fetch,
    /// The destination waits for the source.
    Wait,
}
