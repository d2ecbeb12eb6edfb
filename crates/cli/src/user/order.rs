//! `carnet order`: software that is to be installed on this device (B3, B4).

use carnet_core::app::{AppId, OfferName};
use carnet_manager::agree::find;
use carnet_manager::passes::PassView;
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::user::agree::{self, Wish};
use crate::user::failure::unknown_app;
use crate::user::install::here;
use crate::user::which::{self, Licensed};

/// Order software for this device.
#[derive(Debug, Args)]
pub struct Order {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
    /// The name of the offer
    #[arg(value_name = "OFFER")]
    offer: OfferName,
    /// Agree to all conditions of OFFER, without being shown them
    #[arg(long)]
    yes: bool,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    app: &'a AppId,
    /// `ordered` or `declined`.
    outcome: &'static str,
    pass: Option<&'a PassView>,
}

impl Order {
    /// Orders. May be repeated: what is there already is not bought a second time.
    ///
    /// # Errors
    /// `no-image` when there is nothing to install, or why it could not be done; nothing is ordered then.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let app = self.licensed.app();
        let manager = which::manager(context, Some(&self.licensed))?;
        let menu = manager.menu(app).map_err(|error| unknown_app(error.into(), app))?;
        let listed = find(&menu, &self.offer)?;
        manager.can_be_installed(app, &listed.offer.versions, &here()?)?;
        let wish = Wish { offer: Some(&self.offer), yes: self.yes, again: false };
        let Some((outcome, condition)) = agree::carry_out(context, &manager, app, &wish)? else {
            let shown = Shown { app, outcome: "declined", pass: None };
            return context.output.result(&shown, || format!("Nothing was ordered of {app}.\n"));
        };
        let shown = Shown { app, outcome: "ordered", pass: Some(outcome.pass()) };
        let words = || agree::in_words(app, &outcome, &condition);
        context.output.result(&shown, || format!("{}\nNext: carnet install {app}\n", words()))
    }
}
