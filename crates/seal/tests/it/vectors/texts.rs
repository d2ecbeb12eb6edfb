//! What is not signed as a whole: the message around a request, text armor, product strings, codes.

use std::collections::BTreeMap;

use carnet_core::document::{Operation, Secret};
use carnet_core::id::Digest;
use carnet_seal::armor::{Carried, write};
use carnet_seal::code::{CodeKind, CodeText};
use carnet_seal::{ProductString, RequestMessage, sign};

use super::file::{File, Vector, hex};
use super::good::receipt;
use super::judge::judge;
use crate::samples::{device_key, key_set, request, root, signed_portable};

pub fn files() -> Vec<File> {
    vec![
        file(
            "message",
            "A request and the proofs that travel beside it: an array of four byte strings or null.",
            messages(),
        ),
        file(
            "armor",
            "Documents as text, with a check character for each line and a check of the whole.",
            armors(),
        ),
        file("product-string", "What a licensed program is opened with.", products()),
        file("code", "Codes that people pass on: Bech32m (BIP 350) of 16 bytes.", codes()),
    ]
}

/// What comes in: the name, what it shows, the input, and whether it is good.
type Case = (&'static str, &'static str, Vec<u8>, bool);

fn file(document: &str, about: &str, cases: Vec<Case>) -> File {
    let vectors = cases.into_iter().map(|case| vector(document, case)).collect();
    File { document: document.into(), about: about.into(), trust: BTreeMap::new(), vectors }
}

fn vector(document: &str, (name, shows, input, good): Case) -> Vector {
    let verdict = judge(document, None, &input);
    assert_eq!(verdict.is_ok(), good, "{document}: {name}: {verdict:?}");
    let text = (document != "message").then(|| String::from_utf8(input.clone()).unwrap());
    Vector {
        name: name.into(),
        shows: shows.into(),
        trust: None,
        hex: text.is_none().then(|| hex(&input)),
        text,
        refused: verdict.clone().err(),
        claims: verdict.ok(),
    }
}

fn messages() -> Vec<Case> {
    let request = sign(request(Operation::Return), &device_key()).unwrap().bytes().to_vec();
    let whole = |last_answer: Option<Vec<u8>>, receipt: Option<Vec<u8>>, key_set: Option<Vec<u8>>| {
        RequestMessage { request: request.clone(), last_answer, receipt, key_set }.encode()
    };
    let message = |last_answer, receipt| whole(last_answer, receipt, None);
    let bare = message(None, None);
    let wide = [&[0x98, 4], &bare[1..]].concat();
    let pieces = [&[0x9f], &bare[1..], &[0xff]].concat();
    let long = RequestMessage { request: vec![0; 262_144], last_answer: None, receipt: None, key_set: None }
        .encode();
    vec![
        ("good", "a request alone", bare.clone(), true),
        (
            "good-2",
            "with the journal's last answer",
            message(Some(signed_portable().bytes().to_vec()), None),
            true,
        ),
        ("good-3", "with the registration receipt", message(None, Some(receipt())), true),
        ("good-4", "with both", message(Some(signed_portable().bytes().to_vec()), Some(receipt())), true),
        (
            "good-5",
            "with the key set",
            whole(None, Some(receipt()), Some(sign(key_set(), &root()).unwrap().bytes().to_vec())),
            true,
        ),
        ("good-6", "without a key set where one is wanted", whole(None, None, Some(Vec::new())), true),
        ("empty", "nothing at all", Vec::new(), false),
        ("no request", "null for the request", vec![0x84, 0xf6, 0xf6, 0xf6, 0xf6], false),
        ("three parts", "one part too few", vec![0x83, 0x40, 0xf6, 0xf6], false),
        ("five parts", "one part too many", vec![0x85, 0x40, 0xf6, 0xf6, 0xf6, 0xf6], false),
        ("a text", "a text where bytes belong", vec![0x84, 0x60, 0xf6, 0xf6, 0xf6], false),
        ("tagged", "a tag where none belongs", [&[0xc1], &bare[..]].concat(), false),
        ("indefinite", "indefinite length", pieces, false),
        ("not shortest", "the array head in two bytes", wide, false),
        ("trailing", "something follows", [&bare[..], &[0]].concat(), false),
        ("cut", "cut short", bare[..bare.len() - 2].to_vec(), false),
        ("too long", "more than 256 KiB", long, false),
        ("only a request", "the document without the array around it", request, false),
    ]
}

fn armors() -> Vec<Case> {
    let bytes: Vec<u8> = (0..90).collect();
    let text = write(Carried::Passbook, &bytes);
    let lines: Vec<&str> = text.lines().collect();
    let changed = |from: &str, to: &str| text.replacen(from, to, 1).into_bytes();
    let swapped = [lines[0], lines[2], lines[1], lines[3], lines[4], lines[5]].join("\n");
    let joined = |lines: &[&str]| lines.join("\n").into_bytes();
    vec![
        ("passbook", "a portable passbook", text.clone().into_bytes(), true),
        ("request", "a request", write(Carried::Request, &bytes).into_bytes(), true),
        ("answer", "an answer of exactly one line", write(Carried::Answer, &bytes[..36]).into_bytes(), true),
        ("nothing", "no bytes at all", write(Carried::Answer, &[]).into_bytes(), true),
        (
            "mailed",
            "blanks, empty lines and words around it do not matter",
            format!("Hello,\r\n\n  {}\nAnn\n", text.replace('\n', " \r\n\n  ")).into_bytes(),
            true,
        ),
        ("mistyped", "one letter", changed(&lines[1][10..11], "z"), false),
        (
            "line missing",
            "the second line",
            joined(&[lines[0], lines[1], lines[3], lines[4], lines[5]]),
            false,
        ),
        (
            "line twice",
            "the second line",
            joined(&[lines[0], lines[1], lines[2], lines[2], lines[3], lines[4], lines[5]]),
            false,
        ),
        ("lines exchanged", "the first two", swapped.into_bytes(), false),
        (
            "last lines missing",
            "the last line of bytes and the check of the whole",
            joined(&[lines[0], lines[1], lines[5]]),
            false,
        ),
        (
            "no check of the whole",
            "the check is missing",
            joined(&[lines[0], lines[1], lines[2], lines[3], lines[5]]),
            false,
        ),
        ("no beginning", "the first line is missing", joined(&lines[1..]), false),
        ("no end", "the last line is missing", joined(&lines[..5]), false),
        (
            "another end",
            "the last line of another type",
            changed("END CARNET PASSBOOK", "END CARNET REQUEST"),
            false,
        ),
        ("unknown type", "a type that does not exist", text.replace("PASSBOOK", "POEM").into_bytes(), false),
        ("strange letter", "a letter that does not occur", changed(&lines[1][3..4], "ü"), false),
    ]
}

fn products() -> Vec<Case> {
    let root = root().verifying_key().thumbprint();
    let product = |app: &str, url: &str| {
        ProductString { app: app.parse().unwrap(), url: url.parse().unwrap(), root }.to_string()
    };
    let good = product("acme/paint", "https://licenses.example.org:8443/carnet");
    let changed = |from: &str, to: &str| good.replacen(from, to, 1).into_bytes();
    vec![
        ("good", "an app, a server, a root", good.clone().into_bytes(), true),
        (
            "part",
            "a part of an app, on this machine",
            product("acme/paint/brushes", "http://127.0.0.1:8080").into_bytes(),
            true,
        ),
        ("address", "an IPv6 address", product("a1/b-2", "http://[::1]:80").into_bytes(), true),
        ("blanks", "white space around it is no mistake", format!("  {good}\n").into_bytes(), true),
        ("empty", "nothing at all", Vec::new(), false),
        ("no app", "only an address", b"https://licenses.example.org".to_vec(), false),
        ("bad app", "a capital letter", changed("acme", "Acme"), false),
        ("bad address", "another scheme", changed("https:", "ftp:"), false),
        ("user in the address", "user and host", changed("licenses.", "user@licenses."), false),
        ("port 0", "a port that is none", changed(":8443", ":0"), false),
        ("path upwards", "`..` in the path", changed("/carnet", "/../carnet"), false),
        ("no root", "nothing after the address", b"acme/paint@https://licenses.example.org".to_vec(), false),
        (
            "root in capitals",
            "one spelling only",
            good.to_uppercase()
                .replacen(
                    "ACME/PAINT@HTTPS://LICENSES.EXAMPLE.ORG:8443/CARNET",
                    "acme/paint@https://licenses.example.org:8443/carnet",
                    1,
                )
                .into_bytes(),
            false,
        ),
        ("mistyped app", "another app", changed("paint", "point"), false),
        ("mistyped port", "another port", changed("8443", "8444"), false),
        ("cut", "the last digit is missing", good.as_bytes()[..good.len() - 1].to_vec(), false),
    ]
}

fn codes() -> Vec<Case> {
    let code = |kind: CodeKind| CodeText { kind, secret: Secret(*b"sixteen letters!") }.to_string();
    let join = code(CodeKind::Join);
    let text = |text: &str| text.to_owned().into_bytes();
    let mut mistyped = join.clone();
    mistyped.replace_range(8..9, if &join[8..9] == "q" { "p" } else { "q" });
    let short = bech32::encode::<bech32::Bech32m>(bech32::Hrp::parse("join").unwrap(), &[7; 15]).unwrap();
    let older = bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("join").unwrap(), &[7; 16]).unwrap();
    let unknown = bech32::encode::<bech32::Bech32m>(bech32::Hrp::parse("joins").unwrap(), &[7; 16]).unwrap();
    vec![
        ("join", "one device joins a user", text(&join), true),
        ("recover", "the user's way back", code(CodeKind::Recovery).into_bytes(), true),
        ("enrol", "machines join a user", code(CodeKind::Enrolment).into_bytes(), true),
        ("redeem", "an offer that was paid for elsewhere", code(CodeKind::Redeem).into_bytes(), true),
        ("plain", "without hyphens", join.replace('-', "").into_bytes(), true),
        ("capitals", "capital letters and blanks", join.to_uppercase().replace('-', " ").into_bytes(), true),
        (
            "zeros",
            "sixteen zeros",
            CodeText { kind: CodeKind::Join, secret: Secret([0; 16]) }.to_string().into_bytes(),
            true,
        ),
        ("empty", "nothing at all", Vec::new(), false),
        ("a word", "no code", text("hello"), false),
        ("mistyped", "one letter", text(&mistyped), false),
        ("cut", "the last letter is missing", join.as_bytes()[..join.len() - 1].to_vec(), false),
        (
            "another word in front",
            "the checksum covers what it is for",
            join.replacen("join", "redeem", 1).into_bytes(),
            false,
        ),
        ("word nobody knows", "a code for something that does not exist", text(&unknown), false),
        ("fifteen bytes", "too short", text(&short), false),
        ("Bech32", "the older checksum (BIP 173)", text(&older), false),
        ("letter that does not occur", "`b`", join.replacen(&join[8..9], "b", 1).into_bytes(), false),
    ]
}

/// Whoever holds the digest of a root can make the server's id of it.
#[test]
fn the_root_of_the_product_strings_is_that_of_the_documents() {
    let Digest(root) = root().verifying_key().thumbprint();
    assert_eq!(crate::samples::pin().root.0, root);
}
