//! C2 to C5: what is sealed to a supplier opens with the supplier's key, as a whole, or not at all.

use carnet_core::id::RunId;
use carnet_core::journal::Record;
use carnet_core::report::{Detail, ReportRequest, Wanted};
use carnet_seal::correspondence::CodePart;
use carnet_seal::detail::{DetailOpener, DetailSealer};
use carnet_seal::report::{ReportSecrets, attachment, open_certificate, open_report};
use carnet_seal::sealed::{Carried, CodeError, LARGEST, look, open, seal};
use carnet_seal::{SealError, Unverified, sign};
use proptest::prelude::*;

use crate::samples::{
    self, acme_key, certificate, details, device_key, records, report_request, report_secrets, usage_report,
};

const SEED: [u8; 32] = [0x5e; 32];

/// Records that take more than one piece.
fn long() -> Vec<u8> {
    (0..700_000_u32).map(|number| (number >> 3) as u8).collect()
}

fn report(records: &[u8]) -> Vec<u8> {
    let mut report = usage_report();
    report.records = attachment(records);
    let signed = sign(report, &device_key()).unwrap();
    seal(Carried::Report, signed.bytes(), records, report_secrets().public().seal_to, SEED).unwrap()
}

#[test]
fn c2_a_report_opens_with_the_suppliers_key_and_no_other() {
    let code = report(&long());
    let others = ReportSecrets::from_seeds(&[9; 64]);
    let (signed, records) = open_report(&code, &[others.clone(), report_secrets()]).unwrap();
    assert_eq!((signed.claims().says.clone(), records), (usage_report().says, long()));
    assert_eq!(open_report(&code, &[others]), Err(CodeError::OtherKey(report_secrets().id())));
    assert_eq!(look(&code), Ok((Carried::Report, report_secrets().id())));
    assert_eq!(open_certificate(&code, &[report_secrets()]), Err(CodeError::OtherKind(Carried::Report)));
}

#[test]
fn c3_a_certificate_opens_too() {
    let (list, to) = (carnet_seal::cbor::encode(&samples::erased()), report_secrets().public().seal_to);
    let signed = sign(certificate(), &device_key()).unwrap();
    let code = seal(Carried::Certificate, signed.bytes(), &list, to, SEED).unwrap();
    assert_eq!(open_certificate(&code, &[report_secrets()]).unwrap(), (signed, list));
}

/// A key is sealed to anew each time, so nobody sees whether two reports are the same.
#[test]
fn two_codes_of_one_report_have_nothing_in_common() {
    let seal_with =
        |seed| seal(Carried::Report, b"one", b"two", report_secrets().public().seal_to, seed).unwrap();
    assert_eq!(seal_with([1; 32]), seal_with([1; 32]));
    let (one, other) = (seal_with([1; 32]), seal_with([2; 32]));
    assert_ne!(one[17..49], other[17..49]);
    assert_ne!(one[53..], other[53..]);
}

/// RFC 9180 §9.8: pieces that are cut off, left out, repeated or moved.
#[test]
fn c4_pieces_that_are_missing_or_moved_are_damage() {
    let code = report(&long());
    let mut pieces = Vec::new();
    let mut at = 49;
    while at < code.len() {
        let length = u32::from_le_bytes(code[at..at + 4].try_into().unwrap()) as usize;
        pieces.push(code[at..at + 4 + length].to_vec());
        at += 4 + length;
    }
    assert_eq!(pieces.len(), 4);
    let with = |order: &[usize]| {
        let pieces = order.iter().flat_map(|piece| pieces[*piece].clone());
        let code: Vec<u8> = code[..49].iter().copied().chain(pieces).collect();
        open_report(&code, &[report_secrets()]).map(|_| ())
    };
    assert_eq!(with(&[0, 1, 2, 3]), Ok(()));
    for order in [&[0, 1, 2][..], &[0, 1, 3], &[1, 2, 3], &[0, 2, 1, 3], &[0, 1, 2, 3, 3], &[0], &[]] {
        assert!(matches!(with(order), Err(CodeError::Damaged(_))), "{order:?}");
    }
}

#[test]
fn c4_other_bytes_are_told_from_damaged_and_newer_ones() {
    let keys = [report_secrets()];
    assert_eq!(open(Carried::Report, b"%PDF-1.7 a letter about it", &keys), Err(CodeError::NotACode));
    assert_eq!(open(Carried::Report, b"CARNETC", &keys), Err(CodeError::NotACode));
    let mut newer = report(&[]);
    newer[7] = b'2';
    assert_eq!(open(Carried::Report, &newer, &keys), Err(CodeError::Newer('2')));
    let mut huge = report(&[]);
    huge.resize(LARGEST + 1, 0);
    assert_eq!(open(Carried::Report, &huge, &keys), Err(CodeError::TooLarge));
}

#[test]
fn a_device_that_signs_one_thing_and_sends_another_is_found_out() {
    let to = report_secrets().public().seal_to;
    let signed = sign(usage_report(), &device_key()).unwrap();
    let code = seal(Carried::Report, signed.bytes(), b"other records", to, SEED).unwrap();
    assert_eq!(open_report(&code, &[report_secrets()]), Err(CodeError::OtherAttachment));
    // And a device that speaks for another one.
    let signed = sign(usage_report(), &acme_key()).unwrap();
    let code = seal(Carried::Report, signed.bytes(), b"", to, SEED).unwrap();
    let wrong = open_report(&code, &[report_secrets()]).unwrap_err();
    assert!(matches!(wrong, CodeError::Document(SealError::UnknownKey(_))), "{wrong}");
    let mut report = usage_report();
    report.says.device_key = acme_key().public().into();
    let signed = sign(report, &acme_key()).unwrap();
    let code = seal(Carried::Report, signed.bytes(), b"", to, SEED).unwrap();
    let wrong = open_report(&code, &[report_secrets()]).unwrap_err();
    assert!(matches!(wrong, CodeError::Document(SealError::OtherDevice(_))), "{wrong}");
}

#[test]
fn c4_only_the_suppliers_own_machine_asks() {
    let keys = report_secrets();
    let parsed = |bytes: &[u8]| Unverified::<ReportRequest>::parse(bytes).unwrap();
    let signed = sign(report_request(), &keys.asks).unwrap();
    assert_eq!(parsed(signed.bytes()).verify(&keys.public()).unwrap(), signed);
    let forged = sign(report_request(), &acme_key()).unwrap();
    let wrong = parsed(forged.bytes()).verify(&keys.public()).unwrap_err();
    assert!(matches!(wrong, SealError::UnknownKey(_)), "the server's key is not enough: {wrong}");
    let concerned = |license: u8| {
        let license = carnet_core::id::LicenseId([license; 16]);
        report_request().concerns(&samples::app(), license, samples::device())
    };
    assert!(concerned(0x11) && !concerned(0x12));
}

const RUN: RunId = RunId([0x44; 16]);

/// Records of one run with their details sealed, and what the supplier needs to open them.
fn run() -> Vec<(Record, Vec<u8>)> {
    let mut sealer = DetailSealer::begin(RUN, report_secrets().public().seal_to, SEED).unwrap();
    let of: Vec<Record> = records().into_iter().filter(Record::takes_detail).collect();
    let sealed = of.into_iter().zip(details()).map(|(of, detail)| match sealer.seal(of, &detail).unwrap() {
        Record::WithDetail { of, sealed, .. } => (*of, sealed),
        other => panic!("{other:?}"),
    });
    sealed.collect()
}

fn opener() -> DetailOpener {
    let mut sealer = DetailSealer::begin(RUN, report_secrets().public().seal_to, SEED).unwrap();
    let first = sealer.seal(Record::EffectsDone, &details()[0]).unwrap();
    let Record::WithDetail { begins: Some(begins), .. } = first else { panic!("{first:?}") };
    DetailOpener::begin(&report_secrets().opens, RUN, begins).unwrap()
}

fn open_all(run: &[(Record, Vec<u8>)]) -> Vec<Option<Detail>> {
    let mut opener = opener();
    run.iter().map(|(of, sealed)| opener.open(of, sealed).ok()).collect()
}

#[test]
fn c1_details_of_a_run_open_in_their_order() {
    let opened: Vec<_> = open_all(&run()).into_iter().flatten().collect();
    assert_eq!(opened, details());
}

#[test]
fn c1_only_the_first_record_of_a_run_says_how_it_begins() {
    let mut sealer = DetailSealer::begin(RUN, report_secrets().public().seal_to, SEED).unwrap();
    let mut begins = || match sealer.seal(Record::EffectsDone, &details()[1]).unwrap() {
        Record::WithDetail { begins, .. } => begins.is_some(),
        _ => false,
    };
    assert_eq!([begins(), begins(), begins()], [true, false, false]);
}

proptest! {
    /// I11, C4: no changed, dropped, swapped, inserted or cut record opens where it stands.
    #[test]
    fn c1_i11_no_other_order_of_records_opens(
        one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), way in 0..4_u8,
    ) {
        let good = run();
        let (one, other) = (one.index(good.len()), other.index(good.len()));
        let mut bad = good.clone();
        match way {
            0 => { bad.remove(one); }
            1 => bad.swap(one, other),
            2 => bad.insert(one, good[other].clone()),
            _ => bad[one].1[0] ^= 1,
        }
        prop_assume!(bad != good && bad[..] != good[..bad.len().min(good.len())]);
        prop_assert!(open_all(&bad).contains(&None));
    }

    /// C4: whatever bit changes on the way, it is damage, and nothing of it is believed.
    #[test]
    fn c4_i12_any_changed_bit_of_a_code_is_refused(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut code = report(b"a few records");
        let at = at.index(code.len());
        code[at] ^= 1 << bit;
        prop_assert!(open_report(&code, &[report_secrets()]).is_err());
    }
}

#[test]
fn i14_what_is_said_beside_requests_is_bound_in_every_part() {
    let part = samples::code_part();
    type Change = fn(&mut CodePart);
    let changes: [Change; 10] = [
        |part| part.server.0[0] ^= 1,
        |part| part.device.0[0] ^= 1,
        |part| part.at = part.at.plus(carnet_core::time::Seconds(1)),
        |part| part.license.0[0] ^= 1,
        |part| part.wanted = Wanted::Erasure,
        |part| part.nonce = None,
        |part| part.length += 1,
        |part| part.digest.0[0] ^= 1,
        |part| part.offset += 1,
        |part| part.bytes[0] ^= 1,
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut changed = part.clone();
        change(&mut changed);
        assert_ne!(changed.statement(), part.statement(), "change {number}");
    }
    let inquiry = samples::inquiry();
    assert_ne!(inquiry.statement(), part.statement());
    // A signed document begins with another byte: neither can be taken for the other.
    assert!(inquiry.statement().starts_with(b"carnet-") && part.statement().starts_with(b"carnet-"));
}
