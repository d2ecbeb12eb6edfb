//! `carnet erase`: the end of a contract on this device (C3).

use std::path::PathBuf;

use carnet_core::report::{Erased, Thing, Wanted};
use carnet_manager::erasing::{ErasureDone, ErasurePlan};
use carnet_seam::RealFs;
use clap::Args;

use super::report::{CarriedBy, Made};
use crate::context::Context;
use crate::failure::Failure;
use crate::text::clean;
use crate::user::which::{self, Licensed};

/// Erase an app at the end of its contract, with a certificate for the supplier.
#[derive(Debug, Args)]
pub struct Erase {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
    #[command(flatten)]
    carried: CarriedBy,
    /// Stop the program if it runs
    #[arg(long)]
    stop: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Nobody reads more on a screen; `--json` has all.
const MOST_LINES: usize = 20;

impl Erase {
    /// Says what will go, asks, and erases it. Files of the user's own are never touched.
    ///
    /// # Errors
    /// `running` unless it may be stopped; `no-report` when it was never licensed here. Erasing once more goes on.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let (app, manager) = (self.licensed.app(), which::manager(context, Some(&self.licensed))?);
        let request = self.carried.request(context, &manager, app, Wanted::Erasure)?;
        let tree = RealFs::with_crash(context.crash());
        let planned = manager.erasure(&tree, app)?;
        if !self.yes {
            context.output.note(&in_advance(&planned));
        }
        context.output.confirm(&format!("Erase {app} on this device?"), self.yes)?;
        let done = manager.erase(&tree, app, request.as_ref(), self.stop)?;
        let kept: Vec<_> = done.items.iter().filter(|item| item.kept.is_some()).cloned().collect();
        let outcome = if kept.is_empty() { "erased" } else { "not-all-erased" };
        let shown = serde_json::json!({
            "app": app,
            "outcome": outcome,
            "returned": done.returned,
            "erased": names(done.items.iter().filter(|item| item.kept.is_none())),
            "kept": names(kept.iter()),
            "own": done.own,
        });
        let words = in_words(&done, &kept);
        match &done.certificate {
            Some(code) => {
                let made = Made { app, wanted: Wanted::Erasure, request: request.as_ref(), code };
                self.carried.hand_out(context, &manager, &made, shown, &words)
            }
            None => context.output.result(&shown, || words),
        }
    }
}

fn names<'a>(items: impl Iterator<Item = &'a Erased>) -> Vec<String> {
    items.map(|item| item.what.to_string()).collect()
}

fn in_advance(plan: &ErasurePlan) -> String {
    let (stays, goes): (Vec<_>, Vec<_>) = plan.items.iter().cloned().partition(|item| item.kept.is_some());
    let mut words = format!("This goes, for good:\n{}", listed(&goes));
    if !stays.is_empty() {
        words += &format!("This cannot be erased:\n{}", listed(&stays));
    }
    words + &own_files(&plan.own)
}

/// The first of them, and how many more there are.
fn listed(items: &[Erased]) -> String {
    let line = |item: &Erased| {
        let size = match &item.what {
            Thing::File(_) if item.kept.is_none() => format!(" ({} bytes)", item.size),
            _ => String::new(),
        };
        let why = item.kept.as_ref().map(|why| format!(": {}", clean(why))).unwrap_or_default();
        format!("  {}{size}{why}\n", clean(&item.what.to_string()))
    };
    lines(items.iter().map(line), items.len())
}

fn own_files(own: &[PathBuf]) -> String {
    if own.is_empty() {
        return "Your own files stay.\n".into();
    }
    let line = |path: &PathBuf| format!("  {}\n", clean(&path.display().to_string()));
    format!(
        "Your own files stay, these in the folder of the program too:\n{}",
        lines(own.iter().map(line), own.len())
    )
}

fn lines(lines: impl Iterator<Item = String>, count: usize) -> String {
    let mut words: String = lines.take(MOST_LINES).collect();
    if count > MOST_LINES {
        words += &format!("  and {} more\n", count - MOST_LINES);
    }
    words
}

fn in_words(done: &ErasureDone, kept: &[Erased]) -> String {
    let mut words =
        String::from(if kept.is_empty() { "It is erased.\n" } else { "Not everything could be erased:\n" });
    words += &listed(kept);
    if !kept.is_empty() {
        words += "Run `carnet uninstall`, or remove it by hand, and erase again.\n";
    }
    if !done.own.is_empty() {
        words += &own_files(&done.own);
    }
    if !done.returned {
        words += "The server is told at the next contact.\n";
    }
    if done.certificate.is_none() {
        words +=
            "The contract names no key for a certificate: ask the supplier for a request if one is wanted.\n";
    }
    words
}
