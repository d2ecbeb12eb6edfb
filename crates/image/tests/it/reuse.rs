//! An upgrade fetches what is new.

use std::collections::HashSet;

use carnet_image::Reuse;
use carnet_image::table::Frame;
use carnet_seam::RealFs;

use crate::world::{
    Temporary, contents, extract, extract_reusing, feature, installed, lay_out, noise, on_disk, open,
    try_build, try_build_with, write,
};

/// A program with some large and many small files.
fn program(temporary: &Temporary) {
    let (one, two) = (noise(2_300_000, 1), noise(700_000, 2));
    lay_out(&temporary.join("program"), &[("bin/paint", &one), ("lib/core.so", &two), ("zz/last", b"last")]);
    for number in 0..300 {
        let content = noise(3_000, number);
        lay_out(&temporary.join("program"), &[(&format!("share/{number:03}.txt"), &content)]);
    }
}

/// Builds version 2 of the program and tells what of it need not be fetched.
fn upgrade(temporary: &Temporary) -> (u64, u64) {
    let rows = &[("core", "**")];
    let to = temporary.join("new.cimg");
    let new = try_build_with(&temporary.join("program"), "2.0.0", rows, &to, 77).unwrap();
    let (old, source) = (on_disk(&temporary.join("old.cimg")), on_disk(&to));
    let (old_front, front) = (open(&old).unwrap(), open(&source).unwrap());
    let table = front.table(&source, &feature("core")).unwrap();
    let wanted: HashSet<_> = table.frames.iter().map(|frame| frame.plain).collect();
    let (files, folder) = (RealFs::default(), temporary.join("v1"));
    let there = installed(&old_front, &old, &files, &folder);
    let reuse = Reuse::find(there, &[feature("core")], &wanted, &mut |_| {}).unwrap();
    // Nothing but the frames that are not there: all others are zeros.
    let mut fetched = std::fs::read(&to).unwrap();
    for placed in front.frames(&feature("core"), &table).filter(|placed| reuse.has(&placed.row)) {
        let at = usize::try_from(placed.at).unwrap();
        fetched[at..at + placed.row.sealed_length as usize].fill(0);
    }
    extract_reusing(&fetched, &new.keys, &temporary.join("v2"), Some(&reuse)).unwrap();
    assert_eq!(contents(&temporary.join("v2")), contents(&temporary.join("program")));
    let sum =
        |frames: &mut dyn Iterator<Item = &Frame>| frames.map(|frame| u64::from(frame.plain_length)).sum();
    (sum(&mut table.frames.iter().filter(|frame| !reuse.has(frame))), sum(&mut table.frames.iter()))
}

fn first(temporary: &Temporary) {
    program(temporary);
    let old = temporary.join("old.cimg");
    let built = try_build(&temporary.join("program"), "1.0.0", &[("core", "**")], &old).unwrap();
    extract(&on_disk(&old), &built.keys, &temporary.join("v1")).unwrap();
}

#[test]
fn b5_an_upgrade_without_a_change_fetches_nothing() {
    let temporary = Temporary::new();
    first(&temporary);
    assert_eq!(upgrade(&temporary).0, 0);
}

#[test]
fn b5_an_upgrade_fetches_only_the_frames_around_what_has_changed() {
    let temporary = Temporary::new();
    first(&temporary);
    let program = temporary.join("program");
    // One small file changed, one new one right at the beginning, one gone, one moved.
    write(&program.join("share/150.txt"), &noise(3_500, 9_000));
    write(&program.join("AAA"), b"new");
    std::fs::remove_file(program.join("share/007.txt")).unwrap();
    std::fs::create_dir(program.join("other")).unwrap();
    std::fs::copy(program.join("lib/core.so"), program.join("other/copy.so")).unwrap();
    let (fetched, whole) = upgrade(&temporary);
    assert!(fetched > 0 && fetched * 2 < whole, "{fetched} of {whole}");
}

#[test]
fn c2_an_installed_file_that_somebody_has_changed_is_fetched_again() {
    let temporary = Temporary::new();
    first(&temporary);
    let changed = temporary.join("v1/bin/paint");
    let mut content = std::fs::read(&changed).unwrap();
    content[1_500_000] ^= 1;
    write(&changed, &content);
    std::fs::remove_file(temporary.join("v1/lib/core.so")).unwrap();
    let (fetched, whole) = upgrade(&temporary);
    assert!(
        (1_700_000..2_500_000).contains(&fetched),
        "one frame of bin/paint and lib/core.so: {fetched} of {whole}"
    );
}
