//! What must hold for whatever comes in: no decoder panics, and what it accepts it writes back byte for byte.
//!
//! One function for each decoder. The fuzz targets call them, and so do the tests of `carnet-seal`, on the committed
//! corpus: this file is compiled into them.

use carnet_core::document::{Agreement, Answer, Pass, PortablePass, Request};
use carnet_core::journal::Record;
use carnet_core::report::{Detail, Erased, ErasureCertificate, ReportRequest, UsageReport};
use carnet_image::list::{Entry, Order, read_page};
use carnet_image::table::Table;
use carnet_seal::armor;
use carnet_seal::cbor::{Cbor, CborError, Decoder, Encoder, Fault, Limits, decode_within, encode};
use carnet_seal::code::CodeText;
use carnet_seal::correspondence::{CodePart, Inquiry};
use carnet_seal::envelope::Document;
use carnet_seal::keys::KeySet;
use carnet_seal::report::ReportSecrets;
use carnet_seal::sealed::{self, Carried};
use carnet_seal::{ImageManifest, Kind, OfferClaims, ProductString, RequestMessage, ToBeSigned, Unverified};

/// Tries one decoder. True: it accepted the input.
pub type Try = fn(&[u8]) -> bool;

/// Each decoder under the name of its target.
pub const TARGETS: &[(&str, Try)] = &[
    ("agreement", canonical::<Agreement>),
    ("armor", text_armor),
    ("cbor", canonical::<Item>),
    ("code", code),
    ("correspondence", |bytes| canonical::<Inquiry>(bytes) | canonical::<CodePart>(bytes)),
    ("envelope", envelope),
    ("image_manifest", canonical::<ImageManifest>),
    ("image_page", image_page),
    ("image_table", image_table),
    ("key_set", canonical::<KeySet>),
    ("message", message),
    ("offer", canonical::<OfferClaims>),
    ("pass", |claims| answer(Kind::Pass, claims)),
    ("portable_pass", |claims| answer(Kind::PortablePass, claims)),
    ("product", product),
    ("receipt", |claims| answer(Kind::Receipt, claims)),
    ("record", canonical::<Record>),
    ("refusal", |claims| answer(Kind::Refusal, claims)),
    ("report", report),
    ("request", canonical::<Request>),
    ("sealed", sealed_code),
    ("slice", |claims| canonical::<Pass>(claims) | canonical::<PortablePass>(claims)),
    ("to_be_signed", to_be_signed),
];

/// Runs the target with this name. False also where there is no such target.
#[must_use]
pub fn run(target: &str, input: &[u8]) -> bool {
    TARGETS.iter().find(|(name, _)| *name == target).is_some_and(|(_, accepts)| accepts(input))
}

fn canonical<T: Cbor>(bytes: &[u8]) -> bool {
    let Ok(value) = decode_within::<T>(bytes, Limits::JOURNAL) else { return false };
    assert_eq!(encode(&value), bytes, "another spelling was accepted");
    true
}

/// Everything that is said about the use of an app.
fn report(bytes: &[u8]) -> bool {
    canonical::<ReportRequest>(bytes)
        | canonical::<UsageReport>(bytes)
        | canonical::<ErasureCertificate>(bytes)
        | canonical::<Vec<Erased>>(bytes)
        | canonical::<Detail>(bytes)
}

/// What opens is what somebody has sealed to this key.
fn sealed_code(bytes: &[u8]) -> bool {
    let secrets = [ReportSecrets::from_seeds(&std::array::from_fn(|at| if at < 32 { 6 } else { 7 }))];
    let opened =
        [Carried::Report, Carried::Certificate].map(|carried| sealed::open(carried, bytes, &secrets).is_ok());
    assert_ne!(opened, [true, true], "one code was taken for two kinds");
    opened.contains(&true)
}

/// The claims of an answer, as they stand in its document.
fn answer(kind: Kind, claims: &[u8]) -> bool {
    let number = u8::try_from(kind.number()).unwrap_or(u8::MAX);
    canonical::<Answer>(&[&[0x82, number], claims].concat())
}

/// Whatever type it says: what is parsed can be taken apart, and put together again to the same document.
fn envelope(bytes: &[u8]) -> bool {
    let opened = [
        is_one_of::<KeySet>(bytes),
        is_one_of::<ImageManifest>(bytes),
        is_one_of::<Request>(bytes),
        is_one_of::<Agreement>(bytes),
        is_one_of::<OfferClaims>(bytes),
        is_one_of::<Answer>(bytes),
    ];
    let opened = opened.into_iter().filter(|opened| *opened).count();
    assert!(opened < 2, "one document was taken for two types");
    if let Ok(request) = Unverified::<Request>::parse(bytes) {
        let _never_panics = request.asker();
    }
    opened == 1
}

fn is_one_of<T: Document>(bytes: &[u8]) -> bool {
    let Ok(document) = Unverified::<T>::parse(bytes) else { return false };
    let parts = parts_of(bytes);
    assert!(parts.is_some(), "an envelope of other parts was accepted");
    let Some((protected, payload, signature)) = parts else { return false };
    let external = document.kind().typ().as_bytes().to_vec();
    let signed = [protected, external, payload].map(Item::Bytes);
    let signed = std::iter::once(Item::Text("Signature1".to_owned())).chain(signed).collect();
    match ToBeSigned::from_bytes(encode(&Item::Array(signed))) {
        Ok(again) => assert_eq!(again.assemble(&signature), bytes, "another spelling was accepted"),
        // What is signed is a little longer than the document.
        Err(_) => assert!(bytes.len() > Limits::DOCUMENT.bytes - 200, "the parts of a document were refused"),
    }
    true
}

/// Protected header, payload and signature of an envelope whose unprotected header is empty.
fn parts_of(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>, [u8; 64])> {
    let Item::Array(parts) = decode_within::<Item>(bytes.get(1..)?, Limits::DOCUMENT).ok()? else {
        return None;
    };
    let parts: [Item; 4] = parts.try_into().ok()?;
    let [Item::Bytes(protected), Item::Map(unprotected), Item::Bytes(payload), Item::Bytes(signature)] =
        parts
    else {
        return None;
    };
    unprotected.is_empty().then_some((protected, payload, signature.try_into().ok()?))
}

/// Pages are checked by hash before they are read, so only a supplier's own key reaches this.
fn image_page(bytes: &[u8]) -> bool {
    let Ok(entries) = read_page(bytes) else { return false };
    assert_eq!(encode(&entries), bytes, "another spelling was accepted");
    let mut order = Order::new(entries.len() as u64, 1 << 40);
    let sound = entries.iter().try_for_each(|entry| order.check(entry)).is_ok();
    // Two points may stand in a name, not for a folder.
    let inside = |entry: &Entry| entry.path.as_str().split('/').all(|part| !part.is_empty() && part != "..");
    assert!(!sound || entries.iter().all(inside), "a path leads out");
    true
}

fn image_table(bytes: &[u8]) -> bool {
    let Ok(table) = Table::decode(bytes) else { return false };
    assert_eq!(table.encode(), bytes, "another spelling was accepted");
    true
}

fn to_be_signed(bytes: &[u8]) -> bool {
    let Ok(prepared) = ToBeSigned::from_bytes(bytes.to_vec()) else { return false };
    assert_eq!(prepared.as_bytes(), bytes);
    let document = prepared.assemble(&[7; 64]);
    envelope(&document);
    true
}

fn message(bytes: &[u8]) -> bool {
    let Ok(message) = RequestMessage::decode(bytes) else { return false };
    assert_eq!(message.encode(), bytes, "another spelling was accepted");
    true
}

/// Texts are forgiving about blanks; what is read is written to the one text that is read again.
fn text_armor(input: &[u8]) -> bool {
    let Some((carried, bytes)) = text(input).and_then(|text| armor::read(text).ok()) else { return false };
    assert_eq!(armor::read(&armor::write(carried, &bytes)), Ok((carried, bytes)));
    true
}

fn product(input: &[u8]) -> bool {
    let Some(product) = text(input).and_then(|text| text.parse::<ProductString>().ok()) else { return false };
    assert_eq!(product.to_string().parse(), Ok(product));
    true
}

fn code(input: &[u8]) -> bool {
    let Some(code) = text(input).and_then(|text| text.parse::<CodeText>().ok()) else { return false };
    assert_eq!(code.to_string().parse(), Ok(code));
    true
}

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// Reads one kind of item.
type Read<'f> = &'f dyn Fn(&mut Decoder<'_>) -> Result<Item, CborError>;

/// Anything that the format has.
#[derive(Debug, PartialEq)]
pub enum Item {
    /// From −2^63 on.
    Negative(i64),
    /// Up to 2^64 − 1.
    Unsigned(u64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text.
    Text(String),
    /// An array.
    Array(Vec<Self>),
    /// A map, in its order.
    Map(Vec<(Self, Self)>),
    /// True or false.
    Truth(bool),
    /// Null.
    Null,
}

impl Cbor for Item {
    fn encode(&self, out: &mut Encoder) {
        match self {
            Self::Negative(value) => out.i64(*value),
            Self::Unsigned(value) => out.u64(*value),
            Self::Bytes(value) => out.bytes(value),
            Self::Text(value) => out.text(value),
            Self::Array(items) => {
                out.array(items.len());
                items.iter().for_each(|item| item.encode(out));
            }
            Self::Map(pairs) => {
                out.map(pairs.len());
                for (key, value) in pairs {
                    key.encode(out);
                    value.encode(out);
                }
            }
            Self::Truth(value) => out.bool(*value),
            Self::Null => out.null(),
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, CborError> {
        if from.null() {
            return Ok(Self::Null);
        }
        let items = |from: &mut Decoder<'_>| {
            let count = from.array()?;
            (0..count).map(|_| Self::decode(from)).collect::<Result<_, _>>().map(Self::Array)
        };
        let pairs = |from: &mut Decoder<'_>| {
            let count = from.map()?;
            let pair = |_| Ok((Self::decode(from)?, Self::decode(from)?));
            (0..count).map(pair).collect::<Result<_, _>>().map(Self::Map)
        };
        let tries: [Read<'_>; 7] = [
            &|from| from.u64().map(Self::Unsigned),
            &|from| from.i64().map(Self::Negative),
            &|from| from.bytes().map(|bytes| Self::Bytes(bytes.to_vec())),
            &|from| from.text().map(|text| Self::Text(text.to_owned())),
            &|from| from.bool().map(Self::Truth),
            &items,
            &pairs,
        ];
        for read in tries {
            let mut attempt = from.clone();
            if let Ok(item) = read(&mut attempt) {
                *from = attempt;
                return Ok(item);
            }
        }
        Err(Fault::Expected("an item").at(from.position()))
    }
}
