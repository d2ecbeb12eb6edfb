//! Codes with which a supplier joins: good once and for a while, kept as a hash only.
//!
//! The server has the database alone, so `carnetd invite` leaves the hash in a folder beside it, and the
//! server takes it into the database when somebody comes with a code.

use std::path::{Path, PathBuf};

use carnet_core::id::Digest;
use carnet_core::time::{Seconds, Time};
use carnet_seam::fs::{create_folders, discard, read_file, replace_file};
use carnet_seam::{Fs, FsError, NoRandom, Random};
use carnet_store::code::OneTimeCode;
use carnet_store::{StoreError, Writing};
use zeroize::Zeroizing;

use crate::ids::{setup_code, sha256};
use crate::server::Server;

/// What the codes are good for, in the database.
pub const PURPOSE: &str = "supplier";
/// How long the code that `up` prints is good.
pub const SETUP_LASTS: Seconds = Seconds(15 * 60);
/// How long an invitation is good, unless said otherwise.
pub const INVITATION_LASTS: Seconds = Seconds(7 * 86_400);

const FOLDER: &str = "invitations";
/// In front of the hash of a code that was withdrawn after the server may have taken it in.
const WITHDRAWN: &str = "withdrawn-";
/// Of 64 digits: enough to tell the few apart that are open at once.
const NAME_LENGTH: usize = 10;

/// A code, and until when it is good. Shown once.
pub struct Invitation {
    /// The code.
    pub code: Zeroizing<String>,
    /// From here on it is no good.
    pub expires: Time,
}

/// The code stays out of logs (I17).
impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Invitation(…, until {})", self.expires)
    }
}

/// A new code, and what is kept of it.
///
/// # Errors
/// When no random bytes are to be had.
pub fn make(now: Time, lasts: Seconds, random: &dyn Random) -> Result<(Invitation, OneTimeCode), NoRandom> {
    let code = setup_code(random)?;
    let expires = now.plus(lasts);
    let kept =
        OneTimeCode { hash: hash(&code), purpose: PURPOSE.to_owned(), created: now, expires, used: None };
    Ok((Invitation { code, expires }, kept))
}

/// What is kept of a code.
#[must_use]
pub fn hash(code: &str) -> Digest {
    sha256(&[code.as_bytes()])
}

/// Puts a new code in the place of all unused ones.
///
/// # Errors
/// [`StoreError`] when the database fails.
pub fn replace(tx: &Writing<'_>, code: &OneTimeCode) -> Result<(), StoreError> {
    tx.withdraw_codes(PURPOSE)?;
    tx.add_code(code)
}

/// How an invitation is called by those who do not have its code.
#[must_use]
pub fn name_of(hash: &Digest) -> String {
    hash.to_string().chars().take(NAME_LENGTH).collect()
}

/// Leaves a code where a running server finds it.
///
/// # Errors
/// What the system reports.
pub fn leave(fs: &dyn Fs, data: &Path, code: &OneTimeCode) -> Result<(), FsError> {
    let folder = data.join(FOLDER);
    create_folders(fs, &folder)?;
    let text = format!("{}\n{}\n", code.created, code.expires);
    replace_file(fs, &folder.join(code.hash.to_string()), text.as_bytes())
}

/// Withdraws a code, whether or not a running server has taken it in: before it next looks at one, it reads this.
///
/// # Errors
/// What the system reports.
pub fn withdraw(fs: &dyn Fs, data: &Path, hash: &Digest) -> Result<(), FsError> {
    let folder = data.join(FOLDER);
    create_folders(fs, &folder)?;
    // In this order: at no time has the server a reason to take the code in again.
    replace_file(fs, &folder.join(format!("{WITHDRAWN}{hash}")), b"")?;
    discard(fs, &folder.join(hash.to_string()))
}

/// The codes that no server has taken in yet.
///
/// # Errors
/// What the system reports.
pub fn left(fs: &dyn Fs, data: &Path) -> Result<Vec<OneTimeCode>, FsError> {
    Ok(found(fs, data)?.into_iter().map(|(_, code)| code).collect())
}

/// The codes that were withdrawn, which no server has taken note of yet.
///
/// # Errors
/// What the system reports.
pub fn withdrawn(fs: &dyn Fs, data: &Path) -> Result<Vec<Digest>, FsError> {
    let names = names(fs, data)?;
    Ok(names.iter().filter_map(|name| name.strip_prefix(WITHDRAWN)?.parse().ok()).collect())
}

/// Takes in the codes that were left, and takes out those that were withdrawn. What cannot be read is no invitation and stays where it is.
///
/// # Errors
/// What the system or the database reports.
pub async fn take_in(server: &Server) -> Result<(), crate::problem::Failure> {
    let failed = |error: FsError| crate::problem::Failure::internal(error);
    let found = found(server.fs(), server.data()).map_err(failed)?;
    let withdrawn = withdrawn(server.fs(), server.data()).map_err(failed)?;
    if found.is_empty() && withdrawn.is_empty() {
        return Ok(());
    }
    let (mut paths, codes): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let folder = server.data().join(FOLDER);
    paths.extend(withdrawn.iter().map(|hash| folder.join(format!("{WITHDRAWN}{hash}"))));
    let add = move |tx: &Writing<'_>| {
        for code in &codes {
            match tx.add_code(code) {
                // The last attempt was interrupted between the two steps.
                Ok(()) | Err(StoreError::Exists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for hash in &withdrawn {
            tx.withdraw_code(hash, PURPOSE)?;
        }
        Ok(())
    };
    server.write("invitation.take_in", add).await?;
    paths.iter().try_for_each(|path| discard(server.fs(), path)).map_err(failed)
}

fn names(fs: &dyn Fs, data: &Path) -> Result<Vec<String>, FsError> {
    let folder = data.join(FOLDER);
    if fs.facts(&folder)?.is_none() { Ok(Vec::new()) } else { fs.list(&folder) }
}

fn found(fs: &dyn Fs, data: &Path) -> Result<Vec<(PathBuf, OneTimeCode)>, FsError> {
    let folder = data.join(FOLDER);
    let mut found = Vec::new();
    for name in names(fs, data)? {
        let path = folder.join(&name);
        let text = read_file(fs, &path, 256)?.and_then(|text| String::from_utf8(text).ok());
        found.extend(read(&name, text.as_deref().unwrap_or_default()).map(|code| (path, code)));
    }
    Ok(found)
}

fn read(name: &str, text: &str) -> Option<OneTimeCode> {
    let (created, expires) = text.trim_end().split_once('\n')?;
    Some(OneTimeCode {
        hash: name.parse().ok()?,
        purpose: PURPOSE.to_owned(),
        created: created.parse().ok()?,
        expires: expires.parse().ok()?,
        used: None,
    })
}
