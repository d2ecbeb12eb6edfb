//! Which keys are trusted, and for what.

use std::collections::BTreeMap;

use carnet_core::document::{Answer, Body, PublicKey, Reason, Refusal};
use carnet_core::id::{Digest, ServerId};
use carnet_core::time::Seconds;
use carnet_seal::keys::{AgreementKey, CoseKey, KeyEntry, KeySet, Purpose, RootPin, server_id};
use carnet_seal::{
    KeyRing, Kind, OfferClaims, SealError, Signer, SigningKey, Unverified, VerifyingKey, sign,
};

use crate::samples::{
    ACME, NOW, UMBRA, acme_key, answer, device_key, entry, issue, key, key_set, pass, pin, portable, ring,
    ring_of, root, server_key, umbra_key,
};

fn check(ring: &KeyRing, claims: Answer, signer: &SigningKey) -> Result<Answer, SealError> {
    let bytes = sign(claims, signer).unwrap();
    Unverified::<Answer>::parse(bytes.bytes())?.verify(ring, NOW).map(|signed| signed.into_parts().0)
}

fn a_pass() -> Answer {
    answer(Body::Pass(Box::new(pass())))
}

fn refused_with(reason: Reason) -> Answer {
    answer(Body::Refusal(Box::new(Refusal::because(reason, None))))
}

/// RFC 8032 §7.1, test 3.
#[test]
fn signatures_are_those_of_rfc_8032() {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let seed = hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    let key = SigningKey::from_seed(&seed.try_into().unwrap());
    assert_eq!(
        key.public().0.to_vec(),
        hex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    );
    assert_eq!(
        key.sign(&[0xaf, 0x82]).to_vec(),
        hex(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        )
    );
}

/// RFC 7748 §6.1.
#[test]
fn agreement_keys_are_those_of_rfc_7748() {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let seed = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let public = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    assert_eq!(AgreementKey::from_seed(&seed.try_into().unwrap()).public().0.to_vec(), public);
}

/// RFC 9679: SHA-256 over {1: 1, -1: 6, -2: x}.
#[test]
fn a_key_is_named_by_its_thumbprint() {
    let public = acme_key().public();
    let cose = [&[0xa3, 1, 1, 0x20, 6, 0x21, 0x58, 32][..], &public.0].concat();
    let thumbprint = carnet_seal::body_hash(&cose);
    assert_eq!(acme_key().verifying_key().thumbprint(), thumbprint);
    assert_eq!(acme_key().key_id().0, thumbprint.0[..8]);
    assert_eq!(server_id(public), Ok(ServerId(thumbprint.0[..16].try_into().unwrap())));
    let sealed_to = CoseKey::X25519(public);
    assert_ne!(sealed_to.thumbprint(), thumbprint);
}

#[test]
fn i17_keys_never_show_their_secrets() {
    let seed = [0x5e; 32];
    let shown = format!("{:?} {:?}", SigningKey::from_seed(&seed), AgreementKey::from_seed(&seed));
    assert!(!shown.contains("5e5e") && !shown.contains("94, 94"), "{shown}");
}

#[test]
fn a_key_ring_opens_with_the_pinned_root_only() {
    let bytes = sign(key_set(), &root()).unwrap().bytes().to_vec();
    let ring = KeyRing::open(&bytes, &pin(), 7).unwrap();
    assert_eq!((ring.server(), ring.set().claims()), (pin().server, &key_set()));
    let other = RootPin { root: Digest([9; 32]), ..pin() };
    assert_eq!(KeyRing::open(&bytes, &other, 0), Err(SealError::OtherRoot));
    let other = RootPin { server: ServerId([9; 16]), ..pin() };
    assert_eq!(KeyRing::open(&bytes, &other, 0), Err(SealError::OtherServer(pin().server)));
    // A stranger's set that names our root, signed by the stranger.
    let forged = sign(key_set(), &key(50)).unwrap();
    assert_eq!(KeyRing::open(forged.bytes(), &pin(), 0), Err(SealError::UnknownKey(key(50).key_id())));
    // A stranger's set under the stranger's own root.
    let own = KeySet { root: key(50).verifying_key().cose(), ..key_set() };
    assert_eq!(KeyRing::open(sign(own, &key(50)).unwrap().bytes(), &pin(), 0), Err(SealError::OtherRoot));
    let sealing = KeySet { root: CoseKey::X25519(root().public()), ..key_set() };
    assert_eq!(ring_of(sealing), Err(SealError::BadKey));
}

#[test]
fn the_version_of_a_key_set_never_goes_down() {
    let bytes = sign(key_set(), &root()).unwrap().bytes().to_vec();
    assert!(KeyRing::open(&bytes, &pin(), 7).is_ok());
    assert_eq!(KeyRing::open(&bytes, &pin(), 8), Err(SealError::KeySetTooOld { found: 7, lowest: 8 }));
}

#[test]
fn an_expired_key_set_accepts_nothing_new_and_what_runs_goes_on() {
    let signed = sign(a_pass(), &acme_key()).unwrap();
    let document = Unverified::<Answer>::parse(signed.bytes()).unwrap();
    let (ring, end) = (ring(), key_set().expires);
    assert!(document.verify(&ring, end.minus(Seconds(1))).is_ok());
    assert!(!ring.is_expired(end.minus(Seconds(1))) && ring.is_expired(end));
    assert_eq!(document.verify(&ring, end), Err(SealError::KeySetExpired(end)));
    assert!(document.verify_held(&ring).is_ok());
}

#[test]
fn i16_a_revoked_key_verifies_nothing_new_or_old() {
    let mut set = key_set();
    set.revoked.insert(acme_key().key_id());
    let ring = ring_of(set).unwrap();
    let signed = sign(a_pass(), &acme_key()).unwrap();
    let document = Unverified::<Answer>::parse(signed.bytes()).unwrap();
    let revoked = SealError::RevokedKey(acme_key().key_id());
    assert_eq!(document.verify(&ring, NOW), Err(revoked.clone()));
    assert_eq!(document.verify_held(&ring), Err(revoked));
    assert_eq!(ring.key(acme_key().key_id(), &issue(ACME, "acme")), None);
    assert!(check(&ring, refused_with(Reason::Suspended), &server_key()).is_ok());
}

#[test]
fn i14_a_suppliers_key_speaks_for_that_supplier_only() {
    let ring = ring();
    let other = |signer: &SigningKey| Err(SealError::OtherSupplier(signer.key_id()));
    assert!(check(&ring, a_pass(), &acme_key()).is_ok());
    assert_eq!(check(&ring, a_pass(), &umbra_key()), other(&umbra_key()));
    assert_eq!(check(&ring, refused_with(Reason::Expired), &umbra_key()), other(&umbra_key()));
    // The app is acme's, the supplier id is not.
    let mut mixed = pass();
    mixed.supplier = UMBRA;
    for signer in [acme_key(), umbra_key()] {
        assert_eq!(check(&ring, answer(Body::Pass(Box::new(mixed.clone()))), &signer), other(&signer));
    }
    // The app of the pass is umbra's, that of the journal acme's.
    let mut mixed = pass();
    mixed.app = "umbra/shade".parse().unwrap();
    assert_eq!(check(&ring, answer(Body::Pass(Box::new(mixed))), &acme_key()), other(&acme_key()));
    let mut mixed = portable();
    mixed.supplier = UMBRA;
    assert_eq!(check(&ring, answer(Body::Portable(Box::new(mixed))), &acme_key()), other(&acme_key()));
    // A supplier's key does not speak for the server.
    let registered = crate::samples::registered_receipt();
    assert_eq!(check(&ring, registered.clone(), &acme_key()), other(&acme_key()));
    assert!(check(&ring, registered, &server_key()).is_ok());
}

#[test]
fn the_server_itself_may_refuse_but_not_grant() {
    let ring = ring();
    let unknown = |app: &str| {
        let mut refusal = refused_with(Reason::UnknownApp);
        refusal.head.journal.app = Some(app.parse().unwrap());
        refusal
    };
    assert!(check(&ring, unknown("nobody/nothing"), &server_key()).is_ok());
    assert!(check(&ring, unknown("acme/paint"), &server_key()).is_ok());
    let grants = [a_pass(), answer(Body::Portable(Box::new(portable())))];
    for grant in grants {
        assert_eq!(check(&ring, grant, &server_key()), Err(SealError::OtherSupplier(server_key().key_id())));
    }
    let offer = sign(crate::samples::offer_claims(), &server_key()).unwrap();
    let offer = Unverified::<OfferClaims>::parse(offer.bytes()).unwrap();
    assert_eq!(offer.verify(&ring, NOW), Err(SealError::OtherSupplier(server_key().key_id())));
}

#[test]
fn i14_a_document_of_another_server_is_refused() {
    let mut foreign = a_pass();
    foreign.head.server = ServerId([9; 16]);
    assert_eq!(check(&ring(), foreign, &acme_key()), Err(SealError::OtherServer(ServerId([9; 16]))));
}

#[test]
fn a_key_for_another_purpose_is_no_key_here() {
    let name = || "acme".parse().unwrap();
    for purpose in [
        Purpose::KeyService,
        Purpose::Report { supplier: ACME, name: name() },
        Purpose::Image { supplier: ACME, name: name() },
    ] {
        let ring = ring_of(KeySet { keys: vec![entry(purpose.clone(), &acme_key())], ..key_set() }).unwrap();
        let unknown = SealError::UnknownKey(acme_key().key_id());
        assert_eq!(check(&ring, a_pass(), &acme_key()), Err(unknown));
    }
    for stranger in [root(), device_key(), key(50)] {
        assert_eq!(check(&ring(), a_pass(), &stranger), Err(SealError::UnknownKey(stranger.key_id())));
    }
    let ring = ring();
    assert!(ring.key(acme_key().key_id(), &issue(ACME, "acme")).is_some());
    assert!(ring.key(acme_key().key_id(), &issue(UMBRA, "umbra")).is_none());
    assert!(ring.key(acme_key().key_id(), &Purpose::Server).is_none());
}

#[test]
fn a_key_set_with_keys_that_could_be_mistaken_is_refused() {
    let mut twice = key_set();
    twice.keys.push(entry(issue(UMBRA, "umbra"), &acme_key()));
    assert_eq!(ring_of(twice), Err(SealError::RepeatedKey(acme_key().key_id())));
    let weak = CoseKey::Ed25519(PublicKey([0; 32]));
    for key in [weak, CoseKey::X25519(acme_key().public())] {
        let set = KeySet { keys: vec![KeyEntry { purpose: Purpose::Server, key }], ..key_set() };
        assert_eq!(ring_of(set), Err(SealError::BadKey));
    }
}

#[test]
fn a_key_set_that_was_kept_is_checked_again_and_its_keys_when_they_are_needed() {
    let signed = sign(key_set(), &root()).unwrap();
    let ring = KeyRing::reopen(signed.bytes(), &pin()).unwrap();
    assert_eq!(ring, KeyRing::open(signed.bytes(), &pin(), 0).unwrap());
    assert!(check(&ring, a_pass(), &acme_key()).is_ok());
    assert_eq!(ring, KeyRing::reopen(signed.bytes(), &pin()).unwrap(), "whatever was needed meanwhile");

    let forged = sign(key_set(), &key(50)).unwrap();
    assert_eq!(KeyRing::reopen(forged.bytes(), &pin()), Err(SealError::UnknownKey(key(50).key_id())));
    let own = KeySet { root: key(50).verifying_key().cose(), ..key_set() };
    assert_eq!(KeyRing::reopen(sign(own, &key(50)).unwrap().bytes(), &pin()), Err(SealError::OtherRoot));
    for at in (0..signed.bytes().len()).step_by(3) {
        let mut changed = signed.bytes().to_vec();
        changed[at] ^= 1 << (at % 8);
        assert!(KeyRing::reopen(&changed, &pin()).is_err(), "byte {at}");
    }
}

#[test]
fn i16_a_key_that_is_none_verifies_nothing_whenever_it_is_looked_at() {
    let weak = PublicKey([0; 32]);
    let entry = KeyEntry { purpose: issue(ACME, "acme"), key: CoseKey::Ed25519(weak) };
    let id = entry.key.id();
    let set =
        KeySet { keys: vec![entry, super::samples::entry(Purpose::Server, &server_key())], ..key_set() };
    let ring = KeyRing::reopen(sign(set.clone(), &root()).unwrap().bytes(), &pin()).unwrap();
    assert_eq!(ring_of(set), Err(SealError::BadKey), "refused as a whole when it comes in");
    assert_eq!(ring.key(id, &issue(ACME, "acme")), None);
    let prepared =
        carnet_seal::ToBeSigned::new(&a_pass(), id, carnet_seal::keys::Algorithm::Ed25519).unwrap();
    // For this key, a signature of zeros fits every message where nobody is strict.
    let mut signature = [0; 64];
    signature[0] = 1;
    for signature in [[0; 64], signature] {
        let bytes = prepared.assemble(&signature);
        let document = Unverified::<Answer>::parse(&bytes).unwrap();
        assert_eq!(document.verify(&ring, NOW), Err(SealError::BadKey));
        assert_eq!(document.verify_held(&ring), Err(SealError::BadKey));
    }
    assert!(check(&ring, refused_with(Reason::NoLicense), &server_key()).is_ok(), "the others are good");
}

#[test]
fn a_format_that_the_server_no_longer_stands_by_is_refused() {
    let formats = BTreeMap::from([(Kind::Pass.number(), Kind::FORMAT + 1), (4_000, 9)]);
    let ring = ring_of(KeySet { formats, ..key_set() }).unwrap();
    assert_eq!(check(&ring, a_pass(), &acme_key()), Err(SealError::Outdated(Kind::Pass)));
    assert!(check(&ring, refused_with(Reason::Ended), &acme_key()).is_ok());
}

#[test]
fn only_keys_of_the_curve_are_keys() {
    let mut points = 0;
    for first in 0..=255 {
        let mut bytes = [0x11; 32];
        bytes[0] = first;
        points += u32::from(VerifyingKey::ed25519(PublicKey(bytes)).is_ok());
    }
    assert!((64..192).contains(&points), "about half of all bytes are points: {points}");
}

/// Nobody knows a secret for such a key, and yet it would be one key under two names.
#[test]
fn a_key_that_is_spelled_beyond_the_prime_is_no_key() {
    let with = |first: u8, last: u8| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (first, last);
        VerifyingKey::ed25519(PublicKey(bytes))
    };
    for (first, last) in (0xed..=0xff).flat_map(|first| [(first, 0x7f), (first, 0xff)]) {
        assert_eq!(with(first, last), Err(SealError::BadKey), "{first:x} {last:x}");
    }
    assert!((0..0xec).any(|first| with(first, 0x7f).is_ok()), "below it there are keys");
}
