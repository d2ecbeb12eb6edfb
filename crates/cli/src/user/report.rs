//! `carnet report`: the usage report that a supplier asks for (C2, C5).

use std::path::{Path, PathBuf};

use carnet_core::app::AppId;
use carnet_core::report::{Integrity, ReportRequest, Wanted};
use carnet_manager::Manager;
use carnet_seal::armor::{self, Carried};
use clap::Args;

use crate::codes;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::clean;
use crate::user::which::{self, Licensed};

/// Make a usage report that only the supplier can read.
#[derive(Debug, Args)]
pub struct Report {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
    #[command(flatten)]
    carried: CarriedBy,
}

/// How requests come and codes go.
#[derive(Debug, Args)]
pub struct CarriedBy {
    /// The supplier's request that is answered: a file, a text or pictures
    #[arg(long, value_name = "FILE", num_args = 1..)]
    request: Vec<PathBuf>,
    /// Where to write it: `.txt` is text, `.png` pictures, anything else a file [default: text to standard output]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl CarriedBy {
    /// The request that is answered, checked.
    ///
    /// # Errors
    /// `other-request` when it is none, or for somebody else.
    pub fn request(
        &self,
        context: &Context,
        manager: &Manager,
        app: &AppId,
        wanted: Wanted,
    ) -> Result<Option<ReportRequest>, Failure> {
        if self.request.is_empty() {
            return Ok(None);
        }
        let found = codes::read(&which::env(context).fs, &self.request)?;
        let [document] = found.as_slice() else {
            return Err(Failure::usage("these files carry several requests")
                .with_remedy("answer one after the other"));
        };
        Ok(Some(manager.check_request(app, wanted, document)?))
    }

    /// Hands the code out; `done` is what is said before it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn hand_out(
        &self,
        context: &Context,
        (carried, code): (Carried, &[u8]),
        mut shown: serde_json::Value,
        done: &str,
    ) -> Result<(), Failure> {
        let Some(path) = &self.to else {
            let text = armor::write(carried, code);
            shown["code"] = text.clone().into();
            return context.output.result(&shown, || format!("{done}{text}"));
        };
        let files = codes::write(&which::env(context).fs, path, carried, code)?;
        shown["files"] = serde_json::json!(files);
        context.output.result(&shown, || format!("{done}{}", written(carried, &files)))
    }
}

fn written(carried: Carried, files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().map(|file| clean(&Path::display(file).to_string())).collect();
    format!("{} is in {}.\nOnly the supplier can read it.\n", capital(&carried.to_string()), names.join(", "))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Report {
    /// Makes the report and hands it out.
    ///
    /// # Errors
    /// `no-report` when there is nothing to report, or nobody to report to.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let (app, manager) = (self.licensed.app(), which::manager(context, Some(&self.licensed))?);
        let request = self.carried.request(context, &manager, app, Wanted::Usage)?;
        let code = manager.usage_report(app, Integrity::NotInstalledHere, request.as_ref())?;
        if self.carried.to.is_none() && code.len() > 64 << 10 {
            let what = format!("the report has {} KiB: too much for a screen", code.len() >> 10);
            return Err(
                Failure::new(Exit::Usage, "too-large", what).with_remedy("write it to a file with --to FILE")
            );
        }
        let shown = serde_json::json!({ "app": app, "outcome": "reported", "bytes": code.len() });
        self.carried.hand_out(context, (Carried::Report, &code), shown, "")
    }
}
