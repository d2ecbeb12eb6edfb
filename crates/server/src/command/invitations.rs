//! `carnetd invitations list` and `carnetd invitations withdraw`

use carnet_core::time::Time;
use carnet_store::code::{self, OneTimeCode};
use serde::Serialize;

use super::{Exit, Stopped, now, say};
use crate::data::{OpenError, read_root_hash};
use crate::invitation::{self, PURPOSE, name_of};
use crate::server::Surroundings;

#[derive(Serialize)]
struct Told {
    name: String,
    made: Time,
    expires: Time,
}

/// Prints what is still good. The codes themselves are known to those who have them only.
pub fn list(around: &Surroundings, json: bool) -> Result<Exit, Stopped> {
    let open = open(around)?;
    let told: Vec<Told> = open.iter().map(told).collect();
    if json {
        let text = serde_json::to_string_pretty(&told).map_err(Stopped::because)?;
        return say(format_args!("{text}\n"));
    }
    if told.is_empty() {
        return say(format_args!("no invitation is open\n"));
    }
    for Told { name, made, expires } in &told {
        say(format_args!("{name}  made {made}  good until {expires}\n"))?;
    }
    Ok(Exit::Ok)
}

/// Withdraws the one of this name, or all; beside a running server too.
pub fn withdraw(around: &Surroundings, name: Option<&str>) -> Result<Exit, Stopped> {
    let open = open(around)?;
    let chosen: Vec<&OneTimeCode> = match name {
        None => open.iter().collect(),
        Some(name) => vec![named(&open, name)?],
    };
    for code in &chosen {
        invitation::withdraw(around.fs.as_ref(), &around.data, &code.hash).map_err(Stopped::because)?;
        say(format_args!("{} is withdrawn\n", name_of(&code.hash)))?;
    }
    if chosen.is_empty() { say(format_args!("no invitation is open\n")) } else { Ok(Exit::Ok) }
}

fn named<'a>(open: &'a [OneTimeCode], name: &str) -> Result<&'a OneTimeCode, Stopped> {
    open.iter().find(|code| name_of(&code.hash) == name).ok_or_else(|| {
        Stopped::because(format_args!(
            "no open invitation is named {name}: `carnetd invitations list` names them; one that was used is a supplier now"
        ))
    })
}

fn told(code: &OneTimeCode) -> Told {
    Told { name: name_of(&code.hash), made: code.created, expires: code.expires }
}

/// Those that the server has taken in, and those that it has not, in the order in which they were made.
fn open(around: &Surroundings) -> Result<Vec<OneTimeCode>, Stopped> {
    let (fs, data, now) = (around.fs.as_ref(), &around.data, now(around));
    read_root_hash(fs, data)?;
    let mut open = invitation::left(fs, data).map_err(Stopped::because)?;
    open.retain(|code| now < code.expires);
    let withdrawn = invitation::withdrawn(fs, data).map_err(Stopped::because)?;
    open.extend(code::open_codes_beside(around.database(), PURPOSE, now).map_err(OpenError::from)?);
    open.retain(|code| !withdrawn.contains(&code.hash));
    open.sort_by_key(|code| (code.created, code.hash));
    open.dedup();
    Ok(open)
}
