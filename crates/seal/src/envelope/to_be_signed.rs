//! Making signed documents: first the bytes, then, possibly much later, the signature.

use carnet_core::id::Digest;

use super::parts::{Parts, envelope_length, header_bytes, read_signed_bytes, signed_bytes};
use super::{Document, body_hash};
use crate::cbor::{self, Encoder, Fault, Limits};
use crate::error::SealError;
use crate::keys::{Algorithm, KeyId, Signer};
use crate::kind::Kind;

/// Everything about a document but its signature: claims, type, algorithm and key id.
///
/// The server commits these bytes before it signs them (I9). It signs with Ed25519 alone, which is deterministic, so a
/// repeat signs the same bytes to the same document (I5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToBeSigned {
    bytes: Vec<u8>,
    protected: Vec<u8>,
    payload: Vec<u8>,
    kind: Kind,
    key: KeyId,
}

impl ToBeSigned {
    /// The bytes of which a signature with this key makes the document.
    ///
    /// # Errors
    /// When the claims are so large or so deep that nobody would read them.
    pub fn new<T: Document>(claims: &T, key: KeyId, algorithm: Algorithm) -> Result<Self, SealError> {
        let kind = claims.kind();
        let mut out = Encoder::default();
        claims.encode_claims(&mut out);
        let payload = out.into_bytes();
        cbor::scanned(&payload, Limits::DOCUMENT).map_err(SealError::Claims)?;
        let protected = header_bytes(algorithm.number(), key, kind);
        within_limit(&protected, &payload)?;
        Ok(Self { bytes: signed_bytes(&protected, kind, &payload), protected, payload, kind, key })
    }

    /// Takes stored bytes up again.
    ///
    /// # Errors
    /// When [`ToBeSigned::as_bytes`] never gave such bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, SealError> {
        let (protected, payload, header) = read_signed_bytes(&bytes)?;
        let (protected, payload) = (protected.to_vec(), payload.to_vec());
        Ok(Self { protected, payload, kind: header.kind()?, key: header.key, bytes })
    }

    /// The same claims for another key to sign.
    ///
    /// # Errors
    /// When the claims are so large that nobody would read them under that header.
    pub fn under(self, key: KeyId, algorithm: Algorithm) -> Result<Self, SealError> {
        let protected = header_bytes(algorithm.number(), key, self.kind);
        within_limit(&protected, &self.payload)?;
        Ok(Self { bytes: signed_bytes(&protected, self.kind, &self.payload), protected, key, ..self })
    }

    /// What is to be signed (RFC 9052 §4.4 `Sig_structure`), and what is to be stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The type of the document.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The key that must sign it.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key
    }

    /// The encoded claims.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The hash by which the document is named.
    #[must_use]
    pub fn body_hash(&self) -> Digest {
        body_hash(&self.payload)
    }

    /// The document, with a signature over [`ToBeSigned::as_bytes`].
    #[must_use]
    pub fn assemble(&self, signature: &[u8; 64]) -> Vec<u8> {
        Parts { protected: &self.protected, payload: &self.payload, signature }.write()
    }

    /// The document, signed with the key that it names.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] when the signer has another key, [`SealError::Signer`] when it cannot sign.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Vec<u8>, SealError> {
        if signer.key_id() == self.key {
            Ok(self.assemble(&signer.sign(&self.bytes)?))
        } else {
            Err(SealError::UnknownKey(self.key))
        }
    }
}

/// Claims whose signature was checked or made here, and the bytes of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    pub(super) claims: T,
    pub(super) bytes: Vec<u8>,
    pub(super) hash: Digest,
    pub(super) key: KeyId,
}

impl<T> Signed<T> {
    /// What the document says.
    #[must_use]
    pub const fn claims(&self) -> &T {
        &self.claims
    }

    /// The whole document.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The type of the document.
    #[must_use]
    pub fn kind(&self) -> Kind
    where
        T: Document,
    {
        self.claims.kind()
    }

    /// The hash by which the document is named.
    #[must_use]
    pub const fn body_hash(&self) -> Digest {
        self.hash
    }

    /// The key that signed it.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key
    }

    /// What the document says, and the whole document.
    #[must_use]
    pub fn into_parts(self) -> (T, Vec<u8>) {
        (self.claims, self.bytes)
    }
}

/// Signs claims at once.
///
/// # Errors
/// When the claims are so large or so deep that nobody would read them; [`SealError::Signer`] when the signer cannot sign.
pub fn sign<T: Document>(claims: T, signer: &dyn Signer) -> Result<Signed<T>, SealError> {
    let prepared = ToBeSigned::new(&claims, signer.key_id(), signer.algorithm())?;
    let bytes = prepared.sign(signer)?;
    Ok(Signed { claims, bytes, hash: prepared.body_hash(), key: prepared.key })
}

fn within_limit(protected: &[u8], payload: &[u8]) -> Result<(), SealError> {
    let most = Limits::DOCUMENT.bytes;
    if envelope_length(protected.len(), payload.len()) > most {
        return Err(SealError::Envelope(Fault::TooLong(most).at(most)));
    }
    Ok(())
}
