//! Menus: one per app, replaced as a whole under its serial (A5).

use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_core::id::SupplierId;
use carnet_core::offer::Menu;
use carnet_core::server::AppView;
use carnet_core::time::Time;

use crate::StoreError;
use crate::app::serial;
use crate::row::json;
use crate::sql::{one_row, statements};
use crate::tx::{Reading, Writing};
use crate::value::params;

statements! {
    FIND = "SELECT app_id, supplier_id, menu FROM app WHERE app_id = ?1";
    REPLACE = "UPDATE app SET menu = ?4, serial = ?5, changed = ?6 WHERE app_id = ?1 AND supplier_id = ?2 AND serial = ?3";
}

impl Reading<'_> {
    /// The menu of an app, and whose it is.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn menu(&self, app: &AppId) -> Result<Option<AppView>, StoreError> {
        self.usual_one(FIND, params![app.as_str()], |mut row| {
            row.text("app_id")?;
            let supplier = SupplierId(row.bytes("supplier_id")?);
            Ok(AppView { supplier, menu: Arc::new(row.json("menu")?) })
        })
    }
}

impl Writing<'_> {
    /// Puts `menu` in the place of the supplier's menu with serial `expected`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when this supplier has no such app (I15), [`StoreError::Conflict`] when the
    /// menu has another serial by now.
    pub fn replace_menu(
        &self,
        supplier: SupplierId,
        app: &AppId,
        expected: u64,
        menu: &Menu,
        now: Time,
    ) -> Result<(), StoreError> {
        self.menus_changed.set(true);
        let known = self.app(app)?.is_some_and(|known| known.supplier == supplier);
        if !known {
            return Err(StoreError::NotFound { what: "app" });
        }
        let (old, new) = (serial(expected)?, serial(menu.serial)?);
        let text = json(menu, "menu")?;
        let rows = self.execute(REPLACE, params![app.as_str(), supplier.0, old, text, new, now.0])?;
        one_row(rows, StoreError::Conflict { what: "the menu" })
    }
}
