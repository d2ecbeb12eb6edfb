//! Checking documents with keys that are trusted for exactly that.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use carnet_core::app::SupplierName;
use carnet_core::document::PublicKey;
use carnet_core::id::{DeviceId, ServerId, SupplierId};
use carnet_core::time::Time;

use super::{CoseKey, KeyId, KeySet, Purpose, RootPin, VerifyingKey};
use crate::envelope::{Document, Signed, Unverified};
use crate::error::SealError;
use crate::image::ImageKey;
use crate::kind::Kind;

/// The keys of one server, believed because its pinned root key has signed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing {
    set: Signed<KeySet>,
    keys: BTreeMap<KeyId, Trusted>,
    /// Of suppliers, for images. Kept apart: none of them can ever check what a server signs.
    images: BTreeMap<KeyId, Trusted>,
}

/// A key that the root has signed. Whether its bytes are a key at all is found out once, which takes about as
/// long as everything else that is done with a key set: by [`KeyRing::open`] at once, by [`KeyRing::reopen`] when
/// the key is needed.
#[derive(Debug, Clone)]
struct Trusted {
    purpose: Purpose,
    public: PublicKey,
    key: OnceLock<Result<VerifyingKey, SealError>>,
}

impl PartialEq for Trusted {
    fn eq(&self, other: &Self) -> bool {
        (&self.purpose, self.public) == (&other.purpose, other.public)
    }
}

impl Eq for Trusted {}

impl Trusted {
    fn key(&self) -> Result<&VerifyingKey, SealError> {
        self.key.get_or_init(|| VerifyingKey::ed25519(self.public)).as_ref().map_err(Clone::clone)
    }
}

/// For whom a document says that it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The server.
    pub server: ServerId,
    /// The supplier, by the first part of its app ids; none: the server itself.
    pub supplier: Option<SupplierName>,
    /// The supplier's id, where the document names it.
    pub supplier_id: Option<SupplierId>,
    /// Whether the server itself may say this in the supplier's place: a supplier that it does not know has
    /// no key to refuse with.
    pub or_server: bool,
}

/// Claims that a server signs.
pub trait Issued: Document {
    /// For whom they speak.
    fn issuer(&self) -> Issuer;
}

impl KeyRing {
    /// Opens a key set.
    ///
    /// An expired one can be opened, because what it has verified before goes on running; it verifies
    /// nothing new.
    ///
    /// # Errors
    /// When the pinned root has not signed it, a version of at least `lowest_version` was seen before, or one of
    /// its keys is none.
    pub fn open(bytes: &[u8], pin: &RootPin, lowest_version: u64) -> Result<Self, SealError> {
        let ring = Self::reopen(bytes, pin)?;
        let found = ring.set.claims().version;
        if found < lowest_version {
            return Err(SealError::KeySetTooOld { found, lowest: lowest_version });
        }
        ring.keys.values().chain(ring.images.values()).try_for_each(|trusted| trusted.key().map(|_| ()))?;
        Ok(ring)
    }

    /// Opens a key set that [`KeyRing::open`] has opened before, for programs that start often. The root's
    /// signature is checked all the same; a key whose bytes are none is refused when it is needed, and verifies
    /// nothing here either.
    ///
    /// # Errors
    /// When the pinned root has not signed it.
    pub fn reopen(bytes: &[u8], pin: &RootPin) -> Result<Self, SealError> {
        let document = Unverified::<KeySet>::parse(bytes)?;
        // The root key travels in the set. It is nobody's word but its own until its hash is the pinned one.
        let claims = document.unverified_claims()?;
        let CoseKey::Ed25519(public) = claims.root else { return Err(SealError::BadKey) };
        let root = VerifyingKey::ed25519(public)?;
        if claims.root.thumbprint() != pin.root {
            return Err(SealError::OtherRoot);
        }
        let id = claims.root.id();
        let set = document.check_read(claims, id, &root)?;
        if set.claims().server != pin.server {
            return Err(SealError::OtherServer(set.claims().server));
        }
        let keys =
            keys_for(set.claims(), |purpose| matches!(purpose, Purpose::Server | Purpose::Issue { .. }))?;
        let images = keys_for(set.claims(), |purpose| matches!(purpose, Purpose::Image { .. }))?;
        Ok(Self { set, keys, images })
    }

    /// The server whose keys these are.
    #[must_use]
    pub const fn server(&self) -> ServerId {
        self.set.claims().server
    }

    /// The key set.
    #[must_use]
    pub const fn set(&self) -> &Signed<KeySet> {
        &self.set
    }

    /// Whether nothing new is accepted any more.
    #[must_use]
    pub fn is_expired(&self, now: Time) -> bool {
        self.set.claims().expires <= now
    }

    /// The key with this id, if it is trusted for this purpose and not revoked.
    #[must_use]
    pub fn key(&self, id: KeyId, purpose: &Purpose) -> Option<&VerifyingKey> {
        let trusted = self.trusted(id).ok().filter(|trusted| trusted.purpose == *purpose)?;
        trusted.key().ok()
    }

    /// The key with this id, if it is trusted for the images of this supplier, and their format still is.
    pub(crate) fn image_key(&self, id: KeyId, of: &SupplierName) -> Result<ImageKey, SealError> {
        if !self.accepts_format(Kind::ImageManifest) {
            return Err(SealError::Outdated(Kind::ImageManifest));
        }
        let trusted = self.unrevoked(&self.images, id)?;
        match &trusted.purpose {
            Purpose::Image { name, .. } if name == of => {
                Ok(ImageKey { supplier: name.clone(), key: trusted.key()?.clone() })
            }
            _ => Err(SealError::OtherSupplier(id)),
        }
    }

    fn trusted(&self, id: KeyId) -> Result<&Trusted, SealError> {
        self.unrevoked(&self.keys, id)
    }

    fn unrevoked<'k>(&self, keys: &'k BTreeMap<KeyId, Trusted>, id: KeyId) -> Result<&'k Trusted, SealError> {
        if self.set.claims().revoked.contains(&id) {
            return Err(SealError::RevokedKey(id));
        }
        keys.get(&id).ok_or(SealError::UnknownKey(id))
    }

    fn accepts_format(&self, kind: Kind) -> bool {
        self.set.claims().formats.get(&kind.number()).is_none_or(|lowest| *lowest <= Kind::FORMAT)
    }

    fn check<T: Issued>(&self, document: &Unverified<T>) -> Result<Signed<T>, SealError> {
        if !self.accepts_format(document.kind()) {
            return Err(SealError::Outdated(document.kind()));
        }
        let trusted = self.trusted(document.key_id())?;
        let signed = document.check_as(document.key_id(), trusted.key()?)?;
        let issuer = signed.claims().issuer();
        if issuer.server != self.server() {
            return Err(SealError::OtherServer(issuer.server));
        }
        if issuer.may_sign_with(&trusted.purpose) {
            Ok(signed)
        } else {
            Err(SealError::OtherSupplier(signed.key_id()))
        }
    }
}

impl Issuer {
    fn may_sign_with(&self, purpose: &Purpose) -> bool {
        match (purpose, &self.supplier) {
            (Purpose::Server, supplier) => supplier.is_none() || self.or_server,
            (Purpose::Issue { supplier, name }, Some(claimed)) => {
                claimed == name && self.supplier_id.is_none_or(|id| id == *supplier)
            }
            _ => false,
        }
    }
}

/// The keys for some purposes. Those for others are never looked at.
fn keys_for(set: &KeySet, wanted: impl Fn(&Purpose) -> bool) -> Result<BTreeMap<KeyId, Trusted>, SealError> {
    let mut keys = BTreeMap::new();
    for entry in set.keys.iter().filter(|entry| wanted(&entry.purpose)) {
        let CoseKey::Ed25519(public) = entry.key else { return Err(SealError::BadKey) };
        let trusted = Trusted { purpose: entry.purpose.clone(), public, key: OnceLock::new() };
        let id = entry.key.id();
        if keys.insert(id, trusted).is_some() {
            return Err(SealError::RepeatedKey(id));
        }
    }
    Ok(keys)
}

impl<T: Issued> Unverified<T> {
    /// Checks a document that has just come in.
    ///
    /// # Errors
    /// When the key set is over, the key is not trusted for what the document says, or the signature is wrong.
    pub fn verify(&self, ring: &KeyRing, now: Time) -> Result<Signed<T>, SealError> {
        if ring.is_expired(now) {
            return Err(SealError::KeySetExpired(ring.set().claims().expires));
        }
        ring.check(self)
    }

    /// Checks a document that was accepted before: a key set that has ended since is no obstacle, a key that
    /// was revoked since is.
    ///
    /// # Errors
    /// When the key is not trusted for what the document says, or the signature is wrong.
    pub fn verify_held(&self, ring: &KeyRing) -> Result<Signed<T>, SealError> {
        ring.check(self)
    }
}

/// The key that a server has registered for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceKey {
    /// The server where it is registered.
    pub server: ServerId,
    /// The device.
    pub device: DeviceId,
    /// What checks its signatures.
    pub key: VerifyingKey,
}

impl DeviceKey {
    /// Checks the signature, and that the document is of this device at this server (I14).
    pub(crate) fn check<T: Document>(
        &self,
        document: &Unverified<T>,
        named: impl FnOnce(&T) -> (ServerId, DeviceId),
    ) -> Result<Signed<T>, SealError> {
        let signed = document.check(&self.key)?;
        let (server, device) = named(signed.claims());
        if server != self.server {
            return Err(SealError::OtherServer(server));
        }
        if device != self.device {
            return Err(SealError::OtherDevice(device));
        }
        Ok(signed)
    }
}
