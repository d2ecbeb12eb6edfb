//! The root key away from the server: written to a medium once, and brought back for whatever needs its signature.
//!
//! ```text
//! carnet root key
//! sha256:…                    the root hash of its server
//! 64 hexadecimal digits       the key
//! ```

use std::path::Path;

use carnet_core::id::Digest;
use carnet_core::time::Time;
use carnet_seal::{Signer, VerifyingKey};
use carnet_seam::fs::{read_file, replace_file};
use carnet_seam::{Fs, Random};
use carnet_store::Store;
use carnet_store::key::ServerKey;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::at_rest::AtRest;
use super::book::{ROOT, signer_of};
use super::{KeyFault, Published, ServerSigner, root_of};

const FIRST_LINE: &str = "carnet root key";

/// A root key that was brought.
pub struct Brought {
    seed: Zeroizing<[u8; 32]>,
    pub(super) signer: ServerSigner,
}

/// No key (I17).
impl std::fmt::Debug for Brought {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Brought(…)")
    }
}

/// Reads the file that [`move_offline`] has written.
///
/// # Errors
/// [`KeyFault::NoRootFile`] and its kin, with what to do.
pub fn read(fs: &dyn Fs, path: &Path) -> Result<Brought, KeyFault> {
    let text = read_file(fs, path, 1_024)?.ok_or_else(|| KeyFault::NoRootFile(path.to_owned()))?;
    let text = Zeroizing::new(text);
    parse(&text).ok_or_else(|| KeyFault::BadRootFile(path.to_owned()))
}

fn parse(text: &[u8]) -> Option<Brought> {
    let mut lines = std::str::from_utf8(text).ok()?.lines().map(str::trim).filter(|line| !line.is_empty());
    let (first, hash, digits) = (lines.next()?, lines.next()?, lines.next()?);
    let hash: Digest = hash.parse().ok()?;
    let mut seed = Zeroizing::new([0; 32]);
    let whole = first == FIRST_LINE && lines.next().is_none() && digits.len() == 64;
    if !whole || HEXLOWER.decode_mut(digits.as_bytes(), &mut *seed).is_err() {
        return None;
    }
    let signer = ServerSigner::from_seed(&seed).ok()?;
    let thumbprint = VerifyingKey::ed25519(signer.public()).ok()?.thumbprint();
    (thumbprint == hash).then_some(Brought { seed, signer })
}

/// Writes the root key to a file, reads it again, and takes it out of the database. What it has signed last goes on being
/// used.
///
/// # Errors
/// [`KeyFault::RootAway`] when it is not here any more. The key stays where it is unless the file could be read again.
pub fn move_offline(
    store: &Store,
    fs: &dyn Fs,
    at_rest: &AtRest,
    to: &Path,
    now: Time,
) -> Result<(), KeyFault> {
    let mut published = store.read(Published::read)?;
    let signer = published.root(at_rest)?.ok_or(KeyFault::RootAway)?;
    let row = row_of(&published.rows)?.clone();
    let seed = at_rest.unseal(signer.key_id(), &row.sealed)?;
    if fs.facts(to)?.is_some() {
        return Err(KeyFault::Taken(to.to_owned()));
    }
    let text = Zeroizing::new(format!(
        "{FIRST_LINE}\n{}\n{}\n",
        root_of(&published.rows)?.root,
        *Zeroizing::new(HEXLOWER.encode(&*seed))
    ));
    replace_file(fs, to, text.as_bytes())?;
    let again = read(fs, to)?;
    if again.seed != seed {
        return Err(KeyFault::BadRootFile(to.to_owned()));
    }
    published.advance(now);
    published.document = Some(published.sign(&signer, now)?);
    store.write("keys.root.away", move |tx| {
        tx.reseal_key(&row.id, &row.sealed, &[])?;
        published.keep(tx)
    })?;
    Ok(())
}

/// Puts the root key back beside the data.
///
/// # Errors
/// [`KeyFault::OtherRoot`] when it is another server's.
pub fn bring_back(
    store: &Store,
    at_rest: &AtRest,
    brought: &Brought,
    random: &dyn Random,
) -> Result<(), KeyFault> {
    let published = store.read(Published::read)?;
    let row = row_of(&published.rows)?.clone();
    if row.public_key != brought.signer.public().0 {
        return Err(KeyFault::OtherRoot);
    }
    if !row.sealed.is_empty() {
        return Ok(());
    }
    let sealed = at_rest.seal(brought.signer.key_id(), &brought.seed, random)?;
    signer_of(&ServerKey { sealed: sealed.clone(), ..row.clone() }, at_rest)?;
    store.write("keys.root.back", move |tx| tx.reseal_key(&row.id, &[], &sealed))?;
    Ok(())
}

fn row_of(rows: &[ServerKey]) -> Result<&ServerKey, KeyFault> {
    rows.iter().find(|row| row.purpose == ROOT).ok_or(KeyFault::Missing(ROOT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_file_is_read_whole_or_not_at_all() {
        let signer = ServerSigner::from_seed(&[7; 32]).unwrap();
        let hash = VerifyingKey::ed25519(signer.public()).unwrap().thumbprint();
        let text = format!("{FIRST_LINE}\n{hash}\n{}\n", "07".repeat(32));
        assert_eq!(parse(text.as_bytes()).unwrap().signer.public(), signer.public());
        assert!(parse(text.replace('\n', "\r\n\r\n").as_bytes()).is_some(), "mailed");
        for at in 0..text.len() - 1 {
            assert!(parse(&text.as_bytes()[..at]).is_none(), "cut at {at}");
        }
        assert!(parse(text.replacen("07", "08", 1).as_bytes()).is_none(), "another key or hash");
        assert!(parse(format!("{text}more").as_bytes()).is_none());
    }
}
