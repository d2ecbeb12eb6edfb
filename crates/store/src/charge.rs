//! Charges: what is due, and what has become of it.

use carnet_core::charge::{Charge, ChargeStatus, DueFor};
use carnet_core::id::{ChargeId, LicenseId, SupplierId, UserId};
use carnet_core::money::Money;

use crate::StoreError;
use crate::license::Page;
use crate::row::{Columns, stored};
use crate::sql::statements;
use crate::tx::{Reading, Writing};
use crate::value::params;

/// A charge as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct ChargeRow {
    pub(crate) charge: Charge,
    /// 0: not stored yet.
    pub(crate) version: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, charge_id, license_id, supplier_id, minor, currency, due_for, status, due, changed, ",
            "version FROM charge ",
            $rest
        )
    };
}

statements! {
    BY_SUPPLIER = select!("WHERE supplier_id = ?1 AND charge_id = ?2");
    OF_SUPPLIER = select!("WHERE supplier_id = ?1 AND charge_id > ?2 ORDER BY charge_id LIMIT ?3");
    OF_USER = select!("WHERE user_id = ?1 ORDER BY charge_id");
    EVERY = select!("ORDER BY user_id, charge_id");
    INSERT = "INSERT INTO charge (user_id, charge_id, license_id, supplier_id, minor, currency, due_for, status, due, changed, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1)";
    UPDATE = "UPDATE charge SET status = ?3, changed = ?4, version = version + 1 WHERE user_id = ?1 AND charge_id = ?2 AND version = ?5";
}

/// How many rows one page reads at most for its items.
const MOST_READ: usize = 5_000;

impl Reading<'_> {
    /// All charges of a user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn charges_of_user(&self, user: UserId) -> Result<Vec<Charge>, StoreError> {
        let rows = self.all(OF_USER, params![user.0], charge)?;
        Ok(rows.into_iter().map(|row| row.charge).collect())
    }

    /// A supplier's charges in the order they became due, from after `after` on; only with this status, where
    /// one is named.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn charges_of(
        &self,
        supplier: SupplierId,
        status: Option<ChargeStatus>,
        after: Option<ChargeId>,
        limit: u32,
    ) -> Result<Page<Charge, ChargeId>, StoreError> {
        let mut page = Page { items: Vec::new(), next: after };
        let mut read = 0;
        while read < MOST_READ {
            let from = page.next.map_or([0; 16], |id| id.0);
            let rows = self.all(OF_SUPPLIER, params![supplier.0, from, 500], charge)?;
            let last = rows.len() < 500;
            read += rows.len();
            for row in rows {
                if page.items.len() == limit as usize {
                    return Ok(page);
                }
                page.next = Some(row.charge.id);
                if status.is_none_or(|status| status == row.charge.status) {
                    page.items.push(row.charge);
                }
            }
            if last {
                page.next = None;
                return Ok(page);
            }
        }
        Ok(page)
    }

    pub(crate) fn charge_row(
        &self,
        supplier: SupplierId,
        id: ChargeId,
    ) -> Result<Option<ChargeRow>, StoreError> {
        self.one(BY_SUPPLIER, params![supplier.0, id.0], charge)
    }

    /// Every charge there is, for the ledger check.
    pub(crate) fn each_charge(
        &self,
        mut visit: impl FnMut(Result<ChargeRow, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each(EVERY, |row| visit(charge(row)))
    }
}

impl Writing<'_> {
    /// Writes a new or changed charge, guarded by its version. What is due never changes.
    pub(crate) fn write_charge(&self, row: &ChargeRow) -> Result<(), StoreError> {
        let Charge { id, user, license, supplier, money, due_for, status, due, changed } = &row.charge;
        let conflict = StoreError::Conflict { what: "the charge" };
        if row.version == 0 {
            let (minor, currency) = (stored(money.minor, "charge")?, money.currency.code());
            let (due_for, status) = (code(*due_for), status.code());
            self.guarded(
                INSERT,
                params![
                    user.0, id.0, license.0, supplier.0, minor, currency, due_for, status, due.0, changed.0
                ],
                conflict,
            )
        } else {
            self.guarded(UPDATE, params![user.0, id.0, status.code(), changed.0, row.version], conflict)
        }
    }
}

const fn code(due_for: DueFor) -> &'static str {
    match due_for {
        DueFor::Agreement => "agreement",
        DueFor::Pass => "pass",
        DueFor::Period => "period",
    }
}

fn charge(mut row: Columns<'_>) -> Result<ChargeRow, StoreError> {
    let user = UserId(row.bytes("user_id")?);
    let id = ChargeId(row.bytes("charge_id")?);
    let license = LicenseId(row.bytes("license_id")?);
    let supplier = SupplierId(row.bytes("supplier_id")?);
    let money = Money { minor: row.amount("minor")?, currency: row.parsed("currency")? };
    let due_for = match row.text("due_for")? {
        "agreement" => DueFor::Agreement,
        "pass" => DueFor::Pass,
        "period" => DueFor::Period,
        _ => return Err(row.corrupt("due_for")),
    };
    let status = match row.text("status")? {
        "pending" => ChargeStatus::Pending,
        "settled" => ChargeStatus::Settled,
        "failed" => ChargeStatus::Failed,
        "refunded" => ChargeStatus::Refunded,
        _ => return Err(row.corrupt("status")),
    };
    let (due, changed) = (row.time("due")?, row.time("changed")?);
    let charge = Charge { id, user, license, supplier, money, due_for, status, due, changed };
    Ok(ChargeRow { charge, version: row.number("version")? })
}
