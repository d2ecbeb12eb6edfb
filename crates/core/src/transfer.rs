//! A transfer: what one device of a user has of some apps goes to another one, decided by the server (B9).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::app::AppId;
use crate::document::Reason;
use crate::id::{DeviceId, LicenseId};
use crate::time::Time;

/// The most apps that one transfer looks at; of more, those that come first in the order of their ids.
pub const MOST_TRANSFERRED: usize = 200;

/// What a user wants to be transferred. No pass travels: the destination asks for its own, and nothing is charged again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Transfer {
    /// The device that has it now.
    pub from: DeviceId,
    /// The device that is to have it.
    pub to: DeviceId,
    /// Of which apps.
    pub apps: Which,
    /// The source is retired with the transfer.
    pub retire: bool,
    /// The source is waited for, also where the user could do without: what its pass still has is not lost then.
    pub wait: bool,
}

/// Which apps are meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// All that the source has.
    All,
    /// These.
    Named(BTreeSet<AppId>),
}

/// What becomes of one app in a transfer; each is decided for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handover {
    /// The destination may have it now. What the pass of the source still had is forfeited.
    AtOnce {
        /// So many uses.
        uses: u64,
        /// So many seconds of running.
        seconds: u64,
    },
    /// The destination may have it as soon as the source has given it back, or its pass has run out for sure.
    Waits {
        /// The end of that pass and its grace; none: it has none, so the source is waited for.
        until: Option<Time>,
    },
    /// It stays where it is.
    Refused(Reason),
}

impl Handover {
    /// Whether the app goes over.
    #[must_use]
    pub const fn goes(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

/// What a transfer has taken from a journal, until its device has shown that it knows (B10).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gone {
    /// The destination.
    pub to: DeviceId,
    /// When it was decided.
    pub at: Time,
    /// What was taken without waiting for the device, by license. It may still report to have used some of it.
    pub lost: BTreeMap<LicenseId, Lost>,
}

/// What was taken of one license without waiting for the device that held it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lost {
    /// Uses that were forfeited.
    pub uses: u64,
    /// Seconds of running that were forfeited.
    pub seconds: u64,
    /// Rights that are counted at risk.
    pub rights: u32,
}
