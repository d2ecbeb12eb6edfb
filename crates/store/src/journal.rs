//! Journals, the server's side: epoch, answer slot, accounts, the active pass.

use std::collections::BTreeMap;

use carnet_core::app::AppId;
use carnet_core::document::JournalName;
use carnet_core::id::{DeviceId, Digest, RequestId, SupplierId, UserId};
use carnet_core::server::{Journal, Slot};
use carnet_core::time::Time;

use crate::StoreError;
use crate::connection::Asked;
use crate::packed::{
    pack_accounts, pack_active, pack_former, pack_gone, unpack_accounts, unpack_active, unpack_former,
    unpack_gone,
};
use crate::row::{Columns, stored};
use crate::sql::statements;
use crate::tx::{Reading, Writing};
use crate::value::{Bind, Value, params};

/// A journal as it is stored: with the bytes in its slot, its place in its chain of events and the version
/// that guards its writes.
#[derive(Debug, Clone)]
pub(crate) struct JournalRow {
    pub(crate) journal: Journal,
    pub(crate) slot_answer: Option<Vec<u8>>,
    /// How many events it has.
    pub(crate) events: i64,
    /// The last of them.
    pub(crate) last_event: i64,
    /// The last of them whose number is a multiple of 64.
    pub(crate) anchor: i64,
    /// How many answers were kept beside the slot.
    pub(crate) asides: i64,
    /// 0: not stored yet.
    pub(crate) version: i64,
}

/// An answer kept beside the slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Aside {
    pub(crate) body: Digest,
    pub(crate) answer: Vec<u8>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, device_id, app_id, epoch, answer, slot_request, slot_body, slot_answer, ",
            "accounts, active, former, flagged, settled, reconciled, events, last_event, anchor, asides, gone, version FROM journal ",
            $rest
        )
    };
}

statements! {
    BY_NAME = select!("WHERE user_id = ?1 AND device_id = ?2 AND app_id = ?3");
    OF_USER = select!("WHERE user_id = ?1 ORDER BY device_id, app_id");
    FLAGGED = select!("WHERE flagged IS NOT NULL AND app_id IN (SELECT app.app_id FROM app WHERE app.supplier_id = ?1) ORDER BY flagged, user_id, device_id, app_id LIMIT ?2");
    EVERY = select!("ORDER BY user_id, device_id, app_id");
    NAMES = "SELECT app_id FROM journal WHERE user_id = ?1 AND device_id = ?2 ORDER BY app_id";
    CONTACTS = "SELECT journal.device_id, max(event.at) FROM journal JOIN event ON event.seq = journal.last_event WHERE journal.user_id = ?1 GROUP BY journal.device_id";
    COUNT_FLAGGED = "SELECT count(*) AS flagged FROM journal WHERE flagged IS NOT NULL";
    INSERT = "INSERT INTO journal (user_id, device_id, app_id, epoch, answer, slot_request, slot_body, slot_answer, accounts, active, former, flagged, settled, reconciled, events, last_event, anchor, asides, gone, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, 1)";
    UPDATE = "UPDATE journal SET epoch = ?4, answer = ?5, slot_request = ?6, slot_body = ?7, slot_answer = ?8, accounts = ?9, active = ?10, former = ?11, flagged = ?12, settled = ?13, reconciled = ?14, events = ?15, last_event = ?16, anchor = ?17, asides = ?18, gone = ?19, version = version + 1 WHERE user_id = ?1 AND device_id = ?2 AND app_id = ?3 AND version = ?20";
    ASIDE = "SELECT user_id, device_id, app_id, body, answer FROM aside WHERE user_id = ?1 AND device_id = ?2 AND app_id = ?3 AND request_id = ?4";
    INSERT_ASIDE = "INSERT INTO aside (user_id, device_id, app_id, request_id, body, answer, event) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
}

/// The column value of a journal's app: empty for the device's own journal.
pub(crate) fn app_column(name: &JournalName) -> &str {
    name.app.as_ref().map_or("", AppId::as_str)
}

impl Reading<'_> {
    /// All journals of a user's devices.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn journals_of_user(&self, user: UserId) -> Result<Vec<Journal>, StoreError> {
        let rows = self.all(OF_USER, params![user.0], journal)?;
        Ok(rows.into_iter().map(|row| row.journal).collect())
    }

    /// When each of a user's devices has asked for something last.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn contacts_of(&self, user: UserId) -> Result<BTreeMap<DeviceId, Time>, StoreError> {
        let rows = self.all(CONTACTS, params![user.0], |mut row| {
            Ok((DeviceId(row.bytes("device_id")?), row.time("at")?))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// Journals of the supplier's apps that wait for its review, the longest waiting first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn flagged_journals(&self, supplier: SupplierId, limit: u32) -> Result<Vec<Journal>, StoreError> {
        let rows = self.all(FLAGGED, params![supplier.0, limit], journal)?;
        Ok(rows.into_iter().map(|row| row.journal).collect())
    }

    /// The last answer in a journal's slot, ready to be signed again.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn last_answer(&self, user: UserId, name: &JournalName) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.journal_row(user, name)?.and_then(|row| row.slot_answer))
    }

    /// How many journals wait for review, of all suppliers.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn count_flagged(&self) -> Result<u64, StoreError> {
        let found = self.one(COUNT_FLAGGED, params![], |mut row| row.amount::<u64>("flagged"))?;
        Ok(found.unwrap_or(0))
    }

    /// The journals of a user's device that belong to an app.
    pub(crate) fn journal_names(
        &self,
        user: UserId,
        device: DeviceId,
    ) -> Result<Vec<JournalName>, StoreError> {
        let apps = self.all(NAMES, params![user.0, device.0], |mut row| {
            let app = row.text("app_id")?;
            let parsed =
                if app.is_empty() { None } else { Some(app.parse().map_err(|_| row.corrupt("app_id"))?) };
            Ok(parsed)
        })?;
        Ok(apps.into_iter().flatten().map(|app| JournalName { device, app: Some(app) }).collect())
    }

    pub(crate) fn journal_row(
        &self,
        user: UserId,
        name: &JournalName,
    ) -> Result<Option<JournalRow>, StoreError> {
        self.one(BY_NAME, params![user.0, name.device.0, app_column(name)], journal)
    }

    /// The journals of those names, in their order.
    pub(crate) fn journal_rows(
        &self,
        names: &[(UserId, JournalName)],
    ) -> Result<Vec<Option<JournalRow>>, StoreError> {
        let found = self.all_of_each(&by_name(names), journal)?;
        Ok(found.into_iter().map(|mut rows| rows.pop()).collect())
    }

    pub(crate) fn aside(
        &self,
        user: UserId,
        name: &JournalName,
        request: RequestId,
    ) -> Result<Option<Aside>, StoreError> {
        self.one(ASIDE, params![user.0, name.device.0, app_column(name), request.0], |mut row| {
            row.bytes::<16>("user_id")?;
            row.bytes::<16>("device_id")?;
            row.text("app_id")?;
            Ok(Aside { body: row.digest("body")?, answer: row.blob("answer")?.to_vec() })
        })
    }

    /// Every journal there is, for the ledger check.
    pub(crate) fn each_journal(
        &self,
        mut visit: impl FnMut(Result<JournalRow, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each(EVERY, |row| visit(journal(row)))
    }
}

impl Writing<'_> {
    /// Writes a new or changed journal, guarded by its version.
    pub(crate) fn write_journal(&self, row: &JournalRow) -> Result<(), StoreError> {
        let Journal { name, user, slot, .. } = &row.journal;
        let epoch = stored(row.journal.epoch, "epoch")?;
        let (request, body) = (slot.map(|slot| slot.request.0), slot.map(|slot| slot.body.0));
        let accounts = pack_accounts(&row.journal.accounts);
        let active = row.journal.active.as_ref().map(pack_active);
        let former = pack_former(&row.journal.former);
        let flagged = row.journal.flagged.map(|time| time.0);
        let settled = row.journal.settled.map(|epoch| stored(epoch, "epoch")).transpose()?;
        let reconciled = stored(row.journal.reconciled, "epoch")?;
        let gone = row.journal.gone.as_ref().map(pack_gone);
        let app = app_column(name);
        let parts: [&[Value<'_>]; 4] = [
            params![user.0, name.device.0, app, epoch, row.journal.answer.0],
            params![request, body, row.slot_answer],
            params![accounts, active, former, flagged, settled, reconciled],
            params![row.events, row.last_event, row.anchor, row.asides, gone],
        ];
        let mut values = parts.concat();
        if row.version > 0 {
            values.push(Value::Number(row.version));
        }
        let statement = if row.version == 0 { INSERT } else { UPDATE };
        self.guarded(statement, &values, StoreError::Conflict { what: "the journal" })
    }

    pub(crate) fn write_aside(
        &self,
        user: UserId,
        name: &JournalName,
        request: RequestId,
        aside: &Aside,
        event: i64,
    ) -> Result<(), StoreError> {
        self.guarded(
            INSERT_ASIDE,
            params![user.0, name.device.0, app_column(name), request.0, aside.body.0, aside.answer, event],
            StoreError::Exists { what: "aside" },
        )
    }
}

/// Asks for the journals of those names.
pub(crate) fn by_name<'n>(names: &'n [(UserId, JournalName)]) -> Asked<'n> {
    let set = |(user, name): &'n (UserId, JournalName)| -> Vec<Value<'n>> {
        vec![user.0.bind(), name.device.0.bind(), Value::Text(app_column(name))]
    };
    (BY_NAME, names.iter().map(set).collect())
}

fn journal(mut row: Columns<'_>) -> Result<JournalRow, StoreError> {
    let user = UserId(row.bytes("user_id")?);
    let device = DeviceId(row.bytes("device_id")?);
    let app = row.text("app_id")?;
    let app = match app {
        "" => None,
        app => Some(app.parse().map_err(|_| row.corrupt("app_id"))?),
    };
    let epoch = row.amount("epoch")?;
    let answer = row.digest("answer")?;
    let slot_request = row.some_bytes("slot_request")?.map(RequestId);
    let slot_body = row.some_bytes("slot_body")?.map(Digest);
    let slot_answer = row.some_blob("slot_answer")?.map(<[u8]>::to_vec);
    let accounts = unpack_accounts(row.blob("accounts")?).ok_or_else(|| row.corrupt("accounts"))?;
    let active = match row.some_blob("active")? {
        None => None,
        Some(blob) => Some(unpack_active(blob).ok_or_else(|| row.corrupt("active"))?),
    };
    let former = unpack_former(row.blob("former")?).ok_or_else(|| row.corrupt("former"))?;
    let slot = match (slot_request, slot_body) {
        (Some(request), Some(body)) => Some(Slot { request, body }),
        (None, None) => None,
        _ => return Err(row.corrupt("slot_request")),
    };
    let name = JournalName { device, app };
    let flagged = row.some_time("flagged")?;
    let (settled, reconciled) = (row.some_amount("settled")?, row.amount("reconciled")?);
    let (events, last_event) = (row.number("events")?, row.number("last_event")?);
    let (anchor, asides) = (row.number("anchor")?, row.number("asides")?);
    let gone = match row.some_blob("gone")? {
        None => None,
        Some(blob) => Some(unpack_gone(blob).ok_or_else(|| row.corrupt("gone"))?),
    };
    let journal = Journal {
        name,
        user,
        epoch,
        answer,
        slot,
        accounts,
        active,
        former,
        flagged,
        settled,
        reconciled,
        gone,
    };
    let version = row.number("version")?;
    Ok(JournalRow { journal, slot_answer, events, last_event, anchor, asides, version })
}
