//! Devices, as suppliers of what they hold see them.

use carnet_core::app::AppId;
use carnet_core::id::DeviceId;
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A passbook that went backwards more than once, and waits for the supplier to look at it (D3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlaggedDevice {
    /// Which device.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// Its passbook for which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// Since when it waits.
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
}

/// Which of a device's passbooks was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Its passbook for which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
}

/// What was done with a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceDone {
    /// Which.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// `reviewed` or `freed`.
    pub outcome: String,
}
