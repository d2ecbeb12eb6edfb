//! Licenses as they are shown, to their supplier and in the account of their user (A7).

use carnet_core::app::AppId;
use carnet_core::document::PassKind;
use carnet_core::id::{DeviceId, LicenseId, MoveId, UserId};
use carnet_core::journal::PassStatus;
use carnet_core::license::{self as domain, Balance, Status};
use carnet_core::offer::Offer;
use carnet_core::time::{Seconds, Time, counted, seconds_in_words};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;

/// A license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct License {
    /// Its id.
    #[schema(value_type = String, example = "lic_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub id: LicenseId,
    /// For what.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// Whose. A pseudonym: who that is, only the server knows.
    #[schema(value_type = String, example = "usr_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub user: UserId,
    /// What was agreed.
    pub base: LicenseBase,
    /// What has become of it.
    pub validity: LicenseValidity,
    /// Passes and portable passes that are out, and those that are over but not yet replaced.
    pub passes: Vec<PassView>,
    /// Devices that may run it beyond the number agreed, because one was lost or the server was restored.
    pub at_risk: u32,
    /// How many more devices the user may do without asking this year: declare lost, or transfer from at once.
    pub self_service_left: u32,
}

/// License base: what was agreed. Later menus never change it (A5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseBase {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub agreed: Time,
    /// The serial that the offer had in its menu.
    pub serial: u64,
    /// The offer, with issuance rules and both pass terms.
    #[schema(value_type = schema::Offer)]
    pub offer: Offer,
    /// The license term, in plain words.
    pub term_in_words: String,
    /// The pass term, in plain words.
    pub pass_term_in_words: String,
    /// The temporary pass term, in plain words, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary_pass_term_in_words: Option<String>,
}

/// License validity: what remains, and the status that follows the payments actually made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LicenseValidity {
    /// The one status that is shown and decided by.
    #[schema(value_type = schema::Status)]
    pub status: Status,
    /// The status in plain words.
    #[schema(example = "charge cannot be made")]
    pub status_in_words: String,
    /// When it starts.
    #[schema(value_type = String, format = DateTime)]
    pub starts: Time,
    /// When it ends, where it does and as far as that is known already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends: Option<Time>,
    /// Until when it still runs after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub grace_until: Option<Time>,
    /// Devices at once.
    pub devices: LineView,
    /// Uses, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<LineView>,
    /// Seconds of running, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<LineView>,
}

/// One balance: `total = remaining + held + moving + used + forfeited`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineView {
    /// Everything ever put in.
    pub total: u64,
    /// Not given to any device yet.
    pub remaining: u64,
    /// In passes, not reported as used.
    pub held: u64,
    /// In portable passes.
    pub moving: u64,
    /// Used.
    pub used: u64,
    /// Given out and lost.
    pub forfeited: u64,
    /// What remains, in plain words.
    #[schema(example = "9 uses")]
    pub remaining_in_words: String,
}

/// A pass, as the server's books have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PassView {
    /// The device that has it, or had it before it moved.
    #[schema(value_type = String, example = "dev_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub device: DeviceId,
    /// What has become of it.
    #[schema(value_type = schema::PassStatus)]
    pub status: PassStatus,
    /// Full or temporary.
    #[schema(value_type = schema::PassKind)]
    pub kind: PassKind,
    /// Its end, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Time>,
    /// The end of the grace after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub grace_until: Option<Time>,
    /// Uses in it that were not reported, where they are counted. Lost if the device is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outstanding_uses: Option<u64>,
    /// Seconds in it that were not reported, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outstanding_seconds: Option<u64>,
    /// The move that took it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "mov_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub movement: Option<MoveId>,
}

/// Which licenses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LicenseQuery {
    /// How many entries, 1 to 200; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only for this app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(example = "acme/paint")]
    pub app: Option<String>,
    /// Only with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<schema::Status>)]
    pub status: Option<String>,
}

impl License {
    /// The license as it is at `now`, with the passes that the books know of.
    #[must_use]
    pub fn at(license: &domain::License, passes: Vec<PassView>, now: Time) -> Self {
        Self {
            id: license.id,
            app: license.app.clone(),
            user: license.user,
            base: LicenseBase::of(license),
            validity: LicenseValidity::at(license, now),
            passes,
            at_risk: license.at_risk,
            self_service_left: license.self_service_left(now),
        }
    }
}

impl LicenseBase {
    fn of(license: &domain::License) -> Self {
        let offer = license.offer();
        Self {
            agreed: license.agreed,
            serial: license.base.serial,
            term_in_words: offer.term.in_words(),
            pass_term_in_words: offer.pass_term.in_words(),
            temporary_pass_term_in_words: offer.temporary_pass_term.map(|slice| slice.in_words()),
            offer: offer.clone(),
        }
    }
}

impl LicenseValidity {
    fn at(license: &domain::License, now: Time) -> Self {
        let (starts, ends) = license.validity();
        let status = license.status(now);
        Self {
            status,
            status_in_words: status_in_words(status).to_owned(),
            starts,
            ends,
            grace_until: ends.map(|end| end.plus(license.offer().grace())),
            devices: LineView::new(license.rights_balance(), |count| counted(count, "device")),
            uses: license.uses.map(|line| LineView::new(line, |count| counted(count, "use"))),
            seconds: license
                .seconds
                .map(|line| LineView::new(line, |count| seconds_in_words(Seconds(count)))),
        }
    }
}

impl LineView {
    fn new(line: Balance, in_words: fn(u64) -> String) -> Self {
        Self {
            total: line.total,
            remaining: line.remaining,
            held: line.held,
            moving: line.moving,
            used: line.settled,
            forfeited: line.forfeited,
            remaining_in_words: in_words(line.remaining),
        }
    }
}

/// A license status in plain words.
#[must_use]
pub const fn status_in_words(status: Status) -> &'static str {
    match status {
        Status::Active => "good",
        Status::PaymentPending => "charge on its way",
        Status::ChargeFailed => "charge cannot be made",
        Status::Suspended => "suspended by the supplier",
        Status::Exhausted => "used up",
        Status::Expired => "expired",
        Status::Declined => "declined",
        Status::Ended => "contract ended",
        Status::Revoked => "revoked by the supplier",
    }
}
