//! C2: an installed program is held against what its supplier has signed.

use carnet_core::report::{Fault, Finding, Integrity};
use carnet_image::{Place, Trust, integrity};
use carnet_seam::RealFs;

use crate::world::{Temporary, built, extract, feature, image_key, lay_out, open, write};

const FILES: &[(&str, &[u8])] = &[
    ("bin/paint", b"#!/bin/sh\necho paint\n"),
    ("data/brush", b"a brush"),
    ("data/empty/", b""),
    ("data/nothing", b""),
    ("latest", b"-> data/brush"),
];

fn finding(path: &str, fault: Fault) -> Finding {
    Finding { path: path.into(), fault }
}

#[test]
fn c2_a_program_as_it_was_installed_has_nothing_wrong_and_own_files_beside_it_are_nobodys_business() {
    let folder = Temporary::new();
    let (image, keys) = built(&folder, FILES, &[]);
    let (to, files, image) = (folder.join("to"), RealFs::default(), &image);
    extract(image, &keys, &to).unwrap();
    lay_out(&to, &[("my/drawing", b"mine")]);
    let front = open(image).unwrap();
    let found = integrity::check(&front, image, &[feature("core")], &files, &to).unwrap();
    let files = front.stream(&feature("core")).unwrap().entries;
    assert_eq!(found, Integrity::Checked { files, wrong: vec![] });
}

#[test]
fn c2_every_way_to_change_a_program_is_named_with_its_file() {
    let folder = Temporary::new();
    let (image, keys) = built(&folder, FILES, &[]);
    let (to, files, image) = (folder.join("to"), RealFs::default(), &image);
    type Change = fn(&std::path::Path);
    let table: [(Change, &str, Fault); 6] = [
        // As long as before, and another byte.
        (|to| write(&to.join("data/brush"), b"a brusj"), "data/brush", Fault::Changed),
        (|to| write(&to.join("bin/paint"), b"#!/bin/sh\nexit\n"), "bin/paint", Fault::Changed),
        (|to| std::fs::remove_file(to.join("data/nothing")).unwrap(), "data/nothing", Fault::Missing),
        (|to| std::fs::remove_dir(to.join("data/empty")).unwrap(), "data/empty", Fault::Missing),
        (
            |to| {
                std::fs::remove_file(to.join("latest")).unwrap();
                lay_out(to, &[("latest", b"-> bin/paint")]);
            },
            "latest",
            Fault::Changed,
        ),
        (
            |to| {
                std::fs::remove_file(to.join("data/brush")).unwrap();
                lay_out(to, &[("data/brush", b"-> ../bin/paint")]);
            },
            "data/brush",
            Fault::Changed,
        ),
    ];
    for (change, path, fault) in table {
        let _ = std::fs::remove_dir_all(&to);
        extract(image, &keys, &to).unwrap();
        change(&to);
        let front = open(image).unwrap();
        let found = integrity::check(&front, image, &[feature("core")], &files, &to).unwrap();
        let Integrity::Checked { wrong, .. } = found else { panic!("{found:?}") };
        assert_eq!(wrong, [finding(path, fault)]);
    }
}

#[test]
fn c2_where_nothing_is_installed_nothing_is_said() {
    let folder = Temporary::new();
    let files = RealFs::default();
    let place = Place::of(&files, &folder, &"acme/paint".parse().unwrap());
    let found = integrity::of_place(&place, &files, Trust::Key(&image_key())).unwrap();
    assert_eq!(found, Integrity::NotInstalledHere);
}
