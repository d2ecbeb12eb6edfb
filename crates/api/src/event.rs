//! Events: what happened to the licenses of a supplier's apps, with the evidence where something was wrong.

use carnet_core::app::AppId;
use carnet_core::component::Drift;
use carnet_core::document::Reason;
use carnet_core::document::Replacement;
use carnet_core::id::{DeviceId, Digest, LicenseId, MoveId};
use carnet_core::license::Posting;
use carnet_core::server::{Divergence, EventKind};
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;

/// Something that happened. Never holds anything personal (I19).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its number: later events have larger ones. Numbers of other suppliers' events are missing in between.
    pub seq: i64,
    /// When, by the server's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// Stable code of what happened.
    #[schema(example = "issued")]
    pub kind: String,
    /// To which license, if to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub license: Option<LicenseId>,
    /// For which app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "acme/paint")]
    pub app: Option<AppId>,
    /// At whose request; absent: the supplier's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub device: Option<DeviceId>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "exhausted")]
    pub reason: Option<Reason>,
    /// The move it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub movement: Option<MoveId>,
    /// Both sides of what did not fit, where a device went backwards, two went on, or the server was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What of the machine was not found again, where a device came back as another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "3 of 5 changed: board, disk, network adapter")]
    pub changed: Option<String>,
    /// By whom, where the supplier acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in the supplier's own words, where the supplier acted and said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "chargeback of 3 May")]
    pub stated_reason: Option<String>,
    /// The number of the event that changed this license along with another one (kind `along`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<i64>,
    /// Amounts moved.
    #[schema(value_type = Vec<schema::Posting>)]
    pub postings: Vec<Posting>,
}

/// What did not fit, as evidence (D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The epoch that the device quoted.
    pub quoted_epoch: u64,
    /// The epoch that the server had.
    pub expected_epoch: u64,
    /// The last answer that the device quoted.
    #[schema(value_type = String)]
    pub quoted_answer: Digest,
    /// The last answer that the server had.
    #[schema(value_type = String)]
    pub expected_answer: Digest,
    /// Head of the device's journal.
    #[schema(value_type = String)]
    pub journal_head: Digest,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// How many entries, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only of this license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(example = "lic_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub license: Option<String>,
}

/// What an event's kind says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Stable code.
    pub kind: &'static str,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// The move it is about.
    pub movement: Option<MoveId>,
    /// What did not fit.
    pub evidence: Option<Evidence>,
    /// What of the machine was not found again.
    pub changed: Option<Drift>,
}

impl Facts {
    /// Of a share in another event.
    #[must_use]
    pub fn of_share(replaced: Option<&Replacement>) -> Self {
        let plain = |kind| Self { kind, reason: None, movement: None, evidence: None, changed: None };
        let named =
            |one: &Replacement| Self { changed: Some(one.changed.clone()), ..plain("device-replaced") };
        replaced.map_or_else(|| plain("along"), named)
    }
}

impl From<&EventKind> for Facts {
    fn from(kind: &EventKind) -> Self {
        let plain = |kind| Self { kind, reason: None, movement: None, evidence: None, changed: None };
        let moved = |kind, movement: &MoveId| Self { movement: Some(*movement), ..plain(kind) };
        let seen = |kind, seen: &Divergence| Self { evidence: Some((*seen).into()), ..plain(kind) };
        match kind {
            EventKind::Registered => plain("registered"),
            EventKind::Issued => plain("issued"),
            EventKind::Agreed => plain("agreed"),
            EventKind::Declined => plain("declined"),
            EventKind::Exported { movement } => moved("exported", movement),
            EventKind::Imported { movement } => moved("imported", movement),
            EventKind::MoveCancelled { movement } => moved("move-cancelled", movement),
            EventKind::Returned => plain("returned"),
            EventKind::Redeemed => plain("redeemed"),
            EventKind::Invited { .. } => plain("code-made"),
            EventKind::Withdrawn => plain("code-withdrawn"),
            EventKind::DeviceLost { .. } => plain("device-lost"),
            EventKind::DeviceReplaced { changed, .. } => {
                Self { changed: Some(changed.clone()), ..plain("device-replaced") }
            }
            EventKind::DeviceRetired { .. } => plain("device-retired"),
            EventKind::DeviceRenamed { .. } => plain("device-renamed"),
            EventKind::Transferred { .. } => plain("transferred"),
            EventKind::HandedOver { .. } => plain("handed-over"),
            EventKind::KeyOrdered { .. } => plain("key-ordered"),
            EventKind::KeyDelivered { .. } => plain("key-delivered"),
            EventKind::Refused { reason } => Self { reason: Some(*reason), ..plain("refused") },
            EventKind::Settled(divergence) => seen("settled", divergence),
            EventKind::Flagged(divergence) => seen("flagged", divergence),
            EventKind::Reconciled(divergence) => seen("reconciled", divergence),
        }
    }
}

impl From<Divergence> for Evidence {
    fn from(seen: Divergence) -> Self {
        Self {
            quoted_epoch: seen.quoted,
            expected_epoch: seen.expected,
            quoted_answer: seen.quoted_answer,
            expected_answer: seen.expected_answer,
            journal_head: seen.head,
        }
    }
}
