//! `carnetd migrate --to`

use carnet_core::time::counted;
use carnet_store::{Options, PostgresUrl, relocate};

use super::{Exit, Stopped, check_ledger, say};
use crate::data::{self, OpenError, database, identity};
use crate::keys;
use crate::keys::at_rest::AtRest;
use crate::server::Surroundings;

/// Copies everything into an empty PostgreSQL database, where the server goes on.
pub fn run(around: &Surroundings, to: &PostgresUrl) -> Result<Exit, Stopped> {
    if let Some(from) = &around.database {
        return Err(Stopped {
            exit: Exit::Usage,
            message: format!(
                "the data is in {from} already: leave out --database-url to copy from the file in {}",
                around.data.display()
            ),
        });
    }
    data::require(around)?;
    let file = database(&around.data);
    // What is found wrong now would be copied, and be harder to mend there.
    if check_ledger::report(&file)? == Exit::Findings {
        let message = "the ledger in the file is wrong: nothing was copied; restore a backup first";
        return Err(Stopped { exit: Exit::Findings, message: message.into() });
    }
    let options = Options::new(around.clock.clone(), around.random.clone());
    let done = relocate(&file, to, &options).map_err(OpenError::from)?;
    let rows: u64 = done.tables.iter().map(|(_, rows)| rows).sum();
    let how = if done.already { "are there already, and the same" } else { "copied and compared" };
    say(format_args!("{} of {} {how}\n", counted(rows, "row"), counted(done.tables.len() as u64, "table")))?;
    let checked = check_ledger::report(to.clone())?;
    keys_open(around, to)?;
    say(format_args!(
        "\nEverything is in {to} now, and the file in {0} is not used any more.\nNext: start the server with \
         CARNETD_DATABASE_URL. It needs {0} as before: secret.key in it opens the keys.\n",
        around.data.display()
    ))?;
    Ok(checked)
}

/// The secret stays in the data folder; it must open what was copied.
fn keys_open(around: &Surroundings, to: &PostgresUrl) -> Result<(), OpenError> {
    let contents = carnet_store::backup::glance(to.clone())?;
    let at_rest = AtRest::open(around.fs.as_ref(), &around.data)?;
    keys::check(&contents.keys, &at_rest)?;
    identity(&contents.keys).map(drop)
}
