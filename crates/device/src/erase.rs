//! Erasing an app at the end of its contract, and saying so (C3).
//!
//! What is to be erased is written down first: a list beside the journal, its digest in the journal. From that record
//! on the pass is no good. Then everything on the list goes. Whatever is interrupted, the next attempt finds the list
//! and goes on with it; what is gone already is gone. The journal stays as the tombstone: totals and records prove
//! what was used, and nothing in it lets anything run.
//!
//! Only what is on the list is touched: files that somebody has put into the program's folder stay.

use std::path::{Path, PathBuf};

use carnet_core::app::AppId;
use carnet_core::id::{Digest, RequestId};
use carnet_core::journal::{Erasure, State};
use carnet_core::report::{Erased, ErasureCertificate, ReportKeys, Thing};
use carnet_seal::cbor::{self, Limits};
use carnet_seal::report::attachment;
use carnet_seal::sealed::{self, Carried};
use carnet_seal::sign;
use carnet_seam::fs::{discard, read_file, replace_file};
use carnet_seam::{Fs, FsError, random};
use sha2::{Digest as _, Sha256};

use crate::book::{Book, BookError};
use crate::identity::Machine;
use crate::journal::JournalError;
use crate::passbook::Passbook;
use crate::report::{ReportError, sealing_keys, statement};

/// What Carnet has put on this device for an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// The folder of the program.
    pub folder: PathBuf,
    /// Its files, as the manifest names them, by their place in the folder.
    pub files: Vec<String>,
    /// Files that hold the keys of its content.
    pub keys: Vec<PathBuf>,
}

/// Why nothing was erased, or not everything. Each text says what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EraseError {
    /// The journal cannot be written.
    #[error(transparent)]
    Book(#[from] BookError),
    /// There is nothing here, or the certificate cannot be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The list cannot be read or written.
    #[error(transparent)]
    File(#[from] FsError),
    /// The list is not the one that the journal names.
    #[error("the list of what is to be erased is damaged: {}; move it away and erase again", .0.display())]
    List(PathBuf),
}

impl From<JournalError> for EraseError {
    fn from(error: JournalError) -> Self {
        Self::Report(error.into())
    }
}

/// The most files of one program, and the most bytes of one file.
const LARGEST_LIST: Limits = Limits { bytes: 16 << 20, depth: 8 };
const LARGEST_FILE: u64 = 8 << 30;

/// What would be erased.
///
/// # Errors
/// [`EraseError`], with the remedy.
pub fn plan(passbook: &Passbook, app: &AppId, installed: &Installed) -> Result<Vec<Erased>, EraseError> {
    let book = begun(passbook, app)?;
    Ok(listed(&*passbook.env().fs, book.state(), installed))
}

fn begun(passbook: &Passbook, app: &AppId) -> Result<Book, EraseError> {
    Ok(passbook.book_begun(app)?.ok_or_else(|| ReportError::NothingHere(app.clone()))?)
}

fn listed(fs: &dyn Fs, state: &State, installed: &Installed) -> Vec<Erased> {
    let mut list = Vec::new();
    for name in &installed.files {
        let (size, digest) = weighed(fs, &installed.folder.join(name));
        list.push(Erased { what: Thing::File(name.clone()), size, digest, kept: None });
    }
    for path in &installed.keys {
        let (size, digest) = weighed(fs, path);
        list.push(Erased { what: Thing::ContentKeys, size, digest, kept: None });
    }
    if let Some(held) = &state.held {
        let (size, digest) = (held.document.len() as u64, digest_of(&held.document));
        list.push(Erased { what: Thing::Pass(held.pass.id), size, digest, kept: None });
    }
    list
}

/// What is gone already weighs nothing, and neither does what cannot be read: whether it goes is seen later.
fn weighed(fs: &dyn Fs, path: &Path) -> (u64, Digest) {
    let bytes = read_file(fs, path, LARGEST_FILE).ok().flatten().unwrap_or_default();
    (bytes.len() as u64, digest_of(&bytes))
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// Erases an app, or finishes an erasure that was interrupted. Returns what was erased, and what could not be.
///
/// # Errors
/// [`EraseError`], with the remedy. Repeating it goes on where it stopped.
pub fn erase(
    passbook: &Passbook,
    app: &AppId,
    installed: &Installed,
    nonce: Option<RequestId>,
) -> Result<Vec<Erased>, EraseError> {
    let fs = &*passbook.env().fs;
    let mut book = begun(passbook, app)?;
    let path = passbook.place().app_journal(app).join("erasure");
    let open = book.state().erasure.filter(|erasure| !erasure.done);
    let list = match open {
        Some(open) => read_list(fs, &path, open.list)?,
        None => {
            let list = listed(fs, book.state(), installed);
            let bytes = cbor::encode(&list);
            replace_file(fs, &path, &bytes)?;
            let at = passbook.env().now();
            book.begin_erasure(Erasure { list: digest_of(&bytes), nonce, at, done: false })?;
            list
        }
    };
    let erased: Vec<_> = list.into_iter().map(|item| gone(fs, installed, item)).collect();
    replace_file(fs, &path.with_extension("done"), &cbor::encode(&erased))?;
    book.end_erasure()?;
    Ok(erased)
}

fn read_list(fs: &dyn Fs, path: &Path, named: Digest) -> Result<Vec<Erased>, EraseError> {
    let damaged = || EraseError::List(path.to_owned());
    let bytes = read_file(fs, path, LARGEST_LIST.bytes as u64)?.ok_or_else(damaged)?;
    if digest_of(&bytes) != named {
        return Err(damaged());
    }
    cbor::decode_within(&bytes, LARGEST_LIST).map_err(|_| damaged())
}

fn gone(fs: &dyn Fs, installed: &Installed, item: Erased) -> Erased {
    let removed = match &item.what {
        Thing::File(name) => remove(fs, &installed.folder.join(name)),
        Thing::ContentKeys => installed.keys.iter().try_for_each(|path| remove(fs, path)),
        Thing::Pass(_) => Ok(()),
    };
    Erased { kept: removed.err().map(|error| error.to_string()), ..item }
}

fn remove(fs: &dyn Fs, path: &Path) -> Result<(), FsError> {
    discard(fs, path)?;
    // A file that comes back after a power loss was not erased.
    match path.parent() {
        Some(folder) if fs.facts(folder)?.is_some() => fs.sync_folder(folder),
        _ => Ok(()),
    }
}

/// The certificate over the last erasure of an app: signed by this device, sealed to the supplier. Can be made again.
///
/// # Errors
/// [`EraseError`], with the remedy.
pub fn certificate(
    passbook: &Passbook,
    machine: &dyn Machine,
    app: &AppId,
    keys: Option<ReportKeys>,
) -> Result<Vec<u8>, EraseError> {
    let mut book = begun(passbook, app)?;
    let (state, head, _) = book.evidence()?;
    let path = passbook.place().app_journal(app).join("erasure.done");
    let nothing = || EraseError::Report(ReportError::NothingHere(app.clone()));
    let done = state.erasure.filter(|erasure| erasure.done).ok_or_else(nothing)?;
    let list = read_file(&*passbook.env().fs, &path, LARGEST_LIST.bytes as u64)?.ok_or_else(nothing)?;
    let keys = sealing_keys(&state, app, keys)?;
    let user = passbook.user().ok_or(ReportError::NoUser)?;
    let says = statement(passbook, machine, &state, app, user, head, done.nonce);
    let certificate = ErasureCertificate { says, list: attachment(&list) };
    let signed = sign(certificate, &passbook.signer()).map_err(ReportError::Seal)?;
    let seed = random::bytes(&*passbook.env().random).map_err(ReportError::NoRandom)?;
    let code = sealed::seal(Carried::Certificate, signed.bytes(), &list, keys.seal_to, seed);
    Ok(code.map_err(ReportError::Seal)?)
}

/// The list of a certificate.
#[must_use]
pub fn list_of(bytes: &[u8]) -> Option<Vec<Erased>> {
    cbor::decode_within(bytes, LARGEST_LIST).ok()
}
