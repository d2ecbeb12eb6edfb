//! Events: the posting, the audit record and the witness of the request in one row, chained by hash.
//!
//! Each event belongs to one chain: that of the license it is about, else that of its user. Its hash covers
//! the previous hash of that chain and every column of the row, so that a changed, dropped, swapped or inserted
//! event shows ([`crate::check`]).

use carnet_core::app::AppId;
use carnet_core::charge::{ChargeAct, ChargeStatus};
use carnet_core::document::JournalName;
use carnet_core::document::Replacement;
use carnet_core::id::{ChargeId, DeviceId, Digest, LicenseId, RequestId, SupplierId, UserId};
use carnet_core::license::{Act, Posting, Standing};
use carnet_core::report::Wanted;
use carnet_core::server::{EventKind, Past};
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::StoreError;
use crate::license::Page;
use crate::posting;
use crate::row::{Columns, json};
use crate::sql::statements;
use crate::tx::{Reading, Writing};
use crate::value::params;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number; later events have larger ones.
    pub seq: i64,
    /// Whose license or device.
    pub user: UserId,
    /// Whose app; none for what concerns no app.
    pub supplier: Option<SupplierId>,
    /// Which license it is about; it is in that license's chain when `of_license` says so.
    pub license: Option<LicenseId>,
    /// Whether it is in the license's chain, rather than in the user's.
    pub of_license: bool,
    /// What it has to do with a journal.
    pub entry: Option<Entry>,
    /// What.
    pub what: What,
    /// Amounts moved.
    pub postings: Vec<Posting>,
    /// When, by the server's clock.
    pub at: Time,
    /// The event before it in its chain.
    pub chained: Option<i64>,
    /// SHA-256 of the chain's previous hash and everything above.
    pub hash: Digest,
}

/// An event's place in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which journal.
    pub journal: JournalName,
    /// The number of the event in it, from 1.
    pub nth: i64,
    /// The epoch after it.
    pub epoch: i64,
    /// The request that brought it about; none for a review.
    pub request: Option<Witness>,
    /// The event before it in the journal.
    pub previous: Option<i64>,
    /// The last event before it whose number is a multiple of the anchor distance.
    pub anchor: Option<i64>,
}

/// What an event remembers of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// The quoted epoch.
    pub quoted: i64,
    /// Request and body.
    pub past: Past,
    /// Digest of the answer.
    pub answer: Digest,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A request was decided.
    Decided(EventKind),
    /// A supplier acted on a license.
    Acted(Acted),
    /// A supplier cleared a journal's flag.
    Reviewed(Reviewed),
    /// A charge came to another status.
    Charged(Charged),
    /// A supplier freed what a device held of this license.
    Freed(DeviceFreed),
    /// A report was asked for, came, or was judged.
    Reported(Reported),
    /// A shop has registered a user.
    Sold(Sold),
    /// Another event changed this license too: its share, in its own chain.
    Along(Along),
}

/// A share of another event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Along {
    /// The number of that event.
    pub of: i64,
    /// The device that came back as another one, where that is what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Replacement>,
}

/// A supplier's act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// What.
    pub act: Act,
    /// What the license was before.
    pub before: Standing,
    /// What it is now.
    pub after: Standing,
    /// Who did it.
    pub by: String,
    /// Why, in the supplier's own words. Left out where nothing was said, so that the hash of such an event is
    /// what it was before there were reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a gateway or the supplier said of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// Which charge.
    pub charge: ChargeId,
    /// What was said.
    pub act: ChargeAct,
    /// What the charge was before.
    pub before: ChargeStatus,
    /// What it is now.
    pub after: ChargeStatus,
    /// Who said it.
    pub by: String,
    /// Their own words or reference; empty where there are none.
    pub note: String,
}

/// A supplier's help for a user who has lost too many devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFreed {
    /// Which.
    pub device: DeviceId,
    /// Who did it.
    pub by: String,
}

/// A step of asking for a usage report or an erasure, and of hearing the answer (C4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Which.
    pub step: ReportStep,
    /// What it is about.
    pub wanted: Wanted,
    /// The digest of the code, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Digest>,
    /// Until when the first request that is open now is to be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// What it was judged to be, with the codes of the reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Who did it.
    pub by: String,
}

/// What has happened between a supplier and a user about a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportStep {
    /// The supplier asked.
    Requested,
    /// A code came.
    Received,
    /// It was judged.
    Judged,
    /// The request is given up.
    Withdrawn,
}

/// A user whom a shop has registered (B1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// How many devices may join.
    pub devices: u32,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Who did it.
    pub by: String,
}

/// A supplier's review of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// Who did it.
    pub by: String,
}

/// The hash that a chain starts from.
pub(crate) const GENESIS: Digest = Digest([0; 32]);

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT seq, user_id, supplier_id, license_id, of_license, device_id, app_id, nth, epoch, ",
            "quoted, request_id, body, answer, kind, detail, postings, at, previous, anchor, chained, hash ",
            "FROM event ",
            $rest
        )
    };
}

statements! {
    BY_SEQ = select!("WHERE seq = ?1");
    OF_SUPPLIER = select!("WHERE supplier_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3");
    EVERY = select!("ORDER BY seq");
    LAST = "SELECT max(seq) FROM event";
    USER_CHAIN = "SELECT user_id, head, last_event, version FROM user_chain WHERE user_id = ?1";
    EVERY_USER_CHAIN = "SELECT user_id, head, last_event, version FROM user_chain ORDER BY user_id";
    INSERT_CHAIN = "INSERT INTO user_chain (user_id, head, last_event, version) VALUES (?1, ?2, ?3, 1)";
    UPDATE_CHAIN = "UPDATE user_chain SET head = ?2, last_event = ?3, version = version + 1 WHERE user_id = ?1 AND version = ?4";
    INSERT = "INSERT INTO event (seq, user_id, supplier_id, license_id, of_license, device_id, app_id, nth, epoch, quoted, request_id, body, answer, kind, detail, postings, at, previous, anchor, chained, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";
}

/// The chain of a user's events that concern no license.
#[derive(Debug, Clone)]
pub(crate) struct UserChain {
    pub(crate) user: UserId,
    pub(crate) head: Digest,
    pub(crate) last_event: i64,
    /// 0: not stored yet.
    pub(crate) version: i64,
}

impl Reading<'_> {
    /// A supplier's events, newest first, from before `before` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn events_of(
        &self,
        supplier: SupplierId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<Event, i64>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        let mut items = self.all(OF_SUPPLIER, params![supplier.0, before, limit.saturating_add(1)], event)?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).map(|last| last.seq);
        Ok(Page { items, next })
    }

    /// The events in the chain of the supplier's license, newest first, from before `before` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn events_of_license(
        &self,
        supplier: SupplierId,
        license: LicenseId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<Event, i64>, StoreError> {
        let Some(row) = self.license_row(supplier, license)? else {
            return Err(StoreError::NotFound { what: "license" });
        };
        let ours = |event: &Event| event.of_license && event.license == Some(license);
        let mut next = match before {
            None => Some(row.last_event),
            Some(seq) => self.event(seq)?.filter(ours).and_then(|event| event.chained),
        };
        let mut items: Vec<Event> = Vec::new();
        while let Some(seq) = next.filter(|_| items.len() < limit as usize) {
            let event = self.event(seq)?.filter(ours).ok_or_else(|| missing(seq))?;
            next = event.chained;
            items.push(event);
        }
        let cursor = next.and_then(|_| items.last().map(|event| event.seq));
        Ok(Page { items, next: cursor })
    }

    /// The event of that number.
    pub(crate) fn event(&self, seq: i64) -> Result<Option<Event>, StoreError> {
        self.one(BY_SEQ, params![seq], event)
    }

    pub(crate) fn last_event(&self) -> Result<i64, StoreError> {
        let last = self.one(LAST, params![], |mut row| row.some_number("seq"))?;
        Ok(last.flatten().unwrap_or(0))
    }

    pub(crate) fn user_chain(&self, user: UserId) -> Result<Option<UserChain>, StoreError> {
        self.one(USER_CHAIN, params![user.0], user_chain)
    }

    /// Every event there is in its order, for the ledger check.
    pub(crate) fn each_event(
        &self,
        mut visit: impl FnMut(Result<Event, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each(EVERY, |row| visit(event(row)))
    }

    pub(crate) fn each_user_chain(
        &self,
        mut visit: impl FnMut(Result<UserChain, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each(EVERY_USER_CHAIN, |row| visit(user_chain(row)))
    }
}

/// A row names an event that is not there.
pub(crate) fn missing(seq: i64) -> StoreError {
    StoreError::CorruptRow { table: "event", column: "seq", row: seq.to_string() }
}

impl Writing<'_> {
    /// Appends an event. Events are never changed.
    pub(crate) fn write_event(&self, event: &Event) -> Result<(), StoreError> {
        let entry = event.entry.as_ref();
        let request = entry.and_then(|entry| entry.request);
        let (kind, detail) = kind_columns(&event.what)?;
        let postings = posting::text(&event.postings, event.license);
        self.guarded(
            INSERT,
            params![
                event.seq,
                event.user.0,
                event.supplier.map(|id| id.0),
                event.license.map(|id| id.0),
                event.of_license,
                entry.map(|entry| entry.journal.device.0),
                entry.map(|entry| crate::journal::app_column(&entry.journal)),
                entry.map(|entry| entry.nth),
                entry.map(|entry| entry.epoch),
                request.map(|request| request.quoted),
                request.map(|request| request.past.request.0),
                request.map(|request| request.past.body.0),
                request.map(|request| request.answer.0),
                kind,
                detail,
                postings,
                event.at.0,
                entry.and_then(|entry| entry.previous),
                entry.and_then(|entry| entry.anchor),
                event.chained,
                event.hash.0
            ],
            StoreError::Exists { what: "event" },
        )
    }

    /// Writes a new or changed chain head, guarded by its version.
    pub(crate) fn write_user_chain(&self, chain: &UserChain) -> Result<(), StoreError> {
        let UserChain { user, head, last_event, version } = chain;
        let conflict = StoreError::Conflict { what: "the audit chain" };
        if *version == 0 {
            self.guarded(INSERT_CHAIN, params![user.0, head.0, last_event], conflict)
        } else {
            self.guarded(UPDATE_CHAIN, params![user.0, head.0, last_event, version], conflict)
        }
    }
}

impl Event {
    /// The hash that belongs to this event after `previous` in its chain: SHA-256 over the previous hash and
    /// all columns in their order, each with a tag and, where it has no fixed size, its length.
    pub(crate) fn hash_after(&self, previous: Digest) -> Result<Digest, StoreError> {
        let (kind, detail) = kind_columns(&self.what)?;
        let entry = self.entry.as_ref();
        let request = entry.and_then(|entry| entry.request);
        let mut out = Hashed(Sha256::new_with_prefix(previous.0));
        out.number(Some(self.seq));
        out.bytes(Some(&self.user.0));
        out.bytes(self.supplier.as_ref().map(|id| id.0.as_slice()));
        out.bytes(self.license.as_ref().map(|id| id.0.as_slice()));
        out.number(Some(i64::from(self.of_license)));
        out.bytes(entry.map(|entry| entry.journal.device.0.as_slice()));
        out.bytes(entry.map(|entry| crate::journal::app_column(&entry.journal).as_bytes()));
        out.number(entry.map(|entry| entry.nth));
        out.number(entry.map(|entry| entry.epoch));
        out.number(request.map(|request| request.quoted));
        out.bytes(request.as_ref().map(|request| request.past.request.0.as_slice()));
        out.bytes(request.as_ref().map(|request| request.past.body.0.as_slice()));
        out.bytes(request.as_ref().map(|request| request.answer.0.as_slice()));
        out.bytes(Some(kind.as_bytes()));
        out.bytes(detail.as_deref().map(str::as_bytes));
        out.bytes(Some(posting::text(&self.postings, self.license).as_bytes()));
        out.number(Some(self.at.0));
        out.number(entry.and_then(|entry| entry.previous));
        out.number(entry.and_then(|entry| entry.anchor));
        out.number(self.chained);
        Ok(Digest(out.0.finalize().into()))
    }
}

struct Hashed(Sha256);

impl Hashed {
    fn bytes(&mut self, bytes: Option<&[u8]>) {
        let Some(bytes) = bytes else { return self.0.update([0]) };
        self.0.update([1]);
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn number(&mut self, number: Option<i64>) {
        let Some(number) = number else { return self.0.update([0]) };
        self.0.update([2]);
        self.0.update(number.to_be_bytes());
    }
}

/// Kind, and detail where the kind does not say everything.
fn kind_columns(what: &What) -> Result<(&'static str, Option<String>), StoreError> {
    let kind = match what {
        What::Acted(acted) => return Ok(("acted", Some(json(acted, "act")?))),
        What::Reviewed(reviewed) => return Ok(("reviewed", Some(json(reviewed, "review")?))),
        What::Charged(charged) => return Ok(("charged", Some(json(charged, "charge")?))),
        What::Freed(freed) => return Ok(("device-freed", Some(json(freed, "device")?))),
        What::Reported(reported) => return Ok(("report", Some(json(reported, "report")?))),
        What::Sold(sold) => return Ok(("sold", Some(json(sold, "sale")?))),
        What::Along(along) => return Ok(("along", Some(json(along, "event")?))),
        What::Decided(kind) => kind,
    };
    let code = match kind {
        EventKind::Registered => return Ok(("registered", None)),
        EventKind::Issued => return Ok(("issued", None)),
        EventKind::Agreed => return Ok(("agreed", None)),
        EventKind::Declined => return Ok(("declined", None)),
        EventKind::Returned => return Ok(("returned", None)),
        EventKind::Redeemed => return Ok(("redeemed", None)),
        EventKind::Withdrawn => return Ok(("withdrawn", None)),
        EventKind::Invited { .. } => "invited",
        EventKind::DeviceLost { .. } => "device-lost",
        EventKind::DeviceReplaced { .. } => "device-replaced",
        EventKind::DeviceRetired { .. } => "device-retired",
        EventKind::DeviceRenamed { .. } => "device-renamed",
        EventKind::Transferred { .. } => "transferred",
        EventKind::HandedOver { .. } => "handed-over",
        EventKind::Exported { .. } => "exported",
        EventKind::Imported { .. } => "imported",
        EventKind::MoveCancelled { .. } => "move-cancelled",
        EventKind::KeyOrdered { .. } => "key-ordered",
        EventKind::KeyDelivered { .. } => "key-delivered",
        EventKind::Refused { .. } => "refused",
        EventKind::Settled(_) => "settled",
        EventKind::Flagged(_) => "flagged",
        EventKind::Reconciled(_) => "reconciled",
    };
    Ok((code, Some(json(kind, "event")?)))
}

fn what(row: &mut Columns<'_>) -> Result<What, StoreError> {
    let kind = row.text("kind")?;
    let detail = row.some_text("detail")?;
    let wrong = |_| row.corrupt("detail");
    let found = match (kind, detail) {
        ("registered", None) => What::Decided(EventKind::Registered),
        ("issued", None) => What::Decided(EventKind::Issued),
        ("agreed", None) => What::Decided(EventKind::Agreed),
        ("declined", None) => What::Decided(EventKind::Declined),
        ("returned", None) => What::Decided(EventKind::Returned),
        ("redeemed", None) => What::Decided(EventKind::Redeemed),
        ("withdrawn", None) => What::Decided(EventKind::Withdrawn),
        ("charged", Some(detail)) => What::Charged(serde_json::from_str(detail).map_err(wrong)?),
        ("device-freed", Some(detail)) => What::Freed(serde_json::from_str(detail).map_err(wrong)?),
        ("acted", Some(detail)) => What::Acted(serde_json::from_str(detail).map_err(wrong)?),
        ("reviewed", Some(detail)) => What::Reviewed(serde_json::from_str(detail).map_err(wrong)?),
        ("report", Some(detail)) => What::Reported(serde_json::from_str(detail).map_err(wrong)?),
        ("sold", Some(detail)) => What::Sold(serde_json::from_str(detail).map_err(wrong)?),
        ("along", Some(detail)) => What::Along(serde_json::from_str(detail).map_err(wrong)?),
        (_, Some(detail)) => What::Decided(serde_json::from_str(detail).map_err(wrong)?),
        (_, None) => return Err(row.corrupt("kind")),
    };
    // The two columns may not say different things.
    if kind_columns(&found)?.0 == kind { Ok(found) } else { Err(row.corrupt("kind")) }
}

fn event(mut row: Columns<'_>) -> Result<Event, StoreError> {
    let seq = row.number("seq")?;
    let user = UserId(row.bytes("user_id")?);
    let supplier = row.some_bytes("supplier_id")?.map(SupplierId);
    let license = row.some_bytes("license_id")?.map(LicenseId);
    let of_license = row.number("of_license")? != 0;
    let place = place(&mut row)?;
    let request = witness(&mut row)?;
    let what = what(&mut row)?;
    let postings = posting::parse(row.text("postings")?, license).ok_or_else(|| row.corrupt("postings"))?;
    let at = row.time("at")?;
    let (previous, anchor) = (row.some_number("previous")?, row.some_number("anchor")?);
    let entry = place.map(|(journal, nth, epoch)| Entry { journal, nth, epoch, request, previous, anchor });
    let chained = row.some_number("chained")?;
    let hash = row.digest("hash")?;
    Ok(Event { seq, user, supplier, license, of_license, entry, what, postings, at, chained, hash })
}

fn place(row: &mut Columns<'_>) -> Result<Option<(JournalName, i64, i64)>, StoreError> {
    let device = row.some_bytes("device_id")?.map(DeviceId);
    let app = row.some_text("app_id")?;
    let (nth, epoch) = (row.some_number("nth")?, row.some_number("epoch")?);
    match (device, app, nth, epoch) {
        (None, None, None, None) => Ok(None),
        (Some(device), Some(app), Some(nth), Some(epoch)) => {
            let app: Option<AppId> = match app {
                "" => None,
                app => Some(app.parse().map_err(|_| row.corrupt("app_id"))?),
            };
            Ok(Some((JournalName { device, app }, nth, epoch)))
        }
        _ => Err(row.corrupt("device_id")),
    }
}

fn witness(row: &mut Columns<'_>) -> Result<Option<Witness>, StoreError> {
    let quoted = row.some_number("quoted")?;
    let request = row.some_bytes("request_id")?.map(RequestId);
    let body = row.some_bytes("body")?.map(Digest);
    let answer = row.some_bytes("answer")?.map(Digest);
    match (quoted, request, body, answer) {
        (None, None, None, None) => Ok(None),
        (Some(quoted), Some(request), Some(body), Some(answer)) => {
            Ok(Some(Witness { quoted, past: Past { request, body }, answer }))
        }
        _ => Err(row.corrupt("request_id")),
    }
}

fn user_chain(mut row: Columns<'_>) -> Result<UserChain, StoreError> {
    Ok(UserChain {
        user: UserId(row.bytes("user_id")?),
        head: row.digest("head")?,
        last_event: row.number("last_event")?,
        version: row.number("version")?,
    })
}
