//! `carnetd check-ledger`

use std::path::Path;

use carnet_core::time::counted;

use super::{Exit, Stopped, say, waiting};
use crate::data::{OpenError, database};
use crate::server::Surroundings;

/// Derives every invariant again from the database, beside a running server too.
pub fn run(around: &Surroundings) -> Result<Exit, Stopped> {
    let path = database(&around.data);
    if around.fs.facts(&path).map_err(OpenError::from)?.is_none() {
        return Err(OpenError::Empty(around.data.clone()).into());
    }
    report(&path)
}

/// What is found in this database, printed.
pub fn report(path: &Path) -> Result<Exit, Stopped> {
    let report = waiting::during("checking the ledger", || carnet_store::check_ledger(path));
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
