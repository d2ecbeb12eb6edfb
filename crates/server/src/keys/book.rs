//! The keys in the database: made once, opened at each start, published as the key set.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use carnet_core::app::SupplierName;
use carnet_core::document::PublicKey;
use carnet_core::id::SupplierId;
use carnet_core::time::Time;
use carnet_seal::keys::{CoseKey, KeyEntry, KeySet, Purpose, RootPin};
use carnet_seal::{KeyId, KeyRing, Signer, VerifyingKey, sign};
use carnet_seam::{Fs, Random, random};
use carnet_store::key::{KeyState, ServerKey};
use carnet_store::{Reading, Store, StoreError, Writing};
use zeroize::Zeroizing;

use super::at_rest::AtRest;
use super::{Current, KEY_SET_LASTS, KeyFault, Keys, ServerSigner};

const ROOT: &str = "root";
const SERVER: &str = "server";
const ISSUE: &str = "issue";
/// The setting that holds the version of the newest key set, as 8 bytes, most significant first.
const VERSION: &str = "key-set-version";

/// A key that is not in the database yet.
#[derive(Debug)]
pub struct NewKey {
    row: ServerKey,
}

/// The rows that a key set is made of.
#[derive(Debug)]
pub struct Published {
    version: u64,
    rows: Vec<ServerKey>,
    names: HashMap<SupplierId, SupplierName>,
}

impl Keys {
    /// Opens the keys in the database, or makes the first ones.
    ///
    /// # Errors
    /// [`KeyFault`], each with what the operator can do.
    pub fn open(
        store: &Store,
        fs: &dyn Fs,
        folder: &Path,
        random: &dyn Random,
        now: Time,
    ) -> Result<Self, KeyFault> {
        let empty = store.read(|tx| tx.keys())?.is_empty();
        let at_rest = match AtRest::open(fs, folder) {
            // An interrupted first start left a secret without keys: it is as good as a new one.
            Err(KeyFault::NoSecret(_)) if empty => AtRest::create(fs, folder, random)?,
            opened => opened?,
        };
        if empty {
            let first = [
                NewKey::make(ROOT, None, &at_rest, random, now)?,
                NewKey::make(SERVER, None, &at_rest, random, now)?,
            ];
            let add = move |tx: &Writing<'_>| {
                // Another server may have been started on the same database a moment ago.
                if !tx.keys()?.is_empty() {
                    return Err(StoreError::Exists { what: "server" });
                }
                first.iter().try_for_each(|key| tx.add_key(&key.row))
            };
            store.write("keys.first", add)?;
        }
        let published = store.write("keys.publish", move |tx| Published::next(tx, now))?;
        let (pin, current) = published.open(&at_rest, now)?;
        Ok(Self {
            pin,
            at_rest,
            current: RwLock::new(Arc::new(current)),
            adding: tokio::sync::Mutex::new(()),
        })
    }

    /// Held by whoever adds a key, from before the transaction until it is published.
    pub async fn adding(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.adding.lock().await
    }

    /// A new issuing key for a supplier, to be added in the transaction that registers it.
    ///
    /// # Errors
    /// When no random bytes are to be had.
    pub fn make_issuing(
        &self,
        supplier: SupplierId,
        random: &dyn Random,
        now: Time,
    ) -> Result<NewKey, KeyFault> {
        NewKey::make(ISSUE, Some(supplier), &self.at_rest, random, now)
    }

    /// Signs and uses the key set with the keys that a transaction has left behind.
    ///
    /// # Errors
    /// When the keys cannot be opened.
    pub fn publish(&self, published: &Published, now: Time) -> Result<(), KeyFault> {
        let (_, fresh) = published.open(&self.at_rest, now)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if fresh.version >= current.version {
            *current = Arc::new(fresh);
        }
        Ok(())
    }

    /// Takes over what another server has published, if it has.
    pub(super) fn refresh_from(&self, tx: &Reading<'_>) -> Result<(), StoreError> {
        let version = Published::version(tx)?;
        if version == self.current().version {
            return Ok(());
        }
        let published = Published::read(tx, version)?;
        // As old as its version says, so that all servers serve the same document.
        let made = Time(i64::try_from(version).unwrap_or(i64::MAX));
        self.publish(&published, made).map_err(|error| match error {
            KeyFault::Store(error) => error,
            error => {
                tracing::error!(%error, "the keys that another server has published cannot be used");
                StoreError::Defect
            }
        })?;
        tracing::info!(version, "took over the key set of another server");
        Ok(())
    }
}

impl NewKey {
    fn make(
        purpose: &str,
        supplier: Option<SupplierId>,
        at_rest: &AtRest,
        random: &dyn Random,
        now: Time,
    ) -> Result<Self, KeyFault> {
        let seed = Zeroizing::new(random::bytes::<32>(random)?);
        let signer = ServerSigner::from_seed(&seed)?;
        Ok(Self {
            row: ServerKey {
                id: signer.key_id().0.to_vec(),
                purpose: purpose.to_owned(),
                supplier,
                state: KeyState::Active,
                public_key: signer.public().0.to_vec(),
                sealed: at_rest.seal(signer.key_id(), &seed, random)?,
                created: now,
            },
        })
    }

    /// Adds the key and reads what the next key set is made of.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn add(&self, tx: &Writing<'_>) -> Result<Published, StoreError> {
        tx.add_key(&self.row)?;
        Published::next(tx, self.row.created)
    }
}

impl Published {
    /// What the next key set is made of; its version is used up even if it is never signed.
    ///
    /// Devices refuse a key set older than the one they have (I16). A version counted from the database alone
    /// would be too old after a backup is restored, whichever way; the time of day is not.
    fn next(tx: &Writing<'_>, now: Time) -> Result<Self, StoreError> {
        let version = u64::try_from(now.0).unwrap_or(0).max(Self::version(tx)? + 1);
        tx.put_setting(VERSION, &version.to_be_bytes())?;
        Self::read(tx, version)
    }

    /// The version of the newest key set; 0 before the first.
    fn version(tx: &Reading<'_>) -> Result<u64, StoreError> {
        Ok(tx.setting(VERSION)?.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    fn read(tx: &Reading<'_>, version: u64) -> Result<Self, StoreError> {
        let names = tx.suppliers()?.into_iter().map(|supplier| (supplier.id, supplier.name)).collect();
        Ok(Self { version, rows: tx.keys()?, names })
    }

    /// Opens the keys and signs the key set.
    fn open(&self, at_rest: &AtRest, now: Time) -> Result<(RootPin, Current), KeyFault> {
        let root = signer_of(root_row(&self.rows)?, at_rest)?;
        let root_key = VerifyingKey::ed25519(root.public())?;
        let pin = RootPin::of_first_root(root_key.thumbprint());
        let (mut signers, mut issuing, mut keys) = (HashMap::new(), HashMap::new(), Vec::new());
        let mut revoked = BTreeSet::new();
        for row in self.rows.iter().filter(|row| row.purpose != ROOT) {
            if row.state == KeyState::Revoked {
                revoked.extend(<[u8; 8]>::try_from(row.id.as_slice()).ok().map(KeyId));
                continue;
            }
            let signer = Arc::new(signer_of(row, at_rest)?);
            keys.push(KeyEntry { purpose: self.purpose(row)?, key: CoseKey::Ed25519(signer.public()) });
            if row.state == KeyState::Active {
                issuing.insert(row.supplier, signer.key_id());
            }
            signers.insert(signer.key_id(), signer);
        }
        let set = KeySet {
            server: pin.server,
            version: self.version,
            root: root_key.cose(),
            issued: now,
            expires: now.plus(KEY_SET_LASTS),
            keys,
            revoked,
            formats: std::collections::BTreeMap::new(),
        };
        let document = sign(set, &root)?;
        let ring = KeyRing::open(document.bytes(), &pin, self.version)?;
        Ok((pin, Current { version: self.version, ring, signers, issuing }))
    }

    fn purpose(&self, row: &ServerKey) -> Result<Purpose, KeyFault> {
        match row.supplier {
            None => Ok(Purpose::Server),
            Some(supplier) => {
                let name = self.names.get(&supplier).cloned().ok_or(KeyFault::Missing("supplier of a"))?;
                Ok(Purpose::Issue { supplier, name })
            }
        }
    }
}

fn root_row(rows: &[ServerKey]) -> Result<&ServerKey, KeyFault> {
    rows.iter().find(|row| row.purpose == ROOT).ok_or(KeyFault::Missing(ROOT))
}

/// What programs pin of the server with these keys. Nothing secret is needed for it.
///
/// # Errors
/// [`KeyFault::Missing`] when there is no root among them.
pub fn root_of(rows: &[ServerKey]) -> Result<RootPin, KeyFault> {
    let public = root_row(rows)?.public_key.as_slice().try_into().map_err(|_| KeyFault::Missing(ROOT))?;
    Ok(RootPin::of_first_root(VerifyingKey::ed25519(PublicKey(public))?.thumbprint()))
}

/// Whether every one of these keys can be opened with this secret.
///
/// # Errors
/// [`KeyFault::WrongSecret`] when one cannot.
pub fn check(rows: &[ServerKey], at_rest: &AtRest) -> Result<(), KeyFault> {
    rows.iter().try_for_each(|row| signer_of(row, at_rest).map(drop))
}

fn signer_of(row: &ServerKey, at_rest: &AtRest) -> Result<ServerSigner, KeyFault> {
    let id = <[u8; 8]>::try_from(row.id.as_slice()).map_err(|_| KeyFault::WrongSecret)?;
    let signer = ServerSigner::from_seed(&*at_rest.unseal(KeyId(id), &row.sealed)?)?;
    // The id is bound to the ciphertext; the public half is not, and it is what others look at.
    if signer.key_id() == KeyId(id) && signer.public().0 == row.public_key.as_slice() {
        Ok(signer)
    } else {
        Err(KeyFault::WrongSecret)
    }
}
