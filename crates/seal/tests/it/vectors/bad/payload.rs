//! Claims in another spelling, or other claims; the right key has signed all of them.

use super::super::forge::bytes;
use super::{Bad, Spoiler};

pub fn of(spoiler: &Spoiler) -> Vec<Bad> {
    let payload = &spoiler.payload;
    let pairs = payload[0] & 0x1f;
    assert!(payload[0] >> 5 == 5 && pairs < 22, "the claims are a small map");
    let first = first_pair(payload);
    let (one, rest) = payload[1..].split_at(first);
    let map = |pairs: u8, parts: &[&[u8]]| [&[0xa0 | pairs][..], &parts.concat()].concat();
    let wide_key = [&[0x18][..], one].concat();
    let long = [&UNKNOWN[..], &bytes(&[b'x'; 65_600])].concat();
    let deep = [&UNKNOWN[..], &[0x81; 9], &[0]].concat();
    [
        (
            "unknown claim",
            "a reader that skips it would miss a condition",
            map(pairs + 1, &[one, rest, &UNKNOWN, &[0]]),
        ),
        ("claim twice", "the first claim stands twice", map(pairs + 1, &[one, one, rest])),
        ("claims out of order", "the first claim stands last", map(pairs, &[rest, one])),
        ("missing claim", "the first claim is missing", map(pairs - 1, &[rest])),
        ("claim as null", "an absent claim is left out, never null", map(pairs, &[&one[..1], &[0xf6], rest])),
        (
            "claim of another type",
            "there are no floats here",
            map(pairs, &[&one[..1], &[0xf9, 0x3c, 0], rest]),
        ),
        ("claim with a tag", "a tag where none belongs", map(pairs, &[&one[..1], &[0xc0], &one[1..], rest])),
        ("claim undefined", "`undefined` has no meaning here", map(pairs, &[&one[..1], &[0xf7], rest])),
        ("key not shortest", "1 in two bytes", map(pairs, &[&wide_key, rest])),
        ("map of indefinite length", "indefinite length", [&[0xbf][..], &payload[1..], &[0xff]].concat()),
        ("map head in two bytes", "not the shortest form", [&[0xb8, pairs][..], &payload[1..]].concat()),
        ("array as key", "only numbers and strings are keys", map(pairs + 1, &[one, rest, &[0x80, 0]])),
        (
            "text that is no UTF-8",
            "a text of one wrong byte",
            map(pairs + 1, &[one, rest, &UNKNOWN, &[0x61, 0xff]]),
        ),
        ("reserved head", "RFC 8949 §3 reserves it", map(pairs + 1, &[one, rest, &UNKNOWN, &[0x1c]])),
        (
            "count is a lie",
            "an array promises more than is there",
            map(pairs + 1, &[one, rest, &UNKNOWN, &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]),
        ),
        ("too deep", "nine arrays in a map", map(pairs + 1, &[one, rest, &deep])),
        ("too long", "more than 64 KiB", map(pairs + 1, &[one, rest, &long])),
        ("trailing claims", "something follows the claims", [&payload[..], &[0]].concat()),
        ("no claims", "an empty payload", Vec::new()),
        ("claims as array", "an array where a map belongs", vec![0x80]),
        ("empty claims", "a map of nothing", vec![0xa0]),
    ]
    .into_iter()
    .map(|(name, shows, payload)| Bad::new(name, shows, spoiler.resigned(&payload)))
    .collect()
}

/// −70002: sorts behind every claim that exists.
const UNKNOWN: [u8; 5] = [0x3a, 0, 1, 0x11, 0x71];

/// The length of the first pair of a map.
fn first_pair(map: &[u8]) -> usize {
    let mut from = minicbor::Decoder::new(&map[1..]);
    from.skip().unwrap();
    from.skip().unwrap();
    from.position()
}
