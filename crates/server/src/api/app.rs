//! Apps.

pub mod create;
pub mod list;
pub mod show;

use carnet_api::app::App;
use carnet_store::{Reading, StoreError};

/// An app as it is shown.
fn view(tx: &Reading<'_>, app: carnet_store::app::App) -> Result<App, StoreError> {
    let offers = tx.menu(&app.id)?.map_or(0, |view| view.menu.offers.len());
    Ok(App {
        id: app.id,
        display_name: app.title,
        registered: app.created,
        menu_serial: app.serial,
        offers: u32::try_from(offers).unwrap_or(u32::MAX),
    })
}
