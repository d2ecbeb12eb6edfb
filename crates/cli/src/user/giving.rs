//! `carnet return` and `carnet leave`: giving back what is not needed any more.

use carnet_core::app::AppId;
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::user::which::{self, Licensed};

/// Give back what a pass still has.
#[derive(Debug, Args)]
pub struct Return {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
}

impl Return {
    /// Gives it back; the program stops by itself.
    ///
    /// # Errors
    /// `nothing-to-move` when there is nothing to give back; why it could not be done.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let app = self.licensed.app();
        which::manager(context, Some(&self.licensed))?.give_back(app)?;
        let shown = serde_json::json!({ "app": app, "outcome": "returned" });
        let words = || format!("What the pass of {app} still had is back in the license.\n");
        context.output.result(&shown, words)
    }
}

/// Give all passes back and retire this device.
#[derive(Debug, Args)]
pub struct Leave {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Shown {
    outcome: &'static str,
    returned: Vec<AppId>,
}

impl Leave {
    /// Gives everything back and retires this device.
    ///
    /// # Errors
    /// Why it could not be done; leaving once more goes on where it stopped.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let manager = which::manager(context, None)?;
        let question = format!("Give all passes back and retire this device at {}?", manager.server().url);
        context.output.confirm(&question, self.yes)?;
        let left = manager.leave()?;
        let shown = Shown { outcome: "left", returned: left.returned };
        context.output.result(&shown, || {
            let apps: String = shown.returned.iter().map(|app| format!("  {app}\n")).collect();
            let returned = if apps.is_empty() { String::new() } else { format!("Given back:\n{apps}") };
            format!("{returned}This device is retired.\n")
        })
    }
}
