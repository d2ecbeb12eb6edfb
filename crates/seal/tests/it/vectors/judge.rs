//! The verdict on a document, by the public functions and with nothing but what the file says.

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::{Agreement, Answer, PublicKey, Request};
use carnet_core::report::{ErasureCertificate, ReportKeys, ReportRequest, UsageReport};
use carnet_core::time::Time;
use carnet_seal::code::{CodeText, digest_of};
use carnet_seal::document::Asker;
use carnet_seal::keys::{DeviceKey, RootPin};
use carnet_seal::{
    ImageManifest, KeyRing, OfferClaims, ProductString, RequestMessage, SealError, Unverified, VerifyingKey,
    armor,
};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::claims::{of_image, of_key_set, of_offer, readable};
use super::file::Trust;
use super::names;

/// The claims, or the name of the error.
pub fn judge(document: &str, trust: Option<&Trust>, input: &[u8]) -> Result<Value, String> {
    let text = || std::str::from_utf8(input).unwrap();
    match document {
        "message" => message(input),
        "armor" => armored(text()),
        "product-string" => product(text()),
        "code" => code(text()),
        signed => of_signed(signed, trust.unwrap(), input).map_err(|error| names::of_seal(&error)),
    }
}

fn of_signed(document: &str, trust: &Trust, input: &[u8]) -> Result<Value, SealError> {
    match document {
        "key-set" => KeyRing::open(input, &trust.pin(), trust.lowest_version)
            .map(|ring| of_key_set(ring.set().claims())),
        "request" => request(trust, input),
        "agreement" => {
            let agreement = Unverified::<Agreement>::parse(input)?.verify(&trust.device())?;
            Ok(readable(agreement.claims()))
        }
        "offer" => {
            let offer = Unverified::<OfferClaims>::parse(input)?.verify(&trust.ring(), trust.now())?;
            Ok(of_offer(offer.claims()))
        }
        "image-manifest" => {
            let manifest = Unverified::<ImageManifest>::parse(input)?.verify(&trust.ring(), trust.now())?;
            Ok(of_image(manifest.claims()))
        }
        "report-request" => {
            let asks = PublicKey(unhex(&trust.device.as_ref().unwrap().key).try_into().unwrap());
            let request =
                Unverified::<ReportRequest>::parse(input)?.verify(&ReportKeys { seal_to: asks, asks })?;
            Ok(readable(request.claims()))
        }
        "usage-report" => Ok(readable(Unverified::<UsageReport>::parse(input)?.verify()?.claims())),
        "erasure-certificate" => {
            Ok(readable(Unverified::<ErasureCertificate>::parse(input)?.verify()?.claims()))
        }
        kind => answer(kind, trust, input),
    }
}

/// An answer is asked for by what it is to be: a receipt is not a pass.
fn answer(kind: &str, trust: &Trust, input: &[u8]) -> Result<Value, SealError> {
    let document = Unverified::<Answer>::parse(input)?;
    if document.kind().to_string() != kind {
        return Err(SealError::WrongKind(document.kind()));
    }
    Ok(readable(document.verify(&trust.ring(), trust.now())?.claims()))
}

/// As a server does: a registration brings its key, everything else is checked with the one that is registered.
fn request(trust: &Trust, input: &[u8]) -> Result<Value, SealError> {
    let document = Unverified::<Request>::parse(input)?;
    let ring = trust.ring();
    let request = match document.asker()? {
        Asker { registers: true, .. } => document.verify_registration(ring.server(), &ring)?,
        _ => document.verify(&trust.device(), &ring)?,
    };
    Ok(readable(request.claims()))
}

fn message(input: &[u8]) -> Result<Value, String> {
    let message = RequestMessage::decode(input).map_err(|wrong| names::of_cbor(&wrong).to_owned())?;
    let digits = |bytes: &Vec<u8>| HEXLOWER.encode(bytes);
    let mut parts = json!({ "request": digits(&message.request) });
    let beside =
        [("last_answer", &message.last_answer), ("receipt", &message.receipt), ("key_set", &message.key_set)];
    for (name, part) in beside {
        if let Some(part) = part {
            parts[name] = digits(part).into();
        }
    }
    Ok(parts)
}

fn armored(text: &str) -> Result<Value, String> {
    let (carried, bytes) = armor::read(text).map_err(|error| names::of_armor(&error).to_owned())?;
    Ok(json!({ "carried": carried.name(), "bytes": HEXLOWER.encode(&bytes) }))
}

fn product(text: &str) -> Result<Value, String> {
    let product: ProductString = text.parse().map_err(|error| names::of_product(&error).to_owned())?;
    let server = product.pin().server;
    Ok(json!({ "app": product.app, "url": product.url.as_str(), "root": product.root, "server": server }))
}

fn code(text: &str) -> Result<Value, String> {
    let code: CodeText = text.parse().map_err(|error| names::of_code(&error).to_owned())?;
    let (secret, digest) = (HEXLOWER.encode(&code.secret.0), digest_of(code.secret));
    Ok(json!({ "for": code.kind.in_words(), "secret": secret, "digest": digest }))
}

impl Trust {
    fn pin(&self) -> RootPin {
        RootPin { server: self.server.parse().unwrap(), root: self.root.parse().unwrap() }
    }

    fn now(&self) -> Time {
        self.now.parse().unwrap()
    }

    fn ring(&self) -> KeyRing {
        KeyRing::open(&unhex(self.key_set.as_ref().unwrap()), &self.pin(), self.lowest_version).unwrap()
    }

    fn device(&self) -> DeviceKey {
        let device = self.device.as_ref().unwrap();
        let digits = unhex(&device.key);
        let key: DeviceSigningKey = match *digits.as_chunks::<32>().0 {
            [public] => PublicKey(public).into(),
            [x, y] => DeviceSigningKey::P256 { x, y },
            _ => panic!("a key has 32 or 64 bytes"),
        };
        DeviceKey {
            server: self.server.parse().unwrap(),
            device: device.id.parse().unwrap(),
            key: VerifyingKey::of_device(key).unwrap(),
        }
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    HEXLOWER.decode(digits.as_bytes()).unwrap()
}
