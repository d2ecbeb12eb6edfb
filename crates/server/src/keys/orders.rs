//! Changes for a running server, which has the database alone: left as files, carried out when it is told to reload.

use std::path::{Path, PathBuf};

use carnet_core::time::Time;
use carnet_seam::fs::{create_folders, discard, read_file, replace_file};
use carnet_seam::{Fs, FsError};

use super::change::{Change, carry_out};
use crate::server::Server;

const FOLDER: &str = "key-orders";

/// Leaves a change for the running server.
///
/// # Errors
/// What the system reports.
pub fn leave(fs: &dyn Fs, data: &Path, change: &Change, now: Time) -> Result<(), FsError> {
    let folder = data.join(FOLDER);
    create_folders(fs, &folder)?;
    let text = serde_json::to_vec(change).unwrap_or_default();
    replace_file(fs, &folder.join(format!("{:020}.json", now.0)), &text)
}

/// Carries out what was left, oldest first, and uses the keys as they are then. An order that cannot be carried out is
/// said in the log and removed: it would fail again.
pub fn reload(server: &Server) {
    for (path, change) in left(server.fs(), server.data()) {
        let done = match &change {
            Some(change) => {
                let (store, at_rest) = (server.store(), server.keys().at_rest());
                carry_out(store, at_rest, None, change, server.random(), server.now())
                    .map_err(|error| error.to_string())
            }
            None => Err("it cannot be read".into()),
        };
        match done {
            Ok(changed) => tracing::info!(?change, ?changed, "the keys were changed"),
            Err(error) => tracing::error!(?change, %error, "the keys were not changed"),
        }
        if let Err(error) = discard(server.fs(), &path) {
            tracing::error!(%error, "an order about keys cannot be removed, and would be carried out again");
        }
    }
    match server.keys().reload(server.store(), server.now()) {
        Ok(()) => tracing::info!("the keys were read again"),
        Err(error) => tracing::error!(%error, "the keys in use stay"),
    }
}

fn left(fs: &dyn Fs, data: &Path) -> Vec<(PathBuf, Option<Change>)> {
    let folder = data.join(FOLDER);
    let mut names = fs.list(&folder).unwrap_or_default();
    names.sort();
    let read = |path: &Path| {
        let text = read_file(fs, path, 4_096).ok().flatten()?;
        serde_json::from_slice(&text).ok()
    };
    let orders = names.into_iter().filter(|name| name.ends_with(".json")).map(|name| folder.join(name));
    orders.map(|path| (path.clone(), read(&path))).collect()
}
