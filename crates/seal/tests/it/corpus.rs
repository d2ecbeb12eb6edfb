//! The committed corpus of the fuzz targets, replayed by the same functions on a stable compiler.
//!
//! `vector-…` are made here, from the vectors and the samples, by `CARNET_VECTORS=write cargo test -p carnet-seal
//! corpus`. All others were found by fuzzing and are kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use carnet_core::document::Answer;
use carnet_seal::cbor::encode;
use carnet_seal::sealed::{Carried, seal};
use carnet_seal::{Document, Signer, ToBeSigned};

use crate::decoders::{TARGETS, run};
use crate::vectors::{File, Parts, alone};
use crate::{images, samples};

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

/// Inputs made from the vectors: those that are good, and of the texts and messages also the bad ones.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "cbor" => ["pass", "request", "key-set", "refusal"]
            .map(|document| claims_of(document).swap_remove(0))
            .into(),
        "envelope" => good("agreement").into_iter().chain(good("receipt")).chain(good("key-set")).collect(),
        "report" => vec![
            encode(&samples::report_request()),
            encode(&samples::usage_report()),
            encode(&samples::certificate()),
            encode(&samples::erased()),
            encode(&samples::details()[4]),
        ],
        "correspondence" => vec![encode(&samples::inquiry()), encode(&samples::code_part())],
        "sealed" => [Carried::Report, Carried::Certificate].map(sealed_to_acme).into(),
        "slice" => vec![encode(&samples::full_pass()), encode(&samples::portable())],
        "record" => samples::records().iter().map(encode).collect(),
        "to_be_signed" => samples::answers().iter().map(to_be_signed).collect(),
        "image_page" => vec![encode(&images::entries())],
        "image_table" => vec![images::table().encode()],
        "armor" | "code" | "message" => inputs(target),
        "product" => inputs("product-string"),
        signed => claims_of(&signed.replace('_', "-")),
    }
}

fn sealed_to_acme(carried: Carried) -> Vec<u8> {
    let to = samples::report_secrets().public().seal_to;
    seal(carried, b"a document", b"what lies beside it", to, [0x5e; 32]).unwrap()
}

fn to_be_signed(answer: &Answer) -> Vec<u8> {
    let key = samples::acme_key();
    assert!(Answer::KINDS.contains(&answer.kind()));
    ToBeSigned::new(answer, key.key_id(), key.algorithm()).unwrap().as_bytes().to_vec()
}

fn file(document: &str) -> File {
    File::all().into_iter().find(|file| file.document == document).unwrap()
}

/// Small ones: what is too long is tried by the vectors themselves.
fn inputs(document: &str) -> Vec<Vec<u8>> {
    let inputs = file(document).vectors.into_iter().map(|vector| vector.input());
    inputs.filter(|input| input.len() < 4_096).collect()
}

fn good(document: &str) -> Vec<Vec<u8>> {
    let good = file(document).vectors.into_iter().filter(|vector| vector.claims.is_some());
    good.map(|vector| vector.input()).collect()
}

fn claims_of(document: &str) -> Vec<Vec<u8>> {
    good(document).iter().map(|bytes| bytes[Parts::of(bytes).payload].to_vec()).collect()
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    files.sort();
    files
}

#[test]
#[expect(clippy::disallowed_methods, reason = "made again only on demand, under version control")]
fn the_corpus_holds_what_the_vectors_give() {
    let _alone = alone();
    let write = std::env::var("CARNET_VECTORS").is_ok_and(|wish| wish == "write");
    for (target, _) in TARGETS {
        for (number, seed) in (1..).zip(seeds(target)) {
            let path = folder(target).join(format!("vector-{number:02}"));
            if write {
                std::fs::create_dir_all(folder(target)).unwrap();
                std::fs::write(&path, &seed).unwrap();
            }
            assert!(std::fs::read(&path).is_ok_and(|kept| kept == seed), "{} differs", path.display());
        }
    }
}

#[test]
fn i12_whatever_was_found_by_fuzzing_is_refused_or_means_what_it_says() {
    let _alone = alone();
    for (target, accepts) in TARGETS {
        let corpus = corpus(target);
        let accepted = corpus.iter().filter(|(_, input)| accepts(input)).count();
        println!("{target}: {accepted} of {} accepted", corpus.len());
        assert!(accepted >= 1, "{target}: a corpus of which nothing is accepted tries little");
    }
}

/// What a fuzzer would do first, with a compiler that cannot fuzz.
#[test]
fn i12_small_changes_of_the_corpus_are_refused_or_mean_what_they_say() {
    let _alone = alone();
    for (target, accepts) in TARGETS {
        for (_, input) in corpus(target).iter().filter(|(_, input)| input.len() < 1_024) {
            for at in 0..input.len() {
                let (mut flipped, mut without) = (input.clone(), input.clone());
                flipped[at] ^= 1 << (at % 8);
                without.remove(at);
                accepts(&flipped);
                accepts(&without);
            }
        }
    }
}

#[test]
fn every_target_can_be_fuzzed_and_has_a_corpus() {
    let _alone = alone();
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (target, _) in TARGETS {
        let program = std::fs::read_to_string(fuzz.join(format!("fuzz_targets/{target}.rs"))).unwrap();
        assert!(program.contains(&format!("run(\"{target}\"")), "{target}");
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
    }
    let named: BTreeSet<_> = TARGETS.iter().map(|(target, _)| (*target).to_owned()).collect();
    let entries = std::fs::read_dir(fuzz.join("corpus")).unwrap();
    let kept: BTreeSet<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(kept, named);
    assert!(!run("no such target", &[]));
}
