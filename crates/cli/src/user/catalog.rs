//! `carnet catalog`: what is on sale, for anybody to read (B3).

use carnet_api::catalog::OnSale;
use carnet_core::app::SupplierName;
use clap::Args;

use crate::context::Context;
use crate::failure::Failure;
use crate::table::table;
use crate::text::clean;
use crate::user::which;

/// Show what is on sale.
#[derive(Debug, Args)]
pub struct Catalog {
    /// Of this supplier only
    #[arg(value_name = "SUPPLIER")]
    supplier: Option<SupplierName>,
}

impl Catalog {
    /// Shows it. No passbook is needed.
    ///
    /// # Errors
    /// Why it cannot be shown.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let wanted = which::wanted(context, None, None)?;
        let found = which::setup(context, None)?.catalog(&wanted, self.supplier.as_ref())?;
        context.output.result(&found, || in_words(&found, self.supplier.as_ref()))
    }
}

fn in_words(found: &[OnSale], of: Option<&SupplierName>) -> String {
    match of {
        Some(supplier) if found.is_empty() => {
            return format!("{supplier} has nothing on sale here; `carnet catalog` shows who has.\n");
        }
        None if found.is_empty() => return "Nothing is on sale.\n".to_owned(),
        _ => {}
    }
    let newest = |app: &OnSale| {
        let newest = app.versions.iter().map(|installable| installable.version).max();
        newest.map_or("–".to_owned(), |version| version.to_string())
    };
    let row =
        |app: &OnSale| [app.app.to_string(), clean(&app.display_name), newest(app), app.offers.join(", ")];
    let rows = table(["APP", "NAME", "NEWEST", "OFFERS"], found.iter().map(row));
    format!("{rows}\nNext: carnet order APP OFFER\n")
}
