//! Documents in their one spelling, rightly signed by a key that must not say this here.

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::{Answer, Body, Brought, Joins, Operation, PublicKey, Registration, Request};
use carnet_core::id::{DeviceId, ServerId};
use carnet_core::report::{ErasureCertificate, Statement, UsageReport};
use carnet_seal::image::FeatureStream;
use carnet_seal::keys::{Algorithm, CoseKey, KeyEntry, KeySet, Purpose, device_of};
use carnet_seal::{
    Document, ImageManifest, Kind, OfferClaims, Signer, SigningKey, ToBeSigned, Unverified, sign,
};

use super::super::good::receipt;
use super::{Bad, Spoiler};
use crate::samples::{
    self, ACME, UMBRA, acme_key, agreement, device_key, entry, image_key, issue, joining, key, key_set,
    registration, request, root, server_key, tpm_key, umbra_key,
};
use crate::tpm_key::TpmKey;

const ELSEWHERE: ServerId = ServerId([9; 16]);

pub fn of(spoiler: &Spoiler) -> Vec<Bad> {
    match spoiler.kind {
        Kind::KeySet => key_sets(spoiler),
        Kind::Request => [devices(spoiler), requests(), registrations()].into_iter().flatten().collect(),
        Kind::Agreement => [devices(spoiler), agreements()].into_iter().flatten().collect(),
        Kind::Offer => [servers(spoiler), offers()].into_iter().flatten().collect(),
        Kind::ImageManifest => images(spoiler),
        Kind::ReportRequest => askers(spoiler),
        Kind::UsageReport => brings(&|says| UsageReport { says, ..samples::usage_report() }),
        Kind::ErasureCertificate => brings(&|says| ErasureCertificate { says, ..samples::certificate() }),
        kind => [servers(spoiler), answers(kind)].into_iter().flatten().collect(),
    }
}

fn signed<T: Document>(claims: T, signer: &SigningKey) -> Vec<u8> {
    sign(claims, signer).unwrap().bytes().to_vec()
}

fn key_sets(spoiler: &Spoiler) -> Vec<Bad> {
    let with = |entry: KeyEntry| signed(KeySet { keys: vec![entry], ..key_set() }, &root());
    let server = |key: CoseKey| with(KeyEntry { purpose: Purpose::Server, key });
    let mut twice = key_set();
    twice.keys.push(entry(issue(UMBRA, "umbra"), &acme_key()));
    let own = KeySet { root: key(50).verifying_key().cose(), ..key_set() };
    let weak_root = KeySet { root: CoseKey::Ed25519(small_order()), ..key_set() };
    let sealing_root = KeySet { root: CoseKey::X25519(root().public()), ..key_set() };
    let pinned =
        |trust: &str| Bad::new(trust, "the program trusts something else", spoiler.good.clone()).under(trust);
    vec![
        pinned("another root is pinned"),
        pinned("another server is pinned"),
        pinned("version 8 was seen"),
        Bad::new("another root", "a stranger's set under the stranger's own root", signed(own, &key(50))),
        Bad::new(
            "another server",
            "the root signs for a server that is not its own",
            signed(KeySet { server: ELSEWHERE, ..key_set() }, &root()),
        ),
        Bad::new("weak root", "a root of small order", signed(weak_root, &root())),
        Bad::new("sealing root", "a root that cannot sign", signed(sealing_root, &root())),
        Bad::new(
            "weak key",
            "a key of small order, for which anything can be signed",
            server(CoseKey::Ed25519(small_order())),
        ),
        Bad::new(
            "key that is no point",
            "no point of the curve",
            server(CoseKey::Ed25519(PublicKey([2; 32]))),
        ),
        Bad::new(
            "key not canonical",
            "y = p + 3 instead of 3 (RFC 8032 §5.1.3)",
            server(CoseKey::Ed25519(not_canonical())),
        ),
        Bad::new(
            "sealing key",
            "a key that cannot sign, where one must sign",
            server(CoseKey::X25519(server_key().public())),
        ),
        Bad::new("key twice", "one key for two suppliers", signed(twice, &root())),
        Bad::new("key of P-256", "only devices have such keys", server(tpm_key().public().into())),
        Bad::new(
            "root of P-256",
            "only devices have such keys",
            signed(KeySet { root: tpm_key().public().into(), ..key_set() }, &root()),
        ),
    ]
}

fn servers(spoiler: &Spoiler) -> Vec<Bad> {
    [
        "the key set is over",
        "the key is revoked",
        "a newer format is asked for",
        "the key is there for images",
    ]
    .map(|trust| Bad::new(trust, "the same document as the good one", spoiler.good.clone()).under(trust))
    .into()
}

fn answers(kind: Kind) -> Vec<Bad> {
    let all = samples::answers();
    let good = all.iter().find(|answer| answer.kind() == kind).unwrap();
    let mut elsewhere = good.clone();
    elsewhere.head.server = ELSEWHERE;
    let mut bad = vec![
        Bad::new(
            "another server",
            "speaks for a server that is not the key's (I14)",
            signed(elsewhere, &acme_key()),
        ),
        Bad::new(
            "another supplier's key",
            "umbra's key speaks for acme (I14)",
            signed(good.clone(), &umbra_key()),
        ),
        Bad::new(
            "a device's key",
            "a device signs what only servers do",
            signed(good.clone(), &device_key()),
        ),
    ];
    if let Some(mixed) = of_two_suppliers(good) {
        bad.push(Bad::new(
            "the server itself grants",
            "only a supplier's key grants",
            signed(good.clone(), &server_key()),
        ));
        bad.push(Bad::new(
            "two suppliers",
            "an app of acme, and umbra's id (I14)",
            signed(mixed, &acme_key()),
        ));
    } else {
        let mut of_server = good.clone();
        of_server.head.journal.app = None;
        bad.push(Bad::new(
            "a supplier for the server",
            "it concerns no supplier",
            signed(of_server, &acme_key()),
        ));
    }
    bad
}

fn of_two_suppliers(good: &Answer) -> Option<Answer> {
    let mut mixed = good.clone();
    match &mut mixed.body {
        Body::Pass(pass) => pass.supplier = UMBRA,
        Body::Portable(portable) => portable.supplier = UMBRA,
        _ => return None,
    }
    Some(mixed)
}

fn offers() -> Vec<Bad> {
    let offer = samples::offer_claims;
    vec![
        Bad::new(
            "another server",
            "speaks for a server that is not the key's (I14)",
            signed(OfferClaims { server: ELSEWHERE, ..offer() }, &acme_key()),
        ),
        Bad::new(
            "another supplier's key",
            "umbra's key offers for acme (I14)",
            signed(offer(), &umbra_key()),
        ),
        Bad::new(
            "two suppliers",
            "an app of acme, and umbra's id (I14)",
            signed(OfferClaims { supplier: UMBRA, ..offer() }, &acme_key()),
        ),
        Bad::new("the server itself offers", "only a supplier's key offers", signed(offer(), &server_key())),
    ]
}

fn images(spoiler: &Spoiler) -> Vec<Bad> {
    let good = samples::image_manifest;
    let of_umbra = ImageManifest { app: "umbra/paint".parse().unwrap(), ..good() };
    let with = |features: Vec<FeatureStream>| signed(ImageManifest { features, ..good() }, &image_key());
    let mut swapped = good().features;
    swapped.reverse();
    let core = good().features.remove(1);
    let twice = vec![core.clone(), core.clone()];
    let table = FeatureStream { table_length: 9_000_000, ..core.clone() };
    let far = FeatureStream { sealed_length: u64::MAX, ..core };
    let mut bad: Vec<_> = [
        "the key set is over",
        "the key is revoked",
        "a newer format is asked for",
        "the key is there for passes",
    ]
    .map(|trust| Bad::new(trust, "the same document as the good one", spoiler.good.clone()).under(trust))
    .into();
    bad.extend([
        Bad::new(
            "another supplier's key",
            "umbra's key for an app of acme (I14)",
            signed(good(), &umbra_key()),
        ),
        Bad::new(
            "another supplier's app",
            "acme's key for an app of umbra (I14)",
            signed(of_umbra, &image_key()),
        ),
        Bad::new("the issuing key", "a key that signs passes and no images", signed(good(), &acme_key())),
        Bad::new("no features", "an image of nothing", with(Vec::new())),
        Bad::new("features out of order", "not in the order of their names", with(swapped)),
        Bad::new("feature twice", "two streams for one feature", with(twice)),
        Bad::new("table too long", "more than 8 MiB", with(vec![table])),
        Bad::new("lengths beyond all bounds", "they could not be added up", with(vec![far])),
    ]);
    bad
}

fn devices(spoiler: &Spoiler) -> Vec<Bad> {
    ["another device has this key", "the device has another key"]
        .map(|trust| Bad::new(trust, "the same document as the good one", spoiler.good.clone()).under(trust))
        .into()
}

fn askers(spoiler: &Spoiler) -> Vec<Bad> {
    let trust = "another key was agreed to";
    vec![
        Bad::new(trust, "the same document as the good one", spoiler.good.clone()).under(trust),
        Bad::new(
            "the server asks",
            "the server's key for the supplier is not enough",
            signed(samples::report_request(), &acme_key()),
        ),
    ]
}

/// The key that a report brings must be that of the device, and must have signed it.
fn brings<T: Document>(of: &dyn Fn(Statement) -> T) -> Vec<Bad> {
    let says = samples::statement;
    let under =
        |public: PublicKey| Statement { device_key: public.into(), device: device_of(public), ..says() };
    vec![
        Bad::new(
            "another device",
            "speaks for a device that has another key (I14)",
            signed(of(Statement { device: DeviceId([9; 16]), ..says() }), &device_key()),
        ),
        Bad::new("another key", "signed by a key that it does not bring", signed(of(says()), &acme_key())),
        Bad::new("weak key", "a key of small order", signed(of(under(small_order())), &device_key())),
        Bad::new(
            "key not canonical",
            "y = p + 3 instead of 3",
            signed(of(under(not_canonical())), &device_key()),
        ),
    ]
}

fn agreements() -> Vec<Bad> {
    let elsewhere = carnet_core::document::Agreement { server: ELSEWHERE, ..agreement() };
    let other = carnet_core::document::Agreement { device: DeviceId([9; 16]), ..agreement() };
    vec![
        Bad::new("another server", "consent given elsewhere (I14)", signed(elsewhere, &device_key())),
        Bad::new("another device", "the consent of another device (I14)", signed(other, &device_key())),
    ]
}

fn requests() -> Vec<Bad> {
    let ask = |request: Request| signed(request, &device_key());
    let of_device = |operation: Operation| ask(request(operation));
    let journal = carnet_core::document::JournalName { device: DeviceId([9; 16]), app: Some(samples::app()) };
    let agree = |document: Vec<u8>| {
        let agreed = carnet_core::document::Agreed { agreement: agreement(), document };
        of_device(Operation::Agree(Box::new(agreed)))
    };
    let import = |document: Vec<u8>| of_device(Operation::Import(Box::new(brought(document))));
    let mut flipped = signed(agreement(), &device_key());
    *flipped.last_mut().unwrap() ^= 1;
    let foreign = carnet_core::document::Agreement { device: DeviceId([9; 16]), ..agreement() };
    let mut elsewhere = portable();
    elsewhere.head.server = ELSEWHERE;
    vec![
        Bad::new(
            "another server",
            "asks another server (I14)",
            ask(Request { server: ELSEWHERE, ..request(Operation::Return) }),
        ),
        Bad::new(
            "another device",
            "asks for another device (I14)",
            ask(Request { journal, ..request(Operation::Return) }),
        ),
        Bad::new(
            "beyond all bounds",
            "an epoch above 2^62",
            ask(Request { epoch: u64::MAX, ..request(Operation::Return) }),
        ),
        Bad::new(
            "agreement of another key",
            "the consent in it is signed by somebody else",
            agree(signed(agreement(), &key(50))),
        ),
        Bad::new(
            "agreement of another device",
            "the consent in it is another device's",
            agree(signed(foreign, &device_key())),
        ),
        Bad::new("agreement flipped", "one bit of the signature in it was flipped", agree(flipped)),
        Bad::new("agreement is no document", "bytes that are no document", agree(vec![1, 2, 3])),
        Bad::new(
            "brought by the device",
            "a portable pass that the device signed itself",
            import(signed(portable(), &device_key())),
        ),
        Bad::new(
            "brought from elsewhere",
            "a portable pass of another server",
            import(signed(elsewhere, &acme_key())),
        ),
        Bad::new("brought a receipt", "no portable pass", import(receipt())),
    ]
}

fn registrations() -> Vec<Bad> {
    let register = |registration: Registration, device: DeviceId, signer: &SigningKey| {
        let mut request = request(Operation::Register(Box::new(registration)));
        request.journal.device = device;
        signed(request, signer)
    };
    let of = |public: PublicKey| Registration { signing_key: public.into(), ..registration() };
    let stranger = key(50);
    let forged = joining(Joins::With(Box::new(brought(signed(portable(), &device_key())))));
    let (tpm, other_tpm) = (registers(tpm_key().public(), &tpm_key()), TpmKey::from_seed(9));
    vec![
        Bad::new(
            "registration under another name",
            "the name belongs to another key",
            register(of(stranger.public()), samples::device(), &stranger),
        ),
        Bad::new(
            "registration of a stranger's key",
            "signed by another key than it brings",
            register(of(stranger.public()), device_of(stranger.public()), &device_key()),
        ),
        Bad::new(
            "registration of a weak key",
            "a key of small order",
            register(of(small_order()), device_of(small_order()), &device_key()),
        ),
        Bad::new(
            "registration of a key that is not canonical",
            "y = p + 3 instead of 3",
            register(of(not_canonical()), device_of(not_canonical()), &device_key()),
        ),
        Bad::new("registration with a high s", "n - s fits as well as s", with_high_s(&tpm)),
        Bad::new("registration with r = 0", "no signature", with(&tpm, [[0; 32], [1; 32]])),
        Bad::new("registration with s = 0", "no signature", with(&tpm, [[1; 32], [0; 32]])),
        Bad::new("registration with r beyond the order", "no signature", with(&tpm, [[0xff; 32], [1; 32]])),
        Bad::new(
            "registration signed by another TPM",
            "a stranger's key",
            registers(tpm_key().public(), &other_tpm),
        ),
        Bad::new(
            "registration of a key of P-256 that is no point",
            "a coordinate was changed",
            registers(off_the_curve(), &tpm_key()),
        ),
        Bad::new(
            "registration that takes a key of P-256 for one of Ed25519",
            "the algorithm is that of the key (I16)",
            claiming(tpm_key().public(), &tpm_key(), Algorithm::Ed25519),
        ),
        Bad::new(
            "registration that takes a key of Ed25519 for one of P-256",
            "the algorithm is that of the key (I16)",
            claiming(stranger.public().into(), &stranger, Algorithm::Esp256),
        ),
        Bad::new(
            "registration with a forged pass",
            "the portable pass is not signed by the server",
            signed(request(forged), &device_key()),
        ),
    ]
}

/// A registration of this key, by whoever signs it.
fn registers(key: DeviceSigningKey, signer: &dyn Signer) -> Vec<u8> {
    sign(registering(key), signer).unwrap().bytes().to_vec()
}

fn registering(signing_key: DeviceSigningKey) -> Request {
    let mut request = request(Operation::Register(Box::new(Registration { signing_key, ..registration() })));
    request.journal.device = device_of(signing_key);
    request
}

/// The same under a header that names another algorithm.
fn claiming(key: DeviceSigningKey, signer: &dyn Signer, algorithm: Algorithm) -> Vec<u8> {
    let prepared = ToBeSigned::new(&registering(key), signer.key_id(), algorithm).unwrap();
    prepared.assemble(&signer.sign(prepared.as_bytes()).unwrap())
}

/// The same document with these two numbers as its signature.
fn with(document: &[u8], numbers: [[u8; 32]; 2]) -> Vec<u8> {
    let (before, _) = document.split_last_chunk::<64>().unwrap();
    [before, &numbers.concat()].concat()
}

fn with_high_s(document: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (_, signature) = document.split_last_chunk::<64>().unwrap();
    let (r, s) = (*signature.first_chunk::<32>().unwrap(), signature.last_chunk::<32>().unwrap());
    let (mut high, mut borrow) = ([0; 32], 0);
    for at in (0..32).rev() {
        let digit = i16::from(ORDER[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(digit < 0);
        high[at] = digit.to_le_bytes()[0];
    }
    with(document, [r, high])
}

fn off_the_curve() -> DeviceSigningKey {
    let DeviceSigningKey::P256 { x, mut y } = tpm_key().public() else { panic!("a key of P-256") };
    y[31] ^= 1;
    DeviceSigningKey::P256 { x, y }
}

fn portable() -> Answer {
    samples::answer(Body::Portable(Box::new(samples::portable())))
}

fn brought(document: Vec<u8>) -> Brought {
    assert!(Unverified::<Answer>::parse(&document).is_ok());
    Brought {
        portable: carnet_core::document::PortablePass { supplier: ACME, ..samples::portable() },
        document,
    }
}

/// The point of order 2.
fn small_order() -> PublicKey {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xec, 0x7f);
    PublicKey(bytes)
}

/// y = p + 3: a point of the curve in a spelling of its own. Nobody knows a secret for it.
fn not_canonical() -> PublicKey {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xf0, 0x7f);
    PublicKey(bytes)
}
