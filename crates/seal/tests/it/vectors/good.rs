//! Good documents of every type, and the files of signed documents.

use carnet_core::document::{Answer, Body, Operation, Pass, Receipt, Refusal, Registration};
use carnet_core::offer::Listed;
use carnet_core::report::{ErasureCertificate, Integrity, ReportRequest, Statement, UsageReport, Wanted};
use carnet_core::term::{Period, Term};
use carnet_core::time::{Length, Time};
use carnet_seal::keys::KeySet;
use carnet_seal::{Document, ImageManifest, Kind, OfferClaims, SigningKey, sign};
use serde_json::Value;

use super::claims::{of_image, of_key_set, of_offer, readable};
use super::file::{File, Trust, Vector, hex};
use super::trust::HAS_TPM;
use super::{bad, trust};
use crate::samples::{
    self, acme_key, agreement, answers, device_key, image_key, key_set, operations, reconciled,
    registered_receipt, root, server_key, tpm_device, tpm_key, umbra_key,
};

/// A good document with what the others are made of.
pub struct Good {
    pub vector: Vector,
    pub kind: Kind,
    pub bytes: Vec<u8>,
    /// Signs the bad ones that are made of it; none: none is.
    pub signer: Option<SigningKey>,
}

impl Good {
    fn new<T: Document>(
        says: (&str, &str),
        claims: T,
        read: impl Fn(&T) -> Value,
        signer: &SigningKey,
    ) -> Self {
        let signed = sign(claims, signer).unwrap();
        let vector = Vector { claims: Some(read(signed.claims())), ..usual(says.0, says.1, signed.bytes()) };
        Self { vector, kind: signed.kind(), bytes: signed.bytes().to_vec(), signer: Some(signer.clone()) }
    }

    /// Signed by the device with a TPM.
    fn of_tpm<T: Document>(says: (&str, &str, &str), claims: T, read: impl Fn(&T) -> Value) -> Self {
        let signed = sign(claims, &tpm_key()).unwrap();
        let vector = usual(says.0, says.1, signed.bytes());
        let vector = Vector { trust: Some(says.2.to_owned()), claims: Some(read(signed.claims())), ..vector };
        Self { vector, kind: signed.kind(), bytes: signed.bytes().to_vec(), signer: None }
    }
}

/// A vector without its verdict.
pub fn usual(name: &str, shows: &str, bytes: &[u8]) -> Vector {
    Vector {
        name: name.to_owned(),
        shows: shows.to_owned(),
        trust: Some("usual".to_owned()),
        hex: Some(hex(bytes)),
        text: None,
        claims: None,
        refused: None,
    }
}

/// One file for each type of signed document that is in use.
pub fn files() -> Vec<File> {
    let answers = [Kind::Pass, Kind::PortablePass, Kind::KeyDelivery, Kind::Refusal, Kind::Receipt];
    let answers = answers.map(|kind| {
        file(kind, "Signed by the server for its supplier: COSE_Sign1 around a CWT.", of_answers(kind))
    });
    let others = [
        file(
            Kind::KeySet,
            "The keys of a server, signed by its root, whose thumbprint is pinned.",
            key_sets(),
        ),
        file(
            Kind::Offer,
            "An offer as it stands in a menu, signed by the server for its supplier.",
            offers(),
        ),
        file(
            Kind::Request,
            "What a device asks, signed by the device. A registration brings its key.",
            requests(),
        ),
        file(
            Kind::ImageManifest,
            "What an installation image holds, signed on the supplier's own machine. The key set names the key.",
            image_manifests(),
        ),
        file(Kind::Agreement, "A user's consent to an offer, signed by the device.", agreements()),
        file(
            Kind::ReportRequest,
            "A supplier's request, signed on its own machine. `device.key` is the key that was agreed to for requests.",
            report_requests(),
        ),
        file(
            Kind::UsageReport,
            "What a device has recorded, before it is sealed. Signed by the key that it brings, whose name the device has.",
            usage_reports(),
        ),
        file(
            Kind::ErasureCertificate,
            "What a device has erased, before it is sealed. Signed by the key that it brings, whose name the device has.",
            certificates(),
        ),
    ];
    answers.into_iter().chain(others).collect()
}

fn file(kind: Kind, about: &str, good: Vec<Good>) -> File {
    let trust: std::collections::BTreeMap<String, Trust> = match kind {
        Kind::KeySet => trust::of_pins(),
        Kind::Request | Kind::Agreement => trust::of_devices(),
        Kind::ImageManifest => trust::of_images(),
        Kind::ReportRequest => trust::of_askers(),
        Kind::UsageReport | Kind::ErasureCertificate => trust::of_nobody(),
        _ => trust::of_servers(kind),
    };
    let bad = bad::of(&good[0]);
    let vectors = good.into_iter().map(|good| good.vector).chain(bad).collect();
    File { document: kind.to_string(), about: about.to_owned(), trust, vectors }
}

fn key_sets() -> Vec<Good> {
    let bare = KeySet { keys: Vec::new(), revoked: [].into(), formats: [].into(), ..key_set() };
    vec![
        Good::new(("good", "three keys, two revoked ones, a lowest format"), key_set(), of_key_set, &root()),
        Good::new(("bare", "no keys at all"), bare, of_key_set, &root()),
    ]
}

fn offers() -> Vec<Good> {
    let bare = Listed { offer: samples::bare_offer(), ..samples::listed() };
    let term = |period: Period| Listed {
        offer: carnet_core::offer::Offer {
            term: Term { period: Some(period), ..Term::PERPETUAL },
            ..samples::offer()
        },
        ..samples::listed()
    };
    let between = term(Period::Between { start: Time(1_500_000), end: samples::NOW });
    let first_use = term(Period::FromFirstUse(Length { months: 1_200, days: 36_525, seconds: u32::MAX }));
    [
        ("good", "everything that an offer can say", samples::listed()),
        ("bare", "as little as an offer can say", bare),
        ("between", "a term from one time to another", between),
        ("first-use", "the longest term, from the first use", first_use),
    ]
    .into_iter()
    .map(|(name, shows, listed)| {
        Good::new((name, shows), OfferClaims { listed, ..samples::offer_claims() }, of_offer, &acme_key())
    })
    .collect()
}

fn image_manifests() -> Vec<Good> {
    let good = samples::image_manifest();
    let one = good.features[..1].to_vec();
    let bare = ImageManifest { features: one, platform: "any".parse().unwrap(), ..good.clone() };
    vec![
        Good::new(("good", "an image with two features"), good, of_image, &image_key()),
        Good::new(("bare", "an image with one feature, for any machine"), bare, of_image, &image_key()),
    ]
}

fn agreements() -> Vec<Good> {
    let bare = Listed { offer: samples::bare_offer(), ..samples::listed() };
    let bare = carnet_core::document::Agreement { listed: bare, ..agreement() };
    let of_tpm = carnet_core::document::Agreement { device: tpm_device(), ..agreement() };
    vec![
        Good::new(("good", "consent to an offer, word for word"), agreement(), readable, &device_key()),
        Good::new(("bare", "consent to an offer that says little"), bare, readable, &device_key()),
        Good::of_tpm(("of a TPM", "signed with ESP256", HAS_TPM), of_tpm, readable),
    ]
}

fn report_requests() -> Vec<Good> {
    let (full, asks) = (samples::report_request(), samples::report_secrets().asks);
    let usage = ReportRequest { device: None, wanted: Wanted::Usage, ..full.clone() };
    vec![
        Good::new(("good", "the erasure on one device"), full, readable, &asks),
        Good::new(("usage", "a report from each device"), usage, readable, &asks),
    ]
}

fn usage_reports() -> Vec<Good> {
    let full = samples::usage_report();
    let bare = UsageReport {
        says: Statement {
            license: None,
            pass: None,
            nonce: None,
            totals: [].into(),
            changed: None,
            ..full.says.clone()
        },
        version: None,
        integrity: Integrity::NotInstalledHere,
        ..full.clone()
    };
    let says = samples::said_by_tpm(full.says.clone());
    let of_tpm = UsageReport { says, ..full.clone() };
    vec![
        Good::new(("good", "files that are not as they should be"), full, readable, &device_key()),
        Good::new(("bare", "nothing was ever held"), bare, readable, &device_key()),
        Good::of_tpm(("of a TPM", "signed with ESP256", "usual"), of_tpm, readable),
    ]
}

fn certificates() -> Vec<Good> {
    let says = samples::said_by_tpm(samples::certificate().says);
    let of_tpm = ErasureCertificate { says, ..samples::certificate() };
    vec![
        Good::new(("good", "an answer to a request"), samples::certificate(), readable, &device_key()),
        Good::of_tpm(("of a TPM", "signed with ESP256", "usual"), of_tpm, readable),
    ]
}

/// Everything that a device can ask.
fn requests() -> Vec<Good> {
    let mut operations = operations();
    let registration = Registration { signing_key: tpm_key().public(), ..samples::registration() };
    let (joins, returns) = (Operation::Register(Box::new(registration)), Operation::Return);
    let of_tpm = [("of a TPM", joins, "usual"), ("of a TPM later", returns, HAS_TPM)];
    let of_tpm = of_tpm.map(|(name, operation, trust)| {
        Good::of_tpm((name, "signed with ESP256", trust), samples::asked_by_tpm(operation), readable)
    });
    // The plainest one first: the bad ones are made of it.
    operations.swap(0, 1);
    (1..)
        .zip(operations)
        .map(|(number, operation)| {
            let request = samples::request(operation);
            let words = match readable(&request.operation) {
                Value::String(word) => word,
                Value::Object(fields) => fields.keys().next().unwrap().clone(),
                other => other.to_string(),
            };
            let name = if number == 1 { "good".to_owned() } else { format!("good-{number}") };
            Good::new((&name, &format!("a device asks: {words}")), request, readable, &device_key())
        })
        .chain(of_tpm)
        .collect()
}

fn of_answers(kind: Kind) -> Vec<Good> {
    let more = [
        ("registered by the server itself", registered_receipt(), server_key()),
        ("the server was restored and says where to go on", reconciled(), acme_key()),
        ("refused by the server itself", unknown_app(), server_key()),
        ("for a device whose key is in a TPM", for_tpm(), acme_key()),
    ];
    let all =
        answers().into_iter().filter(|answer| *answer != registered_receipt() && *answer != reconciled());
    let all = all.map(|answer| {
        let signer = signer_of(&answer);
        ("one of the supplier's answers", answer, signer)
    });
    let chosen = all.chain(more).filter(|(_, answer, _)| answer.kind() == kind);
    (1..)
        .zip(chosen)
        .map(|(number, (shows, answer, signer))| {
            let name = if number == 1 { "good".to_owned() } else { format!("good-{number}") };
            Good::new((&name, shows), of_one_supplier(answer), readable, &signer)
        })
        .collect()
}

/// The fullest pass is for another supplier's app.
fn signer_of(answer: &Answer) -> SigningKey {
    match &answer.body {
        Body::Pass(pass) if pass.app.supplier().as_str() == "umbra" => umbra_key(),
        _ => acme_key(),
    }
}

fn of_one_supplier(mut answer: Answer) -> Answer {
    if let Body::Pass(pass) = &mut answer.body
        && pass.app.supplier().as_str() == "umbra"
    {
        pass.supplier = samples::UMBRA;
    }
    answer
}

fn for_tpm() -> Answer {
    let mut answer =
        samples::answer(Body::Pass(Box::new(Pass { device_key: tpm_key().public(), ..samples::pass() })));
    answer.head.journal.device = tpm_device();
    answer
}

fn unknown_app() -> Answer {
    let reason = carnet_core::document::Reason::UnknownApp;
    let mut answer = samples::answer(Body::Refusal(Box::new(Refusal::because(reason, None))));
    answer.head.journal.app = Some("nobody/nothing".parse().unwrap());
    answer
}

/// One more receipt, for those who need any.
pub fn receipt() -> Vec<u8> {
    let receipt: Receipt = samples::receipt();
    sign(samples::answer(Body::Receipt(Box::new(receipt))), &acme_key()).unwrap().bytes().to_vec()
}
