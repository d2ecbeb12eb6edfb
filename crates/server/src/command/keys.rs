//! `carnetd keys`

use std::path::Path;

use carnet_core::time::{Seconds, Time, counted};
use carnet_store::backup::{self, Contents};
use carnet_store::key::{KeyState, ServerKey};
use serde::Serialize;

use super::{Exit, Stopped, now, say};
use crate::config::{Keys, Root, RootFile};
use crate::data::{self, OpenError};
use crate::keys::at_rest::AtRest;
use crate::keys::change::{Change, Changed, Whose, carry_out};
use crate::keys::{KeyFault, has_root, orders, root};
use crate::server::Surroundings;

/// Shows or changes the keys.
pub fn run(around: &Surroundings, what: &Keys) -> Result<Exit, Stopped> {
    // The key service has a data folder of its own, without a database; a pair belongs to none.
    if !matches!(what, Keys::Serve { .. } | Keys::Pair { .. }) {
        data::require(around)?;
    }
    match what {
        Keys::List { json } => list(around, *json),
        Keys::Rotate { supplier, server, root } => {
            let whose = match (supplier, server) {
                (Some(name), _) => Whose::Supplier(name.clone()),
                (None, true) => Whose::Server,
                (None, false) => Whose::All,
            };
            change(around, &Change::Rotate(whose), root)
        }
        Keys::Revoke { key, root } => change(around, &Change::Revoke(key.clone()), root),
        Keys::Publish { root } => change(around, &Change::Publish, root),
        Keys::Root(Root::MoveOffline { to }) => move_offline(around, to),
        Keys::Root(Root::BringBack { from }) => bring_back(around, from),
        Keys::Serve { place, root } => super::keys_serve::run(around, place, *root),
        Keys::Pair { to, lasts } => super::keys_pair::run(around, to, Seconds(lasts * 86_400)),
    }
}

/// A key as `--json` shows it.
#[derive(Serialize)]
struct Shown {
    key: String,
    purpose: String,
    supplier: Option<String>,
    state: &'static str,
    made: Time,
    /// Whether the secret half is in the database.
    here: bool,
}

fn list(around: &Surroundings, json: bool) -> Result<Exit, Stopped> {
    let contents = backup::glance(around.database()).map_err(OpenError::from)?;
    let keys: Vec<Shown> = contents.keys.iter().map(|row| shown(row, &contents)).collect();
    if json {
        let text = serde_json::to_string_pretty(&keys).map_err(Stopped::because)?;
        return say(format_args!("{text}\n"));
    }
    for Shown { key, purpose, supplier, state, made, here } in keys {
        let whose = supplier.unwrap_or(purpose);
        let away = if here || state == "revoked" { "" } else { "  offline" };
        say(format_args!("{key}  {state:<8} {made}  {whose}{away}\n"))?;
    }
    Ok(Exit::Ok)
}

fn shown(row: &ServerKey, contents: &Contents) -> Shown {
    let supplier = contents.suppliers.iter().find(|supplier| Some(supplier.id) == row.supplier);
    Shown {
        key: data_encoding::HEXLOWER.encode(&row.id),
        purpose: row.purpose.clone(),
        supplier: supplier.map(|supplier| supplier.name.to_string()),
        state: match row.state {
            KeyState::Active => "active",
            KeyState::Retired => "retired",
            KeyState::Revoked => "revoked",
        },
        made: row.created,
        here: !row.sealed.is_empty(),
    }
}

/// Changes the keys, or leaves word for the server that has them.
fn change(around: &Surroundings, change: &Change, file: &RootFile) -> Result<Exit, Stopped> {
    let fs = around.fs.as_ref();
    let brought =
        file.root.as_deref().map(|path| root::read(fs, path)).transpose().map_err(OpenError::from)?;
    let store = match data::open_store(around).map_err(OpenError::from) {
        Ok(store) => store,
        Err(error) if error.is_in_use() => return leave(around, change, brought.is_some()),
        Err(error) => return Err(error.into()),
    };
    let at_rest = AtRest::open(fs, &around.data).map_err(OpenError::from)?;
    let done = carry_out(&store, &at_rest, brought.as_ref(), change, around.random.as_ref(), now(around));
    store.close();
    say(format_args!("{}", in_words(done.map_err(OpenError::from)?)))
}

/// Whatever would be refused is refused here: nobody looks into a log for it.
fn leave(around: &Surroundings, change: &Change, brought: bool) -> Result<Exit, Stopped> {
    let contents = backup::glance(around.database()).map_err(OpenError::from)?;
    if brought || !has_root(&contents.keys) {
        let message = "the root key never comes to a running server: stop it, run this with --root FILE, and start it again";
        return Err(Stopped { exit: Exit::InUse, message: message.into() });
    }
    known(change, &contents).map_err(OpenError::from)?;
    orders::leave(around.fs.as_ref(), &around.data, change, now(around)).map_err(OpenError::from)?;
    say(format_args!(
        "Left for the running server. It is done when the server is told: `systemctl reload carnetd`, or send it \
         SIGHUP; the log says so, and `carnetd keys list` shows it.\n"
    ))
}

fn known(change: &Change, contents: &Contents) -> Result<(), KeyFault> {
    match change {
        Change::Rotate(Whose::Supplier(name))
            if contents.suppliers.iter().all(|known| known.name != *name) =>
        {
            Err(KeyFault::Unknown(format!("there is no supplier `{name}`")))
        }
        Change::Revoke(key) if contents.keys.iter().all(|row| !is(row, key)) => Err(KeyFault::Unknown(
            format!("there is no key `{key}`; one that was lost is revoked while the server is stopped"),
        )),
        Change::Revoke(key) if contents.keys.iter().any(|row| is(row, key) && row.purpose == "root") => {
            Err(KeyFault::Unknown(format!("{key} is the root, which only a new server replaces")))
        }
        _ => Ok(()),
    }
}

fn is(row: &ServerKey, key: &str) -> bool {
    data_encoding::HEXLOWER.encode(&row.id) == key.trim().to_ascii_lowercase()
}

fn in_words(changed: Changed) -> String {
    let Changed { made, retired, revoked } = changed;
    let mut text = format!(
        "{} made, {retired} retired, {revoked} revoked. The key set is new, and good for 400 days.\n",
        counted(made as u64, "key")
    );
    if made > 0 {
        text.push_str("Back up now: a backup from before does not have the new keys.\n");
    }
    text
}

fn move_offline(around: &Surroundings, to: &Path) -> Result<Exit, Stopped> {
    let fs = around.fs.as_ref();
    let store = data::open_store(around).map_err(OpenError::from)?;
    let at_rest = AtRest::open(fs, &around.data).map_err(OpenError::from)?;
    let done = root::move_offline(&store, fs, &at_rest, to, now(around));
    store.close();
    done.map_err(OpenError::from)?;
    say(format_args!(
        "The root key is in {0}, and no longer in the database. Copy it to two media, keep them where nobody has \
         access alone, and delete {0}.\n\
         Older backups still hold it, encrypted: delete them, or keep them like the root key itself.\n\
         It is needed for `carnetd keys rotate`, `revoke` and `publish`, and for a new supplier. The key set is good for \
         400 days; from 60 days before its end `carnetd doctor` says so.\n",
        to.display()
    ))
}

fn bring_back(around: &Surroundings, from: &Path) -> Result<Exit, Stopped> {
    let fs = around.fs.as_ref();
    let brought = root::read(fs, from).map_err(OpenError::from)?;
    let store = data::open_store(around).map_err(OpenError::from)?;
    let at_rest = AtRest::open(fs, &around.data).map_err(OpenError::from)?;
    let done = root::bring_back(&store, &at_rest, &brought, around.random.as_ref());
    store.close();
    done.map_err(OpenError::from)?;
    say(format_args!(
        "The root key is back beside the data. Take it away again with `carnetd keys root move-offline`.\n"
    ))
}
