//! Suppliers.

pub mod register;
pub mod show;

use carnet_api::supplier::Supplier;

/// A supplier as it is shown.
fn view(supplier: &carnet_store::supplier::Supplier) -> Supplier {
    Supplier {
        id: supplier.id,
        name: supplier.name.clone(),
        display_name: supplier.title.clone(),
        registered: supplier.created,
    }
}
