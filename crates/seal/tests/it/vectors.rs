//! Vectors: documents with their verdicts, as data for every implementation.
//!
//! The files in `vectors/` are made here, from fixed seeds: `CARNET_VECTORS=write cargo test -p carnet-seal vectors`
//! makes them again, and the difference is read before it is committed. One test compares them with what the code
//! makes, another reads nothing but the files and judges each document with the public functions. `check.py` beside
//! them does the latter once more, without a line of Rust.

mod bad;
mod claims;
mod file;
mod forge;
mod good;
mod judge;
mod names;
mod texts;
mod trust;

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use file::File;
use file::folder;
pub use forge::Parts;

/// Nobody reads a file that is being made again.
pub fn alone() -> MutexGuard<'static, ()> {
    static FILES: Mutex<()> = Mutex::new(());
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All files, as the code makes them.
fn made() -> Vec<File> {
    [good::files(), texts::files()].concat()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "made again only on demand, under version control")]
fn the_vectors_are_those_that_the_code_makes() {
    let _alone = alone();
    let write = std::env::var("CARNET_VECTORS").is_ok_and(|wish| wish == "write");
    for file in made() {
        let path = folder().join(format!("{}.json", file.document));
        if write {
            fs::write(&path, file.text()).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == file.text(), "{} differs: see the first lines of vectors.rs", path.display());
    }
}

#[test]
fn every_vector_is_judged_as_its_file_says() {
    let _alone = alone();
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for file in File::all() {
        for vector in &file.vectors {
            let trust = vector.trust.as_ref().map(|name| &file.trust[name]);
            let judged = judge::judge(&file.document, trust, &vector.input());
            *if judged.is_ok() { &mut accepted } else { &mut refused } += 1;
            if judged != vector.expected() {
                wrong.push(format!("{} / {}: {judged:?}", file.document, vector.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{accepted} accepted, {refused} refused, as the files say");
}

/// A file that lost its vectors would pass every other test.
#[test]
fn every_file_holds_good_and_bad_vectors_under_names_of_their_own() {
    let _alone = alone();
    let files = File::all();
    assert_eq!(files.len(), made().len());
    for file in files {
        let names: BTreeSet<_> = file.vectors.iter().map(|vector| &vector.name).collect();
        assert_eq!(names.len(), file.vectors.len(), "{}: a name stands twice", file.document);
        let good = file.vectors.iter().filter(|vector| vector.claims.is_some()).count();
        assert!(good >= 1 && file.vectors.len() - good >= 5, "{}", file.document);
        for vector in &file.vectors {
            assert_ne!(vector.claims.is_some(), vector.refused.is_some(), "{}", vector.name);
        }
    }
}
