//! Erasing an app at the end of its contract, and saying so (C3).
//!
//! What is to be erased is written down first: a list beside the journal, its digest in the journal. From that record
//! on the pass is no good. Then everything on the list goes. Whatever is interrupted, the next attempt finds the list
//! and goes on with it; what is gone already is gone. The journal stays as the tombstone: totals and records prove
//! what was used, and nothing in it lets anything run.
//!
//! Only what is on the list is touched: files that somebody has put into the program's folder stay. Whatever is
//! removed is removed below the program's folder, and never through a link.

use std::path::{Component, Path, PathBuf};

use carnet_core::app::AppId;
use carnet_core::id::{Digest, RequestId};
use carnet_core::journal::{Erasure, State};
use carnet_core::report::{Erased, ErasureCertificate, ReportKeys, Thing};
use carnet_seal::cbor::{self, Limits};
use carnet_seal::record;
use carnet_seal::report::attachment;
use carnet_seal::sealed::{self, Carried};
use carnet_seal::sign;
use carnet_seam::fs::{Access, discard, read_file, replace_file};
use carnet_seam::{Found, Fs, FsError, FsFault, Tree, random};
use sha2::{Digest as _, Sha256};

use crate::book::{Book, BookError};
use crate::identity::Machine;
use crate::journal::JournalError;
use crate::passbook::Passbook;
use crate::report::{ReportError, sealing_keys, statement};
use crate::storage::StorageError;

/// What was installed for an app, in the order in which it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// Files and links.
    pub pieces: Vec<Piece>,
}

/// A file or a link that was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The folder of the program.
    pub below: PathBuf,
    /// Its place there.
    pub name: String,
    /// Whether it has bytes that can be weighed.
    pub weighs: bool,
    /// It says what else there is, so it stays for as long as anything before it does.
    pub lists: bool,
    /// Why it has to stay, if it has to.
    pub stays: Option<String>,
}

/// The disk that it is installed on, and what is to be done there after the last piece.
#[derive(Clone, Copy)]
pub struct Disk<'a> {
    /// The files.
    pub tree: &'a dyn Tree,
    /// Takes the program out of use and removes folders in which nothing is left.
    pub sweep: &'a dyn Fn(),
}

/// One line of the list that is kept beside the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Planned {
    item: Erased,
    /// The folder that a file is in; none: it needs no attempt.
    below: Option<String>,
    lists: bool,
}

record! { Planned { 1 => item, 2 => below, 3 => lists } }

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
    /// More files than a list can hold.
    #[error(
        "the program has more files than a certificate can name: remove it with `carnet uninstall`, and erase again"
    )]
    TooMany,
    /// The note of where it is installed stays.
    #[error(transparent)]
    Note(#[from] StorageError),
}

impl From<JournalError> for EraseError {
    fn from(error: JournalError) -> Self {
        Self::Report(error.into())
    }
}

/// The most bytes of a list: half a million files.
const LARGEST_LIST: Limits = Limits { bytes: 64 << 20, depth: 8 };
/// How much of a file is weighed at a time, in bytes.
const PIECE: usize = 1 << 20;

/// What would be erased, or what an interrupted erasure is about.
///
/// # Errors
/// [`EraseError`], with the remedy.
pub fn plan(
    passbook: &Passbook,
    app: &AppId,
    installed: &Installed,
    tree: &dyn Tree,
) -> Result<Vec<Erased>, EraseError> {
    let book = begun(passbook, app)?;
    let list = match open(book.state()) {
        Some(open) => read_list(&*passbook.env().fs, &list_path(passbook, app), open.list)?,
        None => listed(tree, book.state(), installed),
    };
    Ok(list.into_iter().map(|planned| planned.item).collect())
}

fn begun(passbook: &Passbook, app: &AppId) -> Result<Book, EraseError> {
    Ok(passbook.book_begun(app)?.ok_or_else(|| ReportError::NothingHere(app.clone()))?)
}

fn open(state: &State) -> Option<Erasure> {
    state.erasure.filter(|erasure| !erasure.done)
}

fn list_path(passbook: &Passbook, app: &AppId) -> PathBuf {
    passbook.place().app_journal(app).join("erasure")
}

fn listed(tree: &dyn Tree, state: &State, installed: &Installed) -> Vec<Planned> {
    let document = |what, bytes: &[u8]| Planned {
        item: Erased { what, size: bytes.len() as u64, digest: digest_of(bytes), kept: None },
        below: None,
        lists: false,
    };
    let files = installed.pieces.iter().map(|piece| file(tree, piece));
    let keys = state.keys.values().map(|keys| document(Thing::ContentKeys, &keys.document));
    let pass = state.held.iter().map(|held| document(Thing::Pass(held.pass.id), &held.document));
    files.chain(keys).chain(pass).collect()
}

fn file(tree: &dyn Tree, piece: &Piece) -> Planned {
    let Piece { below, name, weighs, lists, stays } = piece;
    // What is gone already weighs nothing, and neither does what cannot be read: whether it goes is seen later.
    let weighed = weighs.then(|| weigh(tree, &below.join(name)).ok()).flatten();
    let (size, digest) = weighed.unwrap_or((0, digest_of(&[])));
    let item = Erased { what: Thing::File(name.clone()), size, digest, kept: stays.clone() };
    Planned { item, below: below.to_str().map(ToOwned::to_owned), lists: *lists }
}

/// Length and digest. No file is in memory as a whole.
fn weigh(tree: &dyn Tree, path: &Path) -> Result<(u64, Digest), FsError> {
    let file = tree.open(path, Access::Read)?;
    let (mut digest, mut piece, mut at) = (Sha256::new(), vec![0; PIECE], 0);
    loop {
        let read = file.read_at(at, &mut piece)?;
        if read == 0 {
            return Ok((at, Digest(digest.finalize().into())));
        }
        digest.update(piece.get(..read).unwrap_or_default());
        at += read as u64;
    }
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
    disk: Disk<'_>,
    nonce: Option<RequestId>,
) -> Result<Vec<Erased>, EraseError> {
    let fs = &*passbook.env().fs;
    let mut book = begun(passbook, app)?;
    let path = list_path(passbook, app);
    let list = match open(book.state()) {
        Some(open) => read_list(fs, &path, open.list)?,
        None => {
            let list = with_earlier(fs, &path, book.state(), listed(disk.tree, book.state(), installed))?;
            let bytes = cbor::encode(&list);
            if bytes.len() > LARGEST_LIST.bytes {
                return Err(EraseError::TooMany);
            }
            replace_file(fs, &path, &bytes)?;
            let at = passbook.env().now();
            book.begin_erasure(Erasure { list: digest_of(&bytes), nonce, at, done: false })?;
            list
        }
    };
    point(fs, &path, "erasure.begun")?;
    let erased = all_gone(disk.tree, list)?;
    (disk.sweep)();
    point(fs, &path, "erasure.swept")?;
    if erased.iter().all(|item| item.kept.is_none()) {
        passbook.forget_installed(app)?;
    }
    point(fs, &path, "erasure.forgotten")?;
    replace_file(fs, &path.with_extension("done"), &cbor::encode(&erased))?;
    book.end_erasure()?;
    point(fs, &path, "erasure.ended")?;
    Ok(erased)
}

fn point(fs: &dyn Fs, path: &Path, name: &str) -> Result<(), FsError> {
    fs.crash().point(name).map_err(|crashed| FsError::new("go on", path, crashed.into()))
}

/// What an attempt before has erased belongs to what is certified now.
fn with_earlier(
    fs: &dyn Fs,
    path: &Path,
    state: &State,
    list: Vec<Planned>,
) -> Result<Vec<Planned>, EraseError> {
    if state.erasure.is_none() {
        return Ok(list);
    }
    let bytes = read_file(fs, &path.with_extension("done"), LARGEST_LIST.bytes as u64)?;
    let earlier = bytes.and_then(|bytes| list_of(&bytes)).unwrap_or_default().into_iter();
    let again = |item: &Erased| list.iter().any(|planned| planned.item.what == item.what);
    let gone = earlier.filter(|item| item.kept.is_none() && !again(item));
    let gone: Vec<_> = gone.map(|item| Planned { item, below: None, lists: false }).collect();
    Ok(gone.into_iter().chain(list).collect())
}

fn read_list(fs: &dyn Fs, path: &Path, named: Digest) -> Result<Vec<Planned>, EraseError> {
    let damaged = || EraseError::List(path.to_owned());
    let bytes = read_file(fs, path, LARGEST_LIST.bytes as u64)?.ok_or_else(damaged)?;
    if digest_of(&bytes) != named {
        return Err(damaged());
    }
    cbor::decode_within(&bytes, LARGEST_LIST).map_err(|_| damaged())
}

/// A death ends it; anything else that stays in the way is told of the one thing, and the others go.
fn all_gone(tree: &dyn Tree, list: Vec<Planned>) -> Result<Vec<Erased>, FsError> {
    let (mut erased, mut stays) = (Vec::with_capacity(list.len()), false);
    for Planned { item, below, lists } in list {
        let kept = match (&item.kept, &item.what, &below) {
            (Some(why), ..) => Some(why.clone()),
            (None, Thing::File(_), Some(_)) if lists && stays => Some(NEEDED.to_owned()),
            (None, Thing::File(name), Some(below)) => match remove(tree, Path::new(below), name) {
                Err(FsError { fault: fault @ FsFault::Crashed(_), action, path }) => {
                    return Err(FsError { fault, action, path });
                }
                removed => removed.err().map(|error| error.to_string()),
            },
            // The record that began the erasure has taken keys and pass.
            _ => None,
        };
        stays |= kept.is_some();
        erased.push(Erased { kept, ..item });
    }
    Ok(erased)
}

const NEEDED: &str = "it says which files are the program's, and not all of them are gone";

fn remove(tree: &dyn Tree, below: &Path, name: &str) -> Result<(), FsError> {
    let path = below.join(name);
    let refused = |why: &str| FsError::new("remove", &path, FsFault::Other(why.to_owned()));
    let within = Path::new(name);
    let plain = within.components().all(|part| matches!(part, Component::Normal(_))) && !name.is_empty();
    if !plain || !below.is_absolute() || below.parent().is_none() {
        return Err(refused("it is in no folder of a program"));
    }
    let folders = within.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    for folder in folders.collect::<Vec<_>>().into_iter().rev() {
        match tree.found(&below.join(folder))? {
            Some(Found::Folder) => {}
            None => return Ok(()),
            Some(_) => return Err(refused("a folder on the way to it is not a folder any more")),
        }
    }
    if tree.found(below)?.is_none() {
        return Ok(());
    }
    discard(tree, &path)?;
    // A file that comes back after a power loss was not erased.
    path.parent().map_or(Ok(()), |folder| tree.sync_folder(folder))?;
    point(tree, &path, "erasure.gone")
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
    let path = list_path(passbook, app).with_extension("done");
    let nothing = || EraseError::Report(ReportError::NothingHere(app.clone()));
    let done = state.erasure.filter(|erasure| erasure.done).ok_or_else(nothing)?;
    let list = read_file(&*passbook.env().fs, &path, LARGEST_LIST.bytes as u64)?.ok_or_else(nothing)?;
    let keys = sealing_keys(&state, app, keys)?;
    let user = passbook.user().ok_or(ReportError::NoUser)?;
    let says = statement(passbook, machine, &state, app, user, head, done.nonce);
    let certificate = ErasureCertificate { says, list: attachment(&list) };
    let signed = sign(certificate, passbook.signer()).map_err(ReportError::from)?;
    let seed = random::bytes(&*passbook.env().random).map_err(ReportError::NoRandom)?;
    let code = sealed::seal(Carried::Certificate, signed.bytes(), &list, keys.seal_to, seed);
    Ok(code.map_err(ReportError::Seal)?)
}

/// The list of a certificate.
#[must_use]
pub fn list_of(bytes: &[u8]) -> Option<Vec<Erased>> {
    cbor::decode_within(bytes, LARGEST_LIST).ok()
}
