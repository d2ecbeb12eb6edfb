//! The envelope: COSE_Sign1 (RFC 9052 §4.2), tagged 18, in one spelling.
//!
//! ```text
//! 18([ << {1: alg, 4: kid, 16: typ} >>, {}, << claims >>, signature ])
//! ```
//!
//! The protected header has these three parameters and no other, the unprotected header is empty, and the
//! type is bound into the signature a second time as external data, so that even a reader that overlooks
//! `typ` cannot take one document for another (I14).
//!
//! Claims are out of reach until the signature has been checked: [`Unverified`] shows the key id, which says
//! where to look for the key, and nothing else. The one type of checked documents is [`Signed`].

mod open;
mod parts;
mod to_be_signed;

use carnet_core::id::Digest;
use sha2::{Digest as _, Sha256};

use crate::cbor::{CborError, Decoder, Encoder};
use crate::kind::Kind;

pub use open::Unverified;
pub use to_be_signed::{Signed, ToBeSigned, sign};

/// Claims that can be signed.
pub trait Document: Sized {
    /// The types that these claims can have. Only answers have more than one.
    const KINDS: &'static [Kind];

    /// The type of these claims.
    fn kind(&self) -> Kind;

    /// Writes the payload.
    fn encode_claims(&self, out: &mut Encoder);

    /// Reads the payload of a document of this type, one of [`Document::KINDS`].
    ///
    /// # Errors
    /// When the payload is not the one encoding of such claims.
    fn decode_claims(kind: Kind, from: &mut Decoder<'_>) -> Result<Self, CborError>;
}

/// Makes a type with a codec a document of one kind.
macro_rules! document {
    ($($name:ty: $kind:ident),+ $(,)?) => {$(
        impl $crate::envelope::Document for $name {
            const KINDS: &'static [$crate::kind::Kind] = &[$crate::kind::Kind::$kind];

            fn kind(&self) -> $crate::kind::Kind {
                $crate::kind::Kind::$kind
            }

            fn encode_claims(&self, out: &mut $crate::cbor::Encoder) {
                $crate::cbor::Cbor::encode(self, out);
            }

            fn decode_claims(
                _: $crate::kind::Kind,
                from: &mut $crate::cbor::Decoder<'_>,
            ) -> Result<Self, $crate::cbor::CborError> {
                $crate::cbor::Cbor::decode(from)
            }
        }
    )+};
}

pub(crate) use document;

/// The hash by which a document is named: SHA-256 of its payload, without header and signature. A repeat
/// under another key therefore keeps its name.
#[must_use]
pub fn body_hash(payload: &[u8]) -> Digest {
    Digest(Sha256::digest(payload).into())
}
