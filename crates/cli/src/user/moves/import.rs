//! `carnet import`: passes arrive on this device (A16, A17).

use std::path::PathBuf;

use carnet_core::app::AppId;
use carnet_manager::ManagerError;
use carnet_manager::moves as manager;
use carnet_manager::register::Identity;
use clap::Args;
use serde::Serialize;

use super::arriving::{Arriving, manager_for};
use super::medium::source;
use super::report::{Trouble, exit, gone, stayed};
use crate::context::Context;
use crate::exit::Ended;
use crate::failure::Failure;
use crate::text::clean;
use crate::user::register::identity;
use crate::user::which::{self, Licensed};

/// Bring passes in that another device has exported.
#[derive(Debug, Args)]
#[command(
    after_help = "A device that is not registered yet joins the user of the medium, for what it imports only.\nOn the device that it came from, an import takes the move back."
)]
pub struct Import {
    /// The app ids, or the product strings of the programs; all that is on the medium when none is named
    #[arg(value_name = "APP")]
    apps: Vec<Licensed>,
    /// The folder that was exported to, its file, or the PNG pictures (once for each)
    #[arg(long, value_name = "FOLDER|FILE", required = true)]
    from: Vec<PathBuf>,
    /// What a device that is not registered yet is called [default: its host name]
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
    /// What a device that is not registered yet is known by: `machine`, `tpm`, or `file:PATH`
    #[arg(long, value_name = "WHAT", value_parser = identity)]
    identity: Option<Identity>,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    medium: &'a str,
    /// The device was registered by this import.
    registered: bool,
    /// What is over is marked on the medium.
    marked: bool,
    apps: &'a [manager::Moved],
    problem: Option<Trouble>,
}

impl Import {
    /// Imports, and tells what has come of each app. May be repeated.
    ///
    /// # Errors
    /// When nothing was done: the medium cannot be read, the server cannot be reached.
    pub fn run(&self, context: &Context) -> Result<Ended, Failure> {
        let medium = source(which::env(context).fs, &self.from)?;
        let apps: Vec<AppId> = self.apps.iter().map(|licensed| licensed.app().clone()).collect();
        let arriving = Arriving {
            apps: &apps,
            licensed: &self.apps,
            device_name: self.device_name.as_deref(),
            identity: self.identity.as_ref(),
        };
        let (manager, registered) = manager_for(context, &*medium, &arriving)?;
        let import = manager.import(&apps, &*medium)?;
        let problem = import.unmarked.as_ref();
        let shown = Shown {
            medium: &import.medium,
            registered,
            marked: problem.is_none(),
            apps: &import.apps,
            problem: problem.map(Into::into),
        };
        context.output.result(&shown, || in_words(&shown))?;
        if let Some(problem) = problem {
            unmarked(context, problem);
        }
        Ok(exit(&import.apps).into())
    }
}

/// The user is told; it changes nothing (A17).
fn unmarked(context: &Context, problem: &ManagerError) {
    if !context.output.is_json() {
        context.output.warning(&format!(
            "what is over could not be marked on the medium ({}); throw its copies away: the server accepts each of \
             them once",
            clean(&problem.to_string())
        ));
    }
}

fn in_words(shown: &Shown<'_>) -> String {
    let medium = clean(shown.medium);
    if shown.apps.is_empty() {
        return format!("There is no pass on {medium}.\n");
    }
    let table = gone(shown.apps);
    let joined = if shown.registered { "This device is registered now, for what it imports.\n" } else { "" };
    let head = if table.is_empty() { String::new() } else { format!("Imported from {medium}.\n\n") };
    let stayed = stayed(shown.apps, "imported");
    let between = if table.is_empty() || stayed.is_empty() { "" } else { "\n" };
    format!("{joined}{head}{table}{between}{stayed}")
}
