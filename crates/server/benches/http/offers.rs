//! What is sold: many single licenses, and one pool.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_core::id::SupplierId;
use carnet_core::offer::{Counting, Menu, Offer};
use carnet_core::term::{Slice, Term};
use carnet_core::time::Time;
use carnet_seam::SystemRandom;
use carnet_server::keys::Keys;
use carnet_store::supplier::Supplier;
use carnet_store::{Store, StoreError};

use crate::Failed;

/// The uses that one pass carries.
pub const SLICE: u64 = 5;
/// The devices of the pool.
pub const SEATS: u64 = 64;
/// The offer of which everybody has a license.
pub const MANY: &str = "many";
/// The offer of the pool.
pub const POOL: &str = "pool";

/// Whose all of it is.
pub const SUPPLIER: SupplierId = SupplierId([7; 16]);

/// What is licensed.
pub fn app() -> Result<AppId, Failed> {
    Ok("acme/paint".parse()?)
}

/// The supplier with its key, the app and its menu.
pub fn furnish(store: &Store, keys: &Keys, now: Time) -> Result<(), Failed> {
    let key = keys.make_issuing(SUPPLIER, &SystemRandom, now)?;
    let app = app()?;
    let pool = Offer { name: POOL.parse()?, devices: SEATS.try_into()?, ..offer()? };
    let menu = Menu::default().replaced(&app, vec![offer()?, pool]);
    let supplier = Supplier { id: SUPPLIER, name: "acme".parse()?, title: "Acme".into(), created: now };
    let published = store.write("bench.furnish", move |tx| {
        tx.add_supplier(&supplier)?;
        let published = key.add(tx)?;
        tx.add_app(&app, SUPPLIER, "Paint", now)?;
        tx.replace_menu(SUPPLIER, &app, 0, &menu, now)?;
        Ok(published)
    })?;
    Ok(keys.publish(&published, now)?)
}

/// The menu as it stands.
pub fn menu(store: &Store) -> Result<Arc<Menu>, Failed> {
    let app = app()?;
    let found = store.read(|tx| tx.menu(&app)?.ok_or(StoreError::NotFound { what: "menu" }))?;
    Ok(found.menu)
}

fn offer() -> Result<Offer, Failed> {
    Ok(Offer {
        name: MANY.parse()?,
        condition: "Many runs".into(),
        features: BTreeMap::from([("resize".parse()?, None)]),
        term: Term { uses: Some(1_000_000_000), ..Term::PERPETUAL },
        devices: 1,
        fee: "0 EUR".parse()?,
        charging: Default::default(),
        issuance: Default::default(),
        pass_term: Slice { uses: Some(SLICE), ..Slice::WHOLE },
        temporary_pass_term: None,
        counting: Counting::Offline,
        grace: None,
        lost_devices_per_year: 2,
        floating: None,
        reporting: None,
        once_per: None,
        hardware_only: false,
        versions: Default::default(),
    })
}
