//! `carnetd invite`

use carnet_core::time::Length;

use super::{Exit, Stopped, now, say};
use crate::data::read_root_hash;
use crate::invitation;
use crate::server::Surroundings;

/// Makes a code and leaves its hash for the server.
pub fn run(around: &Surroundings, lasts: Length) -> Result<Exit, Stopped> {
    // There is a server in that folder, or nobody would ever take the code in.
    read_root_hash(around.fs.as_ref(), &around.data)?;
    let now = now(around);
    let lasts = now.plus_length(lasts).since(now);
    let (made, kept) = invitation::make(now, lasts, around.random.as_ref()).map_err(Stopped::because)?;
    invitation::leave(around.fs.as_ref(), &around.data, &kept).map_err(Stopped::because)?;
    // Beside the code, not with it: programs read the one line.
    eprintln!(
        "Good once, until {}. Hand it over in private. Its name is {}: `carnetd invitations withdraw` takes it back.",
        made.expires,
        invitation::name_of(&kept.hash)
    );
    say(format_args!("{}\n", *made.code))
}
