//! Why a document was refused.

use carnet_core::id::{DeviceId, ServerId};
use carnet_core::time::Time;

use crate::cbor::CborError;
use crate::keys::{KeyId, SignerFault};
use crate::kind::Kind;

/// Why a document was refused. What is wrong with the bytes comes first, then what is wrong with the key,
/// then what is wrong with the claims.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The bytes do not begin with the tag of a COSE_Sign1 (RFC 9052 §4.2).
    #[error("not a signed document")]
    NotSigned,
    /// The bytes are not a COSE_Sign1 in its one spelling.
    #[error("the envelope is malformed: {0}")]
    Envelope(CborError),
    /// The protected header is malformed, lacks something or says more than it should.
    #[error("the protected header is malformed: {0}")]
    Header(CborError),
    /// Something stands in the header that no signature covers.
    #[error("the unprotected header is not empty")]
    UnprotectedHeader,
    /// The claims are malformed, although the signature is right.
    #[error("the claims are malformed: {0}")]
    Claims(CborError),
    /// The type is none that exists.
    #[error("`{0}` is not a type of document")]
    UnknownKind(String),
    /// The document has another type than was asked for (I14).
    #[error("a {0} was found where another document was expected")]
    WrongKind(Kind),
    /// The header names another algorithm than the key has (I16).
    #[error("algorithm {0} is not that of the key")]
    WrongAlgorithm(i64),
    /// The bytes are not a public key.
    #[error("not a public key that can be trusted")]
    BadKey,
    /// Nobody trusted has this key, or not for this purpose.
    #[error("key {0} is not known for this purpose: get the server's newest key set")]
    UnknownKey(KeyId),
    /// The key was revoked (I16).
    #[error("key {0} was revoked")]
    RevokedKey(KeyId),
    /// The signature does not match.
    #[error("the signature is wrong")]
    WrongSignature,
    /// The document speaks for another server (I14).
    #[error("the document belongs to server {0}")]
    OtherServer(ServerId),
    /// The document speaks for another supplier than its key may (I14).
    #[error("key {0} may not sign for this supplier")]
    OtherSupplier(KeyId),
    /// The document speaks for another device (I14).
    #[error("the document belongs to device {0}")]
    OtherDevice(DeviceId),
    /// The document is of a format that the server no longer stands by.
    #[error("the format of this {0} is outdated: update the program")]
    Outdated(Kind),
    /// The key set is over; nothing new is accepted under it.
    #[error("the server's key set ended at {0}: get the newest one")]
    KeySetExpired(Time),
    /// A newer key set was seen before.
    #[error("the key set has version {found}, but version {lowest} was seen before")]
    KeySetTooOld {
        /// The version at hand.
        found: u64,
        /// The lowest acceptable version.
        lowest: u64,
    },
    /// The root key is not the pinned one.
    #[error("the key set is signed by another root key than the one that is pinned")]
    OtherRoot,
    /// A key set names two keys with one id, so that an id would not say which.
    #[error("key {0} stands in the key set twice")]
    RepeatedKey(KeyId),
    /// A registration was expected.
    #[error("only a registration can be checked with the key that it names")]
    NotRegistration,
    /// Nothing was signed.
    #[error(transparent)]
    Signer(#[from] SignerFault),
}
