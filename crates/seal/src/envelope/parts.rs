//! The parts of an envelope and of what is signed.

use crate::cbor::{self, Cbor, CborError, Decoder, Encoder, Fault, Limits};
use crate::error::SealError;
use crate::keys::KeyId;
use crate::kind::Kind;
use crate::record;

/// CBOR tag 18 in its one spelling: COSE_Sign1.
const TAG: u8 = 0xd2;
/// RFC 9052 §4.4.
const CONTEXT: &str = "Signature1";

/// The protected header.
pub(super) struct Header {
    pub(super) algorithm: i64,
    pub(super) key: KeyId,
    pub(super) typ: String,
}

record! { Header { 1 => algorithm, 4 => key, 16 => typ } }

impl Header {
    pub(super) fn kind(&self) -> Result<Kind, SealError> {
        Kind::of_typ(&self.typ).ok_or_else(|| SealError::UnknownKind(self.typ.chars().take(80).collect()))
    }
}

/// The parts of a COSE_Sign1.
pub(super) struct Parts<'b> {
    pub(super) protected: &'b [u8],
    pub(super) payload: &'b [u8],
    pub(super) signature: &'b [u8; 64],
}

impl<'b> Parts<'b> {
    pub(super) fn read(bytes: &'b [u8]) -> Result<Self, SealError> {
        let Some((&TAG, untagged)) = bytes.split_first() else { return Err(SealError::NotSigned) };
        let (mut from, envelope) = (cbor::scanned(untagged, Limits::DOCUMENT), SealError::Envelope);
        let from = from.as_mut().map_err(|fault| envelope(fault.clone()))?;
        from.array_of(4, "an array of four").map_err(envelope)?;
        let protected = from.bytes().map_err(envelope)?;
        if from.map().map_err(envelope)? != 0 {
            return Err(SealError::UnprotectedHeader);
        }
        let payload = from.bytes().map_err(envelope)?;
        let signature = signature(from).map_err(envelope)?;
        Ok(Self { protected, payload, signature })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        out.array(4);
        out.bytes(self.protected);
        out.map(0);
        out.bytes(self.payload);
        out.bytes(self.signature);
        let mut tagged = vec![TAG];
        tagged.extend(out.into_bytes());
        tagged
    }

    pub(super) fn header(&self) -> Result<Header, SealError> {
        cbor::decode(self.protected).map_err(SealError::Header)
    }
}

fn signature<'b>(from: &mut Decoder<'b>) -> Result<&'b [u8; 64], CborError> {
    let at = from.position();
    from.bytes()?.try_into().map_err(|_| Fault::Expected("a signature of 64 bytes").at(at))
}

/// What a signature is made over: `Sig_structure` (RFC 9052 §4.4).
pub(super) fn signed_bytes(protected: &[u8], kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut out = Encoder::default();
    out.array(4);
    out.text(CONTEXT);
    out.bytes(protected);
    out.bytes(kind.typ().as_bytes());
    out.bytes(payload);
    out.into_bytes()
}

/// The protected header and the payload within a `Sig_structure`.
pub(super) fn read_signed_bytes(bytes: &[u8]) -> Result<(&[u8], &[u8], Header), SealError> {
    let envelope = SealError::Envelope;
    let mut from = cbor::scanned(bytes, Limits::DOCUMENT).map_err(envelope)?;
    from.array_of(4, "an array of four").map_err(envelope)?;
    if from.text().map_err(envelope)? != CONTEXT {
        return Err(SealError::NotSigned);
    }
    let protected = from.bytes().map_err(envelope)?;
    let external = from.bytes().map_err(envelope)?;
    let payload = from.bytes().map_err(envelope)?;
    let header: Header = cbor::decode(protected).map_err(SealError::Header)?;
    if external == header.kind()?.typ().as_bytes() {
        Ok((protected, payload, header))
    } else {
        Err(SealError::WrongKind(header.kind()?))
    }
}

/// The length of an envelope around a payload and a header of this length, at most.
pub(super) const fn envelope_length(protected: usize, payload: usize) -> usize {
    // Tag, array head, empty map, signature of 64 bytes with its head, and two heads of at most 5 bytes.
    protected + payload + 3 + 66 + 10
}

/// Writes the header of a document.
pub(super) fn header_bytes(algorithm: i64, key: KeyId, kind: Kind) -> Vec<u8> {
    let mut out = Encoder::default();
    Header { algorithm, key, typ: kind.typ().to_owned() }.encode(&mut out);
    out.into_bytes()
}
