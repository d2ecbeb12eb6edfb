//! Ids, names, times and amounts.

use carnet_core::LARGEST_AMOUNT;
use carnet_core::app::{AppId, Feature, OfferName, Platform, SupplierName, Version, VersionRange};
use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::PublicKey;
use carnet_core::id::{
    DeviceId, Digest, ImageId, LicenseId, MoveId, PassId, RequestId, RunId, ServerId, SupplierId,
    TransactionId, UserId,
};
use carnet_core::money::{Currency, Money};
use carnet_core::time::{Length, Seconds, Time};

use crate::cbor::{Cbor, CborError, Decoder, Encoder, Fault};
use crate::{newtype, record, text};

newtype! { DeviceId, Digest, ImageId, LicenseId, MoveId, PassId, PublicKey, RequestId, RunId, ServerId, SupplierId, TransactionId, UserId }
newtype! { Time }
text! { AppId, Feature, OfferName, Platform, SupplierName }
record! { VersionRange { 1 => from, 2 => below } }

impl Cbor for Seconds {
    fn encode(&self, out: &mut Encoder) {
        out.u64(self.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        amount(from).map(Self)
    }
}

/// The bytes of the key: 32 are one of Ed25519, 64 the coordinates of a point of P-256.
impl Cbor for DeviceSigningKey {
    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Ed25519(public) => public.encode(out),
            Self::P256 { x, y } => out.bytes(&[*x, *y].concat()),
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let at = from.position();
        let bytes = from.bytes()?;
        match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(x), _) if bytes.len() == 32 => Ok(PublicKey(*x).into()),
            (Some(x), Some(y)) if bytes.len() == 64 => Ok(Self::P256 { x: *x, y: *y }),
            _ => Err(Fault::Expected("a signing key of 32 or 64 bytes").at(at)),
        }
    }
}

/// An amount that may be added up with others.
pub(super) fn amount(from: &mut Decoder<'_>) -> Result<u64, CborError> {
    let at = from.position();
    let amount = from.u64()?;
    if amount <= LARGEST_AMOUNT { Ok(amount) } else { Err(Fault::Expected("at most 10^12").at(at)) }
}

impl Cbor for Version {
    fn encode(&self, out: &mut Encoder) {
        encode_three([self.0, self.1, self.2], out);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        decode_three(from).map(|[major, minor, patch]| Self(major, minor, patch))
    }
}

impl Cbor for Length {
    fn encode(&self, out: &mut Encoder) {
        encode_three([self.months, self.days, self.seconds], out);
    }

    /// The same bounds as for its text form: calendar arithmetic is safe within them only.
    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let at = from.position();
        let [months, days, seconds] = decode_three(from)?;
        if months > 1_200 || days > 36_525 {
            return Err(Fault::Expected("a length of at most 100 years").at(at));
        }
        Ok(Self { months, days, seconds })
    }
}

fn encode_three(three: [u32; 3], out: &mut Encoder) {
    out.array(3);
    three.iter().for_each(|number| number.encode(out));
}

fn decode_three(from: &mut Decoder<'_>) -> Result<[u32; 3], CborError> {
    from.array_of(3, "an array of three")?;
    Ok([u32::decode(from)?, u32::decode(from)?, u32::decode(from)?])
}

impl Cbor for Currency {
    fn encode(&self, out: &mut Encoder) {
        out.text(self.code());
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        let at = from.position();
        let code = from.text()?;
        let known = code.parse().ok().filter(|currency: &Self| currency.code() == code);
        known.ok_or_else(|| Fault::Expected("a currency of ISO 4217").at(at))
    }
}

impl Cbor for Money {
    fn encode(&self, out: &mut Encoder) {
        out.array(2);
        out.u64(self.minor);
        self.currency.encode(out);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.array_of(2, "an amount and its currency")?;
        Ok(Self { minor: amount(from)?, currency: Currency::decode(from)? })
    }
}
