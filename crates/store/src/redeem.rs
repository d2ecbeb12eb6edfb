//! Offers that were paid for elsewhere, behind codes that are nowhere.

use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_core::id::{Digest, LicenseId, SupplierId};
use carnet_core::offer::Listed;
use carnet_core::server::Grant;
use carnet_core::time::Time;

use crate::StoreError;
use crate::license::Page;
use crate::row::Columns;
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

/// A redeem code as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct GrantRow {
    pub(crate) grant: Grant,
    /// What the supplier calls it.
    pub(crate) label: String,
    pub(crate) version: i64,
}

/// A redeem code and what the supplier calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledGrant {
    /// The code's record.
    pub grant: Grant,
    /// What the supplier calls it: an order number, a shop, a campaign.
    pub label: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT digest, supplier_id, base, label, made, expires, used, withdrawn, version FROM redeem_code ",
            $rest
        )
    };
}

statements! {
    BY_DIGEST = select!("WHERE digest = ?1");
    OF_SUPPLIER = select!("WHERE supplier_id = ?1 AND (made, digest) > (?2, ?3) ORDER BY made, digest LIMIT ?4");
    INSERT = "INSERT INTO redeem_code (digest, supplier_id, app_id, base, label, made, expires, withdrawn, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 1) ON CONFLICT DO NOTHING";
    UPDATE = "UPDATE redeem_code SET used = ?2, withdrawn = ?3, version = version + 1 WHERE digest = ?1 AND version = ?4";
    WITHDRAW = "UPDATE redeem_code SET withdrawn = 1, version = version + 1 WHERE supplier_id = ?1 AND digest = ?2 AND used IS NULL";
}

impl Reading<'_> {
    /// The offer behind a code with this digest.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn grant(&self, digest: Digest) -> Result<Option<Grant>, StoreError> {
        Ok(self.grant_row(digest)?.map(|row| row.grant))
    }

    /// The same with what the supplier calls it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn labelled_grant(&self, digest: Digest) -> Result<Option<LabelledGrant>, StoreError> {
        Ok(self.grant_row(digest)?.map(|row| LabelledGrant { grant: row.grant, label: row.label }))
    }

    /// A supplier's codes in the order they were made, from after `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn grants_of(
        &self,
        supplier: SupplierId,
        after: Option<(Time, Digest)>,
        limit: u32,
    ) -> Result<Page<LabelledGrant, (Time, Digest)>, StoreError> {
        let (made, digest) = after.unwrap_or((Time(i64::MIN), Digest([0; 32])));
        let want = limit.saturating_add(1);
        let mut rows =
            self.all(OF_SUPPLIER, params![supplier.0, made.0, digest.0, want], |row| self.grant_from(row))?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| (row.grant.made, row.grant.digest));
        let items =
            rows.into_iter().map(|row| LabelledGrant { grant: row.grant, label: row.label }).collect();
        Ok(Page { items, next })
    }

    pub(crate) fn grant_row(&self, digest: Digest) -> Result<Option<GrantRow>, StoreError> {
        self.one(BY_DIGEST, params![digest.0], |row| self.grant_from(row))
    }

    fn grant_from(&self, mut row: Columns<'_>) -> Result<GrantRow, StoreError> {
        let digest = row.digest("digest")?;
        let supplier = SupplierId(row.bytes("supplier_id")?);
        let base = row.digest("base")?;
        let label = row.text("label")?.to_owned();
        let grant = Grant {
            digest,
            supplier,
            listed: self.base(base)?.ok_or_else(|| row.corrupt("base"))?,
            made: row.time("made")?,
            expires: row.some_time("expires")?,
            used: row.some_bytes("used")?.map(LicenseId),
            withdrawn: row.amount::<i64>("withdrawn")? != 0,
        };
        Ok(GrantRow { grant, label, version: row.number("version")? })
    }
}

impl Writing<'_> {
    /// Keeps what a new code is good for. The same code once more changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the code is good for something else already.
    pub fn add_grant(&self, grant: &Grant, label: &str) -> Result<(), StoreError> {
        let Grant { digest, supplier, listed, made, expires, .. } = grant;
        let listed: &Arc<Listed> = listed;
        let app: &AppId = &listed.app;
        let base = self.write_base(listed)?;
        let expires = expires.map(|time| time.0);
        let rows = self
            .execute(INSERT, params![digest.0, supplier.0, app.as_str(), base.0, label, made.0, expires])?;
        if rows == 1 {
            return Ok(());
        }
        let known = self.grant(*digest)?;
        let same = known.is_some_and(|known| known.supplier == *supplier && known.listed == *listed);
        if same { Ok(()) } else { Err(StoreError::Exists { what: "code" }) }
    }

    /// Makes a code useless that nobody has taken up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the supplier has no such code, or it was taken up.
    pub fn withdraw_grant(&self, supplier: SupplierId, digest: Digest) -> Result<(), StoreError> {
        let rows = self.execute(WITHDRAW, params![supplier.0, digest.0])?;
        one_row(rows, StoreError::NotFound { what: "unused code" })
    }

    /// Writes what has become of a code, guarded by its version.
    pub(crate) fn write_grant(&self, row: &GrantRow) -> Result<(), StoreError> {
        let Grant { digest, used, withdrawn, .. } = &row.grant;
        let conflict = StoreError::Conflict { what: "the code" };
        self.guarded(UPDATE, params![digest.0, used.map(|id| id.0), withdrawn, row.version], conflict)
    }
}
