//! What travels between a device and the server: requests, and the one answer each of them gets.
//!
//! These are the claims only. Their bytes and signatures are made by `carnet-seal`, their way (HTTP, a
//! file, a QR picture) is nobody's business here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::app::{AppId, Feature, VersionRange};
use crate::component::Drift;
use crate::device_key::DeviceSigningKey;
use crate::id::{
    DeviceId, Digest, ImageId, LicenseId, MoveId, PassId, RequestId, ServerId, SupplierId, TransactionId,
    UserId,
};
use crate::offer::{Counting, Listed, Reporting};
use crate::provision::{KeyDelivery, KeyRedemption};
use crate::time::{Length, Seconds, Time};
use crate::transfer::{Handover, Transfer};

/// A public key of 32 bytes (Ed25519 or X25519), opaque here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(pub [u8; 32]);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Digest(self.0), f)
    }
}

/// What one journal has used of one license so far. Always totals, never differences: a total can be
/// reported twice, late or out of order without being counted twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Totals {
    /// Uses so far.
    pub uses: u64,
    /// Seconds of running so far.
    pub seconds: u64,
    /// When this journal first used the license.
    pub first_use: Option<Time>,
}

/// One journal: the record of one app on one device, or of the device itself where `app` is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JournalName {
    /// Whose journal.
    pub device: DeviceId,
    /// Of which app; none for what concerns no app.
    pub app: Option<AppId>,
}

/// What a device asks of the server. Signed by the device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Request {
    /// The server that is asked; another one refuses (I14).
    pub server: ServerId,
    /// The journal that asks.
    pub journal: JournalName,
    /// Chosen at random, once for each intent.
    pub id: RequestId,
    /// How many operations of this journal the device knows the server to have acknowledged.
    pub epoch: u64,
    /// Digest of the last answer in this journal; for a new journal, of the device's registration receipt.
    pub last_answer: Digest,
    /// Head of the journal's hash chain when the intent was made.
    pub head: Digest,
    /// The device's own clock; evidence only, never trusted for a decision.
    pub at: Time,
    /// What this journal has used of each license.
    pub totals: BTreeMap<LicenseId, Totals>,
    /// Moves whose portable passes are kept here, to be told which of them are over.
    pub portables: BTreeSet<MoveId>,
    /// What is wanted.
    pub operation: Operation,
}

/// What a device can ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Join the server: the device's own journal, epoch 0.
    Register(Box<Registration>),
    /// The next pass, good for at least so many uses (A9, A12). With online counting: exactly so many.
    Renew {
        /// Uses that are about to be made.
        uses: u64,
    },
    /// A floating seat for so long, for work without a network.
    Borrow(Length),
    /// Agree to an offer (A10).
    Agree(Box<Agreed>),
    /// Agree to an offer that was paid for elsewhere.
    Redeem(Box<Redemption>),
    /// Decline the menu (A13).
    Decline,
    /// Take what the pass still has to another device (A14).
    Export,
    /// Bring it in (A16).
    Import(Box<Brought>),
    /// Take back a move whose medium is lost.
    CancelMove(MoveId),
    /// Give back what the pass still has.
    Return,
    /// Make a code by which further devices join the user.
    Invite(Invitation),
    /// Make a code useless.
    Withdraw(Digest),
    /// One of the user's devices is gone: free what it held (D5).
    Lost(DeviceId),
    /// One of the user's devices is not used any more and holds nothing.
    Retire(DeviceId),
    /// Call one of the user's devices something else.
    Rename {
        /// Which.
        device: DeviceId,
        /// How.
        name: String,
    },
    /// What one of the user's devices has of some apps goes to another one (B9).
    Transfer(Box<Transfer>),
    /// Order the license key of an image (B6). The answer is the transaction id alone.
    OrderKey(ImageId),
    /// Present the transaction id, and get the key (B7).
    RedeemKey(Box<KeyRedemption>),
    /// This device is one of the user's with other parts: what that one held is free, as if it were lost (D5).
    Replaced(Replacement),
}

impl Operation {
    /// Whether it belongs to the device's own journal, and not to that of an app.
    #[must_use]
    pub const fn is_of_device(&self) -> bool {
        matches!(
            self,
            Self::Register(_)
                | Self::Invite(_)
                | Self::Withdraw(_)
                | Self::Lost(_)
                | Self::Replaced(_)
                | Self::Retire(_)
                | Self::Rename { .. }
                | Self::Transfer(_)
        )
    }

    /// Whether the pass leaves `valid` with the intent, before anything is sent (I7).
    #[must_use]
    pub const fn leaves(&self) -> bool {
        matches!(self, Self::Export | Self::Return)
    }
}

/// Who joins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Registration {
    /// Checks everything this device signs.
    pub signing_key: DeviceSigningKey,
    /// What is meant for this device alone is sealed to this key.
    pub agreement_key: PublicKey,
    /// What the device's identity is bound to.
    pub evidence: Evidence,
    /// What the user calls the device.
    pub device_name: String,
    /// Who made it, where somebody has said so (B1).
    pub device_maker: Option<String>,
    /// Whose device it will be.
    pub joins: Joins,
}

/// Whose device a new one will be. A user id is no secret, so it takes more than knowing it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Joins {
    /// A new user's (A6).
    NewUser {
        /// The person.
        person: Person,
        /// Digest of the recovery code, which stays with the user.
        recovery: Digest,
    },
    /// That of whoever made this code.
    By(Secret),
    /// That of whoever exported this portable pass, for its license only (A16).
    With(Box<Brought>),
}

/// A device whose parts have changed so far that it is another one (A19).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Replacement {
    /// The one before.
    pub device: DeviceId,
    /// What of it was not found again.
    pub changed: Drift,
}

/// A code that opens something once it is shown. Servers keep the digest only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub [u8; 16]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A code to be made. The device draws the code; the server learns its digest only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Invitation {
    /// Digest of the code.
    pub digest: Digest,
    /// What for.
    pub purpose: Purpose,
}

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// One device joins, soon.
    Join,
    /// The user's way back when all devices are gone; replaces the one before.
    Recovery,
    /// Machines that come and go join by themselves.
    Enrolment {
        /// At most so many of them at once.
        most: u32,
        /// Each belongs to the user for so long.
        lifetime: Seconds,
    },
}

/// An agreement, and the code that shows that it was paid for elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Redemption {
    /// The consent.
    pub agreed: Agreed,
    /// The code.
    pub code: Secret,
}

/// A user's own data. Never part of an event, a log or an answer (I19).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    /// The user's name.
    pub name: String,
    /// An e-mail address.
    pub email: String,
    /// A postal address, where an offer needs one.
    pub address: Option<String>,
    /// A telephone number, where an offer needs one.
    pub telephone: Option<String>,
    /// A reference to a means of payment; never a card number.
    pub payment_reference: Option<String>,
}

/// Personal values stay out of logs.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(…)")
    }
}

/// What a device's identity is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The machine id and named components.
    Hardware,
    /// A file that the owner takes care of.
    File,
    /// A TPM.
    Tpm,
}

/// A user's consent to one offer, word for word. Signed by the device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Agreement {
    /// Where.
    pub server: ServerId,
    /// Who.
    pub user: UserId,
    /// On which device.
    pub device: DeviceId,
    /// When, by the device's clock.
    pub at: Time,
    /// The whole offer with its serial.
    pub listed: Listed,
}

/// An agreement and the signed document that proves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Agreed {
    /// What was agreed.
    pub agreement: Agreement,
    /// The signed bytes; whoever builds a request or a view from bytes checks that they say the same.
    pub document: Vec<u8>,
}

/// A portable pass and the signed document that proves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Brought {
    /// What was carried.
    pub portable: PortablePass,
    /// The signed bytes; whoever builds a request or a view from bytes checks that they say the same.
    pub document: Vec<u8>,
}

/// The server's one answer to a request. Signed by the server's issuing key for the supplier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// To whom and to what.
    pub head: Head,
    /// What.
    pub body: Body,
}

/// To whom and to what an answer is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Head {
    /// Who answers.
    pub server: ServerId,
    /// The device's user.
    pub user: UserId,
    /// The journal that asked.
    pub journal: JournalName,
    /// The request that is answered.
    pub request: RequestId,
    /// The epoch that the request quoted.
    pub quoted: u64,
    /// The epoch of the journal after this answer: `quoted + 1`, except with [`Head::resume`].
    pub epoch: u64,
    /// The server's time; the device's clock evidence follows it, even backwards (I13).
    pub issued: Time,
    /// How to get back in step, where the device and the server were not.
    pub resume: Option<Resume>,
    /// Of the moves that the request names in [`Request::portables`], those that are over.
    pub over: BTreeSet<MoveId>,
}

/// How a journal gets back in step with the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resume {
    /// Totals from which the journal goes on counting.
    pub totals: BTreeMap<LicenseId, Totals>,
    /// The pass on the device is no good any more.
    pub void: bool,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Body {
    /// A pass for this device.
    Pass(Box<Pass>),
    /// A pass on its way to another device.
    Portable(Box<PortablePass>),
    /// No, and what to do about it.
    Refusal(Box<Refusal>),
    /// Done.
    Receipt(Box<Receipt>),
    /// The keys of an image for this device.
    Keys(Box<KeyDelivery>),
}

/// A signed slice of a license, bound to one device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pass {
    /// Names the row behind the signature (I9).
    pub id: PassId,
    /// Who licenses.
    pub supplier: SupplierId,
    /// What is licensed.
    pub app: AppId,
    /// The license that this is a slice of.
    pub license: LicenseId,
    /// Which of the license's rights the device holds.
    pub right: u32,
    /// The generation of that right.
    pub generation: u64,
    /// Full or temporary.
    pub kind: PassKind,
    /// What the user calls the offer.
    pub condition: String,
    /// What is granted, each with its limit where it has one.
    pub features: BTreeMap<Feature, Option<u64>>,
    /// Not good before.
    pub not_before: Time,
    /// Not good from here on, except in grace.
    pub expires: Option<Time>,
    /// Runs and warns until here.
    pub grace_until: Option<Time>,
    /// The pass ends so long after its first use, where that is not known yet.
    pub from_first_use: Option<Length>,
    /// Uses, where they are counted.
    pub uses: Option<Ceiling>,
    /// Seconds of running, where they are counted.
    pub seconds: Option<Ceiling>,
    /// Where uses are counted.
    pub counting: Counting,
    /// It is a floating seat, and goes back when the last program that runs by it has ended.
    pub floating: bool,
    /// Which versions of the program are covered.
    pub versions: VersionRange,
    /// What the device records for the supplier.
    pub reporting: Option<Reporting>,
    /// The key that the device proves itself with (RFC 8747 `cnf`).
    pub device_key: DeviceSigningKey,
    /// Digest of the journal's previous answer.
    pub previous: Digest,
    /// The move that brought it, for the first pass after an import.
    pub from_move: Option<MoveId>,
}

/// What a pass grants on a counted line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ceiling {
    /// The journal's total of this license may go up to here.
    pub upto: u64,
    /// What the whole license was when agreed.
    pub licensed: u64,
    /// What remains on the license after this pass.
    pub remaining: u64,
}

/// Full or temporary (A4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassKind {
    /// A pass.
    Full,
    /// A short pass before the charge is settled.
    Temporary,
}

/// A pass on its way between devices; its status is `moving` by being one (A15).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortablePass {
    /// The move.
    pub movement: MoveId,
    /// Who licenses.
    pub supplier: SupplierId,
    /// What is licensed.
    pub app: AppId,
    /// The license.
    pub license: LicenseId,
    /// The right on its way.
    pub right: u32,
    /// The generation of that right from now on.
    pub generation: u64,
    /// What the user calls the offer.
    pub condition: String,
    /// What is granted.
    pub features: BTreeMap<Feature, Option<u64>>,
    /// Uses carried, where they are counted.
    pub uses: Option<u64>,
    /// Seconds carried, where they are counted.
    pub seconds: Option<u64>,
    /// The pass ends here.
    pub expires: Option<Time>,
    /// Where it came from.
    pub source: DeviceId,
}

/// No, why, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The license that it is about.
    pub license: Option<LicenseId>,
    /// The menu, where buying helps (A9).
    pub menu: Vec<Listed>,
    /// Who holds what this device would need, the first [`MOST_HOLDERS`] of them: for devices that may see the others of
    /// their user.
    pub holders: Vec<SeatHolder>,
    /// For how long at most a seat may be borrowed, where too long was asked for.
    pub borrow: Option<Length>,
}

impl Refusal {
    /// A no for this reason, and nothing besides.
    #[must_use]
    pub const fn because(reason: Reason, license: Option<LicenseId>) -> Self {
        Self { reason, license, menu: Vec::new(), holders: Vec::new(), borrow: None }
    }
}

/// The most holders that a refusal names.
pub const MOST_HOLDERS: usize = 16;

/// A device that holds a right of a license.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeatHolder {
    /// Which. What the user calls it is asked for apart: answers are kept, and a name is personal data (I19).
    pub device: DeviceId,
    /// When it comes back by itself; none: only when it is given back.
    pub until: Option<Time>,
}

/// Why the server refuses. Codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The user has no license for this app.
    NoLicense,
    /// Nothing remains, anywhere.
    Exhausted,
    /// Fewer uses remain than were asked for at once.
    NotEnoughLeft,
    /// The license has ended with its period.
    Expired,
    /// The user declined.
    Declined,
    /// The supplier suspended the license.
    Suspended,
    /// A charge could not be made.
    ChargeFailed,
    /// A charge is not settled yet, and this must wait for it.
    PaymentPending,
    /// The contract was ended.
    Ended,
    /// The supplier revoked the license.
    Revoked,
    /// As many devices hold it as were agreed, or all that remains is on them.
    HeldElsewhere,
    /// This journal has been seen to go backwards before; the supplier looks at it.
    UnderReview,
    /// This journal has gone backwards, or two devices continue it.
    ForkOrRollback,
    /// The server had been restored from a backup and has taken over what this device knows.
    Reconcile,
    /// This request was answered long ago and other requests came after it.
    Superseded,
    /// The menu does not offer this, or not like this any more.
    OfferChanged,
    /// The offer can be agreed to only once.
    OnlyOnce,
    /// The offer is for devices bound to hardware.
    HardwareOnly,
    /// No such app is registered here.
    UnknownApp,
    /// There is no pass here, or nothing left in it, to move or give back.
    NothingToMove,
    /// The pass is on its way to another device.
    Moving,
    /// That move is over or never was: imported or cancelled already.
    MoveOver,
    /// The license is still good: there is no menu to decline.
    StillGood,
    /// It belongs to another user.
    OtherUser,
    /// The device has been retired.
    Retired,
    /// There is no such code, or it was withdrawn or has ended.
    BadCode,
    /// The code was used before.
    CodeUsed,
    /// As many devices as agreed have joined by this code.
    CodeFull,
    /// The user has no such device.
    NoSuchDevice,
    /// The device still holds passes.
    StillHolds,
    /// The user has declared as many devices lost as the offer allows in a year.
    TooManyLost,
    /// The device joined for one license only.
    Guest,
    /// There is no seat that may be borrowed, or not for so long.
    NotBorrowable,
    /// No such image of this app is to be had, or its keys are not at the key service.
    NoImage,
    /// The license does not cover this version.
    VersionNotCovered,
    /// No such order of this device waits for its key.
    NoTransaction,
    /// There is no pass on this device that could be shown for a key.
    NoPass,
    /// The key service does not accept what the device has shown.
    KeyRefused,
    /// The supplier has asked for a report or an erasure, and was not answered in time.
    ReportOverdue,
    /// What this device had of the app was transferred to another one (B10).
    Transferred,
    /// Source and destination of a transfer are the same.
    SameDevice,
    /// The source of a transfer has nothing of the app.
    NotHeldThere,
    /// The destination of a transfer is there for one license or for a while only.
    GuestThere,
    /// A device of a transfer has been retired.
    RetiredThere,
}

impl Reason {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoLicense => "no-license",
            Self::Exhausted => "exhausted",
            Self::NotEnoughLeft => "not-enough-left",
            Self::Expired => "expired",
            Self::Declined => "declined",
            Self::Suspended => "suspended",
            Self::ChargeFailed => "charge-failed",
            Self::PaymentPending => "payment-pending",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
            Self::HeldElsewhere => "held-elsewhere",
            Self::UnderReview => "under-review",
            Self::ForkOrRollback => "fork-or-rollback",
            Self::Reconcile => "reconcile",
            Self::Superseded => "superseded",
            Self::OfferChanged => "offer-changed",
            Self::OnlyOnce => "only-once",
            Self::HardwareOnly => "hardware-only",
            Self::UnknownApp => "unknown-app",
            Self::NothingToMove => "nothing-to-move",
            Self::Moving => "moving",
            Self::MoveOver => "move-over",
            Self::StillGood => "still-good",
            Self::OtherUser => "other-user",
            Self::Retired => "retired",
            Self::BadCode => "bad-code",
            Self::CodeUsed => "code-used",
            Self::CodeFull => "code-full",
            Self::NoSuchDevice => "no-such-device",
            Self::StillHolds => "still-holds",
            Self::TooManyLost => "too-many-lost",
            Self::Guest => "guest-device",
            Self::NotBorrowable => "not-borrowable",
            Self::NoImage => "no-image",
            Self::VersionNotCovered => "version-not-covered",
            Self::NoTransaction => "no-transaction",
            Self::NoPass => "no-pass",
            Self::KeyRefused => "key-refused",
            Self::ReportOverdue => "report-overdue",
            Self::Transferred => "transferred",
            Self::SameDevice => "same-device",
            Self::NotHeldThere => "not-held-there",
            Self::GuestThere => "guest-there",
            Self::RetiredThere => "retired-there",
        }
    }

    /// What happened, in plain words.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::NoLicense => "there is no license for this app yet",
            Self::Exhausted => "the license is used up",
            Self::NotEnoughLeft => "fewer uses remain than were asked for at once",
            Self::Expired => "the license has ended with its period",
            Self::Declined => "the license menu was declined",
            Self::Suspended => "the supplier has suspended the license",
            Self::ChargeFailed => "a charge for the license could not be made",
            Self::PaymentPending => "a charge for the license is not settled yet",
            Self::Ended => "the contract for this license was ended",
            Self::Revoked => "the supplier has revoked the license",
            Self::HeldElsewhere => "the license is in use on as many devices as were agreed",
            Self::UnderReview => {
                "this device's passbook went backwards more than once; the supplier looks at it"
            }
            Self::ForkOrRollback => "this device's passbook is older than the server knows it, or was copied",
            Self::Reconcile => "the server was restored from a backup and has caught up with this device",
            Self::Superseded => "this request was answered long ago",
            Self::OfferChanged => "the offer is not in the menu like that any more",
            Self::OnlyOnce => "this offer can be agreed to only once",
            Self::HardwareOnly => "this offer is only for devices bound to their hardware",
            Self::UnknownApp => "the server does not know this app",
            Self::NothingToMove => "there is no pass on this device with anything left in it",
            Self::Moving => "the pass is on its way to another device",
            Self::MoveOver => "this move is over: it was imported or cancelled already",
            Self::StillGood => "the license is still good",
            Self::OtherUser => "this belongs to another user",
            Self::Retired => "this device has been retired",
            Self::BadCode => "there is no such code, or it is no longer good",
            Self::CodeUsed => "this code was used before",
            Self::CodeFull => "as many devices as this code allows have joined",
            Self::NoSuchDevice => "the user has no such device",
            Self::StillHolds => "the device still holds passes",
            Self::TooManyLost => "as many devices as the offer allows in a year were declared lost already",
            Self::Guest => "this device joined with a portable pass, for that license only",
            Self::NotBorrowable => "no seat may be borrowed here, or not for so long",
            Self::NoImage => "there is no such image of this app, or its keys have not been handed in yet",
            Self::VersionNotCovered => "the license does not cover this version",
            Self::NoTransaction => "no order of this device waits for its key under this transaction id",
            Self::NoPass => "there is no good pass for this app on this device",
            Self::KeyRefused => "the key service does not accept the pass that this device has shown",
            Self::ReportOverdue => "the supplier has asked for a report, and its time is over",
            Self::Transferred => "what this device had of the app was transferred to another device",
            Self::SameDevice => "the source and the destination of the transfer are the same device",
            Self::NotHeldThere => "that device has nothing of the app that could be transferred",
            Self::GuestThere => "that device is there for one license or for a while only",
            Self::RetiredThere => "that device has been retired",
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NoLicense | Self::Exhausted | Self::Expired | Self::Declined | Self::Ended => {
                "choose an offer from the menu"
            }
            Self::Suspended | Self::Revoked | Self::UnderReview => "ask the supplier",
            Self::NotEnoughLeft => "use fewer at once, or choose an offer from the menu",
            Self::StillGood => "use it, or give it back",
            Self::ChargeFailed | Self::PaymentPending => "settle the payment, then start again",
            Self::HeldElsewhere => "give a pass back or move it from another device, or buy for more devices",
            Self::ForkOrRollback | Self::Reconcile | Self::Superseded => "start again",
            Self::OfferChanged => "look at the menu again and choose from it",
            Self::OnlyOnce => "choose another offer",
            Self::HardwareOnly => "use a device with a hardware identity",
            Self::UnknownApp => "check the app id and the server",
            Self::NothingToMove => "get a pass first",
            Self::Moving => "import it here again, or cancel the move",
            Self::MoveOver => "ask for the next pass on the device that has it",
            Self::OtherUser => "use a passbook of that user (CARNET_HOME)",
            Self::Retired => "register the device again",
            Self::BadCode => "check the code, or get a new one",
            Self::CodeUsed => "get a new code",
            Self::CodeFull => "retire one of them, or make another code",
            Self::NoSuchDevice => "see the list of devices",
            Self::StillHolds => "give its passes back or move them first, or declare it lost",
            Self::TooManyLost => "ask the supplier",
            Self::Guest => "join the user with a join code or the recovery code",
            Self::NotBorrowable => "see the menu for how long seats may be borrowed, or work with a network",
            Self::NoImage => "see what there is with `carnet catalog`, or ask the supplier",
            Self::VersionNotCovered => "install a version that the license covers, or buy the upgrade",
            Self::NoTransaction => "install again: the key is ordered anew",
            Self::NoPass => "get a pass with `carnet order` or `carnet renew`, then install",
            Self::KeyRefused => "get the next pass with `carnet renew`, then install again",
            Self::ReportOverdue => "see what is asked for with `carnet status`, and answer it",
            Self::Transferred => {
                "use the other device, or transfer it back; `carnet renew` asks whether the license has room for both"
            }
            Self::SameDevice => "name another destination",
            Self::NotHeldThere => "see with `carnet devices` what each of them has",
            Self::GuestThere => "name a device that joined with a join code or the recovery code",
            Self::RetiredThere => "register that device again first",
        }
    }

    /// Whether a device that wants to join is refused by it: nothing is kept of such a request.
    #[must_use]
    pub const fn keeps_out(self) -> bool {
        matches!(self, Self::BadCode | Self::CodeUsed | Self::CodeFull | Self::MoveOver)
    }

    /// Whether it is about the whole device, whichever license it holds.
    #[must_use]
    pub const fn is_about_device(self) -> bool {
        matches!(self, Self::Retired)
    }

    /// Whether it is about the whole app, whichever license the device has of it.
    #[must_use]
    pub const fn is_about_app(self) -> bool {
        matches!(self, Self::Transferred)
    }

    /// Whether a pass of the refused license is no good from now on.
    #[must_use]
    pub const fn ends_pass(self) -> bool {
        matches!(
            self,
            Self::Exhausted
                | Self::Expired
                | Self::Declined
                | Self::Suspended
                | Self::ChargeFailed
                | Self::Ended
                | Self::Revoked
                | Self::Retired
                | Self::Transferred
        )
    }

    /// Whether the license menu helps.
    #[must_use]
    pub const fn asks_for_menu(self) -> bool {
        matches!(
            self,
            Self::NoLicense
                | Self::Exhausted
                | Self::NotEnoughLeft
                | Self::Expired
                | Self::Declined
                | Self::ChargeFailed
                | Self::OfferChanged
                | Self::OnlyOnce
        )
    }
}

/// Done, and with which effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Receipt {
    /// The effect.
    pub effect: Effect,
}

/// What an operation without a pass has brought about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// The device is registered under these keys.
    Registered {
        /// Checks everything this device signs.
        signing_key: DeviceSigningKey,
        /// What is meant for this device alone is sealed to this key.
        agreement_key: PublicKey,
        /// What the device's identity is bound to.
        evidence: Evidence,
        /// It is there for this license only (A16).
        only: Option<LicenseId>,
        /// It belongs to the user until then only.
        until: Option<Time>,
    },
    /// The menu was declined; recorded as this license.
    Declined(LicenseId),
    /// The move is cancelled, and what it carried is back in the license.
    MoveCancelled(MoveId),
    /// The pass was given back.
    Returned(LicenseId),
    /// There is a code with this digest.
    Invited(Digest),
    /// There is no code with this digest any more.
    Withdrawn(Digest),
    /// The device is retired, and what it held is free.
    DeviceGone(DeviceId),
    /// What becomes of each app of a transfer.
    Transferred(BTreeMap<AppId, Handover>),
    /// The device is called something else.
    Renamed(DeviceId),
    /// The license key of an image waits for this device under a transaction id.
    KeyOrdered {
        /// What to present.
        transaction: TransactionId,
        /// Of which image.
        image: ImageId,
    },
}
