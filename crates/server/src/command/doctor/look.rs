//! What the doctor looks at, one function for each.

use carnet_core::time::{Seconds, Time, counted};
use carnet_seam::fs::Facts;
use carnet_store::backup::{self, Contents};

use super::{Finding, Level};
use crate::command::now;
use crate::config::TlsFiles;
use crate::data;
use crate::key_service::{Apart, Half, KeyService, Place};
use crate::keys::at_rest::{AtRest, secret_path};
use crate::keys::{self, KEY_SET_LASTS};
use crate::rounds::KEY_SET_SOON;
use crate::server::Surroundings;
use crate::tls;

const DAY: u64 = 86_400;
/// Certificates last 90 days or less and are renewed a month before.
const TLS_SOON: Seconds = Seconds(21 * DAY);
/// Below this a busy server has an hour or two.
const LITTLE: u64 = 1 << 30;
/// Below this the next checkpoint may fail.
const NOTHING: u64 = 100 << 20;

const fn finding(what: &'static str, level: Level, said: String) -> Finding {
    Finding { what, level, said }
}

fn wrong(what: &'static str, said: impl std::fmt::Display) -> Finding {
    finding(what, Level::Wrong, said.to_string())
}

/// Who can look into the data folder, and on which kind of disk it lies.
pub fn folder(around: &Surroundings) -> Vec<Finding> {
    let what = "data folder";
    let facts = match around.fs.facts(&around.data) {
        Ok(Some(facts)) => facts,
        Ok(None) => return vec![wrong(what, data::OpenError::Empty(around.data.clone()))],
        Err(error) => return vec![wrong(what, error)],
    };
    let mut found = Vec::new();
    if facts.mode & 0o077 != 0 {
        found.push(wrong(what, data::OpenError::Exposed(around.data.clone())));
    }
    found.extend(exposed(around));
    if let Ok(Some(kind)) = around.fs.network_file_system(&around.data) {
        let path = around.data.clone();
        found.push(wrong(what, data::OpenError::Network { path, kind }));
    }
    if facts.owner != around.fs.user() {
        let said = format!("it belongs to user {}, and this is user {}", facts.owner, around.fs.user());
        found.push(finding(what, Level::Note, said));
    }
    if found.is_empty() {
        found.push(finding(what, Level::Good, "for its owner only".into()));
    }
    found
}

fn exposed(around: &Surroundings) -> Vec<Finding> {
    let names = around.fs.list(&around.data).unwrap_or_default();
    let open = |facts: Facts| !facts.folder && facts.mode & 0o077 != 0;
    let paths = names.iter().map(|name| around.data.join(name));
    paths
        .filter(|path| around.fs.facts(path).ok().flatten().is_some_and(open))
        .map(|path| {
            wrong(
                "data folder",
                format_args!("{0} can be read by others: run `chmod 600 {0}`", path.display()),
            )
        })
        .collect()
}

/// Room for the database, its log and a backup.
pub fn disk(around: &Surroundings) -> Option<Finding> {
    let what = "disk";
    let room = match rustix::fs::statvfs(&around.data) {
        Ok(room) => room.f_bavail.saturating_mul(room.f_frsize),
        // That the folder is not there has been said.
        Err(_) => return None,
    };
    let size = around.fs.facts(&data::database(&around.data)).ok().flatten().map_or(0, |facts| facts.length);
    let mib = room >> 20;
    Some(match room {
        ..NOTHING => wrong(what, format_args!("{mib} MiB free: make room now, or the server stops writing")),
        NOTHING..LITTLE => finding(what, Level::Soon, format!("{mib} MiB free: make room")),
        _ if room < size.saturating_mul(2) => {
            finding(what, Level::Soon, format!("{mib} MiB free: a backup on this disk may not fit"))
        }
        _ => finding(what, Level::Good, format!("{mib} MiB free")),
    })
}

/// Whether the database is whole, and what of it needs care.
pub fn database(around: &Surroundings) -> Vec<Finding> {
    if let Err(error) = data::require(around) {
        return vec![wrong("database", error)];
    }
    match backup::inspect(around.database()) {
        Ok(contents) => {
            let whole = format!("whole, schema {}", contents.schema);
            let mut found = vec![finding("database", Level::Good, whole)];
            found.extend(server_keys(around, &contents));
            found.extend(key_set(around, &contents));
            found
        }
        Err(error) => vec![wrong("database", error)],
    }
}

fn server_keys(around: &Surroundings, contents: &Contents) -> Vec<Finding> {
    let what = "keys";
    let opened = AtRest::open(around.fs.as_ref(), &around.data)
        .and_then(|at_rest| keys::check(&contents.keys, &at_rest))
        .and_then(|()| keys::root_of(&contents.keys));
    match opened {
        Ok(_) => vec![
            finding(what, Level::Good, format!("{} opened", counted(contents.keys.len() as u64, "key"))),
            finding(what, Level::Note, root(around, contents)),
        ],
        Err(error) => vec![wrong(what, error)],
    }
}

fn root(around: &Surroundings, contents: &Contents) -> String {
    let secret = secret_path(&around.data);
    let secret = secret.display();
    if keys::has_root(&contents.keys) {
        format!(
            "the ROOT KEY lies beside the data: whoever takes over this machine can be this server for ever. Once all \
             suppliers are there, move it to a medium with `carnetd keys root move-offline --to FILE`. Keep {secret} \
             safe and a copy of it elsewhere"
        )
    } else {
        format!("the root key is offline, as it should be. Keep {secret} safe and a copy of it elsewhere")
    }
}

/// The version of a key set is the time when it was made, or a bit more.
fn key_set(around: &Surroundings, contents: &Contents) -> Option<Finding> {
    let made = Time(i64::try_from(contents.key_set?).ok()?);
    let now = now(around);
    let ends = made.plus(KEY_SET_LASTS);
    let days = ends.since(now).0 / DAY;
    let again = match keys::has_root(&contents.keys) {
        true => "start the server again",
        false => "run `carnetd keys publish --root FILE`",
    };
    // Versions were counted from 1 once; the next start makes it a time.
    if made.0 < 1_000_000_000_000_000 {
        return None;
    }
    Some(match () {
        () if now.plus(Seconds(600)) < made => wrong(
            "clock",
            format_args!("this machine says {now}, but its keys were published at {made}: set the clock"),
        ),
        () if ends <= now => wrong("key set", format_args!("it ended at {ends}: {again}")),
        () if ends.since(now).0 < KEY_SET_SOON.0 => {
            finding("key set", Level::Soon, format!("it ends in {days} days: {again} before"))
        }
        () => finding("key set", Level::Good, format!("good for {days} days")),
    })
}

/// Every invariant, derived again.
pub fn ledger(around: &Surroundings) -> Finding {
    match carnet_store::check_ledger(around.database()) {
        Ok(report) if report.is_clean() => {
            let said = format!("{}: all good", counted(report.counts.licenses, "license"));
            finding("ledger", Level::Good, said)
        }
        Ok(report) => {
            let wrongs = counted(report.wrong, "finding");
            wrong(
                "ledger",
                format_args!("{wrongs}: run `carnetd check-ledger`, and think of the last backup"),
            )
        }
        Err(error) => wrong("ledger", error),
    }
}

/// The certificate that the server would use.
pub fn certificate(around: &Surroundings, files: &TlsFiles) -> Option<Finding> {
    let files = match files.files() {
        Ok(files) => files?,
        Err(half) => return Some(wrong("certificate", half)),
    };
    let now = now(around);
    Some(match tls::load(&files, around.fs.as_ref(), now) {
        Err(error) => wrong("certificate", error),
        Ok(loaded) => {
            let left = loaded.expires.since(now);
            let level = if left.0 < TLS_SOON.0 { Level::Soon } else { Level::Good };
            finding("certificate", level, format!("good for {} days", left.0 / DAY))
        }
    })
}

/// Whether a key service of its own answers, and how long the two sides accept each other.
pub fn key_service(around: &Surroundings) -> Vec<Finding> {
    let what = "key service";
    let Some(place) = &around.key_service else { return Vec::new() };
    let mut found = Vec::new();
    if let Place::Machine { pair, .. } = place {
        match Half::load(around.fs.as_ref(), pair) {
            Ok(half) => found.extend(pair_ends(around, &half)),
            Err(error) => return vec![wrong(what, error)],
        }
    }
    let asked = Apart::at(place, around.fs.as_ref()).map(KeyService::Apart).map(|service| service.public());
    found.push(match asked {
        Ok(Ok(_)) => finding(what, Level::Good, format!("answers at {place}")),
        Ok(Err(error)) => {
            wrong(what, format!("{error}: start `carnetd keys serve` at {place}; what is installed runs on"))
        }
        Err(error) => wrong(what, error),
    });
    found
}

fn pair_ends(around: &Surroundings, half: &Half) -> Option<Finding> {
    let now = now(around);
    let soon = || {
        format!(
            "the pair of certificates ends at {}: make a new one with `carnetd keys pair`",
            half.expires()
        )
    };
    match half.still_good(now) {
        Err(error) => Some(wrong("key service", error)),
        Ok(()) => (half.expires() < now.plus(TLS_SOON)).then(|| finding("key service", Level::Soon, soon())),
    }
}
