//! Orders of license keys: who may ask for which, under which transaction id (B7).

use carnet_core::app::AppId;
use carnet_core::id::{DeviceId, ImageId, LicenseId, TransactionId, UserId};
use carnet_core::provision::{KeyTransaction, TransactionStatus};

use crate::StoreError;
use crate::row::Columns;
use crate::sql::statements;
use crate::tx::{Reading, Writing};
use crate::value::params;

/// An order as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct TransactionRow {
    pub(crate) transaction: KeyTransaction,
    /// 0: not stored yet.
    pub(crate) version: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, transaction_id, device_id, app_id, license_id, image_id, image_version, ordered, ",
            "status, version FROM key_transaction ",
            $rest
        )
    };
}

statements! {
    BY_ID = select!("WHERE user_id = ?1 AND transaction_id = ?2");
    NOT_CLOSED = select!("WHERE user_id = ?1 AND device_id = ?2 AND app_id = ?3 AND status <> 'closed' ORDER BY transaction_id");
    INSERT = "INSERT INTO key_transaction (user_id, transaction_id, device_id, app_id, license_id, image_id, image_version, ordered, status, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1)";
    UPDATE = "UPDATE key_transaction SET status = ?3, version = version + 1 WHERE user_id = ?1 AND transaction_id = ?2 AND version = ?4";
}

impl Reading<'_> {
    /// The order with this id, if it is this user's.
    pub(crate) fn transaction_row(
        &self,
        user: UserId,
        id: TransactionId,
    ) -> Result<Option<TransactionRow>, StoreError> {
        self.one(BY_ID, params![user.0, id.0], transaction)
    }

    /// The orders of a device for an app that are not closed.
    pub(crate) fn transaction_rows(
        &self,
        user: UserId,
        device: DeviceId,
        app: &AppId,
    ) -> Result<Vec<TransactionRow>, StoreError> {
        self.all(NOT_CLOSED, params![user.0, device.0, app.as_str()], transaction)
    }
}

impl Writing<'_> {
    /// Writes a new or changed order, guarded by its version. What it is for never changes.
    pub(crate) fn write_transaction(&self, row: &TransactionRow) -> Result<(), StoreError> {
        let KeyTransaction { id, user, device, app, license, image, version, ordered, status } =
            &row.transaction;
        let conflict = StoreError::Conflict { what: "the order of a key" };
        let status = name(*status);
        if row.version == 0 {
            let (app, image_version) = (app.as_str(), version.to_string());
            self.guarded(
                INSERT,
                params![user.0, id.0, device.0, app, license.0, image.0, image_version, ordered.0, status],
                conflict,
            )
        } else {
            self.guarded(UPDATE, params![user.0, id.0, status, row.version], conflict)
        }
    }
}

const fn name(status: TransactionStatus) -> &'static str {
    match status {
        TransactionStatus::Open => "open",
        TransactionStatus::Delivered => "delivered",
        TransactionStatus::Closed => "closed",
    }
}

fn transaction(mut row: Columns<'_>) -> Result<TransactionRow, StoreError> {
    let transaction = KeyTransaction {
        user: UserId(row.bytes("user_id")?),
        id: TransactionId(row.bytes("transaction_id")?),
        device: DeviceId(row.bytes("device_id")?),
        app: row.parsed("app_id")?,
        license: LicenseId(row.bytes("license_id")?),
        image: ImageId(row.bytes("image_id")?),
        version: row.parsed("image_version")?,
        ordered: row.time("ordered")?,
        status: status(&mut row)?,
    };
    Ok(TransactionRow { transaction, version: row.number("version")? })
}

fn status(row: &mut Columns<'_>) -> Result<TransactionStatus, StoreError> {
    let text = row.text("status")?;
    let all = [TransactionStatus::Open, TransactionStatus::Delivered, TransactionStatus::Closed];
    all.into_iter().find(|status| name(*status) == text).ok_or_else(|| row.corrupt("status"))
}
