//! `carnet supplier license`: look at one license, and act on it.

use carnet_api::act::{Act as Why, checked_reason};
use carnet_api::license as api;
use carnet_api::path;
use carnet_core::app::SupplierName;
use carnet_core::id::LicenseId;
use carnet_core::report::Wanted;
use carnet_core::term::moment;
use carnet_core::time::Length;
use clap::{Args, Subcommand};

use super::credentials;
use super::licenses::{NONE, ends, held, remaining};
use super::request::{Asker, send};
use crate::context::Context;
use crate::failure::Failure;
use crate::http::{Call, Http};
use crate::offer_words::{aligned, offer_in_words};
use crate::output::BOLD;
use crate::table::table;
use crate::text::clean;
use crate::width;

/// Look at one license, suspend, reinstate, revoke or end it.
#[derive(Debug, Subcommand)]
pub enum License {
    /// Everything about one license
    Show {
        /// Its id
        #[arg(value_name = "LICENSE")]
        id: LicenseId,
    },
    /// Issue no new pass until it is reinstated
    Suspend(Act),
    /// Make a suspended license good again
    Reinstate(Act),
    /// Issue no pass ever again
    Revoke(LastAct),
    /// Close it because the contract is over: no pass is issued again
    End(LastAct),
}

/// What every act is told.
#[derive(Debug, Args)]
pub struct Act {
    /// Its id
    #[arg(value_name = "LICENSE")]
    id: LicenseId,
    /// Why, in your own words: one line, kept with the event for ever, so no personal data
    #[arg(long, value_name = "TEXT", value_parser = checked_reason)]
    reason: Option<String>,
}

/// An act that nothing undoes.
#[derive(Debug, Args)]
pub struct LastAct {
    #[command(flatten)]
    act: Act,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl License {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        let license = match self {
            Self::Show { id } => {
                let license: api::License = http.send(Call::get(&path::license(*id)))?;
                return context.output.result(&license, || whole(&license));
            }
            Self::Suspend(act) => act.done(&http, &path::suspend(act.id))?,
            Self::Reinstate(act) => act.done(&http, &path::reinstate(act.id))?,
            Self::Revoke(LastAct { act, yes }) => {
                let question = format!("Revoke {} for ever? No device gets a pass for it again.", act.id);
                context.output.confirm(&question, *yes)?;
                act.done(&http, &path::revoke(act.id))?
            }
            Self::End(LastAct { act, yes }) => {
                let question = format!("End {} for ever? No device gets a pass for it again.", act.id);
                context.output.confirm(&question, *yes)?;
                let ended = act.done(&http, &path::end(act.id))?;
                ask_for_erasure(context, &http, &ended)?;
                ended
            }
        };
        context.output.result(&license, || outcome(&license))
    }
}

impl Act {
    fn done(&self, http: &Http, path: &str) -> Result<api::License, Failure> {
        let call = Call::post(path);
        match &self.reason {
            Some(reason) => http.send(call.json(&Why { reason: Some(reason.clone()) })?),
            None => http.send(call),
        }
    }
}

/// What was licensed goes with the contract, where its devices report to a key that is here (C4).
fn ask_for_erasure(context: &Context, http: &Http, license: &api::License) -> Result<(), Failure> {
    let reports = license.base.offer.reporting.is_some_and(|clause| clause.keys.is_some());
    if !reports || license.passes.is_empty() {
        return Ok(());
    }
    let asker = match Asker::new(context, http) {
        Err(failure) if failure.code == "no-report-key" => return Ok(()),
        asker => asker?,
    };
    let request = match asker.request(license, None, Wanted::Erasure, Length::days(14)) {
        Err(failure) if failure.code == "no-report-key" => return Ok(()),
        request => request?,
    };
    send(http, &request)?;
    context.output.note("Its user is asked to erase the app at the next contact.");
    Ok(())
}

/// After an act: one line.
fn outcome(license: &api::License) -> String {
    format!("{} is now: {}\n", license.id, clean(&license.validity.status_in_words))
}

fn whole(license: &api::License) -> String {
    let api::License { base, validity, .. } = license;
    let width = width::of_stdout();
    let facts = [
        ("License", license.id.to_string()),
        ("App", license.app.to_string()),
        ("User", license.user.to_string()),
        ("Offer", format!("{} (serial {})", base.offer.name, base.serial)),
        ("Agreed", moment(base.agreed)),
        ("Status", format!("{} ({})", clean(&validity.status_in_words), validity.status.code())),
        ("Starts", moment(validity.starts)),
        ("Ends", ends(validity.ends)),
        ("Grace until", ends(validity.grace_until)),
        ("In use on", format!("{} of {}", held(&validity.devices), validity.devices.total)),
        ("Uses left", remaining(validity.uses.as_ref())),
        ("Time left", remaining(validity.seconds.as_ref())),
        ("At risk", license.at_risk.to_string()),
    ];
    let mut words = aligned(&facts, "", width);
    words +=
        &format!("\n{BOLD}Conditions agreed{BOLD:#}\n{}", aligned(&offer_in_words(&base.offer), "  ", width));
    if !license.passes.is_empty() {
        words += &format!("\n{BOLD}Passes{BOLD:#}\n{}", passes(license));
    }
    words
}

fn passes(license: &api::License) -> String {
    let row = |pass: &api::PassView| {
        let word = |value: serde_json::Result<serde_json::Value>| {
            value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
        };
        [
            pass.device.to_string(),
            word(serde_json::to_value(pass.status)),
            word(serde_json::to_value(pass.kind)),
            ends(pass.expires),
            pass.movement.map_or(NONE.into(), |movement| movement.to_string()),
        ]
    };
    table(["DEVICE", "STATUS", "KIND", "EXPIRES", "MOVE"], license.passes.iter().map(row))
}
