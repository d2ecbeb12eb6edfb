//! What judging comes to.

use std::collections::BTreeSet;

use crate::app::{AppId, Version};
use crate::id::{DeviceId, LicenseId, ServerId, UserId};
use crate::time::Time;

/// The judgement over a report or a certificate (C4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The app was used as agreed.
    WithinContract,
    /// The app was erased: the contract can be ended.
    ErasureConfirmed,
    /// It was not, for all of these reasons.
    Violation(BTreeSet<Violation>),
    /// Nothing can be said: the same is to be asked for again.
    AskAgain(Doubt),
}

impl Verdict {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WithinContract => "within-contract",
            Self::ErasureConfirmed => "erasure-confirmed",
            Self::Violation(_) => "violation",
            Self::AskAgain(_) => "ask-again",
        }
    }
}

/// A way in which the contract was not kept, or in which the records of it were tampered with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Violation {
    /// It speaks for another server.
    #[error("it is from server {0}")]
    OtherServer(ServerId),
    /// It is about another app.
    #[error("it is about {0}")]
    OtherApp(AppId),
    /// It speaks for another user.
    #[error("it is from user {0}")]
    OtherUser(UserId),
    /// It is about another license.
    #[error("it is about license {0}")]
    OtherLicense(LicenseId),
    /// It is from a device that the license is not for.
    #[error("it is from device {0}, which the license is not for")]
    OtherDevice(DeviceId),
    /// More was used than there was.
    #[error("license {license} allows {licensed} {line}, and {used} were used")]
    MoreUsed {
        /// Of which license.
        license: LicenseId,
        /// `uses` or `seconds`.
        line: &'static str,
        /// How much was used.
        used: u64,
        /// How much there was.
        licensed: u64,
    },
    /// It ran after its end.
    #[error("it ran at {at}, after its end at {end}")]
    RunAfterEnd {
        /// When it ended.
        end: Time,
        /// When it ran.
        at: Time,
    },
    /// It ran without a pass that was good.
    #[error("it ran at {at} without a good pass")]
    RunWithoutPass {
        /// When.
        at: Time,
    },
    /// A version ran that is not covered.
    #[error("version {0} ran, which the license does not cover")]
    VersionNotCovered(Version),
    /// A copy of the passbook was tried on another machine (A19).
    #[error("a copy was tried on another machine at {at}")]
    CopyTried {
        /// When.
        at: Time,
    },
    /// The installed program is not as it was delivered.
    #[error("{0} of the program is not as it was delivered")]
    ProgramChanged(String),
    /// A record is not what it was when it was written, or was not written by Carnet.
    #[error("record {sequence} was changed, or records before it were removed or put in")]
    RecordChanged {
        /// Which.
        sequence: u64,
    },
    /// A record lacks what it must say to the supplier.
    #[error("record {sequence} lacks its sealed details")]
    DetailMissing {
        /// Which.
        sequence: u64,
    },
    /// Records are missing that had to be kept.
    #[error("records up to {upto} are missing, and had to be kept")]
    Gap {
        /// The last of them.
        upto: u64,
    },
    /// The journal goes on from something else than what was known: there are two of it.
    #[error("the journal differs from what was known of it up to record {sequence}: there are two of it")]
    Fork {
        /// Up to where it was known.
        sequence: u64,
    },
    /// The journal is older than what was known.
    #[error("the journal is older than what was known: it stands at {found}, and had reached {known}")]
    Rollback {
        /// Where it stands: record or epoch.
        found: u64,
        /// Where it had stood.
        known: u64,
    },
    /// The end of the journal was lost too often.
    #[error("the end of the journal was lost more often than by accident")]
    TailsLost,
    /// The clock was turned back further, or more often, than is forgiven.
    #[error("the clock was turned back to {at}")]
    ClockTurnedBack {
        /// To when.
        at: Time,
    },
    /// It came too late.
    #[error("it was due at {due} and came at {came}")]
    Overdue {
        /// When it was due.
        due: Time,
        /// When it came.
        came: Time,
    },
    /// Something was not erased.
    #[error("{what} was not erased: {why}")]
    NotErased {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
}

impl Violation {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherServer(_) => "other-server",
            Self::OtherApp(_) => "other-app",
            Self::OtherUser(_) => "other-user",
            Self::OtherLicense(_) => "other-license",
            Self::OtherDevice(_) => "other-device",
            Self::MoreUsed { .. } => "more-used",
            Self::RunAfterEnd { .. } => "run-after-end",
            Self::RunWithoutPass { .. } => "run-without-pass",
            Self::VersionNotCovered(_) => "version-not-covered",
            Self::CopyTried { .. } => "copy-tried",
            Self::ProgramChanged(_) => "program-changed",
            Self::RecordChanged { .. } => "record-changed",
            Self::DetailMissing { .. } => "detail-missing",
            Self::Gap { .. } => "gap",
            Self::Fork { .. } => "fork",
            Self::Rollback { .. } => "rollback",
            Self::TailsLost => "tails-lost",
            Self::ClockTurnedBack { .. } => "clock-turned-back",
            Self::Overdue { .. } => "overdue",
            Self::NotErased { .. } => "not-erased",
        }
    }
}

/// Why nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Bytes of it have changed on its way.
    #[error("it was damaged on its way")]
    Damaged,
    /// It answers another request than the open one.
    #[error("it answers an earlier request, or none")]
    OtherRequest,
}

/// What is worth knowing and nobody's fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Notice {
    /// Records were dropped when they had been kept for as long as was agreed.
    #[error("records up to {upto} were dropped when they had been kept as long as was agreed")]
    RetentionGap {
        /// The last of them.
        upto: u64,
    },
    /// The clock was set back a little, and this was put on record.
    #[error("the clock was set back a little at {at}")]
    ClockCorrected {
        /// To when.
        at: Time,
    },
    /// The end of the journal was lost, as in a power failure.
    #[error("{length} bytes at the end of the journal were lost, as in a power failure")]
    TailDropped {
        /// How many bytes.
        length: u64,
    },
    /// The server has settled a restored disk, or was restored itself.
    #[error("the device and the server got back in step at {at}")]
    BackInStep {
        /// When.
        at: Time,
    },
    /// The program was not installed by Carnet, so nobody has looked at its files.
    #[error("the program was not installed by Carnet: its files were not looked at")]
    NotInstalledHere,
    /// Starts were refused.
    #[error("{times} starts were refused: {code}")]
    Refused {
        /// Why.
        code: String,
        /// How often.
        times: u64,
    },
}
