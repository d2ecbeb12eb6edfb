//! `carnet erase`: the end of a contract on this device (C3).

use carnet_core::report::{Erased, Thing, Wanted};
use carnet_device::erase::Installed;
use carnet_manager::report::ErasureDone;
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

impl Erase {
    /// Says what will go, asks, and erases it. Files of the user's own are never touched.
    ///
    /// # Errors
    /// `running` unless it may be stopped; `no-report` when it was never licensed here. Erasing once more goes on.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let (app, manager) = (self.licensed.app(), which::manager(context, Some(&self.licensed))?);
        let request = self.carried.request(context, &manager, app, Wanted::Erasure)?;
        // Nothing says yet where Carnet has installed programs: what it holds itself is the pass.
        let installed = Installed::default();
        let planned = manager.erasure(app, &installed)?;
        if !self.yes {
            context.output.note(&format!("This goes, for good:\n{}Your own files stay.\n", listed(&planned)));
        }
        context.output.confirm(&format!("Erase {app} on this device?"), self.yes)?;
        let done = manager.erase(app, &installed, request.as_ref(), self.stop)?;
        let kept: Vec<_> = done.items.iter().filter(|item| item.kept.is_some()).cloned().collect();
        let outcome = if kept.is_empty() { "erased" } else { "not-all-erased" };
        let shown = serde_json::json!({ "app": app, "outcome": outcome, "returned": done.returned });
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

fn listed(items: &[Erased]) -> String {
    let line = |item: &Erased| match &item.what {
        Thing::File(name) => format!("  {} ({} bytes)\n", clean(name), item.size),
        Thing::ContentKeys => "  the keys of its content\n".into(),
        Thing::Pass(pass) => format!("  the pass {pass}\n"),
    };
    items.iter().map(line).collect()
}

fn in_words(done: &ErasureDone, kept: &[Erased]) -> String {
    let mut words =
        String::from(if kept.is_empty() { "It is erased.\n" } else { "Not everything could be erased:\n" });
    words += &listed(kept);
    if !done.returned {
        words += "The server is told at the next contact.\n";
    }
    if done.certificate.is_none() {
        words +=
            "The contract names no key for a certificate: ask the supplier for a request if one is wanted.\n";
    }
    words
}
