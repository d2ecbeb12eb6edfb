//! Licenses: rows to domain and back, and the lists that users and suppliers see.

use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_core::charge::Owed;
use carnet_core::id::{DeviceId, Digest, LicenseId, SupplierId, UserId};
use carnet_core::license::{Balance, License, Standing, Status};
use carnet_core::offer::Listed;
use carnet_core::time::Time;
use sha2::{Digest as _, Sha256};

use crate::StoreError;
use crate::connection::Asked;
use crate::packed::{pack_rights, pack_times, unpack_rights, unpack_times};
use crate::row::{Columns, json, stored};
use crate::sql::statements;
use crate::tx::{Reading, Writing};
use crate::value::{Bind, Value, params};

/// A license as it is stored: with its place in its audit chain and the version that guards its writes.
#[derive(Debug, Clone)]
pub(crate) struct LicenseRow {
    pub(crate) license: License,
    pub(crate) base: Digest,
    pub(crate) head: Digest,
    pub(crate) last_event: i64,
    /// 0: not stored yet.
    pub(crate) version: i64,
}

/// Which of a supplier's licenses to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicenseFilter {
    /// Only of this app.
    pub app: Option<AppId>,
    /// Only of this user.
    pub user: Option<UserId>,
    /// Only with this status now.
    pub status: Option<Status>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last. A page with few items, even none, may have a next one:
    /// a filter that fits little does not make one page read everything.
    pub next: Option<C>,
}

/// How many rows one page reads at most for its items.
const MOST_READ: u32 = 5_000;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, app_id, license_id, supplier_id, base, agreed, agreed_on, paid_elsewhere, ",
            "first_use, standing, owed_pending, owed_failed, charged_until, lost, rights, ",
            "uses_total, uses_remaining, uses_held, uses_moving, uses_settled, uses_forfeited, ",
            "seconds_total, seconds_remaining, seconds_held, seconds_moving, seconds_settled, seconds_forfeited, ",
            "at_risk, report_due, head, last_event, version FROM license ",
            $rest
        )
    };
}

statements! {
    OF_USER_APP = select!("WHERE user_id = ?1 AND app_id = ?2 ORDER BY license_id");
    OF_USER = select!("WHERE user_id = ?1 ORDER BY app_id, license_id");
    OF_SUPPLIER = select!("WHERE supplier_id = ?1 AND license_id > ?2 ORDER BY license_id LIMIT ?3");
    BY_SUPPLIER = select!("WHERE supplier_id = ?1 AND license_id = ?2");
    EVERY = select!("ORDER BY user_id, app_id, license_id");
    APPS = "SELECT DISTINCT app_id FROM license WHERE user_id = ?1";
    BASE = "SELECT digest, listed FROM base WHERE digest = ?1";
    AGREEMENT = "SELECT user_id, license_id, document FROM agreement WHERE user_id = ?1 AND license_id = ?2";
    INSERT_BASE = "INSERT INTO base (digest, listed) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    INSERT_AGREEMENT = "INSERT INTO agreement (user_id, license_id, document) VALUES (?1, ?2, ?3)";
    INSERT = "INSERT INTO license (user_id, app_id, license_id, supplier_id, base, agreed, agreed_on, paid_elsewhere, first_use, standing, owed_pending, owed_failed, charged_until, lost, rights, uses_total, uses_remaining, uses_held, uses_moving, uses_settled, uses_forfeited, seconds_total, seconds_remaining, seconds_held, seconds_moving, seconds_settled, seconds_forfeited, at_risk, report_due, head, last_event, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, 1)";
    UPDATE = "UPDATE license SET first_use = ?4, standing = ?5, owed_pending = ?6, owed_failed = ?7, charged_until = ?8, lost = ?9, rights = ?10, uses_total = ?11, uses_remaining = ?12, uses_held = ?13, uses_moving = ?14, uses_settled = ?15, uses_forfeited = ?16, seconds_total = ?17, seconds_remaining = ?18, seconds_held = ?19, seconds_moving = ?20, seconds_settled = ?21, seconds_forfeited = ?22, at_risk = ?23, report_due = ?24, head = ?25, last_event = ?26, version = version + 1 WHERE user_id = ?1 AND app_id = ?2 AND license_id = ?3 AND version = ?27";
}

impl Reading<'_> {
    /// The supplier's license of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn license(&self, supplier: SupplierId, id: LicenseId) -> Result<Option<License>, StoreError> {
        Ok(self.license_row(supplier, id)?.map(|row| row.license))
    }

    /// All licenses of a user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn licenses_of_user(&self, user: UserId) -> Result<Vec<License>, StoreError> {
        let rows = self.all(OF_USER, params![user.0], |row| self.license_from(row))?;
        Ok(rows.into_iter().map(|row| row.license).collect())
    }

    /// The supplier's licenses in the order they were agreed to, from after `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn licenses_of(
        &self,
        supplier: SupplierId,
        filter: &LicenseFilter,
        after: Option<LicenseId>,
        limit: u32,
        now: Time,
    ) -> Result<Page<License, LicenseId>, StoreError> {
        let mut page = Page { items: Vec::new(), next: after };
        let mut read = 0;
        while read < MOST_READ {
            let from = page.next.map_or([0; 16], |id| id.0);
            let want = if filter.is_open() { limit.saturating_add(1) } else { 500 };
            let rows =
                self.all(OF_SUPPLIER, params![supplier.0, from, want], |row| self.license_from(row))?;
            read += want;
            let last = rows.len() < want as usize;
            for row in rows {
                if page.items.len() == limit as usize {
                    return Ok(page);
                }
                page.next = Some(row.license.id);
                if filter.lets_through(&row.license, now) {
                    page.items.push(row.license);
                }
            }
            if last {
                page.next = None;
                return Ok(page);
            }
        }
        Ok(page)
    }

    /// The signed agreement that a license was made from.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn agreement(&self, user: UserId, license: LicenseId) -> Result<Option<Vec<u8>>, StoreError> {
        self.one(AGREEMENT, params![user.0, license.0], |mut row| {
            row.bytes::<16>("user_id")?;
            row.bytes::<16>("license_id")?;
            Ok(row.blob("document")?.to_vec())
        })
    }

    pub(crate) fn license_row(
        &self,
        supplier: SupplierId,
        id: LicenseId,
    ) -> Result<Option<LicenseRow>, StoreError> {
        self.one(BY_SUPPLIER, params![supplier.0, id.0], |row| self.license_from(row))
    }

    /// The apps that a user has licenses for.
    pub(crate) fn license_apps(&self, user: UserId) -> Result<Vec<AppId>, StoreError> {
        self.all(APPS, params![user.0], |mut row| row.parsed("app_id"))
    }

    pub(crate) fn license_rows(&self, user: UserId, app: &AppId) -> Result<Vec<LicenseRow>, StoreError> {
        self.all(OF_USER_APP, params![user.0, app.as_str()], |row| self.license_from(row))
    }

    /// The licenses of those users for those apps, in their order.
    pub(crate) fn license_rows_of(
        &self,
        whose: &[(UserId, AppId)],
    ) -> Result<Vec<Vec<LicenseRow>>, StoreError> {
        self.all_of_each(&of_users_and_apps(whose), |row| self.license_from(row))
    }

    /// Every license there is, for the ledger check.
    pub(crate) fn each_license(
        &self,
        mut visit: impl FnMut(Result<LicenseRow, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each(EVERY, |row| visit(self.license_from(row)))
    }

    /// What was agreed to. Never changes, and many licenses share one: kept in memory.
    pub(crate) fn base(&self, digest: Digest) -> Result<Option<Arc<Listed>>, StoreError> {
        if let Some(known) = self.shared.bases.find(&digest) {
            return Ok(Some(known));
        }
        let found = self.one(BASE, params![digest.0], |mut row| {
            row.digest("digest")?;
            row.json("listed").map(Arc::new)
        })?;
        if let Some(base) = &found {
            self.shared.bases.keep(digest, Arc::clone(base));
        }
        Ok(found)
    }

    fn license_from(&self, mut row: Columns<'_>) -> Result<LicenseRow, StoreError> {
        let user = UserId(row.bytes("user_id")?);
        let app = row.parsed("app_id")?;
        let id = LicenseId(row.bytes("license_id")?);
        let supplier = SupplierId(row.bytes("supplier_id")?);
        let base = row.digest("base")?;
        let license = License {
            id,
            user,
            supplier,
            app,
            base: self.base(base)?.ok_or_else(|| row.corrupt("base"))?,
            agreed: row.time("agreed")?,
            agreed_on: DeviceId(row.bytes("agreed_on")?),
            paid_elsewhere: row.amount::<i64>("paid_elsewhere")? != 0,
            first_use: row.some_time("first_use")?,
            standing: standing(&mut row)?,
            owed: Owed { pending: row.amount("owed_pending")?, failed: row.amount("owed_failed")? },
            charged_until: row.some_time("charged_until")?,
            lost: unpack_times(row.blob("lost")?).ok_or_else(|| row.corrupt("lost"))?,
            rights: unpack_rights(row.blob("rights")?).ok_or_else(|| row.corrupt("rights"))?,
            uses: balance(&mut row)?,
            seconds: balance(&mut row)?,
            at_risk: row.amount("at_risk")?,
            report_due: row.some_time("report_due")?,
        };
        Ok(LicenseRow {
            license,
            base,
            head: row.digest("head")?,
            last_event: row.number("last_event")?,
            version: row.number("version")?,
        })
    }
}

impl LicenseFilter {
    fn is_open(&self) -> bool {
        *self == Self::default()
    }

    fn lets_through(&self, license: &License, now: Time) -> bool {
        self.app.as_ref().is_none_or(|app| *app == license.app)
            && self.user.is_none_or(|user| user == license.user)
            && self.status.is_none_or(|status| status == license.status(now))
    }
}

impl Writing<'_> {
    /// Writes a new or changed license, guarded by its version.
    pub(crate) fn write_license(&self, row: &LicenseRow) -> Result<(), StoreError> {
        let License { id, user, supplier, app, agreed, first_use, standing, rights, uses, seconds, .. } =
            &row.license;
        let (rights, first_use) = (pack_rights(rights), first_use.map(|time| time.0));
        let (uses, seconds) = (parts(*uses)?, parts(*seconds)?);
        let (standing, at_risk) = (code(*standing), row.license.at_risk);
        let License { agreed_on, paid_elsewhere, owed, charged_until, lost, .. } = &row.license;
        let (charged_until, lost) = (charged_until.map(|time| time.0), pack_times(lost));
        let insert = row.version == 0;
        let app = app.as_str();
        let mut values: Vec<Value<'_>> = params![user.0, app, id.0].to_vec();
        if insert {
            values.extend_from_slice(params![supplier.0, row.base.0, agreed.0, agreed_on.0, paid_elsewhere]);
        }
        values.extend_from_slice(params![first_use, standing, owed.pending, owed.failed, charged_until]);
        values.extend_from_slice(params![lost, rights]);
        values.extend(uses.iter().chain(&seconds).map(Bind::bind));
        let report_due = row.license.report_due.map(|time| time.0);
        values.extend_from_slice(params![at_risk, report_due, row.head.0, row.last_event]);
        if !insert {
            values.push(Value::Number(row.version));
        }
        let statement = if insert { INSERT } else { UPDATE };
        self.guarded(statement, &values, StoreError::Conflict { what: "the license" })
    }

    /// Keeps the wording that a new license was agreed to; returns its name.
    pub(crate) fn write_base(&self, base: &Arc<Listed>) -> Result<Digest, StoreError> {
        let text = json(base.as_ref(), "offer")?;
        let digest = Digest(Sha256::digest(text.as_bytes()).into());
        // Not left out for a wording that is known: it may be known from a transaction that was rolled back.
        self.unguarded(INSERT_BASE, params![digest.0, text])?;
        Ok(digest)
    }

    pub(crate) fn write_agreement(
        &self,
        user: UserId,
        license: LicenseId,
        document: &[u8],
    ) -> Result<(), StoreError> {
        let exists = StoreError::Exists { what: "agreement" };
        self.guarded(INSERT_AGREEMENT, params![user.0, license.0, document], exists)
    }
}

const STANDINGS: [(Standing, &str); 5] = [
    (Standing::Active, "active"),
    (Standing::Suspended, "suspended"),
    (Standing::Declined, "declined"),
    (Standing::Ended, "ended"),
    (Standing::Revoked, "revoked"),
];

/// Asks for the licenses of those users for those apps.
pub(crate) fn of_users_and_apps<'w>(whose: &'w [(UserId, AppId)]) -> Asked<'w> {
    let set = |(user, app): &'w (UserId, AppId)| -> Vec<Value<'w>> {
        vec![user.0.bind(), Value::Text(app.as_str())]
    };
    (OF_USER_APP, whose.iter().map(set).collect())
}

pub(crate) fn code(standing: Standing) -> &'static str {
    STANDINGS.iter().find(|(known, _)| *known == standing).map_or("", |(_, code)| code)
}

fn standing(row: &mut Columns<'_>) -> Result<Standing, StoreError> {
    let text = row.text("standing")?;
    let known = STANDINGS.iter().find(|(_, code)| *code == text);
    known.map(|(standing, _)| *standing).ok_or_else(|| row.corrupt("standing"))
}

fn balance(row: &mut Columns<'_>) -> Result<Option<Balance>, StoreError> {
    let total = row.some_amount("total")?;
    let mut part = |column| row.some_amount(column).map(Option::unwrap_or_default);
    let (remaining, held, moving) = (part("remaining")?, part("held")?, part("moving")?);
    let (settled, forfeited) = (part("settled")?, part("forfeited")?);
    Ok(total.map(|total| Balance { total, remaining, held, moving, settled, forfeited }))
}

fn parts(balance: Option<Balance>) -> Result<[Option<i64>; 6], StoreError> {
    let Some(Balance { total, remaining, held, moving, settled, forfeited }) = balance else {
        return Ok([None; 6]);
    };
    let mut parts = [None; 6];
    for (part, amount) in parts.iter_mut().zip([total, remaining, held, moving, settled, forfeited]) {
        *part = Some(stored(amount, "balance")?);
    }
    Ok(parts)
}
