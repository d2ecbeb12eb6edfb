//! What goes into an image comes out of it: all of it, and no more than the license grants.

use std::io::{Read, Seek, SeekFrom};
use std::process::Command;

use carnet_image::read::{StreamReader, check_frames};
use carnet_image::{BuildError, ContentKey, EntryPath, FileReader, ImageError};

use crate::world::{
    Temporary, build_by, built, contents, extract, feature, lay_out, noise, on_disk, open, recipe, try_build,
    try_build_with,
};

const FILES: &[(&str, &[u8])] = &[
    ("bin/paint", b"#!/bin/sh\necho paint\n"),
    ("bin/p", b"-> paint"),
    ("share/brushes/oil.brush", b"oil"),
    ("share/brushes/water.brush", b"water"),
    ("share/help.txt", b"help"),
    ("share/empty/", b""),
    ("share/nothing", b""),
    ("README", b"read me"),
];

#[test]
fn b5_a_folder_comes_out_of_its_image_as_it_went_in() {
    let temporary = Temporary::new();
    let large = noise(3_500_000, 1);
    let long = format!("deep/{}/file.txt", "a-long-name".repeat(20));
    let more: &[(&str, &[u8])] = &[("share/large.bin", &large), (&long, b"far down")];
    let (image, keys) = built(&temporary, &[FILES, more].concat(), &[]);
    extract(&image, &keys, &temporary.join("to")).unwrap();
    assert_eq!(contents(&temporary.join("to")), contents(&temporary.join("program")));
}

#[test]
fn a20_only_what_the_keys_open_is_extracted() {
    let temporary = Temporary::new();
    let rows = [("brushes", "share/brushes/**"), ("core", "**")];
    let (image, mut keys) = built(&temporary, FILES, &rows);
    assert_eq!(keys.len(), 2);
    let brushes = keys.remove(&feature("brushes")).unwrap();
    extract(&image, &keys, &temporary.join("core")).unwrap();
    let core = contents(&temporary.join("core"));
    assert!(core.contains_key("bin/paint") && core.contains_key("share/help.txt"));
    assert!(!core.keys().any(|path| path.contains("brush")), "{core:?}");

    extract(&image, &[(feature("brushes"), brushes.clone())].into(), &temporary.join("core")).unwrap();
    assert_eq!(contents(&temporary.join("core")), contents(&temporary.join("program")));

    let swapped = [(feature("core"), brushes)].into();
    let refused = extract(&image, &swapped, &temporary.join("nothing"));
    // Frame 0 holds a folder only, for which nothing is decrypted.
    assert_eq!(refused, Err(ImageError::Sealed { feature: feature("core"), index: 1 }));
}

#[test]
fn d1_nothing_of_the_files_is_in_an_image_and_no_two_builds_share_a_key() {
    let temporary = Temporary::new();
    let secret = b"a text that is long enough to be found if it were there";
    let (image, keys) = built(&temporary, &[("secret.txt", secret)], &[]);
    let program = temporary.join("program");
    assert!(!image.windows(16).any(|window| secret.windows(16).any(|part| part == window)));
    let again = try_build_with(&program, "2.0.0", &[("core", "**")], &temporary.join("again"), 99).unwrap();
    assert_ne!(again.keys, keys);
    assert_ne!(std::fs::read(temporary.join("again")).unwrap(), image);
    assert!(extract(&on_disk(&temporary.join("again")), &keys, &temporary.join("to")).is_err());
    assert!(!format!("{keys:?}").contains(&format!("{:?}", keys[&feature("core")].bytes()[0..4].to_vec())));
}

#[test]
fn the_same_files_give_the_same_plain_frames_wherever_they_lie() {
    let temporary = Temporary::new();
    let frames = |name: &str| {
        lay_out(&temporary.join(name), FILES);
        let image = temporary.join(format!("{name}.cimg"));
        try_build_with(&temporary.join(name), "2.0.0", &[("core", "**")], &image, name.len() as u64).unwrap();
        let image = on_disk(&image);
        let table = open(&image).unwrap().table(&image, &feature("core")).unwrap();
        table.frames.into_iter().map(|frame| (frame.plain, frame.plain_length)).collect::<Vec<_>>()
    };
    assert_eq!(frames("one"), frames("another"));
}

/// The stream is a plain tar archive: whoever has the keys needs nothing of ours to unpack it.
#[test]
fn the_stream_is_an_archive_that_tar_unpacks() {
    let temporary = Temporary::new();
    let long = format!("deep/{}/file.txt", "a-long-name".repeat(20));
    let (image, keys) = built(&temporary, &[FILES, &[(&long, b"far down")]].concat(), &[]);
    let (front, core) = (open(&image).unwrap(), feature("core"));
    let table = front.table(&image, &core).unwrap();
    let mut stream =
        StreamReader::new(std::sync::Arc::new(&image), &front, &table, &core, &keys[&core]).unwrap();
    let mut archive = Vec::new();
    let length = front.stream(&core).unwrap().plain_length;
    stream
        .pieces(0, length, |piece| -> Result<(), ImageError> {
            archive.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    let (to, file) = (temporary.join("to"), temporary.join("stream.tar"));
    std::fs::create_dir(&to).unwrap();
    crate::world::write(&file, &archive);
    let tar = Command::new("tar").arg("-xpf").arg(&file).arg("-C").arg(&to).status().unwrap();
    assert!(tar.success());
    assert_eq!(contents(&to), contents(&temporary.join("program")));
}

#[test]
fn content_that_need_not_lie_in_clear_is_read_from_the_image() {
    let temporary = Temporary::new();
    let large = noise(2_500_000, 2);
    let (image, keys) = built(&temporary, &[FILES, &[("share/large.bin", &large)]].concat(), &[]);
    let (front, core) = (open(&image).unwrap(), feature("core"));
    let opened =
        |path: &str| FileReader::open(&image, &front, &core, &keys[&core], &EntryPath::new(path).unwrap());
    let mut file = opened("share/large.bin").unwrap();
    let mut piece = vec![0; 1_000];
    for at in [2_499_000, 0, 1_048_000, 1_900_000] {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.read_exact(&mut piece).unwrap();
        assert!(piece == large[at..at + 1_000], "at {at}");
    }
    assert_eq!(file.seek(SeekFrom::End(-3)).unwrap(), 2_499_997);
    let mut rest = Vec::new();
    file.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, large[2_499_997..]);
    assert!(file.seek(SeekFrom::Current(-9_000_000)).is_err());
    for path in ["share/large", "share", "bin/p", "zzz", "a"] {
        assert_eq!(opened(path).err(), Some(ImageError::NoFile(path.into())));
    }
    let mut nothing = Vec::new();
    opened("share/nothing").unwrap().read_to_end(&mut nothing).unwrap();
    assert!(nothing.is_empty());
    let wrong = FileReader::open(
        &image,
        &front,
        &core,
        &ContentKey::new([0; 32]),
        &EntryPath::new("README").unwrap(),
    );
    assert!(wrong.unwrap().read(&mut piece).is_err());
}

#[test]
fn whoever_has_no_key_can_still_check_every_frame() {
    let temporary = Temporary::new();
    let (mut image, _) = built(&temporary, &[("a", &noise(3_000_000, 3))], &[]);
    let (front, core) = (open(&image).unwrap(), feature("core"));
    let table = front.table(&image, &core).unwrap();
    let mut seen = 0;
    check_frames(&image, &front, &table, &core, |length| seen += length).unwrap();
    assert_eq!(seen, front.image_length() - front.length());
    let second = front.frames(&core, &table).nth(1).unwrap();
    image[usize::try_from(second.at).unwrap() + 5] ^= 1;
    let damaged = check_frames(&image, &front, &table, &core, |_| {});
    assert_eq!(damaged, Err(ImageError::Frame { feature: core, index: 1 }));
}

#[test]
fn a_build_says_what_it_cannot_take() {
    let temporary = Temporary::new();
    let case = |name: &str, files: &[(&str, &[u8])], rows: &[(&str, &str)]| {
        let folder = temporary.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        lay_out(&folder, files);
        let refused = try_build(&folder, "1.0.0", rows, &temporary.join("x.cimg")).unwrap_err();
        assert!(!temporary.join("x.cimg").exists(), "{name}");
        refused.to_string().replace(temporary.to_str().unwrap(), "…")
    };
    let all = &[("core", "**")][..];
    let said = [
        case("no feature", &[("a", b"1")], &[]),
        case("unmatched", &[("a", b"1"), ("b/c", b"2"), ("b/d", b"3")], &[("core", "a")]),
        case("unused", &[("a", b"1")], &[("core", "**"), ("more", "more/**")]),
        case("two cases", &[("Paint", b"1"), ("paint", b"2")], all),
        case("link out", &[("a", b"-> ../../etc/passwd")], all),
        case("absolute link", &[("a", b"-> /etc/passwd")], all),
        case("backslash", &[("a\\b", b"1")], all),
        case("nothing", &[], all),
    ];
    assert_eq!(
        said,
        [
            "no feature is named",
            "2 files belong to no feature, as `b/c`: give the rest to one with `NAME=**`",
            "no file matches `more/**` of the feature `more`",
            "`Paint` and `paint` are one file where upper and lower case are the same",
            "the target of the link `…/link out/a` points out of the image",
            "the target of the link `…/absolute link/a` is absolute",
            "`…/backslash/a\\b` has a control character, a backslash or a colon",
            "no file matches `**` of the feature `core`",
        ]
    );
    let left: Vec<_> = std::fs::read_dir(&*temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.iter().all(|path| path.is_dir()), "a failed build leaves nothing: {left:?}");
    let failed = try_build(&temporary.join("not there"), "1.0.0", all, &temporary.join("x.cimg"));
    assert!(matches!(failed, Err(BuildError::Fs(_))));
}

/// A supplier who mistypes it would publish in the clear what was to stay sealed.
#[test]
fn d1_what_is_to_stay_sealed_must_be_a_feature_of_the_image() {
    let temporary = Temporary::new();
    let (folder, image) = (temporary.join("program"), temporary.join("x.cimg"));
    lay_out(&folder, &[("brushes/oil", b"1"), ("paint", b"2")]);
    let mut recipe = recipe(&folder, "1.0.0", &[("brushes", "brushes/**"), ("core", "**")]);
    recipe.sealed = ["brush".parse().unwrap()].into();
    let refused = build_by(&recipe, &image, 1).unwrap_err();
    assert_eq!(refused.to_string(), "there is no feature `brush` that could stay sealed");
    assert!(!image.exists());
    recipe.sealed = ["brushes".parse().unwrap()].into();
    let built = build_by(&recipe, &image, 1).unwrap();
    let kept = |name: &str| {
        built.manifest.claims().features.iter().any(|row| row.feature.as_str() == name && row.kept.is_some())
    };
    assert_eq!((kept("brushes"), kept("core")), (true, false));
}
