//! The keys in the database: made once, opened at each start, published as the key set.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use carnet_core::app::SupplierName;
use carnet_core::document::PublicKey;
use carnet_core::id::SupplierId;
use carnet_core::time::Time;
use carnet_seal::keys::{CoseKey, KeyEntry, KeySet, Purpose, RootPin};
use carnet_seal::{KeyId, KeyRing, SealError, Signer, VerifyingKey, sign};
use carnet_seam::{Fs, Random, random};
use carnet_store::key::{KeyState, ServerKey};
use carnet_store::{Reading, Store, StoreError, Writing};
use zeroize::Zeroizing;

use super::at_rest::AtRest;
use super::{Current, KEY_SET_LASTS, KeyFault, Keys, RootKey, ServerSigner};

pub(super) const ROOT: &str = "root";
pub(super) const SERVER: &str = "server";
pub(super) const ISSUE: &str = "issue";
/// Of a supplier, for its images: only the public half is here.
pub(super) const IMAGE: &str = "image";
/// The setting that holds the version of the newest key set, as 8 bytes, most significant first.
const VERSION: &str = "key-set-version";
/// The setting that holds the key set itself, where the root that would sign a new one is away.
const DOCUMENT: &str = "key-set";

/// A key that is not in the database yet.
#[derive(Debug)]
pub struct NewKey {
    row: ServerKey,
}

/// The rows that a key set is made of.
#[derive(Debug, Clone)]
pub struct Published {
    pub(super) version: u64,
    pub(super) rows: Vec<ServerKey>,
    names: HashMap<SupplierId, SupplierName>,
    /// The key set that the root has signed before it was taken away.
    pub(super) document: Option<Vec<u8>>,
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
        let published = Published::read(tx)?;
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

    /// Uses the keys as they stand in the database now: an operator may have changed them.
    ///
    /// # Errors
    /// When the keys cannot be opened; those in use stay.
    pub fn reload(&self, store: &Store, now: Time) -> Result<(), KeyFault> {
        let published = store.write("keys.publish", move |tx| Published::next(tx, now))?;
        self.publish(&published, now)
    }

    /// What encrypts the secret halves.
    #[must_use]
    pub const fn at_rest(&self) -> &AtRest {
        &self.at_rest
    }
}

impl NewKey {
    /// The row as it is going to be.
    pub(super) const fn row(&self) -> &ServerKey {
        &self.row
    }

    pub(super) fn make(
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

    /// A supplier's key for its images, of which nobody here has the secret half.
    #[must_use]
    pub fn of_images(supplier: SupplierId, (id, public): (KeyId, PublicKey), now: Time) -> Self {
        Self {
            row: ServerKey {
                id: id.0.to_vec(),
                purpose: IMAGE.to_owned(),
                supplier: Some(supplier),
                state: KeyState::Active,
                public_key: public.0.to_vec(),
                sealed: Vec::new(),
                created: now,
            },
        }
    }

    /// Whether this is a key for this supplier's images.
    #[must_use]
    pub fn is_of_images(row: &ServerKey, supplier: SupplierId) -> bool {
        row.purpose == IMAGE && row.supplier == Some(supplier)
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
        let mut published = Self::read(tx)?;
        // Without the root there is no next one.
        if published.root_is_here() {
            published.advance(now);
            tx.put_setting(VERSION, &published.version.to_be_bytes())?;
        }
        Ok(published)
    }

    /// What the newest key set was made of, and what has come since.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub fn read(tx: &Reading<'_>) -> Result<Self, StoreError> {
        let names = tx.suppliers()?.into_iter().map(|supplier| (supplier.id, supplier.name)).collect();
        let (version, document) = (Self::version(tx)?, tx.setting(DOCUMENT)?);
        Ok(Self { version, rows: tx.keys()?, names, document })
    }

    /// The version of the newest key set; 0 before the first.
    fn version(tx: &Reading<'_>) -> Result<u64, StoreError> {
        Ok(tx.setting(VERSION)?.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Keeps version and document for the next start.
    pub(super) fn keep(&self, tx: &Writing<'_>) -> Result<(), StoreError> {
        tx.put_setting(VERSION, &self.version.to_be_bytes())?;
        self.document.as_ref().map_or(Ok(()), |document| tx.put_setting(DOCUMENT, document))
    }

    pub(super) fn advance(&mut self, now: Time) {
        self.version = u64::try_from(now.0).unwrap_or(0).max(self.version + 1);
    }

    /// Whether the root key lies beside the data.
    pub(super) fn root_is_here(&self) -> bool {
        root_row(&self.rows).map_or(true, |root| !root.sealed.is_empty())
    }

    /// The supplier of that name.
    pub(super) fn supplier(&self, name: &SupplierName) -> Option<SupplierId> {
        self.names.iter().find(|(_, known)| *known == name).map(|(id, _)| *id)
    }

    /// The root key, where it lies beside the data.
    pub(super) fn root(&self, at_rest: &AtRest) -> Result<Option<ServerSigner>, KeyFault> {
        let root = root_row(&self.rows)?;
        if root.sealed.is_empty() { Ok(None) } else { signer_of(root, at_rest).map(Some) }
    }

    /// Signs the key set.
    ///
    /// # Errors
    /// [`KeyFault::OtherRoot`] with another server's root, [`KeyFault::Full`] when it has too many keys.
    pub(super) fn sign(&self, root: &ServerSigner, now: Time) -> Result<Vec<u8>, KeyFault> {
        let pin = root_of(&self.rows)?;
        let root_key = VerifyingKey::ed25519(root.public())?;
        if root_key.thumbprint() != pin.root {
            return Err(KeyFault::OtherRoot);
        }
        let mut keys = Vec::new();
        for row in self.rows.iter().filter(|row| row.purpose != ROOT && row.state != KeyState::Revoked) {
            let public = row.public_key.as_slice().try_into().map_err(|_| KeyFault::Unusable)?;
            keys.push(KeyEntry { purpose: self.purpose(row)?, key: CoseKey::Ed25519(PublicKey(public)) });
        }
        let set = KeySet {
            server: pin.server,
            version: self.version,
            root: root_key.cose(),
            issued: now,
            expires: now.plus(KEY_SET_LASTS),
            keys,
            revoked: self.revoked().collect(),
            formats: BTreeMap::new(),
        };
        sign(set, root).map(|signed| signed.bytes().to_vec()).map_err(|error| match error {
            SealError::Claims(_) | SealError::Envelope(_) => KeyFault::Full,
            error => error.into(),
        })
    }

    fn revoked(&self) -> impl Iterator<Item = KeyId> {
        let revoked = self.rows.iter().filter(|row| row.state == KeyState::Revoked);
        revoked.filter_map(|row| <[u8; 8]>::try_from(row.id.as_slice()).ok().map(KeyId))
    }

    /// Opens the keys, and signs the key set where the root is here.
    fn open(&self, at_rest: &AtRest, now: Time) -> Result<(RootPin, Current), KeyFault> {
        let pin = root_of(&self.rows)?;
        let (document, root) = match self.root(at_rest)? {
            Some(root) => (self.sign(&root, now)?, RootKey::Here),
            None => (self.document.clone().ok_or(KeyFault::Unpublished)?, RootKey::Away),
        };
        let ring = KeyRing::open(&document, &pin, 0)?;
        let (mut signers, mut issuing) = (HashMap::new(), HashMap::new());
        let ours = |row: &&ServerKey| ![ROOT, IMAGE].contains(&row.purpose.as_str());
        for row in self.rows.iter().filter(ours).filter(|row| row.state != KeyState::Revoked) {
            let signer = Arc::new(signer_of(row, at_rest)?);
            // What it signs would be believed by nobody.
            if ring.key(signer.key_id(), &self.purpose(row)?).is_none() {
                return Err(KeyFault::Unpublished);
            }
            if row.state == KeyState::Active {
                issuing.insert(row.supplier, signer.key_id());
            }
            signers.insert(signer.key_id(), signer);
        }
        if self.revoked().any(|key| !ring.set().claims().revoked.contains(&key)) {
            return Err(KeyFault::Unpublished);
        }
        let of = |row: &ServerKey| Some((KeyId(row.id.as_slice().try_into().ok()?), row.supplier));
        let revoked = self.rows.iter().filter(|row| row.state == KeyState::Revoked).filter_map(of).collect();
        Ok((pin, Current { version: self.version, ring, signers, issuing, revoked, root }))
    }

    fn purpose(&self, row: &ServerKey) -> Result<Purpose, KeyFault> {
        match row.supplier {
            None => Ok(Purpose::Server),
            Some(supplier) => {
                let name = self.names.get(&supplier).cloned().ok_or(KeyFault::Missing("supplier of a"))?;
                let of_images = row.purpose == IMAGE;
                Ok(if of_images {
                    Purpose::Image { supplier, name }
                } else {
                    Purpose::Issue { supplier, name }
                })
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

/// Whether the root key is among these keys, and not kept elsewhere.
#[must_use]
pub fn has_root(rows: &[ServerKey]) -> bool {
    root_row(rows).is_ok_and(|root| !root.sealed.is_empty())
}

/// Whether every one of these keys can be opened with this secret. What was taken away is not there to be opened.
///
/// # Errors
/// [`KeyFault::WrongSecret`] when one cannot.
pub fn check(rows: &[ServerKey], at_rest: &AtRest) -> Result<(), KeyFault> {
    let mut here = rows.iter().filter(|row| !row.sealed.is_empty());
    here.try_for_each(|row| signer_of(row, at_rest).map(drop))
}

pub(super) fn signer_of(row: &ServerKey, at_rest: &AtRest) -> Result<ServerSigner, KeyFault> {
    let id = <[u8; 8]>::try_from(row.id.as_slice()).map_err(|_| KeyFault::WrongSecret)?;
    let signer = ServerSigner::from_seed(&*at_rest.unseal(KeyId(id), &row.sealed)?)?;
    // The id is bound to the ciphertext; the public half is not, and it is what others look at.
    if signer.key_id() == KeyId(id) && signer.public().0 == row.public_key.as_slice() {
        Ok(signer)
    } else {
        Err(KeyFault::WrongSecret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(number: u16) -> ServerSigner {
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&number.to_be_bytes());
        ServerSigner::from_seed(&seed).unwrap()
    }

    fn supplier(number: u16) -> SupplierId {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        SupplierId(id)
    }

    /// The root is number 0.
    fn row(number: u16) -> ServerKey {
        let signer = signer(number);
        ServerKey {
            id: signer.key_id().0.to_vec(),
            purpose: if number == 0 { ROOT.into() } else { ISSUE.into() },
            supplier: (number > 0).then(|| supplier(number)),
            state: KeyState::Active,
            public_key: signer.public().0.to_vec(),
            sealed: vec![1],
            created: Time(0),
        }
    }

    #[test]
    fn a_key_set_with_more_keys_than_fit_is_not_made() {
        let of = |many: u16| {
            let name = |number| (supplier(number), format!("supplier-{number}").parse().unwrap());
            let (rows, names) = ((0..=many).map(row).collect(), (1..=many).map(name).collect());
            Published { version: 1, rows, names, document: None }
        };
        assert!(of(500).sign(&signer(0), Time(0)).is_ok());
        assert_eq!(of(1_000).sign(&signer(0), Time(0)), Err(KeyFault::Full));
        assert_eq!(of(1).sign(&signer(1), Time(0)), Err(KeyFault::OtherRoot));
    }
}
