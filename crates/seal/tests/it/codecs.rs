//! Values and bytes are two views of one thing.

use carnet_core::LARGEST_AMOUNT;
use carnet_core::document::{Answer, Operation, Reason, Request, Totals};
use carnet_core::journal::{Record, State};
use carnet_core::money::Money;
use carnet_core::offer::{Charging, Listed, Offer};
use carnet_core::report::{Detail, Erased, ErasureCertificate, ReportRequest, UsageReport};
use carnet_core::term::{Period, Term};
use carnet_core::time::{Length, Seconds, Time};
use carnet_seal::OfferClaims;
use carnet_seal::cbor::{Cbor, Limits, decode, decode_within, encode};
use carnet_seal::keys::{CoseKey, KeySet, Purpose};
use proptest::prelude::*;

use crate::samples;

fn comes_back<T: Cbor + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = encode(value);
    assert_eq!(decode_within::<T>(&bytes, Limits::JOURNAL).as_ref(), Ok(value));
}

#[test]
fn everything_comes_back_from_its_bytes() {
    samples::answers().iter().for_each(comes_back);
    samples::records().iter().for_each(comes_back);
    samples::operations().into_iter().map(samples::request).for_each(|request| comes_back(&request));
    comes_back(&samples::agreement());
    comes_back(&samples::key_set());
    comes_back(&samples::offer_claims());
    comes_back(&samples::state());
    comes_back(&samples::report_request());
    comes_back(&samples::usage_report());
    comes_back(&samples::certificate());
    comes_back(&samples::erased());
    comes_back(&samples::inquiry());
    comes_back(&samples::code_part());
    samples::details().iter().for_each(comes_back);
    [samples::offer(), samples::bare_offer()].iter().for_each(comes_back);
    for period in [
        Period::Between { start: Time(-5), end: Time(i64::MAX) },
        Period::FromAgreement(Length { months: 1_200, days: 36_525, seconds: u32::MAX }),
        Period::FromFirstUse(Length::days(0)),
    ] {
        comes_back(&Term { period: Some(period), ..Term::PERPETUAL });
    }
    for charging in [Charging::Free, Charging::Once, Charging::PerPass, Charging::PerPeriod] {
        comes_back(&charging);
    }
}

#[test]
fn every_reason_has_its_own_number_for_ever() {
    let reasons: Vec<Reason> = (0_u64..=43).map(|number| decode(&encode(&number)).unwrap()).collect();
    assert!(decode::<Reason>(&encode(&44_u64)).is_err());
    let codes = reasons.iter().map(|reason| reason.code()).collect::<Vec<_>>().join(" ");
    assert_eq!(
        codes,
        "no-license exhausted expired declined suspended charge-failed payment-pending ended revoked \
         held-elsewhere under-review fork-or-rollback reconcile superseded offer-changed only-once hardware-only \
         unknown-app nothing-to-move moving move-over other-user retired \
         not-enough-left still-good bad-code code-used code-full no-such-device still-holds \
         too-many-lost guest-device not-borrowable no-image version-not-covered no-transaction no-pass \
         key-refused report-overdue transferred same-device not-held-there guest-there retired-there"
    );
}

#[test]
fn the_parts_of_a_second_survive_in_every_time_of_an_answer() {
    for issued in [Time(0), Time(1), Time(-1), Time(999_999), Time(1_000_000), samples::NOW, Time(i64::MIN)] {
        for other in [Time(0), Time(5), Time(-5), samples::NOW, Time(i64::MAX)] {
            let mut pass = samples::full_pass();
            (pass.not_before, pass.expires, pass.grace_until) = (other, Some(issued), Some(other));
            let mut answer = samples::answer(carnet_core::document::Body::Pass(Box::new(pass)));
            answer.head.issued = issued;
            comes_back(&answer);
        }
    }
}

#[test]
fn what_could_break_arithmetic_later_is_refused_here() {
    let length = |months: u32, days: u32| encode(&vec![u64::from(months), u64::from(days), 0]);
    assert!(decode::<Length>(&length(1_200, 36_525)).is_ok());
    assert!(decode::<Length>(&length(1_201, 0)).is_err());
    assert!(decode::<Length>(&length(0, u32::MAX)).is_err());
    assert!(decode::<Seconds>(&encode(&(LARGEST_AMOUNT + 1))).is_err());
    assert!(decode::<Money>(&encode(&(LARGEST_AMOUNT + 1, "EUR".to_owned()))).is_err());
    for code in ["XYZ", "eur", "EU", ""] {
        assert!(decode::<Money>(&encode(&(1_u64, code.to_owned()))).is_err(), "{code}");
    }
    let totals = Totals { uses: 0, seconds: (1 << 62) + 1, first_use: None };
    assert!(decode::<Totals>(&encode(&totals)).is_err());
    assert!(decode::<Request>(&encode(&samples::request(Operation::Renew { uses: u64::MAX }))).is_err());
    let request = Request { epoch: u64::MAX, ..samples::request(Operation::Return) };
    assert!(decode::<Request>(&encode(&request)).is_err());
}

#[test]
fn names_are_held_to_their_rules() {
    let listed = encode(&samples::listed());
    let spoil = |from: &str, to: &str| {
        let at = listed.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut spoilt = listed.clone();
        spoilt[at..at + to.len()].copy_from_slice(to.as_bytes());
        decode::<Listed>(&spoilt).unwrap_err().to_string()
    };
    assert!(spoil("acme/paint", "acme-paint").contains("not an app id"));
    assert!(spoil("resize", "Resize").contains("not a feature name"));
    assert!(spoil("ten-runs", "ten runs").contains("not an offer name"));
}

/// Encodings of one sample of each type, and a check that what is read is written back byte for byte.
#[expect(clippy::type_complexity, reason = "a table in a test")]
fn table() -> Vec<(Vec<u8>, fn(&[u8]) -> bool)> {
    fn canonical<T: Cbor>(bytes: &[u8]) -> bool {
        decode_within::<T>(bytes, Limits::JOURNAL).map_or(true, |value| encode(&value) == bytes)
    }
    let mut table: Vec<(Vec<u8>, fn(&[u8]) -> bool)> = vec![
        (encode(&samples::key_set()), canonical::<KeySet>),
        (encode(&samples::offer_claims()), canonical::<OfferClaims>),
        (encode(&samples::offer()), canonical::<Offer>),
        (encode(&samples::agreement()), canonical::<carnet_core::document::Agreement>),
        (encode(&samples::state()), canonical::<State>),
        (encode(&samples::report_request()), canonical::<ReportRequest>),
        (encode(&samples::usage_report()), canonical::<UsageReport>),
        (encode(&samples::certificate()), canonical::<ErasureCertificate>),
        (encode(&samples::erased()), canonical::<Vec<Erased>>),
        (encode(&samples::details()), canonical::<Vec<Detail>>),
        (encode(&Purpose::Server), canonical::<Purpose>),
        (encode(&CoseKey::X25519(samples::device_key().public())), canonical::<CoseKey>),
    ];
    let requests = samples::operations().into_iter().map(samples::request);
    table.extend(requests.map(|request| (encode(&request), canonical::<Request> as fn(&[u8]) -> bool)));
    table.extend(samples::answers().iter().map(|answer| (encode(answer), canonical::<Answer> as _)));
    table.extend(samples::records().iter().map(|record| (encode(record), canonical::<Record> as _)));
    table
}

#[test]
fn i12_every_changed_byte_of_every_sample_is_refused_or_means_what_it_says() {
    for (bytes, canonical) in table() {
        for at in 0..bytes.len() {
            for changed in
                [bytes[at] ^ 1, bytes[at] ^ 0x20, bytes[at] ^ 0x80, bytes[at].wrapping_add(1), 0xf6]
            {
                let mut spoilt = bytes.clone();
                spoilt[at] = changed;
                assert!(canonical(&spoilt), "byte {at} of {}", data_encoding::HEXLOWER.encode(&bytes));
            }
        }
    }
}

proptest! {
    #[test]
    fn i12_what_is_read_is_written_back_byte_for_byte(
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..6),
    ) {
        let table = table();
        let (mut bytes, canonical) = table[pick.index(table.len())].clone();
        for (at, edit, byte) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            match edit {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => { bytes.remove(at); }
                _ if at < bytes.len() => bytes[at] = byte,
                _ => {}
            }
        }
        prop_assert!(canonical(&bytes));
    }
}
