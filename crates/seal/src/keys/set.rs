//! The key set: a server's public keys, signed by its root.

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::document::PublicKey;
use carnet_core::id::{Digest, ServerId};
use carnet_core::time::Time;

use super::{CoseKey, KeyId, Purpose, VerifyingKey};
use crate::envelope::document;
use crate::record;

/// The public keys of a server, at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    /// Whose keys.
    pub server: ServerId,
    /// +1 at each change; never goes down.
    pub version: u64,
    /// The root key that signs it. Believed only because its hash is pinned.
    pub root: CoseKey,
    /// When it was made.
    pub issued: Time,
    /// From here on nothing new is accepted under it. What runs goes on running.
    pub expires: Time,
    /// The keys. One that no longer signs stays until nothing that it has signed is still on its way.
    pub keys: Vec<KeyEntry>,
    /// Keys that verify nothing any more (I16).
    pub revoked: BTreeSet<KeyId>,
    /// The lowest format of each type of document, by [`Kind`](crate::Kind) number, where it is not the
    /// first. By number, so that a type that this program does not know is no reason to refuse the key set.
    pub formats: BTreeMap<u64, u64>,
}

/// One key of a server. Its id is computed, so that no key can go by the id of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    /// What it may be used for.
    pub purpose: Purpose,
    /// The key.
    pub key: CoseKey,
}

record! {
    KeySet {
        1 => server,
        2 => version,
        3 => root,
        4 => issued,
        5 => expires,
        6 => keys,
        7 => revoked,
        8 => formats,
    }
    KeyEntry { 1 => purpose, 2 => key }
}

document! { KeySet: KeySet }

/// A server and its root key, as they are pinned in a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootPin {
    /// The server.
    pub server: ServerId,
    /// The thumbprint of its root key.
    pub root: Digest,
}

impl RootPin {
    /// The pin of a server that has its first root key still. When roots change one day, the pin of a later
    /// root keeps the server's id, which comes from the first.
    #[must_use]
    pub fn of_first_root(root: Digest) -> Self {
        let mut server = [0; 16];
        server.copy_from_slice(&root.0[..16]);
        Self { server: ServerId(server), root }
    }
}

/// The id of the server with this first root key: the first half of the key's thumbprint (SHA-256).
///
/// # Errors
/// [`SealError::BadKey`](crate::SealError::BadKey) when these bytes are no key.
pub fn server_id(first_root: PublicKey) -> Result<ServerId, crate::SealError> {
    let root = VerifyingKey::ed25519(first_root)?;
    Ok(RootPin::of_first_root(root.thumbprint()).server)
}
