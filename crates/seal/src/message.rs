//! A request on its way, with the proofs that travel beside it.

use crate::cbor::{self, Cbor, CborError, Decoder, Encoder, Limits};

/// A signed request, and what proves the epoch that it quotes. The proofs are no part of the request: a
/// repeat has the same request, and its hash, whatever travels beside it.
///
/// Each part is a signed document still to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestMessage {
    /// The request.
    pub request: Vec<u8>,
    /// The journal's last answer, where it has one.
    pub last_answer: Option<Vec<u8>>,
    /// The device's registration receipt, where it has one.
    pub receipt: Option<Vec<u8>>,
    /// The key set that the device has, where the server has said that it does not know a key: one that was restored
    /// from a backup may have lost it, and the root's signature still says whose it was. Empty: the device has none.
    pub key_set: Option<Vec<u8>>,
}

impl RequestMessage {
    /// The one encoding: an array of four byte strings, `null` for a proof that is not there.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads a message of at most [`Limits::MESSAGE`]; each document in it is held to its own limit when it
    /// is parsed.
    ///
    /// # Errors
    /// When the bytes are no message.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode_within(bytes, Limits::MESSAGE)
    }
}

impl Cbor for RequestMessage {
    fn encode(&self, out: &mut Encoder) {
        out.array(4);
        out.bytes(&self.request);
        self.last_answer.encode(out);
        self.receipt.encode(out);
        self.key_set.encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.array_of(4, "an array of four")?;
        Ok(Self {
            request: Cbor::decode(from)?,
            last_answer: Cbor::decode(from)?,
            receipt: Cbor::decode(from)?,
            key_set: Cbor::decode(from)?,
        })
    }
}
