//! A passbook that was made on another machine, put aside so that this one gets an identity of its own (A19, D5).
//!
//! Nothing is thrown away: what the device before has recorded stays beside, under names that say whose it is. Its
//! keys are never used again.

use std::path::{Path, PathBuf};

use carnet_core::component::Drift;
use carnet_core::document::Replacement;
use carnet_core::id::DeviceId;
use carnet_seal::cbor;
use carnet_seal::keys::RootPin;
use carnet_seam::Fs;
use carnet_seam::fs::{discard, read_file, replace_file};

use crate::env::Env;
use crate::identity::{Binding, EvidenceKind, IdentityError, Machine, Unbound};
use crate::passbook::PassbookError;
use crate::place::Place;
use crate::storage::StorageError;

/// The largest note that is read.
const LARGEST_NOTE: u64 = 4 << 10;

/// Puts the passbook aside, if it was made on a machine that had too much else in it; returns which device it was.
/// What was broken off is carried on by the next call. None: there is nothing to put aside.
///
/// # Errors
/// [`PassbookError`]; the identity is the last that goes, so until then the passbook is refused as before.
pub fn set_aside(
    env: &Env,
    home: &Path,
    pin: RootPin,
    machine: &dyn Machine,
) -> Result<Option<Replacement>, PassbookError> {
    let Some(place) = Place::look(&*env.fs, home, pin.server)? else { return Ok(None) };
    let unbound = match Unbound::read(&*env.fs, &place.identity(), pin.server) {
        Err(IdentityError::Missing(_)) => return pending(env, home, pin),
        read => read?,
    };
    if unbound.kind() != EvidenceKind::Hardware {
        return Ok(None);
    }
    let device = unbound.device();
    let changed = match unbound.bind(&*env.fs, &Binding::Machine(machine)) {
        Err(IdentityError::AnotherMachine { drift, .. }) => drift,
        Err(error) => return Err(error.into()),
        Ok(_) => return pending(env, home, pin),
    };
    let replacement = Replacement { device, changed };
    replace_file(&*env.fs, &note(&place), &cbor::encode(&replacement))?;
    put_aside(&*env.fs, &place, device)?;
    Ok(Some(replacement))
}

/// The device that this one takes the place of, as long as the server has not been told.
///
/// # Errors
/// [`PassbookError`] when the note cannot be read.
pub fn pending(env: &Env, home: &Path, pin: RootPin) -> Result<Option<Replacement>, PassbookError> {
    let Some(place) = Place::look(&*env.fs, home, pin.server)? else { return Ok(None) };
    let bytes = read_file(&*env.fs, &note(&place), LARGEST_NOTE)?;
    // A damaged note says nothing; the device before can still be declared lost by hand.
    Ok(bytes.and_then(|bytes| cbor::decode(&bytes).ok()))
}

/// Forgets which device this one takes the place of: the server knows.
///
/// # Errors
/// [`StorageError`] when the note cannot be removed.
pub fn told(env: &Env, home: &Path, pin: RootPin) -> Result<(), StorageError> {
    Ok(discard(&*env.fs, &note(&Place::new(home, pin.server)))?)
}

/// Binds the identity to the machine as it is now, where what has changed is tolerated; returns what had changed.
///
/// # Errors
/// [`PassbookError`]; the identity then stays as it was.
pub fn note_changes(
    env: &Env,
    home: &Path,
    pin: RootPin,
    machine: &dyn Machine,
) -> Result<Drift, PassbookError> {
    let path = Place::new(home, pin.server).identity();
    let unbound = Unbound::read(&*env.fs, &path, pin.server)?;
    if unbound.kind() != EvidenceKind::Hardware {
        return Ok(Drift::default());
    }
    Ok(unbound.note_changes(&*env.fs, &Binding::Machine(machine), &*env.random)?)
}

fn note(place: &Place) -> PathBuf {
    place.folder().join("replaces")
}

/// Renames journals and, last of all, the identity. What is installed stays where it is; its keys lie in the journals.
fn put_aside(fs: &dyn Fs, place: &Place, device: DeviceId) -> Result<(), StorageError> {
    let apps = place.apps(fs)?;
    let journals = apps.iter().map(|app| place.app_journal(app)).chain([place.device_journal()]);
    for journal in journals {
        rename_all(fs, &journal, device, |name| name.ends_with(".seg"))?;
    }
    rename_all(fs, place.folder(), device, |name| matches!(name, "asked" | "identity"))
}

fn rename_all(
    fs: &dyn Fs,
    folder: &Path,
    device: DeviceId,
    ours: impl Fn(&str) -> bool,
) -> Result<(), StorageError> {
    if fs.facts(folder)?.is_none() {
        return Ok(());
    }
    let mut names: Vec<_> = fs.list(folder)?.into_iter().filter(|name| ours(name)).collect();
    // The identity after what it signs for.
    names.sort();
    for name in &names {
        let aside = folder.join(format!("{name}.of-{device}"));
        discard(fs, &aside)?;
        fs.rename(&folder.join(name), &aside)?;
    }
    if names.is_empty() { Ok(()) } else { Ok(fs.sync_folder(folder)?) }
}
