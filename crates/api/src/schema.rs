//! The shapes of the domain's types, for the OpenAPI document only: `carnet-core` knows nothing of it. A test
//! holds each of them against what the real type reads and writes.

use std::collections::BTreeMap;

use utoipa::ToSchema;

/// One line of an app's license menu.
#[derive(Debug, ToSchema)]
pub struct Offer {
    /// Short name, unique in the menu.
    #[schema(example = "ten-runs")]
    pub name: String,
    /// Condition name: what a user calls this offer.
    #[schema(example = "Ten runs", max_length = 80)]
    pub condition: String,
    /// What is granted, each with its limit, or null where it has none.
    #[schema(value_type = BTreeMap<String, Option<u64>>, example = json!({"resize": null, "export.pdf": 100}))]
    pub features: BTreeMap<String, Option<u64>>,
    /// For how long or how often; absent: without end.
    #[schema(required = false)]
    pub term: Term,
    /// On how many devices at once.
    #[schema(default = 1, minimum = 1, maximum = 10000, required = false)]
    pub devices: u32,
    /// The price; zero is free.
    #[schema(example = "49.00 EUR")]
    pub fee: String,
    /// When the price is due.
    #[schema(required = false)]
    pub charging: Charging,
    /// What is issued before a charge is settled.
    #[schema(required = false)]
    pub issuance: Issuance,
    /// How big a slice one pass carries; absent: everything at once.
    #[schema(required = false)]
    pub pass_term: Slice,
    /// How big a slice one temporary pass carries; needed when a temporary pass may be issued.
    pub temporary_pass_term: Option<Slice>,
    /// Where uses are counted.
    #[schema(required = false)]
    pub counting: Counting,
    /// How many seconds an expired pass still runs, with a warning. Absent: 7 days for terms with a period,
    /// else 0.
    pub grace: Option<u64>,
    /// How many devices a user may declare lost in 365 days without asking anybody.
    #[schema(default = 2, required = false)]
    pub lost_devices_per_year: u32,
    /// Floating seats: taken when a program starts and given back when it ends; absent: a device keeps its pass.
    pub floating: Option<Floating>,
    /// What the device records for the supplier; absent: nothing.
    pub reporting: Option<Reporting>,
    /// A trial: this offer can be agreed to only once.
    pub once_per: Option<OncePer>,
    /// Only devices that are bound to hardware may hold it.
    #[schema(default = false, required = false)]
    pub hardware_only: bool,
    /// Which versions of the program are covered.
    #[schema(required = false)]
    pub versions: VersionRange,
}

/// What limits a license. With no part at all it is perpetual; with several, the first part used up ends it.
#[derive(Debug, ToSchema)]
pub struct Term {
    /// A stretch of the calendar.
    pub period: Option<Period>,
    /// Total duration of use in seconds.
    pub duration: Option<u64>,
    /// Total number of uses.
    pub uses: Option<u64>,
}

/// A stretch of the calendar.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Period {
    /// Between two dates, the same for everybody. The end is not included.
    Between {
        /// The first moment of the period.
        #[schema(format = DateTime)]
        start: String,
        /// The first moment after the period.
        #[schema(format = DateTime)]
        end: String,
    },
    /// Counted from the moment of agreement: an ISO 8601 duration, or words like `30 days`.
    FromAgreement(String),
    /// Counted from the first use on any device: an ISO 8601 duration, or words like `30 days`.
    FromFirstUse(String),
}

/// How big a part of a license one pass carries. A part that is absent is not cut.
#[derive(Debug, ToSchema)]
pub struct Slice {
    /// Uses in one pass.
    pub uses: Option<u64>,
    /// Seconds of running in one pass.
    pub duration: Option<u64>,
    /// How long one pass is good for after its issue: an ISO 8601 duration, or words like `1 day`.
    #[schema(example = "P1D")]
    pub period: Option<String>,
}

/// What is issued before the charge is settled, and when it is refused.
#[derive(Debug, ToSchema)]
pub struct Issuance {
    /// A temporary pass at purchase, rather than a full one.
    #[schema(default = false, required = false)]
    pub temporary_at_purchase: bool,
    /// A temporary pass, rather than nothing, while a charge is refused.
    #[schema(default = false, required = false)]
    pub temporary_when_refused: bool,
}

/// Floating seats.
#[derive(Debug, ToSchema)]
pub struct Floating {
    /// For how long at most a seat may be borrowed for work without a network: an ISO 8601 duration, or words like
    /// `7 days`; absent: not at all.
    #[schema(example = "P7D")]
    pub borrow: Option<String>,
}

/// What a device records for the supplier, told to the user before agreement.
#[derive(Debug, ToSchema)]
pub struct Reporting {
    /// How long records are kept on the device: an ISO 8601 duration, or words like `1 year`.
    #[schema(example = "P1Y")]
    pub record_retention: String,
    /// To whom details of use are sealed; absent: only what the device counts by is recorded.
    pub keys: Option<ReportKeys>,
    /// How the details say who used a program; absent: by a pseudonym.
    pub users: Option<UserNames>,
    /// What follows when a request of the supplier is not answered in time; absent: the user is reminded.
    pub overdue: Option<Overdue>,
    /// What follows when the contract was not kept; absent: a notice to the user.
    pub violation: Option<Sanction>,
    /// Who opens reports besides the supplier; absent: nobody.
    pub opened_by: Option<OpenedBy>,
}

/// Who opens reports and certificates besides the supplier.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "kebab-case")]
pub enum OpenedBy {
    /// This server, with a key that the supplier has deposited.
    Server,
}

/// The supplier's public keys for reports.
#[derive(Debug, ToSchema)]
pub struct ReportKeys {
    /// Details, reports and certificates are sealed to it: an X25519 key in 64 hexadecimal digits.
    pub seal_to: String,
    /// Checks the supplier's requests: an Ed25519 key in 64 hexadecimal digits.
    pub asks: String,
}

/// The versions of a program that an offer covers.
#[derive(Debug, ToSchema)]
pub struct VersionRange {
    /// The first version covered; absent: from the very first.
    #[schema(example = "2.0.0")]
    pub from: Option<String>,
    /// The first version no longer covered; absent: all later ones.
    #[schema(example = "3.0.0")]
    pub below: Option<String>,
}

/// An amount moved between two parts of a line.
#[derive(Debug, ToSchema)]
pub struct Posting {
    /// Of which license.
    pub license: String,
    /// Which line.
    pub line: Line,
    /// Taken from.
    pub from: Bucket,
    /// Put into.
    pub to: Bucket,
    /// How much.
    pub amount: u64,
}

macro_rules! values {
    ($($(#[$doc:meta])* $name:ident, $case:literal { $($value:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, ToSchema)]
        #[schema(rename_all = $case)]
        #[expect(missing_docs, reason = "the values are described where the domain defines them")]
        pub enum $name { $($value),+ }
    )+};
}

values! {
    /// When the price of an offer is due.
    Charging, "kebab-case" { Free, Once, PerPass, PerPeriod }
    /// Where uses are counted: from the pass, or at the server before each use.
    Counting, "kebab-case" { Offline, Online }
    /// A trial's limit.
    OncePer, "kebab-case" { User, Device }
    /// How a record says who used a program.
    UserNames, "kebab-case" { Hidden, SystemNames }
    /// What follows when a request of the supplier is not answered in time.
    Overdue, "kebab-case" { RefuseRenewal, Suspend }
    /// What follows when the contract was not kept.
    Sanction, "kebab-case" { Suspend, Revoke }
    /// License status.
    Status, "kebab-case" {
        Active, PaymentPending, ChargeFailed, Suspended, Exhausted, Expired, Declined, Ended, Revoked,
    }
    /// What has become of a pass.
    PassStatus, "snake_case" { Valid, Moving, Invalid }
    /// Full, or short and before the charge is settled.
    PassKind, "snake_case" { Full, Temporary }
    /// Which balance.
    Line, "snake_case" { Rights, Uses, Seconds }
    /// A part of a balance.
    Bucket, "snake_case" { Sold, Remaining, Held, Moving, Settled, Forfeited }
}

#[cfg(test)]
mod tests;
