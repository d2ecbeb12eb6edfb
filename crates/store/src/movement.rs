//! Moves: export, then import or cancel.

use carnet_core::app::AppId;
use carnet_core::id::{DeviceId, LicenseId, MoveId, UserId};
use carnet_core::server::{Move, MoveStatus};

use crate::StoreError;
use crate::row::{Columns, stored};
use crate::sql::statements;
use crate::tx::{Reading, Writing};
use crate::value::params;

/// A move as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct MoveRow {
    pub(crate) movement: Move,
    /// Of the license, so that its row is found by key.
    pub(crate) app: AppId,
    /// 0: not stored yet.
    pub(crate) version: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT user_id, move_id, license_id, app_id, \"right\", generation, source, uses, seconds, status, ",
            "imported_by, version FROM move ",
            $rest
        )
    };
}

statements! {
    BY_ID = select!("WHERE move_id = ?1");
    OF_USER = select!("WHERE user_id = ?1 ORDER BY move_id");
    EVERY = select!("ORDER BY user_id, move_id");
    INSERT = "INSERT INTO move (user_id, move_id, license_id, app_id, \"right\", generation, source, uses, seconds, status, imported_by, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1)";
    UPDATE = "UPDATE move SET status = ?3, imported_by = ?4, version = version + 1 WHERE user_id = ?1 AND move_id = ?2 AND version = ?5";
}

impl Reading<'_> {
    /// All moves of a user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn moves_of_user(&self, user: UserId) -> Result<Vec<Move>, StoreError> {
        let rows = self.all(OF_USER, params![user.0], movement)?;
        Ok(rows.into_iter().map(|row| row.movement).collect())
    }

    pub(crate) fn move_row(&self, id: MoveId) -> Result<Option<MoveRow>, StoreError> {
        self.one(BY_ID, params![id.0], movement)
    }

    /// Every move there is, for the ledger check.
    pub(crate) fn each_move(
        &self,
        mut visit: impl FnMut(Result<MoveRow, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.each(EVERY, |row| visit(movement(row)))
    }
}

impl Writing<'_> {
    /// Writes a new or changed move, guarded by its version. What a move carries never changes.
    pub(crate) fn write_move(&self, row: &MoveRow) -> Result<(), StoreError> {
        let Move { id, user, license, right, generation, source, uses, seconds, status } = &row.movement;
        let (status, by) = match status {
            MoveStatus::Moving => ("moving", None),
            MoveStatus::Imported { by } => ("imported", Some(by.0)),
            MoveStatus::Cancelled => ("cancelled", None),
        };
        let conflict = StoreError::Conflict { what: "the move" };
        if row.version == 0 {
            let generation = stored(*generation, "generation")?;
            let (uses, seconds) = (stored(*uses, "uses")?, stored(*seconds, "seconds")?);
            let app = row.app.as_str();
            self.guarded(
                INSERT,
                params![user.0, id.0, license.0, app, right, generation, source.0, uses, seconds, status, by],
                conflict,
            )
        } else {
            self.guarded(UPDATE, params![user.0, id.0, status, by, row.version], conflict)
        }
    }
}

fn movement(mut row: Columns<'_>) -> Result<MoveRow, StoreError> {
    let user = UserId(row.bytes("user_id")?);
    let id = MoveId(row.bytes("move_id")?);
    let license = LicenseId(row.bytes("license_id")?);
    let app = row.parsed("app_id")?;
    let movement = Move {
        id,
        user,
        license,
        right: row.amount("right")?,
        generation: row.amount("generation")?,
        source: DeviceId(row.bytes("source")?),
        uses: row.amount("uses")?,
        seconds: row.amount("seconds")?,
        status: status(&mut row)?,
    };
    Ok(MoveRow { movement, app, version: row.number("version")? })
}

fn status(row: &mut Columns<'_>) -> Result<MoveStatus, StoreError> {
    let text = row.text("status")?;
    let by = row.some_bytes("imported_by")?.map(DeviceId);
    match (text, by) {
        ("moving", None) => Ok(MoveStatus::Moving),
        ("imported", Some(by)) => Ok(MoveStatus::Imported { by }),
        ("cancelled", None) => Ok(MoveStatus::Cancelled),
        _ => Err(row.corrupt("status")),
    }
}
