//! Faults of the envelope, the header and the signature.

use carnet_seal::Kind;

use super::super::forge::{Parts, bytes, head};
use super::{Bad, Spoiler};
use crate::samples::key;

pub fn of(spoiler: &Spoiler) -> Vec<Bad> {
    [flipped(spoiler), cut(spoiler), spellings(spoiler), headers(spoiler), signatures(spoiler)]
        .into_iter()
        .flatten()
        .collect()
}

fn flipped(spoiler: &Spoiler) -> Vec<Bad> {
    let Parts { protected, payload, signature } = &spoiler.parts;
    [
        ("tag", 0),
        ("array head", 1),
        ("algorithm", protected.start + 2),
        ("key id", protected.start + 7),
        ("typ", protected.end - 1),
        ("unprotected header", protected.end),
        ("first byte of the claims", payload.start),
        ("middle of the claims", usize::midpoint(payload.start, payload.end)),
        ("last byte of the claims", payload.end - 1),
        ("first half of the signature", signature.start),
        ("second half of the signature", signature.start + 32),
        ("last byte of the signature", signature.end - 1),
    ]
    .into_iter()
    .map(|(part, at)| {
        Bad::new(&format!("flipped: {part}"), "one bit was flipped on the way", spoiler.flipped(at))
    })
    .collect()
}

fn cut(spoiler: &Spoiler) -> Vec<Bad> {
    let good = &spoiler.good;
    let until = |end: usize| good[..end].to_vec();
    vec![
        Bad::new("empty", "nothing at all", Vec::new()),
        Bad::new("only a tag", "cut after the first byte", until(1)),
        Bad::new("cut in the header", "cut short", until(spoiler.parts.protected.end - 3)),
        Bad::new("cut in the claims", "cut short", until(spoiler.parts.payload.end - 3)),
        Bad::new("cut by one byte", "cut short", until(good.len() - 1)),
        Bad::new("trailing zero", "something follows the end", [&good[..], &[0]].concat()),
        Bad::new("trailing break", "a break of nothing follows the end", [&good[..], &[0xff]].concat()),
        Bad::new("twice", "the same document follows", good.repeat(2)),
    ]
}

/// The signature covers none of these differences, and is right in all of them.
fn spellings(spoiler: &Spoiler) -> Vec<Bad> {
    let (protected, payload) = (bytes(spoiler.protected()), bytes(&spoiler.payload));
    let again = |head: &[u8]| spoiler.respelled(head, &protected, &payload, &[]);
    let wide =
        [&[0x5a, 0, 0][..], &u16::try_from(spoiler.payload.len()).unwrap().to_be_bytes(), &spoiler.payload]
            .concat();
    let pieces = [&[0x5f][..], &payload, &[0xff]].concat();
    let detached = spoiler.respelled(&[0xd2, 0x84], &protected, &[0xf6], &[]);
    let text = [&head(3, spoiler.protected().len()), spoiler.protected()].concat();
    vec![
        Bad::new("untagged", "COSE_Sign1 without its tag", spoiler.good[1..].to_vec()),
        Bad::new("tag in two bytes", "tag 18 not in its shortest form", again(&[0xd8, 18, 0x84])),
        Bad::new("two tags", "the tag stands twice", again(&[0xd2, 0xd2, 0x84])),
        Bad::new("CWT tag", "tag 61 of RFC 8392 around it", again(&[0xd8, 61, 0xd2, 0x84])),
        Bad::new("tag of COSE_Mac0", "tag 17", again(&[0xd1, 0x84])),
        Bad::new(
            "array of indefinite length",
            "indefinite length",
            spoiler.respelled(&[0xd2, 0x9f], &protected, &payload, &[0xff]),
        ),
        Bad::new("array head in two bytes", "not the shortest form", again(&[0xd2, 0x98, 4])),
        Bad::new(
            "array of five",
            "one item too many",
            spoiler.respelled(&[0xd2, 0x85], &protected, &payload, &[0xf6]),
        ),
        Bad::new("array of three", "one item too few", again(&[0xd2, 0x83])),
        Bad::new(
            "payload length too wide",
            "not the shortest form",
            spoiler.respelled(&[0xd2, 0x84], &protected, &wide, &[]),
        ),
        Bad::new(
            "payload in pieces",
            "indefinite length",
            spoiler.respelled(&[0xd2, 0x84], &protected, &pieces, &[]),
        ),
        Bad::new("payload detached", "RFC 9052 §4.1 allows it, we do not", detached),
        Bad::new(
            "header as text",
            "a text where bytes belong",
            spoiler.respelled(&[0xd2, 0x84], &text, &payload, &[]),
        ),
        Bad::new(
            "empty header",
            "no protected header",
            spoiler.respelled(&[0xd2, 0x84], &[0x40], &payload, &[]),
        ),
    ]
}

/// Each is signed anew by the right key.
fn headers(spoiler: &Spoiler) -> Vec<Bad> {
    let other = if spoiler.kind == Kind::Pass { Kind::Receipt } else { Kind::Pass };
    let changed = |change: &dyn Fn(&mut super::Forge)| spoiler.changed(|forge| change(forge));
    vec![
        Bad::new(
            "wrong typ",
            "relabelled, and signed as what it says now",
            changed(&|forge| {
                (forge.typ, forge.external) = (other.typ().into(), other.typ().into());
            }),
        ),
        Bad::new(
            "typ against external data",
            "relabelled, but signed as what it was (I14)",
            changed(&|forge| {
                forge.typ = other.typ().into();
            }),
        ),
        Bad::new(
            "external data against typ",
            "signed as another type than it says (I14)",
            changed(&|forge| {
                forge.external = other.typ().into();
            }),
        ),
        Bad::new(
            "no external data",
            "signed without binding the type (I14)",
            changed(&|forge| forge.external.clear()),
        ),
        Bad::new(
            "unknown typ",
            "a type that does not exist",
            changed(&|forge| forge.typ = "application/cwt".into()),
        ),
        Bad::new(
            "algorithm EdDSA",
            "−8 is not the algorithm of the key (I16)",
            changed(&|forge| forge.algorithm = vec![0x27]),
        ),
        Bad::new(
            "algorithm ESP256",
            "−9 is not the algorithm of the key (I16)",
            changed(&|forge| forge.algorithm = vec![0x28]),
        ),
        Bad::new(
            "algorithm as text",
            "a text where a number belongs",
            changed(&|forge| forge.algorithm = vec![0x61, b'x']),
        ),
        Bad::new(
            "algorithm too wide",
            "−19 is not in its shortest form",
            changed(&|forge| forge.algorithm = vec![0x38, 18]),
        ),
        Bad::new(
            "short key id",
            "seven bytes",
            changed(&|forge| {
                forge.key.pop();
            }),
        ),
        Bad::new(
            "unknown parameter",
            "a protected parameter that has no meaning here",
            changed(&|forge| (forge.pairs, forge.more) = (0xa4, vec![0x18, 99, 0xf5])),
        ),
        Bad::new(
            "critical parameter",
            "`crit` asks for what nobody here can do",
            changed(&|forge| (forge.pairs, forge.algorithm) = (0xa4, vec![0x32, 2, 0x81, 3])),
        ),
        Bad::new(
            "unprotected header",
            "something that no signature covers",
            changed(&|forge| forge.unprotected = vec![0xa1, 4, 0x41, 1]),
        ),
        Bad::new(
            "unprotected array",
            "an array where the unprotected header belongs",
            changed(&|forge| forge.unprotected = vec![0x80]),
        ),
    ]
}

fn signatures(spoiler: &Spoiler) -> Vec<Bad> {
    let signed = |signature: &[u8]| {
        let before = spoiler.parts.signature.start - 2;
        [&spoiler.good[..before], &bytes(signature)].concat()
    };
    let with_point = |point: &[u8; 32]| signed(&[&point[..], &spoiler.signature()[32..]].concat());
    let stranger = key(50);
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut not_canonical = [0xff; 32];
    (not_canonical[0], not_canonical[31]) = (0xee, 0x7f);
    let mut own = spoiler.forge();
    own.key = carnet_seal::Signer::key_id(&stranger).0.to_vec();
    vec![
        Bad::new("a stranger's key", "signed by a key that nobody trusts", own.make(&stranger)),
        Bad::new(
            "a stranger under this key's id",
            "signed by another key than it says",
            spoiler.forge().make(&stranger),
        ),
        Bad::new(
            "unknown key id",
            "names a key that nobody knows",
            spoiler.changed(|forge| forge.key = vec![7; 8]),
        ),
        Bad::new(
            "malleable",
            "S + L instead of S (RFC 8032 §5.1.7)",
            signed(&malleable(spoiler.signature())),
        ),
        Bad::new("signature of zeros", "R and S are 0", signed(&[0; 64])),
        Bad::new("R of small order", "R is the neutral point", with_point(&identity)),
        Bad::new(
            "R not canonical",
            "R is the neutral point, spelled with y = p + 1",
            with_point(&not_canonical),
        ),
        Bad::new("short signature", "63 bytes", signed(&spoiler.signature()[..63])),
        Bad::new("long signature", "65 bytes", signed(&[spoiler.signature(), &[0]].concat())),
        Bad::new(
            "no signature",
            "null",
            [&spoiler.good[..spoiler.parts.signature.start - 2], &[0xf6]].concat(),
        ),
    ]
}

/// The order of the group, little-endian, is added to S.
fn malleable(signature: &[u8]) -> Vec<u8> {
    let order =
        data_encoding::HEXLOWER.decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let (mut changed, mut carry) = (signature.to_vec(), 0);
    for (byte, add) in changed[32..].iter_mut().zip(order.unwrap()) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    changed
}
