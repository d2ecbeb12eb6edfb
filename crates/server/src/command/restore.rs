//! `carnetd restore`

use std::path::Path;

use carnet_core::time::counted;
use carnet_seal::keys::RootPin;
use carnet_seam::fs::replace_file;
use carnet_store::backup::{self, Contents, Existing, Place, Put};
use zeroize::Zeroizing;

use super::{Exit, Stopped, check_ledger, now, say};
use crate::data::{self, OpenError, database, identity, read_root_hash};
use crate::keys::at_rest::{AtRest, secret_path};
use crate::keys::{self, KeyFault};
use crate::server::Surroundings;

/// Checks a backup, and puts it in the place of the database.
pub fn run(around: &Surroundings, file: &Path, verify: bool) -> Result<Exit, Stopped> {
    if let Some(url) = &around.database {
        return Err(Stopped::because(OpenError::BackedUpElsewhere(url.clone())));
    }
    if around.fs.facts(file).map_err(OpenError::from)?.is_none() {
        return Err(Stopped::because(format_args!("there is no file {}", file.display())));
    }
    let contents = backup::inspect(file).map_err(OpenError::from)?;
    let pin = identity(&contents.keys)?;
    say(format_args!("{}", about(&contents, &pin)))?;
    if check_ledger::report(file)? == Exit::Findings {
        let first = "the ledger in this backup is wrong: nothing was changed; try an older one";
        return if verify {
            Ok(Exit::Findings)
        } else {
            Err(Stopped { exit: Exit::Findings, message: first.into() })
        };
    }
    if verify { verify_secret(around, &contents) } else { put(around, file, &contents, &pin) }
}

fn about(contents: &Contents, pin: &RootPin) -> String {
    let made = contents.made.map_or_else(
        || "a database that `carnetd backup` did not make".to_owned(),
        |made| format!("a backup of {made}"),
    );
    let secret = if contents.secret.is_some() { "in it" } else { "not in it: secret.key is needed" };
    format!(
        "{made}\n  server      {}\n  root hash   {}\n  schema      {}\n  secret      {secret}\n",
        pin.server, pin.root, contents.schema
    )
}

/// Whether the keys could be opened is half of what a backup is worth.
fn verify_secret(around: &Surroundings, contents: &Contents) -> Result<Exit, Stopped> {
    match secret(around, contents) {
        Ok(_) => say(format_args!("The keys in it can be opened. Nothing was changed.\n")),
        Err(OpenError::Keys(KeyFault::NoSecret(path))) => {
            say(format_args!("There is no {} to try the keys with. Nothing was changed.\n", path.display()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Everything that can refuse stands before the first change.
fn put(around: &Surroundings, file: &Path, contents: &Contents, pin: &RootPin) -> Result<Exit, Stopped> {
    let fs = around.fs.as_ref();
    data::prepare(fs, &around.data)?;
    let place = Place::take(&database(&around.data)).map_err(OpenError::from)?;
    same_server(around, &place.existing(), pin)?;
    let secret = secret(around, contents)?;
    if let Some(secret) = secret {
        replace_file(fs, &secret_path(&around.data), &secret).map_err(OpenError::from)?;
    }
    let done = place.put(file, now(around)).map_err(OpenError::from)?;
    data::write_root_hash(fs, &around.data, pin.root)?;
    check_ledger::report(&database(&around.data))?;
    say(format_args!("{}", what_next(&done)))?;
    let root_away = data::has_root_away(&database(&around.data))?;
    say(format_args!("{}", if root_away { PUBLISH } else { "" }))
}

/// Programs pin one server; the books of another in its place would answer nobody.
fn same_server(around: &Surroundings, existing: &Existing, pin: &RootPin) -> Result<(), OpenError> {
    let other = || OpenError::OtherServer(around.data.clone());
    match existing {
        Existing::Readable(old) if old.keys.is_empty() => {}
        Existing::Readable(old) => {
            return if identity(&old.keys)?.root == pin.root { Ok(()) } else { Err(other()) };
        }
        Existing::Unreadable(error) => tracing::warn!(%error, "the database that is there cannot be read"),
        Existing::Nothing => {}
    }
    match read_root_hash(around.fs.as_ref(), &around.data) {
        Ok(root) if root != pin.root => Err(other()),
        _ => Ok(()),
    }
}

/// The secret that is to be written, if the folder has none; an error when the keys cannot be opened.
fn secret(around: &Surroundings, contents: &Contents) -> Result<Option<Zeroizing<Vec<u8>>>, OpenError> {
    let inside = contents.secret.clone().map(Zeroizing::new);
    let (at_rest, written) = match (AtRest::open(around.fs.as_ref(), &around.data), inside) {
        (Err(KeyFault::NoSecret(path)), Some(secret)) => (AtRest::parse(&secret, &path)?, Some(secret)),
        (opened, _) => (opened?, None),
    };
    keys::check(&contents.keys, &at_rest)?;
    Ok(written)
}

/// Devices refuse a key set that is older than theirs, and only the root makes a new one.
const PUBLISH: &str = "\nThe root key is offline. Before the server starts, bring it along once: `carnetd keys publish --root FILE`.\n";

fn what_next(done: &Put) -> String {
    let mut text = String::from("\nRestored.");
    if let Some(aside) = &done.aside {
        text.push_str(&format!(" The database that was there is now {}.", aside.display()));
    }
    match done.carried {
        Some(carried) => text.push_str(&format!(
            "\nTaken over from it: {}, {}, and everything that was revoked.\n",
            counted(carried.suppliers as u64, "newer supplier"),
            counted(carried.keys as u64, "newer key")
        )),
        None => text.push_str(
            "\nNothing could be taken over from an older database. What was revoked after the backup is valid again: \
             revoke it once more. Suppliers who joined after it must be invited again.\n",
        ),
    }
    text.push_str(
        "\nNext: `carnetd serve`. Devices that are ahead of the backup come back by themselves: what they can prove \
         is taken over at their next contact and shows as `reconciled` in the suppliers' events. Invitations that \
         were open are void. Licenses agreed after the backup are not in the books: their passes run to their end.\n",
    );
    text
}
