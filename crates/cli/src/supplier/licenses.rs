//! `carnet supplier licenses` and `carnet supplier license`.

use carnet_api::license::{self as api, LineView};
use carnet_api::page::Page;
use carnet_api::path;
use carnet_core::app::{AppId, SupplierName};
use carnet_core::id::LicenseId;
use carnet_core::term::moment;
use carnet_core::time::Time;
use clap::{Args, Subcommand};

use super::credentials;
use super::list::pages;
use crate::context::Context;
use crate::failure::Failure;
use crate::http::Call;
use crate::offer_words::{aligned, offer_in_words};
use crate::output::BOLD;
use crate::table::table;
use crate::text::clean;
use crate::width;

/// Shown where a license has no such thing (A7).
const NONE: &str = "–";

/// Every license status; a test holds them against the domain.
const STATUSES: [&str; 9] = [
    "active",
    "payment-pending",
    "charge-failed",
    "suspended",
    "exhausted",
    "expired",
    "declined",
    "ended",
    "revoked",
];

/// List licenses.
#[derive(Debug, Args)]
pub struct Licenses {
    /// Only for this app
    #[arg(long)]
    app: Option<AppId>,
    /// Only with this status
    #[arg(long, value_parser = STATUSES)]
    status: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Look at one license, suspend, reinstate or revoke it.
#[derive(Debug, Subcommand)]
pub enum License {
    /// Everything about one license
    Show {
        /// Its id
        id: LicenseId,
    },
    /// Issue no new pass until it is reinstated
    Suspend {
        /// Its id
        id: LicenseId,
    },
    /// Make a suspended license good again
    Reinstate {
        /// Its id
        id: LicenseId,
    },
    /// Issue no pass ever again
    Revoke {
        /// Its id
        id: LicenseId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

impl Licenses {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let of_app = self.app.as_ref().map(AppId::supplier);
        let http = credentials::http(context, name.or(of_app.as_ref()))?;
        let found: Page<api::License> = pages(self.limit as usize, |limit, cursor| {
            let call = Call::get(path::LICENSES).query("limit", Some(limit)).query("cursor", cursor);
            http.send(call.query("app", self.app.as_ref()).query("status", self.status.as_ref()))
        })?;
        context.output.result(&found, || list(&found.data))?;
        if found.next_cursor.is_some() && !context.output.is_json() {
            context.output.note("There are more: raise --limit.");
        }
        Ok(())
    }
}

impl License {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        let answered = |call| http.send::<api::License>(call);
        let license = match self {
            Self::Show { id } => answered(Call::get(&path::license(*id)))?,
            Self::Suspend { id } => answered(Call::post(&path::suspend(*id)))?,
            Self::Reinstate { id } => answered(Call::post(&path::reinstate(*id)))?,
            Self::Revoke { id, yes } => {
                let question = format!("Revoke {id} for ever? No device gets a pass for it again.");
                context.output.confirm(&question, *yes)?;
                answered(Call::post(&path::revoke(*id)))?
            }
        };
        let is_shown = matches!(self, Self::Show { .. });
        context.output.result(&license, || if is_shown { whole(&license) } else { outcome(&license) })
    }
}

fn list(licenses: &[api::License]) -> String {
    if licenses.is_empty() {
        return "There is no such license.\n".into();
    }
    let row = |license: &api::License| {
        let validity = &license.validity;
        [
            license.id.to_string(),
            license.app.to_string(),
            license.base.offer.name.to_string(),
            clean(&validity.status_in_words),
            remaining(validity.uses.as_ref()),
            remaining(validity.seconds.as_ref()),
            format!("{} of {}", held(&validity.devices), validity.devices.total),
            ends(validity.ends),
        ]
    };
    let head = ["LICENSE", "APP", "OFFER", "STATUS", "USES LEFT", "TIME LEFT", "DEVICES", "ENDS"];
    table(head, licenses.iter().map(row))
}

fn remaining(line: Option<&LineView>) -> String {
    line.map_or(NONE.into(), |line| clean(&line.remaining_in_words))
}

fn held(line: &LineView) -> u64 {
    line.held.saturating_add(line.moving)
}

fn ends(end: Option<Time>) -> String {
    end.map_or(NONE.into(), moment)
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

#[cfg(test)]
mod tests {
    use carnet_core::license::Status;

    use super::*;

    #[test]
    fn every_status_of_the_domain_can_be_asked_for() {
        for code in STATUSES {
            let status: Status = serde_json::from_value(code.into()).unwrap();
            assert_eq!(status.code(), code);
        }
    }
}
