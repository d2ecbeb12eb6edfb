//! `carnetd keys serve`

use std::fmt;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use carnet_core::id::Digest;
use carnet_seal::keys::RootPin;
use carnet_seam::fs::discard;

use super::run::no_core_files;
use super::{Exit, Stopped, say};
use crate::config::ServeKeys;
use crate::data;
use crate::key_service::socket::PATIENCE;
use crate::key_service::vault::Outside;
use crate::key_service::{Half, Vault, machine, socket};
use crate::server::Surroundings;

/// Answers the public server until the process ends.
pub fn run(around: &Surroundings, place: &ServeKeys, root: Option<Digest>) -> Result<Exit, Stopped> {
    no_core_files()?;
    let fs = around.fs.as_ref();
    data::prepare(fs, &around.data)?;
    let known = Vault::pinned(fs, &around.data).map_err(Stopped::because)?;
    let pin = root.map(RootPin::of_first_root).or(known).ok_or_else(|| {
        Stopped::because("this folder serves nobody yet: name the server's root hash with --root HASH")
    })?;
    let Surroundings { fs, random, clock, .. } = around;
    let outside = Outside { fs: fs.clone(), random: random.clone(), clock: clock.clone() };
    let vault = Vault::open(outside, &around.data, pin).map_err(Stopped::because)?;
    let key = Digest(vault.public().0);
    let told = |place: &dyn fmt::Display| {
        say(format_args!("the key service of {} listens on {place}\nits key is {key}\n", pin.server))
            .map(drop)
    };
    match (&place.socket, place.listen, &place.pair) {
        (Some(path), ..) => {
            let listener = listen(around, path)?;
            told(&path.display())?;
            socket::serve(&listener, &Arc::new(vault)).map_err(Stopped::because)?;
        }
        (None, Some(address), Some(pair)) => {
            let half = Half::load(around.fs.as_ref(), pair).map_err(Stopped::because)?;
            half.still_good(super::now(around)).map_err(Stopped::because)?;
            let config = half.listening().map_err(Stopped::because)?;
            let cannot = |error| Stopped::because(format_args!("cannot listen on {address}: {error}"));
            let listener = TcpListener::bind(address).map_err(cannot)?;
            told(&listener.local_addr().map_err(cannot)?)?;
            machine::serve(&listener, &config, &Arc::new(vault), PATIENCE).map_err(Stopped::because)?;
        }
        (None, ..) => return Err(Stopped::because("say where to listen: --socket, or --listen with --pair")),
    }
    Ok(Exit::Ok)
}

/// A socket that a service before this one has left is in the way of nobody; one that is answered is.
fn listen(around: &Surroundings, path: &Path) -> Result<UnixListener, Stopped> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        let message = format!("another key service listens on {}", path.display());
        return Err(Stopped { exit: Exit::InUse, message });
    }
    discard(around.fs.as_ref(), path).map_err(Stopped::because)?;
    let listener = UnixListener::bind(path);
    let listener = listener
        .map_err(|error| Stopped::because(format_args!("cannot listen on {}: {error}", path.display())))?;
    let owner_only = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, owner_only).map_err(Stopped::because)?;
    Ok(listener)
}
