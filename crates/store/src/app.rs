//! Apps: what can be licensed, and by whom.

use carnet_core::app::AppId;
use carnet_core::id::SupplierId;
use carnet_core::offer::Menu;
use carnet_core::time::Time;

use crate::StoreError;
use crate::row::{Columns, json, stored};
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

/// Anything licensable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// Whose.
    pub supplier: SupplierId,
    /// What people call it.
    pub title: String,
    /// Serial of its menu; 0 before the first.
    pub serial: u64,
    /// When it was added.
    pub created: Time,
    /// When its menu last changed.
    pub changed: Time,
}

statements! {
    BY_ID = "SELECT app_id, supplier_id, title, serial, created, changed FROM app WHERE app_id = ?1";
    OF_SUPPLIER = "SELECT app_id, supplier_id, title, serial, created, changed FROM app WHERE supplier_id = ?1 AND app_id > ?2 ORDER BY app_id LIMIT ?3";
    CATALOG = "SELECT app_id, supplier_id, title, serial, created, changed FROM app WHERE app_id > ?1 ORDER BY app_id LIMIT ?2";
    INSERT = "INSERT INTO app (app_id, supplier_id, title, serial, menu, created, changed) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?5) ON CONFLICT DO NOTHING";
}

impl Reading<'_> {
    /// The app of that id.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn app(&self, id: &AppId) -> Result<Option<App>, StoreError> {
        self.one(BY_ID, params![id.as_str()], app)
    }

    /// The supplier's apps by id, from after `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn apps_of(
        &self,
        supplier: SupplierId,
        after: Option<&AppId>,
        limit: u32,
    ) -> Result<Vec<App>, StoreError> {
        let after = after.map_or("", AppId::as_str);
        self.all(OF_SUPPLIER, params![supplier.0, after, limit], app)
    }

    /// All apps by id, from after `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn catalog(&self, after: Option<&AppId>, limit: u32) -> Result<Vec<App>, StoreError> {
        self.all(CATALOG, params![after.map_or("", AppId::as_str), limit], app)
    }
}

impl Writing<'_> {
    /// Adds an app with an empty menu.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the id is taken.
    pub fn add_app(
        &self,
        id: &AppId,
        supplier: SupplierId,
        title: &str,
        now: Time,
    ) -> Result<(), StoreError> {
        self.menus_changed.set(true);
        let menu = json(&Menu::default(), "menu")?;
        let rows = self.execute(INSERT, params![id.as_str(), supplier.0, title, menu, now.0])?;
        one_row(rows, StoreError::Exists { what: "app" })
    }
}

fn app(mut row: Columns<'_>) -> Result<App, StoreError> {
    Ok(App {
        id: row.parsed("app_id")?,
        supplier: SupplierId(row.bytes("supplier_id")?),
        title: row.text("title")?.to_owned(),
        serial: row.amount("serial")?,
        created: row.time("created")?,
        changed: row.time("changed")?,
    })
}

/// For [`crate::menu`], which writes the same row.
pub(crate) fn serial(serial: u64) -> Result<i64, StoreError> {
    stored(serial, "menu serial")
}
