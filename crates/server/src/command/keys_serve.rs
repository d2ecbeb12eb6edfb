//! `carnetd keys serve`

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use carnet_core::id::Digest;
use carnet_seal::keys::RootPin;
use carnet_seam::fs::discard;

use super::run::no_core_files;
use super::{Exit, Stopped, say};
use crate::data;
use crate::key_service::vault::Outside;
use crate::key_service::{Vault, socket};
use crate::server::Surroundings;

/// Answers the public server until the process ends.
pub fn run(around: &Surroundings, path: &Path, root: Option<Digest>) -> Result<Exit, Stopped> {
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
    let listener = listen(around, path)?;
    let key = Digest(vault.public().0);
    say(format_args!("the key service of {} listens on {}\nits key is {key}\n", pin.server, path.display()))?;
    socket::serve(&listener, &Arc::new(vault)).map_err(Stopped::because)?;
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
