//! `carnet supplier device`: passbooks that went backwards, devices that cannot be freed by their users alone.

use carnet_api::held::{DeviceDone, FlaggedDevice, Review};
use carnet_api::path;
use carnet_core::app::{AppId, SupplierName};
use carnet_core::id::DeviceId;
use carnet_core::term::moment;
use clap::Subcommand;

use super::credentials;
use crate::context::Context;
use crate::failure::Failure;
use crate::http::Call;
use crate::table::table;

/// Look after devices that hold licenses.
#[derive(Debug, Subcommand)]
pub enum Device {
    /// List passbooks that went backwards more than once and wait for a look at them
    Flagged,
    /// Let such a passbook go on: what it had out is gone
    Review {
        /// The device's id
        device: DeviceId,
        /// Its passbook for which app
        app: AppId,
    },
    /// Free what a device holds of your licenses, for a user who has lost too many
    Free {
        /// The device's id
        device: DeviceId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

impl Device {
    /// Runs the command.
    ///
    /// # Errors
    /// `not-found` when there is nothing to do; why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        let http = credentials::http(context, name)?;
        match self {
            Self::Flagged => {
                let found: Vec<FlaggedDevice> = http.send(Call::get(path::FLAGGED))?;
                context.output.result(&found, || list(&found))
            }
            Self::Review { device, app } => {
                let at = format!("/v1/devices/{device}/review");
                let done: DeviceDone = http.send(Call::post(&at).json(&Review { app: app.clone() })?)?;
                let words = || format!("{device} may go on with {app} at its next contact.\n");
                context.output.result(&done, words)
            }
            Self::Free { device, yes } => {
                let question = format!("Free what {device} holds of your licenses? What it had out is gone.");
                context.output.confirm(&question, *yes)?;
                let done: DeviceDone = http.send(Call::post(&format!("/v1/devices/{device}/free")))?;
                context.output.result(&done, || format!("{device} holds nothing of yours any more.\n"))
            }
        }
    }
}

fn list(flagged: &[FlaggedDevice]) -> String {
    if flagged.is_empty() {
        return "No passbook waits for a look at it.\n".into();
    }
    let row = |one: &FlaggedDevice| [one.device.to_string(), one.app.to_string(), moment(one.since)];
    table(["DEVICE", "APP", "SINCE"], flagged.iter().map(row))
}
