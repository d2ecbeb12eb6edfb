//! `carnetd user find` and `carnetd user erase`

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use carnet_core::charge::ChargeStatus;
use carnet_core::id::UserId;
use carnet_core::time::counted;
use carnet_store::Database;
use carnet_store::erase::{self, Erasure, Kept};

use super::{Exit, Stopped, say, waiting};
use crate::data::{self, OpenError};
use crate::server::Surroundings;

/// Readers of a running server are done in far less than all of these together.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// Prints who has this e-mail address.
pub fn find(around: &Surroundings, email: &str) -> Result<Exit, Stopped> {
    let found = erase::find(existing(around)?, email).map_err(OpenError::from)?;
    for found in &found {
        say(format_args!("{}  {} <{}>\n", found.user, found.name, found.email))?;
    }
    if found.is_empty() {
        return Err(Stopped::because(
            "no user has this e-mail address: ask for the id, `carnet status` shows it",
        ));
    }
    Ok(Exit::Ok)
}

/// Erases every personal value of a user (I19), beside a running server too.
pub fn erase(around: &Surroundings, user: UserId, yes: bool, despite_charges: bool) -> Result<Exit, Stopped> {
    let erasure = Erasure::open(existing(around)?).map_err(OpenError::from)?;
    let kept = erasure.kept(user).map_err(OpenError::from)?;
    let kept = kept.ok_or_else(|| {
        Stopped::because(format_args!("there is no user {user}: `carnetd user find EMAIL` finds one"))
    })?;
    refuse_open_charges(&kept, despite_charges)?;
    confirm(&question(&kept), yes)?;
    let erased = waiting::during("erasing", || erasure.erase(user).and_then(|()| erasure.rewrite()));
    erased.map_err(OpenError::from)?;
    empty_log(around, &erasure)?;
    tracing::info!(%user, "personal values erased");
    say(format_args!("{}", what_remains(around, &kept, erasure.is_alone() || around.database.is_some())))
}

fn existing(around: &Surroundings) -> Result<Database, OpenError> {
    data::require(around)?;
    Ok(around.database())
}

/// Whoever still has to be paid may need to know by whom.
fn refuse_open_charges(kept: &Kept, despite_charges: bool) -> Result<(), Stopped> {
    let open = |status| matches!(status, ChargeStatus::Pending | ChargeStatus::Failed);
    let count = kept.charges.iter().filter(|charge| open(charge.status)).count() as u64;
    if count == 0 || despite_charges {
        return Ok(());
    }
    Err(Stopped::because(format_args!(
        "{} of {} not settled: let the supplier settle or refund what is due (`carnet supplier charges`), or erase \
         all the same with --despite-charges",
        counted(count, "charge"),
        kept.view.account.user
    )))
}

fn question(kept: &Kept) -> String {
    let what = match &kept.view.account.person {
        Some(_) => "name, e-mail address and whatever else is known of the person, and the names of",
        None => "what may be left of a person that is no longer known, and the names of",
    };
    let devices = counted(kept.view.devices.len() as u64, "device");
    format!("Erase {what} {devices} of {}? It cannot be taken back.", kept.view.account.user)
}

fn confirm(question: &str, yes: bool) -> Result<(), Stopped> {
    if yes {
        return Ok(());
    }
    let (input, mut told) = (std::io::stdin(), std::io::stderr());
    if !(input.is_terminal() && told.is_terminal()) {
        let message = format!("{question} Nobody can be asked here: answer with --yes");
        return Err(Stopped { exit: Exit::Usage, message });
    }
    let mut answer = String::new();
    write!(told, "{question} [y/N] ").and_then(|()| told.flush()).map_err(Stopped::because)?;
    input.lock().read_line(&mut answer).map_err(Stopped::because)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Stopped::because("nothing was changed")),
    }
}

/// The log holds pages as they were before.
fn empty_log(around: &Surroundings, erasure: &Erasure) -> Result<(), Stopped> {
    for _ in 0..TRIES {
        if erasure.empty_log().map_err(OpenError::from)? {
            return Ok(());
        }
        around.clock.sleep(BETWEEN_TRIES);
    }
    Err(Stopped::because(
        "the values are erased, but the write-ahead log still holds them, because somebody reads the database all the \
         time: run the same command again, or stop the server first",
    ))
}

fn what_remains(around: &Surroundings, kept: &Kept, alone: bool) -> String {
    let view = &kept.view;
    let counted = |count: usize, what| counted(count as u64, what);
    let mut text = format!(
        "Erased. What stays, under the id {} and without a person: {} with what was agreed and what happened, {}, {}. \
         Licenses go on as they were.\n",
        view.account.user,
        counted(view.licenses.len(), "license"),
        counted(view.devices.len(), "device"),
        counted(kept.charges.len(), "charge"),
    );
    if !alone {
        text.push_str(
            "A server is running: rows and log are clean, but pages that were given back earlier are written anew only \
             while it is stopped. Run the same command once more then.\n",
        );
    }
    text.push_str("Backups made before still hold the values, and a restore brings them back.\n");
    for name in around.fs.list(&around.data).unwrap_or_default() {
        if name.starts_with("carnet.db.before-") {
            text.push_str(&format!("So does {}: remove it.\n", around.data.join(name).display()));
        }
    }
    text
}
