//! `carnet supplier charges` and `carnet supplier charge`: what is due, and what has become of it.

use carnet_api::path;
use carnet_api::redeem::{ChargeNote, ChargeView};
use carnet_core::app::SupplierName;
use carnet_core::id::ChargeId;
use carnet_core::term::moment;
use clap::{Args, Subcommand};

use super::credentials;
use crate::context::Context;
use crate::failure::Failure;
use crate::http::Call;
use crate::table::table;
use crate::text::clean;

/// List charges.
#[derive(Debug, Args)]
pub struct Charges {
    /// Only with this status
    #[arg(long, value_parser = ["pending", "settled", "failed", "refunded"])]
    status: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Say what has become of a charge.
#[derive(Debug, Subcommand)]
pub enum Charge {
    /// It was paid
    Settle(Act),
    /// It could not be made: nothing is issued until it is paid
    Fail(Act),
    /// It was paid back; the license itself goes on
    Refund(Act),
}

/// What is said of a charge.
#[derive(Debug, Args)]
pub struct Act {
    /// The charge's id
    #[arg(value_name = "CHARGE")]
    id: ChargeId,
    /// A reference or your own words, kept with the event; no personal data
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

impl Charges {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        let filtered = |call: Call<'static>| call.query("status", self.status.as_ref());
        super::list::show(context, &http, Some(self.limit), (path::CHARGES, filtered), list)
    }
}

impl Charge {
    /// Runs the command.
    ///
    /// # Errors
    /// `not-applicable` when the charge is in another state; why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let (act, verb) = match self {
            Self::Settle(act) => (act, "settle"),
            Self::Fail(act) => (act, "fail"),
            Self::Refund(act) => (act, "refund"),
        };
        let http = credentials::http(context, name)?;
        let at = format!("{}/{}/{verb}", path::CHARGES, act.id);
        let charge: ChargeView = http.send(Call::post(&at).json(&ChargeNote { note: act.note.clone() })?)?;
        context.output.result(&charge, || {
            let mut words = format!("{} is now: {}\n", charge.charge, clean(&charge.status));
            if matches!(self, Self::Refund(_)) {
                words += &format!(
                    "The license goes on; where it shall not: `carnet supplier license revoke {}`\n",
                    charge.license
                );
            }
            words
        })
    }
}

fn list(charges: &[ChargeView]) -> String {
    if charges.is_empty() {
        return "There is no such charge.\n".into();
    }
    let row = |charge: &ChargeView| {
        [
            clean(&charge.charge),
            charge.license.to_string(),
            clean(&charge.amount),
            clean(&charge.due_for),
            clean(&charge.status),
            moment(charge.due),
            moment(charge.changed),
        ]
    };
    table(["CHARGE", "LICENSE", "AMOUNT", "FOR", "STATUS", "DUE", "CHANGED"], charges.iter().map(row))
}
