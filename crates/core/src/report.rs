//! Contract management: what a device says about the use of an app, and what becomes of it (C1 to C4).
//!
//! A [`ReportRequest`] asks, a [`UsageReport`] or an [`ErasureCertificate`] answers. Both begin with the same
//! [`Statement`]: who says it, when, and where the device's journal stands. What is long stays beside them as an
//! [`Attachment`], named by its digest: the records of a journal, or the list of what was erased. Whoever opens the
//! two hands a [`Trail`] or a list to [`judge`], which says whether the contract was kept.

mod judge;
mod trail;
mod verdict;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::{AppId, Feature, Version};
use crate::component::Drift;
use crate::device_key::DeviceSigningKey;
use crate::document::{PublicKey, Totals};
use crate::id::{DeviceId, Digest, LicenseId, PassId, RequestId, ServerId, SupplierId, UserId};
use crate::time::{Seconds, Time};

pub use judge::{Contract, Heard, Known, judge_certificate, judge_report};
pub use trail::{COPIED, Detailing, Entry, Summary, Trail};
pub use verdict::{Doubt, Notice, Verdict, Violation};

/// The supplier's public keys for reports. The private halves stay on the supplier's own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportKeys {
    /// Details, reports and certificates are sealed to it (X25519).
    #[serde(with = "key_in_hex")]
    pub seal_to: PublicKey,
    /// Checks the supplier's requests (Ed25519).
    #[serde(with = "key_in_hex")]
    pub asks: PublicKey,
}

/// Keys in menus and in JSON: 64 hexadecimal digits.
mod key_in_hex {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::document::PublicKey;
    use crate::id::Digest;

    pub fn serialize<S: Serializer>(key: &PublicKey, out: S) -> Result<S::Ok, S::Error> {
        Digest(key.0).serialize(out)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PublicKey, D::Error> {
        Digest::deserialize(from).map(|digits| PublicKey(digits.0))
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// A usage report.
    Usage,
    /// The erasure of the app, with a certificate.
    Erasure,
}

/// In words.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usage => "a usage report",
            Self::Erasure => "the erasure of the app",
        })
    }
}

/// A supplier's request to a user. Signed on the supplier's own machine with [`ReportKeys::asks`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReportRequest {
    /// At which server the license is.
    pub server: ServerId,
    /// Who asks.
    pub supplier: SupplierId,
    /// About which app.
    pub app: AppId,
    /// About whose license.
    pub user: UserId,
    /// About which license.
    pub license: LicenseId,
    /// On which device; none: on each that has used it.
    pub device: Option<DeviceId>,
    /// Random, once for each request: an answer to an earlier one is no answer to this one.
    pub nonce: RequestId,
    /// When it was asked.
    pub at: Time,
    /// Until when the answer is due.
    pub due: Time,
    /// What is wanted.
    pub wanted: Wanted,
    /// The keys to use from now on: the answer is sealed to the first of them.
    pub keys: ReportKeys,
}

impl ReportRequest {
    /// Whether it is about this license on this device.
    #[must_use]
    pub fn concerns(&self, app: &AppId, license: LicenseId, device: DeviceId) -> bool {
        self.app == *app && self.license == license && self.device.is_none_or(|asked| asked == device)
    }
}

/// A record of a journal, named by its number and by the hash over it and all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// Its number; 0 before the first record.
    pub sequence: u64,
    /// The chain.
    pub chain: Digest,
}

/// Who says something about the use of an app, when, and where the journal stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Statement {
    /// At which server the license is.
    pub server: ServerId,
    /// Who says it. The name of a device follows from its key.
    pub device: DeviceId,
    /// Checks what the device signs.
    pub device_key: DeviceSigningKey,
    /// What the machine calls itself.
    pub device_name: String,
    /// Whose device it is.
    pub user: UserId,
    /// About which app.
    pub app: AppId,
    /// About which license: that of the last pass.
    pub license: Option<LicenseId>,
    /// The last pass.
    pub pass: Option<PassId>,
    /// When the command was run, by the device's clock.
    pub at: Time,
    /// The request that it answers.
    pub nonce: Option<RequestId>,
    /// Operations of this journal that the server acknowledged.
    pub epoch: u64,
    /// The last record of the journal.
    pub head: Mark,
    /// What this journal has used of each license.
    pub totals: BTreeMap<LicenseId, Totals>,
    /// What of the machine has changed since it was registered (B2). None: nothing, or there is no telling.
    pub changed: Option<Drift>,
}

/// What lies beside a document because it is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attachment {
    /// How many bytes.
    pub length: u64,
    /// Their digest.
    pub digest: Digest,
}

/// What a device has recorded for a supplier. Signed by the device, then sealed to the supplier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UsageReport {
    /// Who, when, and where the journal stands.
    pub says: Statement,
    /// The version of the program that last told it.
    pub version: Option<Version>,
    /// The installed files, held against the manifest.
    pub integrity: Integrity,
    /// The segments of the journal.
    pub records: Attachment,
}

/// What a device has erased. Signed by the device, then sealed to the supplier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ErasureCertificate {
    /// Who, when, and where the tombstone of the journal stands.
    pub says: Statement,
    /// The list of what was erased, and of what could not be.
    pub list: Attachment,
}

/// The installed files of a program, held against the manifest that its supplier signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Integrity {
    /// There is no manifest: the program was not installed by Carnet.
    NotInstalledHere,
    /// All of them were looked at.
    Checked {
        /// How many there should be.
        files: u64,
        /// Those that are not as they should be.
        wrong: Vec<Finding>,
    },
}

/// A file that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Its place in the program's folder.
    pub path: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// It has other bytes.
    Changed,
    /// It is not there.
    Missing,
    /// It cannot be read.
    Unreadable,
}

/// One thing that an erasure was about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Erased {
    /// What.
    pub what: Thing,
    /// Its bytes.
    pub size: u64,
    /// Their digest.
    pub digest: Digest,
    /// Why it is still there, if it is.
    pub kept: Option<String>,
}

/// A kind of thing that is erased.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// A file of the program, by its place in the program's folder.
    File(String),
    /// The keys that open the program's content.
    ContentKeys,
    /// A pass.
    Pass(PassId),
}

/// In words.
impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::ContentKeys => f.write_str("the keys of its content"),
            Self::Pass(pass) => write!(f, "the pass {pass}"),
        }
    }
}

/// What a record says to the supplier alone. The supplier's key opens it; the user sees that it is there, and of
/// which kind of record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// A run was approved, or joined.
    Started(Surroundings),
    /// Something was used, or run time recorded.
    Used {
        /// What was used, where the program tells.
        feature: Option<Feature>,
    },
    /// A run has ended.
    Ended {
        /// How long it was.
        lasted: Seconds,
    },
    /// A start was refused.
    Refused {
        /// Where, and by whom it was tried.
        by: Surroundings,
        /// The passbook was found on a machine that it was not made on (A19).
        copied: bool,
    },
}

/// Who runs what, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Surroundings {
    /// The user of the operating system, or a pseudonym, as the offer says.
    pub who: Option<String>,
    /// What the machine calls itself.
    pub host: Option<String>,
    /// The program's version, where it tells.
    pub version: Option<Version>,
}
