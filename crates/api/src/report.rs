//! Contract management at the server: requests that it carries, sealed codes that it keeps, verdicts that it is told (C4).

use carnet_core::app::AppId;
use carnet_core::id::{DeviceId, Digest, LicenseId, ReportId, RequestId, UserId};
use carnet_core::report::{Verdict, Wanted};
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The most reasons of one verdict that are kept, and the most characters of each.
pub const MOST_REASONS: usize = 50;
/// See [`MOST_REASONS`].
pub const LONGEST_REASON: usize = 500;

/// A request to be carried to the devices that it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReportRequest {
    /// The signed request, in base64. The server checks that the keys of the agreement have signed it.
    pub document: String,
}

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportRequestView {
    /// Its nonce, by which answers name it.
    #[schema(value_type = String, example = "req_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub nonce: RequestId,
    /// About which license.
    #[schema(value_type = String)]
    pub license: LicenseId,
    /// About which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// Of whom.
    #[schema(value_type = String)]
    pub user: UserId,
    /// On which device; absent: on each that has used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub device: Option<DeviceId>,
    /// `usage` or `erasure`.
    #[schema(value_type = String, example = "usage")]
    pub wanted: Wanted,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made: Time,
    /// Until when the answer is due.
    #[schema(value_type = String, format = DateTime)]
    pub due: Time,
    /// `open`, `answered` or `closed`.
    #[schema(example = "open")]
    pub state: String,
    /// Devices that hold the license and have not answered, where the request is to all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub missing: Vec<DeviceId>,
    /// The signed request, in base64.
    pub document: String,
}

/// A code that has come, or what was judged of one that came another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportView {
    /// Its short name.
    #[schema(value_type = String, example = "rep_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub id: ReportId,
    /// The SHA-256 of the code.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// About which license, as its device says.
    #[schema(value_type = String)]
    pub license: LicenseId,
    /// About which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// Of whom.
    #[schema(value_type = String)]
    pub user: UserId,
    /// Which device.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// `usage` for a usage report, `erasure` for an erasure certificate.
    #[schema(value_type = String, example = "usage")]
    pub wanted: Wanted,
    /// The request that it answers, as its device says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub nonce: Option<RequestId>,
    /// Its length in bytes.
    pub length: u64,
    /// `waiting`, `judged`, or `elsewhere` when its bytes are not here.
    #[schema(example = "waiting")]
    pub state: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub received: Time,
    /// What it was judged to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictView>,
}

/// What a code was judged to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerdictView {
    /// `within-contract`, `erasure-confirmed`, `violation` or `ask-again`.
    #[schema(example = "within-contract")]
    pub verdict: String,
    /// Why.
    pub reasons: Vec<ReasonView>,
    /// The user is told.
    pub notice: bool,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// By whom.
    pub by: String,
}

/// One reason of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonView {
    /// Stable code.
    #[schema(example = "rollback")]
    pub code: String,
    /// The evidence, in words.
    pub message: String,
}

impl ReasonView {
    /// The reasons of a verdict, as they are kept and shown: not too many, and none too long.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Vec<Self> {
        let view = |code: &str, text: String| Self {
            code: code.to_owned(),
            message: text.chars().take(LONGEST_REASON).collect(),
        };
        match verdict {
            Verdict::Violation(reasons) => {
                let first = reasons.iter().take(MOST_REASONS);
                first.map(|reason| view(reason.code(), reason.to_string())).collect()
            }
            Verdict::AskAgain(doubt) => vec![view("ask-again", doubt.to_string())],
            _ => Vec::new(),
        }
    }
}

/// The half of a report key that opens, for the server to judge with. Whoever has it reads what is sealed to the key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeposit {
    /// The X25519 secret, in 64 hexadecimal digits.
    #[schema(min_length = 64, max_length = 64, write_only)]
    pub opens: String,
}

/// Nothing of it (I17).
impl std::fmt::Debug for NewDeposit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewDeposit(…)")
    }
}

/// Which report keys a supplier has deposited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DepositView {
    /// Their public halves, as offers name them (`seal_to`).
    #[schema(value_type = Vec<String>)]
    pub keys: Vec<Digest>,
}

/// What the supplier has judged a code to be. The server cannot read codes: it keeps what it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVerdict {
    /// The SHA-256 of the code.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Its length in bytes.
    pub length: u64,
    /// About which license.
    #[schema(value_type = String)]
    pub license: LicenseId,
    /// Which device has made it.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// `usage` or `erasure`.
    #[schema(value_type = String, example = "usage")]
    pub wanted: Wanted,
    /// The request that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub nonce: Option<RequestId>,
    /// That request is settled; otherwise it is open again.
    pub closes: bool,
    /// `within-contract`, `erasure-confirmed`, `violation` or `ask-again`.
    #[schema(example = "within-contract")]
    pub verdict: String,
    /// Why.
    #[serde(default)]
    pub reasons: Vec<ReasonView>,
    /// Tell the user.
    #[serde(default)]
    pub notice: bool,
}

/// What a user is told about a violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Of which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// Of which license.
    #[schema(value_type = String)]
    pub license: LicenseId,
    /// When it was judged.
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// Why.
    pub reasons: Vec<ReasonView>,
}

/// Where a part of a code begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PartQuery {
    /// The byte at which it begins: where the part before has ended.
    pub offset: u64,
}
