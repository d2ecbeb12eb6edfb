//! The envelope, held against another implementation of COSE and against everything that can be done to it.

use carnet_core::document::{Agreement, Answer, Body, Operation, Request};
use carnet_seal::cbor::{Encoder, Fault, encode};
use carnet_seal::keys::KeySet;
use carnet_seal::{
    Document, Kind, OfferClaims, SealError, Signed, Signer, ToBeSigned, Unverified, VerifyingKey, body_hash,
    sign,
};
use coset::{
    CborSerializable, CoseSign1, CoseSign1Builder, HeaderBuilder, Label, TaggedCborSerializable, iana,
};
use proptest::prelude::*;

use crate::samples::{self, acme_key, device_key, ring, root};

fn pass() -> Signed<Answer> {
    sign(samples::answer(Body::Pass(Box::new(samples::pass()))), &acme_key()).unwrap()
}

fn open(bytes: &[u8]) -> Result<Signed<Answer>, SealError> {
    Unverified::<Answer>::parse(bytes)?.verify(&ring(), samples::NOW)
}

/// One good document of each kind that is in use.
fn one_of_each() -> Vec<(Kind, Vec<u8>)> {
    let signed = |claims: Answer| (claims.kind(), sign(claims, &acme_key()).unwrap().bytes().to_vec());
    let mut documents = vec![
        (Kind::KeySet, sign(samples::key_set(), &root()).unwrap().bytes().to_vec()),
        (Kind::Agreement, sign(samples::agreement(), &device_key()).unwrap().bytes().to_vec()),
        (Kind::Offer, sign(samples::offer_claims(), &acme_key()).unwrap().bytes().to_vec()),
        signed(samples::answer(Body::Pass(Box::new(samples::pass())))),
        signed(samples::answer(Body::Portable(Box::new(samples::portable())))),
        signed(samples::answer(Body::Refusal(Box::new(samples::refusal())))),
        signed(samples::answer(Body::Receipt(Box::new(samples::receipt())))),
        signed(samples::answer(Body::Keys(Box::new(samples::delivery())))),
    ];
    let request = samples::request(Operation::Renew { uses: 1 });
    documents.push((Kind::Request, sign(request, &device_key()).unwrap().bytes().to_vec()));
    documents
}

/// Opens a document of this kind with the keys that are right for it.
fn open_as(kind: Kind, bytes: &[u8]) -> Result<(), SealError> {
    match kind {
        Kind::KeySet => carnet_seal::KeyRing::open(bytes, &samples::pin(), 0).map(|_| ()),
        Kind::Request => {
            Unverified::<Request>::parse(bytes)?.verify(&samples::registered(), &ring()).map(|_| ())
        }
        Kind::Agreement => Unverified::<Agreement>::parse(bytes)?.verify(&samples::registered()).map(|_| ()),
        Kind::Offer => Unverified::<OfferClaims>::parse(bytes)?.verify(&ring(), samples::NOW).map(|_| ()),
        _ => match open(bytes)?.kind() {
            found if found == kind => Ok(()),
            found => Err(SealError::WrongKind(found)),
        },
    }
}

fn signer_of(kind: Kind) -> carnet_seal::SigningKey {
    match kind {
        Kind::KeySet => root(),
        Kind::Request | Kind::Agreement => device_key(),
        _ => acme_key(),
    }
}

fn payload_of(bytes: &[u8]) -> Vec<u8> {
    CoseSign1::from_tagged_slice(bytes).unwrap().payload.unwrap()
}

/// What `coset` makes, with freedom to make it wrong.
struct Forge {
    algorithm: i64,
    key: Vec<u8>,
    typ: String,
    external: String,
    payload: Vec<u8>,
    unprotected: bool,
    extra: bool,
}

impl Forge {
    fn good(kind: Kind, payload: Vec<u8>) -> Self {
        let typ = kind.typ().to_owned();
        let key = signer_of(kind).key_id().0.to_vec();
        Self { algorithm: -19, key, external: typ.clone(), typ, payload, unprotected: false, extra: false }
    }

    fn make(&self, signer: &dyn Signer) -> Vec<u8> {
        let mut header = HeaderBuilder::new()
            .key_id(self.key.clone())
            .value(16, coset::cbor::Value::Text(self.typ.clone()));
        header = match self.algorithm {
            -19 => header.algorithm(iana::Algorithm::Ed25519),
            -9 => header.algorithm(iana::Algorithm::ESP256),
            _ => header.algorithm(iana::Algorithm::EdDSA),
        };
        if self.extra {
            header = header.value(-70_000, coset::cbor::Value::Bool(true));
        }
        let unprotected = HeaderBuilder::new();
        let unprotected = if self.unprotected { unprotected.key_id(vec![1]) } else { unprotected };
        CoseSign1Builder::new()
            .protected(header.build())
            .unprotected(unprotected.build())
            .payload(self.payload.clone())
            .create_signature(self.external.as_bytes(), |bytes| signer.sign(bytes).unwrap().to_vec())
            .build()
            .to_tagged_vec()
            .unwrap()
    }
}

#[test]
fn coset_reads_what_we_write_and_writes_what_we_read() {
    for (kind, bytes) in one_of_each() {
        let theirs = CoseSign1::from_tagged_slice(&bytes).unwrap();
        let header = &theirs.protected.header;
        assert_eq!(header.alg, Some(coset::Algorithm::Assigned(iana::Algorithm::Ed25519)));
        assert_eq!(header.key_id, signer_of(kind).key_id().0);
        assert_eq!(header.rest, [(Label::Int(16), coset::cbor::Value::Text(kind.typ().into()))]);
        assert!(theirs.unprotected.is_empty());
        let key = signer_of(kind).verifying_key();
        theirs
            .verify_signature(kind.typ().as_bytes(), |signature, signed| {
                key.verify(signed, signature.try_into().unwrap())
            })
            .unwrap();
        let remade = Forge::good(kind, theirs.payload.clone().unwrap()).make(&signer_of(kind));
        assert_eq!(remade, bytes, "{kind}");
        assert_eq!(open_as(kind, &remade), Ok(()), "{kind}");
    }
}

#[test]
fn coset_agrees_on_what_is_signed_and_on_the_form_of_keys() {
    let answer = samples::answer(Body::Pass(Box::new(samples::pass())));
    let ours = ToBeSigned::new(&answer, acme_key().key_id(), acme_key().algorithm()).unwrap();
    let theirs = CoseSign1::from_tagged_slice(&ours.assemble(&[0; 64])).unwrap();
    assert_eq!(ours.as_bytes(), theirs.tbs_data(Kind::Pass.typ().as_bytes()));
    let key = encode(&acme_key().verifying_key().cose());
    let theirs = coset::CoseKey::from_slice(&key).unwrap();
    assert_eq!(theirs.kty, coset::KeyType::Assigned(iana::KeyType::OKP));
    assert_eq!(theirs.params.len(), 2);
}

/// The claims of a pass are those of a CWT, where CWT has them (RFC 8392, RFC 8747).
#[test]
fn coset_reads_a_pass_as_a_cwt() {
    let claims = coset::cwt::ClaimsSet::from_slice(&payload_of(pass().bytes())).unwrap();
    let seconds = |micros: i64| Some(coset::cwt::Timestamp::WholeSeconds(micros / 1_000_000));
    assert_eq!(claims.issuer, Some(samples::server().to_string()));
    assert_eq!(claims.audience.as_deref(), Some("acme/paint"));
    assert_eq!(claims.issued_at, seconds(samples::NOW.0));
    assert_eq!(claims.not_before, seconds(samples::NOW.0));
    assert_eq!(claims.expiration_time, seconds(samples::pass().expires.unwrap().0));
    assert_eq!(claims.cwt_id, Some(samples::pass().id.0.to_vec()));
    assert_eq!(claims.rest.len(), 2, "cnf, and ours");
}

#[test]
fn a_pass_is_small() {
    let typical = pass().bytes().len();
    let full = sign(samples::answer(Body::Pass(Box::new(samples::full_pass()))), &acme_key()).unwrap();
    let receipt = sign(samples::answer(Body::Receipt(Box::new(samples::receipt()))), &acme_key()).unwrap();
    let request = sign(samples::request(Operation::Renew { uses: 1 }), &device_key()).unwrap();
    println!(
        "typical pass {typical} bytes, with everything {}, receipt {}, renewal request {}",
        full.bytes().len(),
        receipt.bytes().len(),
        request.bytes().len()
    );
    assert!(typical <= 450, "{typical}");
}

#[test]
fn what_was_signed_comes_back_checked() {
    let made = pass();
    let opened = open(made.bytes()).unwrap();
    assert_eq!(opened, made);
    assert_eq!(opened.body_hash(), body_hash(&payload_of(made.bytes())));
}

/// Commit first, sign later, repeat at will (I5, I9).
#[test]
fn i5_stored_bytes_are_signed_to_the_same_document_again_and_again() {
    for answer in samples::answers() {
        let prepared = ToBeSigned::new(&answer, acme_key().key_id(), acme_key().algorithm()).unwrap();
        let stored = ToBeSigned::from_bytes(prepared.as_bytes().to_vec()).unwrap();
        assert_eq!(stored, prepared);
        assert_eq!(stored.sign(&acme_key()), prepared.sign(&acme_key()));
        let made = sign(answer, &acme_key()).unwrap();
        assert_eq!(
            (stored.sign(&acme_key()).unwrap(), stored.body_hash()),
            (made.bytes().to_vec(), made.body_hash())
        );
        assert_eq!(stored.assemble(&acme_key().sign(stored.as_bytes())), made.bytes());
        let wrong = samples::umbra_key();
        assert_eq!(stored.sign(&wrong), Err(SealError::UnknownKey(acme_key().key_id())));
    }
}

#[test]
fn i12_stored_bytes_that_were_changed_are_not_signed() {
    let answer = samples::answer(Body::Receipt(Box::new(samples::receipt())));
    let bytes =
        ToBeSigned::new(&answer, acme_key().key_id(), acme_key().algorithm()).unwrap().as_bytes().to_vec();
    assert!((0..bytes.len()).all(|length| ToBeSigned::from_bytes(bytes[..length].to_vec()).is_err()));
    let relabelled = |from: &str, to: &str| {
        let at = bytes.windows(from.len()).rposition(|window| window == from.as_bytes()).unwrap();
        let mut changed = bytes.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        ToBeSigned::from_bytes(changed)
    };
    assert_eq!(relabelled("carnet-receipt", "carnet-refusal"), Err(SealError::WrongKind(Kind::Receipt)));
    assert_eq!(relabelled("Signature1", "Signature2"), Err(SealError::NotSigned));
}

#[test]
fn i12_every_flipped_bit_of_every_document_is_refused() {
    for (kind, bytes) in one_of_each() {
        assert_eq!(open_as(kind, &bytes), Ok(()), "{kind}");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open_as(kind, &flipped).is_err(), "bit {bit} of a {kind}");
        }
    }
}

#[test]
fn i12_every_cut_and_every_extension_is_refused() {
    for (kind, bytes) in one_of_each() {
        for length in 0..bytes.len() {
            assert!(open_as(kind, &bytes[..length]).is_err(), "{length} bytes of a {kind}");
        }
        for more in [0x00, 0xf6, 0xff] {
            assert!(open_as(kind, &[&bytes[..], &[more]].concat()).is_err());
            assert!(open_as(kind, &[&[more], &bytes[..]].concat()).is_err());
        }
    }
}

/// All ordered pairs: taken as the other type as it is, relabelled in the header, and relabelled and signed
/// anew by the same key over the claims of the first type.
#[test]
fn i14_a_document_of_one_type_is_never_another() {
    for (kind, bytes) in one_of_each() {
        for other in Kind::ALL.into_iter().filter(|other| *other != kind) {
            let used = one_of_each().iter().any(|(kind, _)| *kind == other);
            if used {
                assert!(open_as(other, &bytes).is_err(), "{kind} as {other}");
            }
            let mut relabelled = Forge::good(kind, payload_of(&bytes));
            relabelled.typ = other.typ().into();
            let relabelled = relabelled.make(&signer_of(kind));
            let refused = open_as(if used { other } else { kind }, &relabelled).unwrap_err();
            let expected = if used && signer_of(kind).key_id() == signer_of(other).key_id() {
                matches!(refused, SealError::WrongSignature)
            } else {
                matches!(
                    refused,
                    SealError::WrongKind(_)
                        | SealError::UnknownKey(_)
                        | SealError::Claims(_)
                        | SealError::OtherRoot
                )
            };
            assert!(expected, "{kind} relabelled as {other}: {refused}");
            if used {
                let resigned = Forge::good(other, payload_of(&bytes)).make(&signer_of(other));
                let refused = open_as(other, &resigned).unwrap_err();
                assert!(matches!(refused, SealError::Claims(_)), "{kind} signed as {other}: {refused}");
            }
        }
    }
}

#[test]
fn i14_a_type_that_is_not_bound_into_the_signature_does_not_count() {
    for external in ["", "application/carnet-receipt", "pass"] {
        let mut forge = Forge::good(Kind::Pass, payload_of(pass().bytes()));
        forge.external = external.into();
        assert_eq!(open(&forge.make(&acme_key())).unwrap_err(), SealError::WrongSignature);
    }
}

#[test]
fn i14_each_kind_has_its_own_name_and_number() {
    for kind in Kind::ALL {
        assert_eq!(Kind::of_typ(kind.typ()), Some(kind));
        assert_eq!(Kind::ALL[usize::try_from(kind.number()).unwrap()], kind);
        assert_eq!(kind.typ(), format!("application/carnet-{kind}"));
    }
    assert_eq!(Kind::of_typ("application/carnet-"), None);
}

/// With a right signature over the wrong algorithm, so that nothing but the algorithm can be the reason.
#[test]
fn i16_the_algorithm_comes_from_the_key_and_the_header_may_only_agree() {
    for algorithm in [-8, -9] {
        let forge = Forge { algorithm, ..Forge::good(Kind::Pass, payload_of(pass().bytes())) };
        assert_eq!(open(&forge.make(&acme_key())).unwrap_err(), SealError::WrongAlgorithm(algorithm));
    }
}

#[test]
fn a_header_that_says_less_or_more_than_it_should_is_refused() {
    let payload = payload_of(pass().bytes());
    let good = || Forge::good(Kind::Pass, payload.clone());
    let refused = |forge: Forge| open(&forge.make(&acme_key())).unwrap_err();
    assert_eq!(refused(Forge { unprotected: true, ..good() }), SealError::UnprotectedHeader);
    assert!(matches!(
        refused(Forge { extra: true, ..good() }),
        SealError::Header(fault) if fault.fault == Fault::UnknownKey(-70_000)
    ));
    assert!(matches!(refused(Forge { key: vec![1; 7], ..good() }), SealError::Header(_)));
    assert!(matches!(refused(Forge { key: Vec::new(), ..good() }), SealError::Header(_)));
    assert_eq!(refused(Forge { typ: "cwt".into(), ..good() }), SealError::UnknownKind("cwt".into()));
    assert!(matches!(refused(Forge { key: vec![1; 8], ..good() }), SealError::UnknownKey(_)));
}

#[test]
fn another_spelling_of_the_envelope_is_refused_though_its_signature_is_right() {
    let good = pass().bytes().to_vec();
    let untagged = &good[1..];
    assert_eq!(open(untagged).unwrap_err(), SealError::NotSigned);
    assert_eq!(open(&[&[0xd8, 18], untagged].concat()).unwrap_err(), SealError::NotSigned);
    assert_eq!(
        open(&[&[0xd2, 0xd2], untagged].concat()).unwrap_err().to_string(),
        "the envelope is malformed: byte 0: a tag"
    );
    // An array of four with a length byte, and one of indefinite length.
    let respelled = [&[0xd2, 0x98, 4], &good[2..]].concat();
    assert_eq!(open(&respelled).unwrap_err(), SealError::Envelope(Fault::NotShortest.at(0)));
    let indefinite = [&[0xd2, 0x9f], &good[2..], &[0xff]].concat();
    assert_eq!(open(&indefinite).unwrap_err(), SealError::Envelope(Fault::Indefinite.at(0)));
    // A detached payload (RFC 9052 §4.1).
    let mut detached = CoseSign1::from_tagged_slice(&good).unwrap();
    detached.payload = None;
    assert!(matches!(open(&detached.to_tagged_vec().unwrap()), Err(SealError::Envelope(_))));
    // A signature of another length.
    let mut short = CoseSign1::from_tagged_slice(&good).unwrap();
    short.signature.pop();
    assert!(matches!(open(&short.to_tagged_vec().unwrap()), Err(SealError::Envelope(_))));
}

/// Even what the right key has signed must be in the one spelling.
#[test]
fn claims_in_another_spelling_are_refused_though_the_signature_is_right() {
    let good = payload_of(pass().bytes());
    let refused = |payload: Vec<u8>| match open(&Forge::good(Kind::Pass, payload).make(&acme_key())) {
        Err(SealError::Claims(wrong)) => wrong.fault,
        other => panic!("{other:?}"),
    };
    let map = |pairs: u8, more: &[u8]| [&[0xa0 | pairs], &good[1..], more].concat();
    let pairs = good[0] & 0x1f;
    assert_eq!(refused(map(pairs + 1, &[0x3a, 0, 1, 0x11, 0x71, 0])), Fault::UnknownKey(-70_002));
    assert_eq!(refused(map(pairs + 1, &[0x3a, 0, 1, 0x11, 0x70, 0])), Fault::Repeated);
    assert_eq!(refused(map(pairs + 1, &[2, 0])), Fault::OutOfOrder);
    assert_eq!(refused([&good[..], &[0]].concat()), Fault::Trailing);
    assert_eq!(refused(Vec::new()), Fault::CutShort);
    assert_eq!(refused(vec![0x81; 100]), Fault::TooDeep(8));
    assert_eq!(refused(vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Fault::CutShort);
    // What is assumed must not be spelled out: the kind of a full pass.
    let mut spelled =
        carnet_core::document::Pass { kind: carnet_core::document::PassKind::Temporary, ..samples::pass() };
    let temporary = encode(&spelled);
    spelled.kind = carnet_core::document::PassKind::Full;
    let at = (0..temporary.len())
        .find(|at| {
            let mut changed = temporary.clone();
            changed[*at] ^= 1;
            carnet_seal::cbor::decode::<carnet_core::document::Pass>(&changed)
                .is_err_and(|wrong| wrong.fault.to_string().contains("assumed"))
        })
        .expect("one byte that spells out what is assumed");
    assert_eq!(temporary[at - 1..=at], [12, 1]);
}

#[test]
fn i18_what_is_too_large_is_neither_made_nor_read() {
    let mut pass = samples::pass();
    pass.condition = "x".repeat(65_000);
    assert!(sign(samples::answer(Body::Pass(Box::new(pass.clone()))), &acme_key()).is_ok());
    pass.condition = "x".repeat(65_150);
    let refused = sign(samples::answer(Body::Pass(Box::new(pass))), &acme_key()).unwrap_err();
    assert_eq!(refused, SealError::Envelope(Fault::TooLong(65_536).at(65_536)));
    let huge = Forge::good(Kind::Pass, vec![0x40; 65_600]).make(&acme_key());
    assert_eq!(open(&huge).unwrap_err(), SealError::Envelope(Fault::TooLong(65_536).at(65_536)));
}

/// The largest menu that may exist still fits its refusal.
#[test]
fn the_largest_menu_fits_into_a_refusal() {
    let mut refusal = samples::refusal();
    refusal.menu = vec![samples::listed(); carnet_core::offer::MOST_OFFERS];
    assert!(sign(samples::answer(Body::Refusal(Box::new(refusal))), &acme_key()).is_ok());
}

#[test]
fn i16_keys_and_signatures_for_which_anything_can_be_signed_are_refused() {
    let small_order = carnet_core::document::PublicKey({
        let mut identity = [0; 32];
        identity[0] = 1;
        identity
    });
    assert_eq!(VerifyingKey::ed25519(small_order), Err(SealError::BadKey));
    // s + L is the same signature modulo L; only one of them counts (RFC 8032 §5.1.7).
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = pass().bytes().to_vec();
    let scalar = bytes.len() - 32;
    let mut carry = 0;
    for (byte, add) in bytes[scalar..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(open(&bytes).unwrap_err(), SealError::WrongSignature);
}

#[test]
fn an_encoder_by_hand_makes_what_a_record_makes() {
    let mut out = Encoder::default();
    out.array(2);
    out.u64(3);
    out.text("x");
    assert_eq!(out.into_bytes(), encode(&(3_u64, "x".to_owned())));
}

proptest! {
    #[test]
    fn i12_nothing_that_comes_in_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let tagged = [&[0xd2, 0x84][..], &bytes].concat();
        for kind in [Kind::KeySet, Kind::Request, Kind::Agreement, Kind::Offer, Kind::Pass] {
            prop_assert!(open_as(kind, &bytes).is_err());
            prop_assert!(open_as(kind, &tagged).is_err());
        }
        prop_assert!(ToBeSigned::from_bytes(bytes).is_err());
    }

    #[test]
    fn i12_nothing_that_the_right_key_signs_makes_the_reader_panic(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), insert in any::<bool>(),
    ) {
        for (kind, bytes) in one_of_each() {
            let mut payload = payload_of(&bytes);
            let at = at.index(payload.len());
            if insert { payload.insert(at, byte) } else { payload[at] = byte }
            let spoilt = Forge::good(kind, payload.clone()).make(&signer_of(kind));
            if let Ok(unverified) = Unverified::<KeySet>::parse(&spoilt) {
                prop_assert_eq!(unverified.kind(), Kind::KeySet);
            }
            let _no_panic = open_as(kind, &spoilt);
        }
    }
}
