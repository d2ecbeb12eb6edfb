//! `carnet sync`: what transfers ask of this device is done (B9, B10).

use carnet_core::term::moment;
use carnet_image::install::Step;
use carnet_manager::transfer::{Here, Outcome, Synced};
use carnet_manager::{Manager, ManagerError};
use carnet_seam::RealFs;
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::user::install::here;
use crate::user::{passes, which};

/// Do what transfers ask of this device: get what comes here, give back and remove what has gone.
#[derive(Debug, Args)]
#[command(
    after_help = "Goes through all servers that this device is registered at, unless --server names one."
)]
pub struct Sync {}

/// What was done at one server.
#[derive(Debug, Serialize)]
pub struct AtServer {
    server: String,
    apps: Vec<Synced>,
}

impl Sync {
    /// Synchronises. May be repeated: where there is nothing to do, nothing is done.
    ///
    /// # Errors
    /// Why a server could not be asked, or a step could not be done; the next time goes on there.
    pub fn run(&self, context: &Context) -> Result<Ended, Failure> {
        let mut done = Vec::new();
        for manager in managers(context)? {
            done.push(at(context, &manager)?);
        }
        context.output.result(&done, || in_words(&done))?;
        let refused =
            done.iter().flat_map(|at| &at.apps).any(|app| matches!(app.outcome, Outcome::Refused { .. }));
        Ok(if refused { Exit::Refused } else { Exit::Ok }.into())
    }
}

/// The managers at the server that is named, or at all that this device knows.
///
/// # Errors
/// `no-server`, when there are none.
pub fn managers(context: &Context) -> Result<Vec<Manager>, Failure> {
    passes::managers(&which::setup(context, None)?, context.named_server()?.as_ref())
}

/// Synchronises with one server.
///
/// # Errors
/// As [`Sync::run`].
pub fn at(context: &Context, manager: &Manager) -> Result<AtServer, Failure> {
    let (tree, platform) = (RealFs::with_crash(context.crash()), here()?);
    let mut meter = Meter::new(context.output, "installing".to_owned());
    let synced = manager.sync(Here { tree: &tree, platform: &platform }, &mut |_, step| match step {
        Step::Fetching(done, total) => meter.at(done, total),
        Step::Extracting(_) => {}
    });
    drop(meter);
    let server = manager.server().url.to_string();
    match synced {
        Ok(apps) => Ok(AtServer { server, apps }),
        // Registered at another server only, or not finished here: nothing to do.
        Err(ManagerError::NotRegistered(_)) if !manager_is_named(context) => {
            Ok(AtServer { server, apps: Vec::new() })
        }
        Err(error) => Err(error.into()),
    }
}

fn manager_is_named(context: &Context) -> bool {
    context.named_server().is_ok_and(|named| named.is_some())
}

impl AtServer {
    /// Whether anything was done.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.apps.iter().any(|app| !matches!(app.outcome, Outcome::Waits { .. } | Outcome::Refused { .. }))
    }
}

/// What was done, line by line.
#[must_use]
pub fn in_words(done: &[AtServer]) -> String {
    let lines: String = done.iter().flat_map(|at| &at.apps).map(line).collect();
    if lines.is_empty() { "Nothing is to be done here.\n".to_owned() } else { lines }
}

fn line(synced: &Synced) -> String {
    let app = &synced.app;
    match &synced.outcome {
        Outcome::GivenBack { to: Some(to) } => {
            format!("{app} has gone to {to}: its pass is given back, its keys are erased.\n")
        }
        Outcome::GivenBack { to: None } => {
            format!("{app} has gone: its pass is given back, its keys are erased.\n")
        }
        Outcome::Removed => format!("{app} is removed from this device.\n"),
        Outcome::Fetched => format!("{app} has come: its pass is here.\n"),
        Outcome::Installed(installed) => {
            format!("{app} {} is installed in {}.\n", installed.version, installed.folder.display())
        }
        Outcome::Waits { until: Some(until), .. } => {
            format!(
                "{app} comes when the other device has given it back, or its pass has run out after {}.\n",
                moment(*until)
            )
        }
        Outcome::Waits { until: None, .. } => {
            format!("{app} comes when the other device has given it back.\n")
        }
        Outcome::Refused { reason } => {
            format!("{app} cannot be had: {}; {}.\n", reason.in_words(), reason.remedy())
        }
    }
}
