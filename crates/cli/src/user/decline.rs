//! `carnet decline`: no to what is offered (A13).

use clap::Args;

use crate::context::Context;
use crate::failure::Failure;
use crate::user::which::{self, Licensed};

/// Decline what is offered for an app.
#[derive(Debug, Args)]
pub struct Decline {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
}

impl Decline {
    /// Declines. The next start shows the menu again.
    ///
    /// # Errors
    /// `still-good` when there is a good pass; why it could not be recorded.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let app = self.licensed.app();
        let manager = which::manager(context, Some(&self.licensed))?;
        let waiting = context.waiting_for(&manager.server().url);
        manager.decline(app)?;
        drop(waiting);
        let shown = serde_json::json!({ "app": app, "outcome": "declined" });
        context
            .output
            .result(&shown, || format!("Declined. {app} does not run until an offer is agreed to.\n"))
    }
}
