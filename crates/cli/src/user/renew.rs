//! `carnet renew`: the next pass, before it is needed (A12).

use carnet_core::app::AppId;
use carnet_manager::passes::PassView;
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::user::agree::pass_in_words;
use crate::user::seats;
use crate::user::which::{self, Licensed};

/// Report what was used and get the next pass now, as before going offline.
#[derive(Debug, Args)]
pub struct Renew {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    app: &'a AppId,
    pass: &'a PassView,
}

impl Renew {
    /// Renews. May be repeated: a pass that has enough left stays as it is.
    ///
    /// # Errors
    /// The server's reason when there is nothing left to renew from, or why it could not be asked.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let app = self.licensed.app();
        let manager = which::manager(context, Some(&self.licensed))?;
        let waiting = context.waiting_for(&manager.server().url);
        let renewed = manager.renew(app);
        drop(waiting);
        let pass = renewed.map_err(|error| seats::explained(error.into(), &manager, app))?;
        context.output.result(&Shown { app, pass: &pass }, || {
            format!("The pass for {app} is as new as the server has it.\n\n{}", pass_in_words(&pass))
        })
    }
}
