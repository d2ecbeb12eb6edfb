//! Strict, deterministic CBOR: one value, one spelling (RFC 8949 §4.2.1).
//!
//! Whatever is signed or chained by hash is written in this form and read back only in this form, so that
//! bytes and values are two views of one thing. Reading happens in two steps: `scan` walks the bytes once,
//! without recursion, and refuses every other spelling and every bomb; the typed decoders then walk bytes
//! that are known to be well formed and care for types alone.
//!
//! Structs are maps with integer keys ([`record!`](crate::record)), enums are integers or arrays that
//! begin with one ([`choice!`](crate::choice)). Claim sets are closed: an unknown key is refused, because a
//! reader that skips what it does not understand would accept a license without one of its conditions.
//!
//! ```
//! use carnet_seal::cbor;
//!
//! assert_eq!(cbor::encode(&vec![10_u64, 500]), [0x82, 0x0a, 0x19, 0x01, 0xf4]);
//! assert_eq!(cbor::decode::<Vec<u64>>(&[0x82, 0x0a, 0x19, 0x01, 0xf4]), Ok(vec![10, 500]));
//! // 10 in two bytes is another spelling of the same value.
//! assert!(cbor::decode::<u64>(&[0x18, 0x0a]).is_err());
//! ```

mod fault;
mod macros;
mod map;
mod read;
mod scan;
mod values;
mod write;

pub use fault::{CborError, Fault};
#[doc(hidden)]
pub use map::in_order;
pub use map::{Claims, MapReader, MapWriter};
pub use read::Decoder;
pub use write::Encoder;

/// How much a reader accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes.
    pub bytes: usize,
    /// The most arrays and maps open at once.
    pub depth: usize,
}

impl Limits {
    /// One signed document, or the payload of one.
    pub const DOCUMENT: Self = Self { bytes: 64 * 1024, depth: 8 };
    /// A request with what travels beside it.
    pub const MESSAGE: Self = Self { bytes: 256 * 1024, depth: 8 };
    /// The body of a journal's record; a checkpoint holds the whole state of one app on one device.
    pub const JOURNAL: Self = Self { bytes: 1024 * 1024, depth: 16 };
}

/// A value with exactly one encoding.
///
/// `decode(encode(x)) == x`, and whatever `decode` accepts, `encode` writes back byte for byte.
pub trait Cbor: Sized {
    /// Writes the value.
    fn encode(&self, out: &mut Encoder);

    /// Reads a value.
    ///
    /// # Errors
    /// When the bytes hold something else.
    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError>;

    /// Whether a record writes this value; an absent option is left out.
    fn is_present(&self) -> bool {
        true
    }

    /// What a record holds when its key is missing; nothing: the key is required.
    fn when_missing() -> Option<Self> {
        None
    }

    /// Reads the value of a key that is there, so that an option is never spelled `null` in a record.
    ///
    /// # Errors
    /// When the bytes hold something else.
    fn decode_present(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        Self::decode(from)
    }
}

/// The one encoding of this value.
#[must_use]
pub fn encode<T: Cbor>(value: &T) -> Vec<u8> {
    let mut out = Encoder::default();
    value.encode(&mut out);
    out.into_bytes()
}

/// The value of which these bytes are the one encoding, within [`Limits::DOCUMENT`].
///
/// # Errors
/// When they are the encoding of nothing of this type.
pub fn decode<T: Cbor>(bytes: &[u8]) -> Result<T, CborError> {
    decode_within(bytes, Limits::DOCUMENT)
}

/// The value of which these bytes are the one encoding, within limits of the caller's choice.
///
/// # Errors
/// When they are the encoding of nothing of this type.
pub fn decode_within<T: Cbor>(bytes: &[u8], limits: Limits) -> Result<T, CborError> {
    let mut from = scanned(bytes, limits)?;
    let value = T::decode(&mut from)?;
    from.finish()?;
    Ok(value)
}

/// A decoder over bytes that turned out to be one item in its one spelling.
pub(crate) fn scanned(bytes: &[u8], limits: Limits) -> Result<Decoder<'_>, CborError> {
    scan::scan(bytes, limits)?;
    Ok(Decoder::of_scanned(bytes))
}

#[cfg(test)]
mod tests;
