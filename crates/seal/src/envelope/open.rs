//! Opening documents that somebody else made.

use std::marker::PhantomData;

use carnet_core::id::Digest;

use super::parts::{Parts, signed_bytes};
use super::{Document, Signed, body_hash};
use crate::cbor::{self, Limits};
use crate::error::SealError;
use crate::keys::{KeyId, VerifyingKey};
use crate::kind::Kind;

/// A document with the form of a `T`, of which nobody knows yet who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified<T> {
    bytes: Vec<u8>,
    kind: Kind,
    key: KeyId,
    algorithm: i64,
    claims: PhantomData<fn() -> T>,
}

impl<T: Document> Unverified<T> {
    /// Takes the envelope apart and checks its form and type.
    ///
    /// # Errors
    /// When it is not in the one spelling of a signed document, or of another type than `T` (I14).
    pub fn parse(bytes: &[u8]) -> Result<Self, SealError> {
        let header = Parts::read(bytes)?.header()?;
        let kind = header.kind()?;
        if !T::KINDS.contains(&kind) {
            return Err(SealError::WrongKind(kind));
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            kind,
            key: header.key,
            algorithm: header.algorithm,
            claims: PhantomData,
        })
    }

    /// The key that is said to have signed it: a hint where to look for the key, no more.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key
    }

    /// The type of the document.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Digest of the payload: what the next request quotes, or what a server compares.
    ///
    /// # Errors
    /// When the envelope cannot be read.
    pub fn body_hash(&self) -> Result<Digest, SealError> {
        Ok(body_hash(Parts::read(&self.bytes)?.payload))
    }

    /// Checks the signature with this key, then reads the claims. Whether the key may say what they say is
    /// for the caller to check: nobody outside of this crate can come here.
    pub(crate) fn check(&self, key: &VerifyingKey) -> Result<Signed<T>, SealError> {
        self.check_as(key.id(), key)
    }

    /// The same with a key whose id was computed before.
    pub(crate) fn check_as(&self, id: KeyId, key: &VerifyingKey) -> Result<Signed<T>, SealError> {
        let hash = self.check_signature(id, key)?;
        let claims = self.unverified_claims()?;
        Ok(Signed { claims, bytes: self.bytes.clone(), hash, key: self.key })
    }

    /// The same with claims that were read before, to find the key; not read twice.
    pub(crate) fn check_read(self, claims: T, id: KeyId, key: &VerifyingKey) -> Result<Signed<T>, SealError> {
        let hash = self.check_signature(id, key)?;
        Ok(Signed { claims, bytes: self.bytes, hash, key: self.key })
    }

    /// The hash of the document, if this key has signed it.
    fn check_signature(&self, id: KeyId, key: &VerifyingKey) -> Result<Digest, SealError> {
        // The algorithm is that of the key we trust; the header may only agree (I16).
        if self.algorithm != key.algorithm().number() {
            return Err(SealError::WrongAlgorithm(self.algorithm));
        }
        if self.key != id {
            return Err(SealError::UnknownKey(self.key));
        }
        let parts = Parts::read(&self.bytes)?;
        key.verify(&signed_bytes(parts.protected, self.kind, parts.payload), parts.signature)?;
        Ok(body_hash(parts.payload))
    }

    /// The claims before anybody has checked them: to find the key that must check them, and to fill in
    /// what a checked document carries along. Never leaves this crate.
    pub(crate) fn unverified_claims(&self) -> Result<T, SealError> {
        let parts = Parts::read(&self.bytes)?;
        let mut from = cbor::scanned(parts.payload, Limits::DOCUMENT).map_err(SealError::Claims)?;
        let claims = T::decode_claims(self.kind, &mut from).map_err(SealError::Claims)?;
        from.finish().map_err(SealError::Claims)?;
        Ok(claims)
    }
}
