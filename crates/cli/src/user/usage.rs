//! `carnet usage`: what is recorded of the use of an app, and for whom (C1).

use carnet_core::time::{Seconds, counted, length_in_words, seconds_in_words};
use carnet_manager::report as manager;
use clap::Args;

use crate::context::Context;
use crate::failure::Failure;
use crate::offer_words::aligned;
use crate::user::which::{self, Licensed};
use crate::width;

/// Show what is recorded of the use of an app, and for whom.
#[derive(Debug, Args)]
pub struct Usage {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
}

impl Usage {
    /// Shows it.
    ///
    /// # Errors
    /// `no-report` when it was never licensed here.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let app = self.licensed.app();
        let usage = which::manager(context, Some(&self.licensed))?.usage(app)?;
        let totals: Vec<_> = usage.totals.iter().map(|(license, totals)| {
            serde_json::json!({ "license": license, "uses": totals.uses, "seconds": totals.seconds })
        }).collect();
        let shown = serde_json::json!({
            "app": app, "totals": totals, "reporting": usage.clause,
            "records": { "runs": usage.runs, "uses": usage.uses, "refused": usage.refused, "sealed": usage.sealed },
        });
        context.output.result(&shown, || in_words(&usage))
    }
}

fn in_words(usage: &manager::Usage) -> String {
    let mut facts = Vec::new();
    for (license, totals) in &usage.totals {
        let used = format!(
            "{}, {} of running",
            counted(totals.uses, "use"),
            seconds_in_words(Seconds(totals.seconds))
        );
        facts.push(("Used", format!("{used} ({license})")));
    }
    let kept = format!(
        "{}, {} of uses and run time, {}",
        counted(usage.runs, "run"),
        counted(usage.uses, "record"),
        counted(usage.refused, "refused start")
    );
    facts.push(("Records here", kept));
    facts.push((
        "For",
        match usage.clause {
            None => "nobody: the contract has no reporting clause".into(),
            Some(clause) => format!("the supplier; kept for {}", length_in_words(clause.record_retention)),
        },
    ));
    if usage.sealed > 0 {
        let sealed = counted(usage.sealed, "record");
        facts.push(("Sealed details", format!("in {sealed}: only the supplier can read them")));
    }
    aligned(&facts, "", width::of_stdout())
}
