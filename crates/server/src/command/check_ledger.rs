//! `carnetd check-ledger`

use carnet_core::time::counted;
use carnet_store::Database;

use super::{Exit, Stopped, say, waiting};
use crate::data::{self, OpenError};
use crate::server::Surroundings;

/// Derives every invariant again from the database, beside a running server too.
pub fn run(around: &Surroundings) -> Result<Exit, Stopped> {
    data::require(around)?;
    report(around.database())
}

/// What is found in this database, printed.
pub fn report(database: impl Into<Database>) -> Result<Exit, Stopped> {
    let database = database.into();
    let report = waiting::during("checking the ledger", || carnet_store::check_ledger(database));
    let report = report.map_err(OpenError::from)?;
    for finding in &report.findings {
        say(format_args!("{finding}\n"))?;
    }
    let counts = report.counts;
    say(format_args!(
        "{} licenses, {} journals, {} moves, {} devices, {} events: {}\n",
        counts.licenses,
        counts.journals,
        counts.moves,
        counts.devices,
        counts.events,
        if report.wrong == 0 { "all good".to_owned() } else { counted(report.wrong, "finding") },
    ))?;
    Ok(if report.wrong == 0 { Exit::Ok } else { Exit::Findings })
}
