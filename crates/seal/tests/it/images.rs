//! What the fuzzing corpus has of images beside their manifests.

use carnet_image::EntryPath;
use carnet_image::list::{Entry, FileFacts, What};
use carnet_image::table::{Frame, Page, Table};
use carnet_seal::ContentHash;

pub fn entries() -> Vec<Entry> {
    let facts = FileFacts { length: 700, content: ContentHash([1; 32]), offset: 1_024, executable: true };
    let entry = |path: &str, what: What| Entry { path: EntryPath::new(path).unwrap(), what };
    vec![
        entry("bin", What::Folder),
        entry("bin/paint", What::File(facts)),
        entry("bin/sketch", What::Link("paint".to_owned())),
    ]
}

pub fn table() -> Table {
    let frame = Frame {
        sealed_length: 400,
        sealed: ContentHash([2; 32]),
        plain_length: 1 << 20,
        plain: ContentHash([3; 32]),
    };
    Table { pages: vec![Page { length: 130, hash: ContentHash([4; 32]) }], frames: vec![frame, frame] }
}
