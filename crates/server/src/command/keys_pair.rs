//! `carnetd keys pair`

use std::path::Path;

use carnet_core::time::Seconds;
use carnet_seam::fs::{create_folders, replace_file};

use super::{Exit, Stopped, now, say};
use crate::key_service::pair;
use crate::server::Surroundings;

/// For the machine of the key service, and for that of the public server.
const NAMES: [&str; 2] = ["key-service.pair", "server.pair"];

/// Makes both halves. Neither is ever written over: its other half may be in use.
pub fn run(around: &Surroundings, folder: &Path, lasts: Seconds) -> Result<Exit, Stopped> {
    let fs = around.fs.as_ref();
    create_folders(fs, folder).map_err(Stopped::because)?;
    let paths = NAMES.map(|name| folder.join(name));
    for path in &paths {
        if fs.facts(path).map_err(Stopped::because)?.is_some() {
            let what = format_args!("{} is there already: name another folder, or remove it", path.display());
            return Err(Stopped::because(what));
        }
    }
    let halves = pair::make(now(around), lasts).map_err(Stopped::because)?;
    for (path, half) in paths.iter().zip(&halves) {
        replace_file(fs, path, half.as_bytes()).map_err(Stopped::because)?;
    }
    let [service, server] = paths.map(|path| path.display().to_string());
    say(format_args!(
        "{service} goes to the machine of the key service:\n  carnetd --data FOLDER keys serve --listen ADDRESS --pair FILE --root HASH\n\
         {server} goes to the machine of the public server:\n  carnetd serve --key-service tls://HOST:PORT --key-service-pair FILE\n\
         Each accepts the other and nobody else, until {}. Move the files, do not copy them, and make a new pair before that.\n",
        now(around).plus(lasts)
    ))
}
