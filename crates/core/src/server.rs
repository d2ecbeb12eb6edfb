//! What the server decides about one request: pure, over a view of the ledger.
//!
//! [`decide`] follows the protocol's steps: first whether the device and the server are in step (the
//! journal's epoch and the digest of its last answer), then what is wanted. Everything it changes comes
//! back as values; nothing is written here.

mod charging;
mod devices;
mod draft;
mod joining;
mod operate;
mod provide;
mod recover;
mod redeeming;
mod supplier;
mod transfer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::draft::Draft;
pub use self::joining::{Code, JOIN_CODE_LASTS, LONGEST_ENROLMENT, MOST_ENROLLED, shown};
use self::joining::{Newcomer, kept_out, newcomer};
pub use self::redeeming::Grant;
pub use self::supplier::{Freed, free_device, review};
use crate::charge::Charge;
use crate::component::Drift;
use crate::device_key::DeviceSigningKey;
use crate::document::{
    Answer, Body, Effect, Evidence, Head, JournalName, Operation, PassKind, PublicKey, Purpose, Reason,
    Receipt, Refusal, Request, Resume, Totals,
};
use crate::id::{
    ChargeId, DeviceId, Digest, ImageId, LicenseId, MoveId, PassId, RequestId, ServerId, SupplierId,
    TransactionId, UserId,
};
use crate::license::{License, Posting};
use crate::offer::Menu;
use crate::provision::{Handed, KeyTransaction, Provided};
use crate::time::{Seconds, Time};
use crate::transfer::Gone;

/// What the server knows of a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub id: DeviceId,
    /// Whose.
    pub user: UserId,
    /// Checks what it signs.
    pub signing_key: DeviceSigningKey,
    /// What is meant for it alone is sealed to this.
    pub agreement_key: PublicKey,
    /// What its identity is bound to.
    pub evidence: Evidence,
    /// Digest of its registration receipt: the last answer of each of its new journals.
    pub receipt: Digest,
    /// When it joined.
    pub registered: Time,
    /// When a fork or rollback was last settled without anybody's help.
    pub settled: Option<Time>,
    /// No longer of use to its user.
    pub retired: bool,
    /// When it was declared lost.
    pub lost: Option<Time>,
    /// Of no use from here on: it was enrolled for a while only.
    pub until: Option<Time>,
    /// The enrolment code by which it joined.
    pub enrolled: Option<Digest>,
    /// It came with a portable pass, and is there for that license only (A16).
    pub only: Option<LicenseId>,
}

/// The server's side of one journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Journal {
    /// Which.
    pub name: JournalName,
    /// Whose.
    pub user: UserId,
    /// Acknowledged operations.
    pub epoch: u64,
    /// Digest of the last answer. Filled in by whoever makes the answer's bytes.
    pub answer: Digest,
    /// Which request the stored answer is for.
    pub slot: Option<Slot>,
    /// What this journal was given and has used, by license.
    pub accounts: BTreeMap<LicenseId, Account>,
    /// The pass.
    pub active: Option<Active>,
    /// Rights of licenses that a newer pass replaced. They are free once the device shows that it has the
    /// newer pass, not before: until then it may run by the old one (I1).
    pub former: Vec<(LicenseId, u32)>,
    /// Since when the supplier should look at it.
    pub flagged: Option<Time>,
    /// The epoch that the last settlement set. As long as the journal stands there, nothing was given out
    /// since, and whatever does not fit is a late message of the same mishap, not another one.
    pub settled: Option<u64>,
    /// The epoch that the last reconciliation set. What was asked below it is lost with the books of that
    /// time: a late message from there says nothing about the device.
    pub reconciled: u64,
    /// A transfer has taken the app away, and the device has not shown yet that it knows (B10).
    pub gone: Option<Gone>,
}

/// Which request an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// The request.
    pub request: RequestId,
    /// Digest of its payload.
    pub body: Digest,
}

/// What one journal was given of one license, and has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// The uses line, where it is counted.
    pub uses: Option<Held>,
    /// The seconds line, where it is counted.
    pub seconds: Option<Held>,
}

/// One line of an account; what is held is `upto - acknowledged`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Held {
    /// The device may count up to here.
    pub upto: u64,
    /// The device has counted up to here, or lost what it had up to here.
    pub acknowledged: u64,
}

impl Held {
    /// Given out and not reported as used.
    #[must_use]
    pub const fn outstanding(self) -> u64 {
        self.upto.saturating_sub(self.acknowledged)
    }
}

/// The pass that a journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Active {
    /// Of which license.
    pub license: LicenseId,
    /// By which right.
    pub right: u32,
    /// Its generation.
    pub generation: u64,
    /// Which pass.
    pub pass: PassId,
    /// Full or temporary.
    pub kind: PassKind,
    /// Its end.
    pub expires: Option<Time>,
    /// The end of its grace.
    pub grace_until: Option<Time>,
    /// The move that took it away, if one did.
    pub moved: Option<MoveId>,
}

/// The server's side of one move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Move {
    /// Its name.
    pub id: MoveId,
    /// Whose.
    pub user: UserId,
    /// Of which license.
    pub license: LicenseId,
    /// Which right travels.
    pub right: u32,
    /// Its generation while it travels.
    pub generation: u64,
    /// From where.
    pub source: DeviceId,
    /// Uses carried.
    pub uses: u64,
    /// Seconds carried.
    pub seconds: u64,
    /// What has become of it.
    pub status: MoveStatus,
}

/// What has become of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveStatus {
    /// On its way.
    Moving,
    /// Imported.
    Imported {
        /// Where.
        by: DeviceId,
    },
    /// Taken back.
    Cancelled,
}

/// Everything a decision looks at.
#[derive(Debug, Clone)]
pub struct View {
    /// This server.
    pub server: ServerId,
    /// Digest of the request's payload.
    pub body: Digest,
    /// The device, if it is known.
    pub device: Option<Device>,
    /// The journal, if it is known.
    pub journal: Option<Journal>,
    /// All licenses of the user for this app, and those of the moves below.
    pub licenses: Vec<License>,
    /// The moves that the request names or proves.
    pub moves: Vec<Move>,
    /// The event of this journal at the quoted epoch.
    pub past: Option<Past>,
    /// An answer kept under this journal and request id.
    pub aside: Option<Slot>,
    /// The supplier and menu of the app; none when there is no such app.
    pub app: Option<AppView>,
    /// The device's last answer, when it came along.
    pub proof: Beside,
    /// The device's registration receipt, when it came along and we signed it.
    pub receipt: Option<Proof>,
    /// The code that the request shows or makes, first; with a new recovery code, the one before.
    pub codes: Vec<Code>,
    /// The paid-for offer behind the code that the request shows.
    pub grant: Option<Grant>,
    /// The user's other devices, for what concerns them.
    pub siblings: Vec<Device>,
    /// The journals of a device that is declared lost, or of both devices of a transfer.
    pub others: Vec<Journal>,
    /// The image that the request names.
    pub image: Option<Provided>,
    /// The order that the request presents; for a new order, those of this journal that are not closed; for a transfer,
    /// those of its source.
    pub transactions: Vec<KeyTransaction>,
    /// What the key service has said to it.
    pub handed: Handed,
}

impl View {
    /// A server that knows nothing.
    #[must_use]
    pub const fn empty(server: ServerId, body: Digest) -> Self {
        Self {
            server,
            body,
            device: None,
            journal: None,
            licenses: Vec::new(),
            moves: Vec::new(),
            past: None,
            aside: None,
            app: None,
            proof: Beside::Nothing,
            receipt: None,
            codes: Vec::new(),
            grant: None,
            siblings: Vec::new(),
            others: Vec::new(),
            image: None,
            transactions: Vec::new(),
            handed: Handed::Nothing,
        }
    }
}

/// What is for sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppView {
    /// By whom.
    pub supplier: SupplierId,
    /// On which terms.
    pub menu: Arc<Menu>,
}

/// What came beside a request as proof of its epoch. Checking a signature costs more than all the rest of a
/// decision, and the proof matters only where device and server are out of step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Beside {
    /// Nothing, or nothing of ours.
    #[default]
    Nothing,
    /// Something that nobody has checked yet.
    Unchecked,
    /// An answer of ours.
    Checked(Box<Proof>),
}

/// An answer of ours that a device has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Digest of its payload.
    pub digest: Digest,
    /// What it says.
    pub answer: Answer,
}

/// What an event remembers of the request and the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Past {
    /// The request.
    pub request: RequestId,
    /// Digest of its payload.
    pub body: Digest,
}

/// Ids that a decision may give away. Fresh for each decision, made before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fresh {
    /// For a new license.
    pub license: LicenseId,
    /// For a new pass.
    pub pass: PassId,
    /// For a new move.
    pub movement: MoveId,
    /// For a new charge.
    pub charge: ChargeId,
    /// For a new order of a license key. Random in all its bits: whoever knows it may ask for the key.
    pub transaction: TransactionId,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Decided: write the outcome, keep the answer in the journal's slot.
    Decided(Box<Outcome>),
    /// Out of step: write the outcome, keep the answer under (journal, request id), leave the slot alone.
    Aside(Box<Outcome>),
    /// Already answered: send the slot's bytes.
    Repeat,
    /// Already answered: send the bytes kept under (journal, request id).
    RepeatAside,
    /// Answered long ago; nothing changes.
    Superseded(Box<Answer>),
    /// A device that could not join is told so; nothing changes, and nothing is kept of it.
    Unrecorded(Box<Answer>),
    /// It depends on the answer that came beside the request: check that, then decide again. Nothing changes.
    CheckProof,
    /// The key service is to be asked for the keys of this order; then decide again. Nothing changes.
    WantsKeys(Box<KeyTransaction>),
    /// Not a request that can be answered by a document.
    Rejected(Rejection),
}

/// Why there is no answer document. Nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Rejection {
    /// The request is for another server (I14).
    #[error("the request is for another server")]
    WrongServer,
    /// No such device, and no receipt of ours with it.
    #[error("the device is not registered here")]
    UnknownDevice,
    /// The same request id came with another body (I6).
    #[error("this request id was used before for another request")]
    Conflict,
    /// The journal does not fit the operation.
    #[error("this operation does not belong to this journal")]
    WrongJournal,
    /// A balance did not add up; a defect, never a user's fault.
    #[error("the ledger does not add up")]
    Unbalanced,
}

/// Everything that a decision writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// The journal. Its `answer` is filled in by whoever makes the answer's bytes.
    pub journal: Journal,
    /// Licenses that are new or changed.
    pub licenses: Vec<License>,
    /// Moves that are new or changed.
    pub moves: Vec<Move>,
    /// Devices that are new or changed.
    pub devices: Vec<Device>,
    /// Journals of other devices that are changed. Their slots are not.
    pub others: Vec<Journal>,
    /// Codes that are new or changed.
    pub codes: Vec<Code>,
    /// The paid-for offer that was taken up.
    pub grant: Option<Grant>,
    /// Charges that became due.
    pub charges: Vec<Charge>,
    /// Orders of license keys that are new or changed.
    pub transactions: Vec<KeyTransaction>,
    /// What happened.
    pub event: Event,
    /// The answer.
    pub answer: Answer,
}

impl Outcome {
    /// Notes the digest of the answer's bytes wherever the next request will be held against it.
    pub fn sealed(&mut self, answer: Digest) {
        let head = &self.answer.head;
        // To wait for review changes nothing: the branch that is in step must stay so.
        if head.resume.is_some() || head.epoch > head.quoted {
            self.journal.answer = answer;
        }
        if self.event.kind == EventKind::Registered {
            self.devices.iter_mut().for_each(|device| device.receipt = answer);
        }
    }
}

/// What happened: the posting, the audit record and the witness of the request in one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Event {
    /// In which journal.
    pub journal: JournalName,
    /// At which quoted epoch.
    pub quoted: u64,
    /// For which request.
    pub past: Past,
    /// What.
    pub kind: EventKind,
    /// Of which license, if of one.
    pub license: Option<LicenseId>,
    /// Amounts moved.
    pub postings: Vec<Posting>,
    /// When, by the server's clock.
    pub at: Time,
}

/// Kinds of events. Codes are stable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EventKind {
    /// A device joined.
    Registered,
    /// A pass was issued.
    Issued,
    /// An offer was agreed to.
    Agreed,
    /// The menu was declined.
    Declined,
    /// A pass left for another device.
    Exported {
        /// The move.
        movement: MoveId,
    },
    /// A pass arrived.
    Imported {
        /// The move.
        movement: MoveId,
    },
    /// A move was taken back.
    MoveCancelled {
        /// The move.
        movement: MoveId,
    },
    /// A pass was given back.
    Returned,
    /// An offer that was paid for elsewhere was taken up.
    Redeemed,
    /// A code was made.
    Invited {
        /// What for.
        purpose: Purpose,
    },
    /// A code was withdrawn.
    Withdrawn,
    /// A device was declared lost.
    DeviceLost {
        /// Which.
        device: DeviceId,
    },
    /// A device came back with so many other parts that it is another one (A19, D5).
    DeviceReplaced {
        /// The one before.
        device: DeviceId,
        /// What of it was not found again.
        changed: Drift,
    },
    /// A device was retired.
    DeviceRetired {
        /// Which.
        device: DeviceId,
    },
    /// What a device had of some apps goes to another one (B9).
    Transferred {
        /// From which.
        source: DeviceId,
        /// To which.
        destination: DeviceId,
    },
    /// The source of a transfer has given back what it had (B10).
    HandedOver {
        /// For which device.
        to: DeviceId,
    },
    /// A device is called something else.
    DeviceRenamed {
        /// Which.
        device: DeviceId,
    },
    /// The license key of an image was ordered.
    KeyOrdered {
        /// Of which image.
        image: ImageId,
    },
    /// It was delivered.
    KeyDelivered {
        /// Of which image.
        image: ImageId,
    },
    /// Refused.
    Refused {
        /// Why.
        reason: Reason,
    },
    /// The first fork or rollback in a year: settled, with what was seen.
    Settled(Divergence),
    /// A further one: the journal waits for review.
    Flagged(Divergence),
    /// The server was restored and took over what the device knows.
    Reconciled(Divergence),
}

/// What did not fit: both sides, as evidence (D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Divergence {
    /// The epoch that the device quoted.
    pub quoted: u64,
    /// The epoch that the server had.
    pub expected: u64,
    /// The last answer that the device quoted.
    pub quoted_answer: Digest,
    /// The last answer that the server had.
    pub expected_answer: Digest,
    /// Head of the device's journal.
    pub head: Digest,
}

/// One fork or rollback in this time is settled without anybody's help.
pub const SETTLED_ONCE_IN: Seconds = Seconds(365 * 86_400);

/// Decides one request (protocol, server steps 0 to 4). Its signature has been checked by the device's
/// registered key before, or by the key in a receipt of ours or in the registration itself.
#[must_use]
pub fn decide(view: &View, request: &Request, now: Time, fresh: &Fresh) -> Decision {
    if request.server != view.server {
        return Decision::Rejected(Rejection::WrongServer);
    }
    if let Some(aside) = view.aside {
        return repeat(aside, view, request, Decision::RepeatAside).unwrap_or(CONFLICT);
    }
    let device = match known_device(view, request, now) {
        Some(Newcomer::Device(device)) => *device,
        Some(Newcomer::Refused(reason)) => return kept_out(view, request, reason, now),
        None => return Decision::Rejected(Rejection::UnknownDevice),
    };
    let journal = view.journal.clone().unwrap_or_else(|| new_journal(&device, &request.journal));
    match step(view, &device, &journal, request, now) {
        Step::Fresh => operate::operate(Draft::new(view, device, journal, now), view, request, fresh),
        Step::Repeat => Decision::Repeat,
        Step::Superseded => Decision::Superseded(Box::new(superseded(view, &device, &journal, request, now))),
        Step::Conflict => CONFLICT,
        Step::Unproven => Decision::CheckProof,
        Step::Diverged => recover::settle(Draft::new(view, device, journal, now), request),
        Step::ServerBehind(proof) => {
            recover::reconcile(Draft::new(view, device, journal, now), request, &proof)
        }
    }
}

const CONFLICT: Decision = Decision::Rejected(Rejection::Conflict);

/// How a request stands to the journal.
enum Step {
    /// In step.
    Fresh,
    /// The last request again.
    Repeat,
    /// An older request again.
    Superseded,
    /// A known request id with another body.
    Conflict,
    /// Whether the device or the server went backwards shows in the proof, which nobody has checked.
    Unproven,
    /// The device went backwards, or two devices go on.
    Diverged,
    /// The server went backwards.
    ServerBehind(Box<Proof>),
}

fn step(view: &View, device: &Device, journal: &Journal, request: &Request, now: Time) -> Step {
    let (ours, quoted) = (journal.epoch, request.epoch);
    let slot = journal.slot.filter(|slot| slot.request == request.id);
    let past = view.past.filter(|past| past.request == request.id);
    let same = |body: Digest| body == view.body;
    if slot.is_some_and(|slot| !same(slot.body)) || past.is_some_and(|past| !same(past.body)) {
        return Step::Conflict;
    }
    if quoted.checked_add(1) == Some(ours) && slot.is_some() {
        return Step::Repeat;
    }
    if quoted < ours && (past.is_some() || quoted < journal.reconciled) {
        return Step::Superseded;
    }
    let in_step = quoted == ours && request.last_answer == journal.answer;
    // Of a device that was declared lost nobody knows what it has used; it gets nothing any more anyway.
    if in_step && (device.is_over(now) || plausible(journal, request)) {
        return Step::Fresh;
    }
    match &view.proof {
        _ if in_step || quoted < ours => Step::Diverged,
        Beside::Unchecked => Step::Unproven,
        Beside::Checked(proof) if proves(proof, request) => Step::ServerBehind(proof.clone()),
        Beside::Checked(_) | Beside::Nothing => Step::Diverged,
    }
}

/// Whether the shown answer is the one that the request goes on from.
fn proves(proof: &Proof, request: &Request) -> bool {
    let head = &proof.answer.head;
    let registered = request.epoch == 0 && head.journal.app.is_none();
    let same_journal = head.journal == request.journal && head.epoch == request.epoch;
    proof.digest == request.last_answer
        && acknowledges(&proof.answer)
        && head.journal.device == request.journal.device
        && (same_journal || registered)
}

/// Whether an answer stands for an operation of the journal. An answer to a repeat, or one that only says to
/// wait, proves nothing about where the server was.
fn acknowledges(answer: &Answer) -> bool {
    let waits = answer.head.epoch == answer.head.quoted;
    let repeats = matches!(&answer.body, Body::Refusal(refusal) if refusal.reason == Reason::Superseded);
    !waits && !repeats
}

/// Totals never fall below what was acknowledged, and never pass what was given out.
fn plausible(journal: &Journal, request: &Request) -> bool {
    let fits = |held: Option<Held>, total: u64, slack: u64| {
        held.is_none_or(|held| (held.acknowledged.saturating_sub(slack)..=held.upto).contains(&total))
    };
    let known = journal.accounts.iter().all(|(license, account)| {
        let totals = request.totals.get(license).copied().unwrap_or_default();
        // What was forfeited by a transfer counts as gone through; its device need not have used it.
        let slack = journal.gone.as_ref().map(|gone| gone.slack(*license)).unwrap_or_default();
        fits(account.uses, totals.uses, slack.uses) && fits(account.seconds, totals.seconds, slack.seconds)
    });
    known && request.totals.keys().all(|license| journal.accounts.contains_key(license))
}

fn repeat(stored: Slot, view: &View, request: &Request, again: Decision) -> Option<Decision> {
    (stored.request == request.id && stored.body == view.body).then_some(again)
}

/// The device as registered, as it registers now, or as a receipt of ours says (the server was restored).
fn known_device(view: &View, request: &Request, now: Time) -> Option<Newcomer> {
    if let Some(device) = &view.device {
        return Some(Newcomer::Device(Box::new(device.clone())));
    }
    if let Operation::Register(registration) = &request.operation {
        return (request.epoch == 0).then(|| newcomer(view, request, registration, now));
    }
    let proof = view.receipt.as_ref()?;
    let head = &proof.answer.head;
    let Body::Receipt(receipt) = &proof.answer.body else { return None };
    let Effect::Registered { signing_key, agreement_key, evidence, only, until } = receipt.effect else {
        return None;
    };
    let ours = head.server == view.server && head.journal.device == request.journal.device;
    let device = ours.then_some(Device {
        id: head.journal.device,
        user: head.user,
        signing_key,
        agreement_key,
        evidence,
        receipt: proof.digest,
        registered: head.issued,
        settled: None,
        retired: false,
        lost: None,
        until,
        enrolled: None,
        only,
    });
    device.map(|device| Newcomer::Device(Box::new(device)))
}

/// A user id follows from the registration itself: were it drawn by the server, a registration repeated at a
/// restored server would make another user.
fn user_of(registration: Digest) -> UserId {
    let mut id = [0; 16];
    id.copy_from_slice(&registration.0[..16]);
    UserId(id)
}

fn new_journal(device: &Device, name: &JournalName) -> Journal {
    Journal {
        name: name.clone(),
        user: device.user,
        epoch: 0,
        answer: device.receipt,
        slot: None,
        accounts: BTreeMap::new(),
        active: None,
        former: Vec::new(),
        flagged: None,
        settled: None,
        reconciled: 0,
        gone: None,
    }
}

fn superseded(view: &View, device: &Device, journal: &Journal, request: &Request, now: Time) -> Answer {
    let refusal = Refusal::because(Reason::Superseded, None);
    Answer {
        head: Head {
            server: view.server,
            user: device.user,
            journal: request.journal.clone(),
            request: request.id,
            quoted: request.epoch,
            epoch: journal.epoch,
            issued: now,
            resume: Some(Resume { totals: acknowledged(journal), void: false }),
            over: BTreeSet::new(),
        },
        body: Body::Refusal(Box::new(refusal)),
    }
}

/// What the server has acknowledged of each license.
fn acknowledged(journal: &Journal) -> BTreeMap<LicenseId, Totals> {
    let totals = |account: &Account| Totals {
        uses: account.uses.map_or(0, |held| held.acknowledged),
        seconds: account.seconds.map_or(0, |held| held.acknowledged),
        first_use: None,
    };
    journal.accounts.iter().map(|(license, account)| (*license, totals(account))).collect()
}

fn receipt(effect: Effect) -> Body {
    Body::Receipt(Box::new(Receipt { effect }))
}
