//! The server's keys: one root that signs the key set, one of its own, and one for each supplier.
//!
//! Secret halves lie encrypted in the database ([`at_rest`]); whatever is signed is stored before
//! ([`Keys`] is the ledger's [`Prepare`]) and signed after the commit (I9).

pub mod at_rest;
mod book;
pub mod change;
pub mod orders;
pub mod root;
mod signer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use carnet_core::document::{Answer, Body};
use carnet_core::id::{Digest, ServerId, SupplierId};
use carnet_core::time::{Seconds, Time};
use carnet_seal::cbor::Limits;
use carnet_seal::keys::{Algorithm, RootPin};
use carnet_seal::{KeyId, KeyRing, Kind, SealError, ToBeSigned};
use carnet_seam::{FsError, NoRandom};
use carnet_store::{Prepare, Prepared, Reading, StoreError};

pub use book::{NewKey, Published, check, has_root, root_of};
pub use signer::ServerSigner;

/// How long a key set is good after it was signed.
pub const KEY_SET_LASTS: Seconds = Seconds(400 * 86_400);

/// Why the keys cannot be used. All of it is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The database has keys, but what opens them is gone.
    #[error("{} is missing, and the keys in the database cannot be opened without it: restore it from a backup", .0.display())]
    NoSecret(PathBuf),
    /// Others can read the secret.
    #[error("{path} can be read by others: run `chmod 600 {path}`, and think about who may have read it", path = .0.display())]
    Exposed(PathBuf),
    /// The file does not hold a secret.
    #[error("{} does not hold 64 hexadecimal digits: restore it from a backup", .0.display())]
    Malformed(PathBuf),
    /// The secret does not open the keys.
    #[error("a key in the database cannot be opened with secret.key: both must come from the same backup")]
    WrongSecret,
    /// The database has keys, but no root.
    #[error("the database has no {0} key: restore a backup")]
    Missing(&'static str),
    /// There is no file with a root key.
    #[error("there is no file {}: bring the one that `carnetd keys root move-offline` has written", .0.display())]
    NoRootFile(PathBuf),
    /// The file is no root key.
    #[error("{} is no whole root key: bring the file that `carnetd keys root move-offline` has written", .0.display())]
    BadRootFile(PathBuf),
    /// The file is there already.
    #[error("{} exists already: name another file", .0.display())]
    Taken(PathBuf),
    /// The root that was brought is another server's.
    #[error("that is the root key of another server")]
    OtherRoot,
    /// The root is kept elsewhere, and something must be signed with it.
    #[error("the root key is not here: bring it along, with --root FILE")]
    RootAway,
    /// The keys were changed, and the root has not signed that yet.
    #[error("the root key has not signed these keys yet: run `carnetd keys publish --root FILE`")]
    Unpublished,
    /// The key set is a single document.
    #[error(
        "a key set with one key more would be too large: revoke keys that are retired for long (`carnetd keys list`), \
         or start a second server for further suppliers"
    )]
    Full,
    /// There is no such key, or no such supplier.
    #[error("{0}: see `carnetd keys list`")]
    Unknown(String),
    /// The library refused a key.
    #[error("a key cannot be used by the cryptographic library")]
    Unusable,
    /// The data folder.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// The random source.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key set.
    #[error("the key set cannot be made: {0}")]
    Seal(#[from] SealError),
}

/// The keys as they are at one time.
#[derive(Debug)]
pub struct Current {
    version: u64,
    ring: KeyRing,
    signers: HashMap<KeyId, Arc<ServerSigner>>,
    issuing: HashMap<Option<SupplierId>, KeyId>,
    /// Whose keys were revoked.
    revoked: HashMap<KeyId, Option<SupplierId>>,
    root: RootKey,
}

/// Where the root key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKey {
    /// Beside the data, encrypted like the others.
    Here,
    /// Wherever the operator keeps it.
    Away,
}

/// All keys of a running server.
#[derive(Debug)]
pub struct Keys {
    pin: RootPin,
    at_rest: at_rest::AtRest,
    current: RwLock<Arc<Current>>,
    /// Held while a key is being added, so that no key set misses another one's key.
    adding: tokio::sync::Mutex<()>,
}

impl Keys {
    /// The server that these keys make.
    #[must_use]
    pub const fn server(&self) -> ServerId {
        self.pin.server
    }

    /// What programs pin: the thumbprint of the root key.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.pin.root
    }

    /// The version of the key set in use.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.current().version
    }

    /// The keys as they are now.
    #[must_use]
    pub fn current(&self) -> Arc<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs bytes that [`Prepare::prepare`] made, now or before a restart: the same bytes give the same
    /// document (I5).
    ///
    /// # Errors
    /// When the bytes are not such bytes, or the key that they name is gone.
    pub fn sign_prepared(&self, bytes: Vec<u8>) -> Result<(Vec<u8>, Kind), SealError> {
        let mut prepared = ToBeSigned::from_bytes(bytes)?;
        let current = self.current();
        // A revoked key never signs again, not even a repeat: the same claims are said under the key that came
        // after it (the one exception to I5).
        if let Some(successor) = current.successor(prepared.key_id()) {
            prepared = prepared.under(successor, Algorithm::Ed25519)?;
        }
        let signer =
            current.signers.get(&prepared.key_id()).ok_or(SealError::UnknownKey(prepared.key_id()))?;
        Ok((prepared.sign(signer.as_ref())?, prepared.kind()))
    }

    /// Whether this answer fits into a document, key and signature included.
    #[must_use]
    pub fn fits(&self, answer: &Answer) -> bool {
        ToBeSigned::new(answer, KeyId([0; 8]), Algorithm::Ed25519).is_ok()
    }
}

impl Current {
    /// What checks documents of ours, past keys included.
    #[must_use]
    pub const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The signed key set.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        self.ring.set().bytes()
    }

    /// When nothing new is accepted any more.
    #[must_use]
    pub fn expires(&self) -> Time {
        self.ring.set().claims().expires
    }

    /// Where the root key is.
    #[must_use]
    pub const fn root(&self) -> RootKey {
        self.root
    }

    /// Whether the key set names this key, and not as a revoked one.
    #[must_use]
    pub fn names(&self, id: KeyId) -> bool {
        let set = self.ring.set().claims();
        set.keys.iter().any(|entry| entry.key.id() == id) && !set.revoked.contains(&id)
    }

    /// Whether the key set takes one more key: it is a single document, of which the largest is 64 KiB.
    #[must_use]
    pub fn has_room(&self) -> bool {
        /// A key, the longest name and what is around them.
        const ENTRY: usize = 256;
        self.document().len() + ENTRY <= Limits::DOCUMENT.bytes
    }

    fn successor(&self, revoked: KeyId) -> Option<KeyId> {
        self.issuing(*self.revoked.get(&revoked)?)
    }

    fn issuing(&self, supplier: Option<SupplierId>) -> Option<KeyId> {
        self.issuing.get(&supplier).or_else(|| self.issuing.get(&None)).copied()
    }
}

impl Prepare for Keys {
    fn prepare(&self, answer: &Answer, supplier: Option<SupplierId>) -> Prepared {
        let key = self.current().issuing(supplier).unwrap_or(KeyId([0; 8]));
        let made = ToBeSigned::new(answer, key, Algorithm::Ed25519)
            .or_else(|_| ToBeSigned::new(&without_menu(answer), key, Algorithm::Ed25519));
        match made {
            Ok(made) => Prepared { digest: made.body_hash(), bytes: made.as_bytes().to_vec() },
            // Nothing that is decided comes here: menus are held to a size that fits when they are written.
            // Were it so all the same, there is nothing to sign, and the request ends as an internal error.
            Err(error) => {
                tracing::error!(%error, "an answer does not fit into a document");
                Prepared { bytes: Vec::new(), digest: Digest([0; 32]) }
            }
        }
    }

    /// Another server that shares the database may have added a supplier, or have published a newer key set,
    /// behind which devices will not go back.
    fn refresh(&self, tx: &Reading<'_>) -> Result<(), StoreError> {
        self.refresh_from(tx)
    }
}

/// The menu is the one part of an answer that others decide the size of, and the one it can do without.
fn without_menu(answer: &Answer) -> Answer {
    let mut smaller = answer.clone();
    if let Body::Refusal(refusal) = &mut smaller.body {
        refusal.menu.clear();
    }
    smaller
}
