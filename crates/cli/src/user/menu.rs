//! `carnet menu`: what an app is offered for, for anybody to read (A10).

use carnet_api::menu::{ListedOffer, MenuView};
use clap::Args;

use crate::context::Context;
use crate::failure::Failure;
use crate::offer_words::{aligned, offer_in_words};
use crate::output::BOLD;
use crate::user::failure::unknown_app;
use crate::user::which::{self, Licensed};
use crate::width;

/// Show what an app is offered for.
#[derive(Debug, Args)]
pub struct Menu {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
}

impl Menu {
    /// Shows the menu. No passbook is needed.
    ///
    /// # Errors
    /// Why it cannot be shown.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let app = self.licensed.app();
        let wanted = which::wanted(context, Some(&self.licensed), None)?;
        let menu = which::setup(context, None)?.menu(&wanted, app);
        let menu = menu.map_err(|error| unknown_app(error.into(), app))?;
        context.output.result(&menu, || in_words(&menu))
    }
}

fn in_words(menu: &MenuView) -> String {
    if menu.offers.is_empty() {
        return format!("{} has nothing on its menu.\n", menu.app);
    }
    let width = width::of_stdout();
    let offer = |ListedOffer { offer, .. }: &ListedOffer| {
        format!("\n{BOLD}{}{BOLD:#}\n{}", offer.name, aligned(&offer_in_words(offer), "  ", width))
    };
    let offers: String = menu.offers.iter().map(offer).collect();
    format!("Menu of {}\n{offers}\nNext: carnet agree {} OFFER\n", menu.app, menu.app)
}
