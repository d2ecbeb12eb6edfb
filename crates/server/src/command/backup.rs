//! `carnetd backup`

use std::path::Path;

use carnet_seam::fs::read_file;
use carnet_store::backup;
use zeroize::Zeroizing;

use super::{Exit, Stopped, now, say, waiting};
use crate::data::{OpenError, database, identity};
use crate::keys::at_rest::{AtRest, secret_path};
use crate::server::Surroundings;

/// Writes one file with everything that the server keeps, beside a running server too.
pub fn run(around: &Surroundings, file: &Path, with_secret: bool) -> Result<Exit, Stopped> {
    if let Some(url) = &around.database {
        return Err(Stopped::because(OpenError::BackedUpElsewhere(url.clone())));
    }
    let database = database(&around.data);
    if around.fs.facts(&database).map_err(OpenError::from)?.is_none() {
        return Err(OpenError::Empty(around.data.clone()).into());
    }
    let secret = if with_secret { Some(secret(around)?) } else { None };
    let secret = secret.as_ref().map(|secret| secret.as_slice());
    let made = waiting::during("writing the backup", || backup::make(&database, file, now(around), secret));
    made.map_err(OpenError::from)?;
    let contents = backup::inspect(file).map_err(OpenError::from)?;
    // Without a root it would be restored as another server.
    let server = identity(&contents.keys)?;
    say(format_args!("{}: server {}, schema {}\n", file.display(), server.server, contents.schema))?;
    say(format_args!("{}", about_secret(around, with_secret)))
}

/// A backup of a secret that opens nothing would be found out too late.
fn secret(around: &Surroundings) -> Result<Zeroizing<Vec<u8>>, Stopped> {
    AtRest::open(around.fs.as_ref(), &around.data).map_err(OpenError::from)?;
    let path = secret_path(&around.data);
    let text = read_file(around.fs.as_ref(), &path, 256).map_err(OpenError::from)?.unwrap_or_default();
    Ok(Zeroizing::new(text))
}

fn about_secret(around: &Surroundings, with_secret: bool) -> String {
    if with_secret {
        "It holds the secret too: whoever has this file can issue passes. Keep it like the server itself.\n"
            .to_owned()
    } else {
        format!(
            "It does not hold the secret. Without a copy of {} the keys in it cannot be opened and every program \
             has to pin another server: keep that copy apart from this file.\n",
            secret_path(&around.data).display()
        )
    }
}
