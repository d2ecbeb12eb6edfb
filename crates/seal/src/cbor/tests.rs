use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;
use crate::{choice, record};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Plant {
    name: String,
    height: Option<u64>,
    leaves: Vec<u64>,
    below: i64,
}

record! { Plant where unsound_plant { 1 => name, 2 => height, 30 => leaves, -1 => below } }

fn unsound_plant(plant: &Plant) -> Option<&'static str> {
    (plant.name == "weed").then_some("a weed")
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Weather {
    Dry,
    Rain(u64),
    Storm { wind: u64, gusts: Option<u64> },
}

choice! { Weather { 0 => Dry, 1 => Rain(depth), 2 => Storm { wind, gusts } } }

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.replace(' ', "").as_bytes()).unwrap()
}

fn fault<T: Cbor + std::fmt::Debug>(hex: &str) -> (usize, Fault) {
    let CborError { at, fault } = decode::<T>(&bytes(hex)).unwrap_err();
    (at, fault)
}

#[test]
fn the_examples_of_rfc_8949_come_out_as_printed_there() {
    for (value, hex) in [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (100, "1864"),
        (1_000, "1903e8"),
        (1_000_000, "1a000f4240"),
        (1_000_000_000_000, "1b000000e8d4a51000"),
        (-1, "20"),
        (-100, "3863"),
        (-1_000, "3903e7"),
        (i64::MIN, "3b7fffffffffffffff"),
    ] {
        assert_eq!(HEXLOWER.encode(&encode(&value)), hex);
        assert_eq!(decode(&bytes(hex)), Ok(value));
    }
    assert_eq!(HEXLOWER.encode(&encode(&u64::MAX)), "1bffffffffffffffff");
    assert_eq!(HEXLOWER.encode(&encode(&"IETF".to_owned())), "6449455446");
    assert_eq!(HEXLOWER.encode(&encode(&[1_u8, 2, 3, 4])), "4401020304");
    assert_eq!(HEXLOWER.encode(&encode(&vec![1_u64, 2, 3])), "83010203");
    assert_eq!(HEXLOWER.encode(&encode(&BTreeMap::from([(1_u64, 2_u64), (3, 4)]))), "a201020304");
    assert_eq!(HEXLOWER.encode(&encode(&vec![Some(true), None, Some(false)])), "83f5f6f4");
}

#[test]
fn a_record_is_a_map_that_leaves_out_what_is_absent() {
    let plant = Plant { name: "oak".into(), below: -7, leaves: vec![3], ..Plant::default() };
    assert_eq!(HEXLOWER.encode(&encode(&plant)), "a30163 6f616b 181e8103 2026".replace(' ', ""));
    assert_eq!(decode(&encode(&plant)), Ok(plant.clone()));
    let tall = Plant { height: Some(9), ..plant };
    assert_eq!(decode(&encode(&tall)), Ok(tall));
}

#[test]
fn a_claim_set_is_closed() {
    assert_eq!(fault::<Plant>("a4 0161 61 03 00 181e80 20 00"), (5, Fault::UnknownKey(3)));
    assert_eq!(fault::<Plant>("a2 0161 61 181e80"), (0, Fault::MissingKey(-1)));
    assert_eq!(fault::<Plant>("a4 016161 02f6 181e80 2000"), (5, Fault::Expected("an unsigned integer")));
    assert_eq!(fault::<Plant>("a3 0164 77656564 181e80 2000"), (0, Fault::Value("a weed".into())));
    assert_eq!(fault::<Plant>("a1 4101 00"), (1, Fault::Expected("an integer")));
    assert_eq!(fault::<Plant>("80"), (0, Fault::Expected("a map")));
}

#[test]
fn keys_stand_in_their_one_order_and_each_stands_once() {
    assert_eq!(fault::<Plant>("a2 0161 61 0161 61"), (4, Fault::Repeated));
    assert_eq!(fault::<Plant>("a2 20 00 0161 61"), (3, Fault::OutOfOrder));
    assert!(in_order(&[0, 1, 23, 24, 500, -1, -2, -70_001]));
    assert!(!in_order(&[1, 1]) && !in_order(&[2, 1]) && !in_order(&[-2, -1]) && !in_order(&[-1, 0]));
}

#[test]
fn declared_order_is_the_bytewise_order_of_the_encodings() {
    let keys = [0, 1, 23, 24, 255, 256, 65_536, i64::MAX, -1, -24, -25, -256, -257, -70_001, i64::MIN];
    for pair in keys.windows(2) {
        assert!(in_order(pair));
        assert!(encode(&pair[0]) < encode(&pair[1]), "{pair:?}");
    }
}

#[test]
fn names_as_keys_are_ordered_by_their_bytes_not_by_the_alphabet() {
    let map = BTreeMap::from([("aa".to_owned(), 1_u64), ("b".to_owned(), 2)]);
    assert_eq!(HEXLOWER.encode(&encode(&map)), "a2616202626161 01".replace(' ', ""));
    assert_eq!(decode(&encode(&map)), Ok(map));
    let set = BTreeSet::from(["aa".to_owned(), "b".to_owned()]);
    assert_eq!(HEXLOWER.encode(&encode(&set)), "826162626161");
    assert_eq!(decode(&encode(&set)), Ok(set));
    assert_eq!(fault::<BTreeSet<u64>>("820101"), (2, Fault::Repeated));
    assert_eq!(fault::<BTreeSet<u64>>("820201"), (2, Fault::OutOfOrder));
}

#[test]
fn a_choice_without_fields_is_an_integer_and_one_with_fields_an_array() {
    for (weather, hex) in [
        (Weather::Dry, "00"),
        (Weather::Rain(30), "8201181e"),
        (Weather::Storm { wind: 1, gusts: None }, "830201f6"),
        (Weather::Storm { wind: 1, gusts: Some(2) }, "83020102"),
    ] {
        assert_eq!(HEXLOWER.encode(&encode(&weather)), hex);
        assert_eq!(decode(&bytes(hex)), Ok(weather));
    }
    assert_eq!(fault::<Weather>("03"), (0, Fault::UnknownChoice(3)));
    for (hex, field) in [("01", "Rain"), ("8200 00", "Dry"), ("83010101", "Rain"), ("8202 01", "Storm")] {
        let (at, fault) = fault::<Weather>(hex);
        assert!(at == 0 && fault.to_string().contains(field), "{hex}: {fault}");
    }
    for hex in ["80", "8100", "8101", "816100", "a0", "20", "f6"] {
        assert!(decode::<Weather>(&bytes(hex)).is_err(), "{hex}");
    }
}

#[test]
fn every_other_spelling_is_refused() {
    let table: &[(&str, Fault)] = &[
        ("1817", Fault::NotShortest),
        ("190018", Fault::NotShortest),
        ("1900ff", Fault::NotShortest),
        ("1a0000ffff", Fault::NotShortest),
        ("1b00000000ffffffff", Fault::NotShortest),
        ("3817", Fault::NotShortest),
        ("5801 00", Fault::NotShortest),
        ("7801 61", Fault::NotShortest),
        ("9801 00", Fault::NotShortest),
        ("b801 0000", Fault::NotShortest),
        ("9f00ff", Fault::Indefinite),
        ("bf0000ff", Fault::Indefinite),
        ("5f4100ff", Fault::Indefinite),
        ("7f6161ff", Fault::Indefinite),
        ("ff", Fault::Indefinite),
        ("1c", Fault::Reserved),
        ("5d", Fault::Reserved),
        ("c000", Fault::Tagged),
        ("c240", Fault::Tagged),
        ("d2 00", Fault::Tagged),
        ("f97e00", Fault::Simple),
        ("fa7fc00000", Fault::Simple),
        ("fb7ff8000000000000", Fault::Simple),
        ("f7", Fault::Simple),
        ("f0", Fault::Simple),
        ("f8ff", Fault::Simple),
        ("61ff", Fault::NotText),
        ("62c328", Fault::NotText),
        ("a1f400", Fault::BadKey),
        ("a18000", Fault::BadKey),
        ("a1a000", Fault::BadKey),
        ("", Fault::CutShort),
        ("18", Fault::CutShort),
        ("1900", Fault::CutShort),
        ("4200", Fault::CutShort),
        ("8100 00", Fault::Trailing),
        ("0000", Fault::Trailing),
    ];
    for (hex, expected) in table {
        // As what they claim to be and as anything else: the scan comes before the types.
        let (_, found) = fault::<u64>(hex);
        assert_eq!(found, *expected, "{hex}");
        assert_eq!(fault::<Vec<Plant>>(hex).1, *expected, "{hex}");
    }
}

#[test]
fn i18_bombs_are_refused_before_anything_is_allocated_or_entered() {
    // Counts that promise more than there is.
    for hex in ["9bffffffffffffffff", "bbffffffffffffffff", "9a00ffffff00", "bb8000000000000000"] {
        assert_eq!(fault::<Vec<u64>>(hex), (0, Fault::CutShort), "{hex}");
    }
    for hex in ["5bffffffffffffffff", "7b7fffffffffffffff", "5a00ffffff"] {
        assert_eq!(fault::<Vec<u8>>(hex), (0, Fault::CutShort), "{hex}");
    }
    let nested = |depth: usize| [vec![0x81; depth], vec![0]].concat();
    assert_eq!(scanned(&nested(8), Limits::DOCUMENT).map(|_| ()), Ok(()));
    assert_eq!(scanned(&nested(9), Limits::DOCUMENT).unwrap_err(), Fault::TooDeep(8).at(8));
    assert_eq!(scanned(&vec![0x81; 60_000], Limits::DOCUMENT).unwrap_err(), Fault::TooDeep(8).at(8));
    assert_eq!(scanned(&vec![0xa1; 60_000], Limits::DOCUMENT).unwrap_err().fault, Fault::BadKey);
    // Empty arrays nest as deep as any.
    let empty = [vec![0x81; 8], vec![0x80]].concat();
    assert_eq!(scanned(&empty, Limits::DOCUMENT).unwrap_err(), Fault::TooDeep(8).at(8));
}

#[test]
fn i18_what_is_too_long_is_not_even_looked_at() {
    let text = |length: usize| encode(&"x".repeat(length));
    assert!(decode::<String>(&text(65_533)).is_ok());
    assert_eq!(decode::<String>(&text(65_534)).unwrap_err(), Fault::TooLong(65_536).at(65_536));
    assert!(decode_within::<String>(&text(65_534), Limits::MESSAGE).is_ok());
    assert!(decode_within::<String>(&text(900_000), Limits::JOURNAL).is_ok());
}

#[test]
fn numbers_must_fit() {
    assert_eq!(fault::<u32>("1b0000000100000000").1, Fault::Expected("an unsigned integer of type u32"));
    assert_eq!(fault::<i64>("1bffffffffffffffff").1, Fault::Expected("an integer"));
    assert_eq!(fault::<i64>("3bffffffffffffffff").1, Fault::Expected("an integer"));
    assert_eq!(fault::<u64>("20").1, Fault::Expected("an unsigned integer"));
    assert_eq!(fault::<[u8; 4]>("43000000").1, Fault::Expected("bytes of another length"));
}

fn weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        Just(Weather::Dry),
        any::<u64>().prop_map(Weather::Rain),
        any::<(u64, Option<u64>)>().prop_map(|(wind, gusts)| Weather::Storm { wind, gusts }),
    ]
}

fn plant() -> impl Strategy<Value = Plant> {
    any::<(String, Option<u64>, Vec<u64>, i64)>().prop_map(|(name, height, leaves, below)| Plant {
        name,
        height,
        leaves,
        below,
    })
}

/// Whatever is read is written back byte for byte.
fn is_canonical<T: Cbor>(bytes: &[u8]) -> bool {
    decode::<T>(bytes).is_ok_and(|value| encode(&value) == bytes)
}

fn reads_canonically<T: Cbor>(bytes: &[u8]) -> bool {
    decode::<T>(bytes).is_err() || is_canonical::<T>(bytes)
}

/// Bytes that have a good chance to be well formed.
fn almost_cbor() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        0_u8..=0x1a,
        0x20_u8..=0x3a,
        0x40_u8..=0x44,
        0x60_u8..=0x64,
        0x80_u8..=0x84,
        0xa0_u8..=0xa3,
        0xf4_u8..=0xf7,
        any::<u8>()
    ];
    proptest::collection::vec(head, 0..24)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(plant in plant(), weather in weather()) {
        prop_assume!(plant.name != "weed");
        prop_assert_eq!(decode(&encode(&plant)), Ok(plant.clone()));
        prop_assert_eq!(decode(&encode(&weather)), Ok(weather.clone()));
        let both = (BTreeMap::from([(plant.name.clone(), weather)]), vec![plant]);
        prop_assert_eq!(decode(&encode(&both)), Ok(both));
    }

    #[test]
    fn i12_what_is_read_is_written_back_byte_for_byte(bytes in almost_cbor()) {
        prop_assert!(reads_canonically::<Plant>(&bytes));
        prop_assert!(reads_canonically::<Weather>(&bytes));
        prop_assert!(reads_canonically::<Vec<Option<u64>>>(&bytes));
        prop_assert!(reads_canonically::<BTreeMap<i64, Vec<Weather>>>(&bytes));
        prop_assert!(reads_canonically::<BTreeMap<String, String>>(&bytes));
        prop_assert!(reads_canonically::<BTreeSet<Vec<u8>>>(&bytes));
        prop_assert!(reads_canonically::<(bool, [u8; 2])>(&bytes));
    }

    #[test]
    fn i12_cutting_a_good_encoding_is_refused(weather in weather(), plant in plant()) {
        let bytes = encode(&vec![(weather, plant)]);
        for length in 0..bytes.len() {
            prop_assert!(decode::<Vec<(Weather, Plant)>>(&bytes[..length]).is_err());
        }
    }
}
