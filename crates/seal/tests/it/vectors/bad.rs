//! Every way to spoil a document. What can be signed anew is, so that nothing but the fault can be the reason.

use carnet_seal::{Kind, SigningKey};

use super::file::Vector;
use super::forge::{Forge, Parts, bytes};
use super::good::{Good, usual};

mod envelope;
mod payload;
mod trusted;

/// All of them, of this document.
pub fn of(good: &Good) -> Vec<Vector> {
    let spoiler = Spoiler::of(good);
    let mut bad = envelope::of(&spoiler);
    bad.extend(payload::of(&spoiler));
    bad.extend(trusted::of(&spoiler));
    bad.into_iter().map(|bad| bad.judged(good)).collect()
}

/// A spoilt document.
pub struct Bad {
    name: String,
    shows: String,
    trust: String,
    bytes: Vec<u8>,
}

impl Bad {
    fn new(name: &str, shows: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), shows: shows.into(), trust: "usual".into(), bytes }
    }

    fn under(self, trust: &str) -> Self {
        Self { trust: trust.into(), ..self }
    }

    /// The verdict is written down by the code under test, and read by people before it is committed; that it is a
    /// refusal is known beforehand.
    fn judged(self, good: &Good) -> Vector {
        let trusts = match good.kind {
            Kind::KeySet => super::trust::of_pins(),
            Kind::Request | Kind::Agreement => super::trust::of_devices(),
            Kind::ImageManifest => super::trust::of_images(),
            Kind::ReportRequest => super::trust::of_askers(),
            Kind::UsageReport | Kind::ErasureCertificate => super::trust::of_nobody(),
            kind => super::trust::of_servers(kind),
        };
        let verdict = super::judge::judge(&good.kind.to_string(), trusts.get(&self.trust), &self.bytes);
        assert!(verdict.is_err(), "{} is accepted: {verdict:?}", self.name);
        let refused = verdict.err();
        Vector { trust: Some(self.trust), refused, ..usual(&self.name, &self.shows, &self.bytes) }
    }
}

/// A good document, taken apart.
pub struct Spoiler {
    kind: Kind,
    good: Vec<u8>,
    parts: Parts,
    payload: Vec<u8>,
    signer: SigningKey,
}

impl Spoiler {
    fn of(good: &Good) -> Self {
        let parts = Parts::of(&good.bytes);
        let payload = good.bytes[parts.payload.clone()].to_vec();
        let spoiler = Self {
            kind: good.kind,
            good: good.bytes.clone(),
            parts,
            payload,
            signer: good.signer.clone().unwrap(),
        };
        assert_eq!(
            spoiler.resigned(&spoiler.payload),
            spoiler.good,
            "what is made by hand is what the code makes"
        );
        spoiler
    }

    fn forge(&self) -> Forge {
        Forge::good(self.kind, &self.payload, &self.signer)
    }

    /// Another payload, rightly signed.
    fn resigned(&self, payload: &[u8]) -> Vec<u8> {
        Forge::good(self.kind, payload, &self.signer).make(&self.signer)
    }

    fn changed(&self, change: impl FnOnce(&mut Forge)) -> Vec<u8> {
        let mut forge = self.forge();
        change(&mut forge);
        forge.make(&self.signer)
    }

    fn flipped(&self, at: usize) -> Vec<u8> {
        let mut flipped = self.good.clone();
        flipped[at] ^= 1;
        flipped
    }

    /// The envelope with other parts, without a new signature.
    fn respelled(&self, head: &[u8], protected: &[u8], payload: &[u8], rest: &[u8]) -> Vec<u8> {
        [head, protected, &[0xa0], payload, &bytes(self.signature()), rest].concat()
    }

    fn protected(&self) -> &[u8] {
        &self.good[self.parts.protected.clone()]
    }

    fn signature(&self) -> &[u8] {
        &self.good[self.parts.signature.clone()]
    }
}
