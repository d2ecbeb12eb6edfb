//! Images that somebody has spoilt: on the way, or with the supplier's own key.

use carnet_core::app::Feature;
use carnet_image::list::{BadList, Entry, FileFacts, What};
use carnet_image::path::BadPath;
use carnet_image::table::Table;
use carnet_image::{ContentKeys, EntryPath, ImageError, Wanted};
use carnet_seal::{ContentHash, SealError, sign};

use crate::forge::{Forge, front_length};
use crate::world::{Temporary, built, contents, extract, feature, noise, open, signing_key, version};

fn core() -> Feature {
    feature("core")
}

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

/// An image of three frames.
fn three_frames(temporary: &Temporary) -> (Vec<u8>, ContentKeys) {
    let (image, keys) = built(temporary, &[("a", &noise(1_000_000, 1)), ("b", &noise(700_000, 2))], &[]);
    assert_eq!(Forge::of(&image).frames.len(), 3);
    (image, keys)
}

fn refused(image: &Vec<u8>, keys: &ContentKeys) -> ImageError {
    let temporary = Temporary::new();
    extract(image, keys, &temporary).unwrap_err()
}

#[test]
fn b5_frames_that_were_exchanged_on_the_way_are_found() {
    let temporary = Temporary::new();
    let (image, keys) = three_frames(&temporary);
    let forge = Forge::of(&image);
    let front = open(&image).unwrap();
    let with = |frames: &[usize]| {
        let frames: Vec<_> = frames.iter().map(|number| forge.frames[*number].clone()).collect();
        [&image[..front_length(&front)], &frames.concat()].concat()
    };
    let damaged = |index| ImageError::Frame { feature: core(), index };
    assert_eq!(with(&[0, 1, 2]), image);
    assert_eq!(refused(&with(&[1, 0, 2]), &keys), damaged(0), "exchanged");
    assert_eq!(refused(&with(&[0, 0, 2]), &keys), damaged(1), "repeated");
    let expected = image.len() as u64;
    assert!(matches!(refused(&with(&[0, 2]), &keys), ImageError::CutShort { .. }), "missing");
    let filled = [&with(&[0, 2])[..], &vec![0; forge.frames[1].len()]].concat();
    assert_eq!(refused(&filled, &keys), damaged(1), "missing, and filled up");
    for cut in [1, 20, forge.frames[2].len()] {
        let short = image[..image.len() - cut].to_vec();
        let found = short.len() as u64;
        assert_eq!(refused(&short, &keys), ImageError::CutShort { found, expected });
        assert_eq!(open(&short).unwrap().check_length(&short), Err(ImageError::CutShort { found, expected }));
    }
    let more = [&image[..], b"x"].concat();
    assert_eq!(open(&more).unwrap().check_length(&more), Err(ImageError::Trailing));
}

/// Frames are bound to their place by encryption too: not even the supplier's own signature makes a thief's
/// arrangement of them open.
#[test]
fn d1_frames_that_were_arranged_anew_do_not_open() {
    let temporary = Temporary::new();
    let (image, keys) = three_frames(&temporary);
    let arranged = |numbers: &[usize]| {
        let mut forge = Forge::of(&image);
        let (rows, frames) = (forge.table.frames.clone(), forge.frames.clone());
        forge.table.frames = numbers.iter().map(|number| rows[*number]).collect();
        forge.frames = numbers.iter().map(|number| frames[*number].clone()).collect();
        // Of the files only those that lie within the shorter stream.
        let stream: u64 = forge.table.frames.iter().map(|row| u64::from(row.plain_length)).sum();
        forge.entries.retain(|entry| match &entry.what {
            What::File(facts) => facts.offset + facts.length <= stream,
            _ => true,
        });
        forge.image()
    };
    let sealed = |index| ImageError::Sealed { feature: core(), index };
    assert_eq!(refused(&arranged(&[1, 0, 2]), &keys), sealed(0), "exchanged");
    assert_eq!(refused(&arranged(&[0]), &keys), sealed(0), "the end is missing");
    assert_eq!(refused(&arranged(&[0, 1, 1]), &keys), sealed(2), "repeated");
    let whole = arranged(&[0, 1, 2]);
    extract(&whole, &keys, &temporary.join("to")).unwrap();
}

#[test]
fn b5_every_changed_byte_before_the_frames_is_found() {
    let temporary = Temporary::new();
    let (image, keys) = built(&temporary, &[("a", b"1"), ("b/c", b"2")], &[]);
    let front = front_length(&open(&image).unwrap());
    for at in 0..front {
        let mut changed = image.clone();
        changed[at] ^= 1;
        let to = Temporary::new();
        assert!(extract(&changed, &keys, &to).is_err(), "byte {at} of {front}");
        assert!(contents(&to).is_empty(), "byte {at} of {front}");
    }
}

#[test]
fn i18_what_is_no_image_is_refused_at_once() {
    for bytes in [&b""[..], b"PK\x03\x04", b"CARNETIM", b"CARNETIM\0\0\0\x02\0\0\0\x10", &[0; 5_000]] {
        assert_eq!(open(&bytes.to_vec()).unwrap_err(), ImageError::NotAnImage);
    }
    let huge = [&b"CARNETIM\0\0\0\x01"[..], &u32::MAX.to_be_bytes(), b"x"].concat();
    assert_eq!(open(&huge).unwrap_err(), ImageError::NotAnImage);
    let short = b"CARNETIM\0\0\0\x01\0\0\0\x10abc".to_vec();
    assert_eq!(open(&short).unwrap_err(), ImageError::CutShort { found: 19, expected: 32 });
}

#[test]
fn i14_an_image_of_another_supplier_app_version_or_machine_is_refused() {
    let temporary = Temporary::new();
    let (image, _) = built(&temporary, &[("a", b"1")], &[]);
    let front = open(&image).unwrap();
    let manifest = front.manifest();
    let check = |wanted: Wanted| wanted.check(manifest);
    let app = |text: &str| text.parse().ok();
    assert_eq!(check(Wanted::default()), Ok(()));
    assert_eq!(
        check(Wanted { app: app("acme/paint"), at_least: Some(version("2")), ..Wanted::default() }),
        Ok(())
    );
    let other = ImageError::OtherApp { wanted: "acme/draw".parse().unwrap(), found: manifest.app.clone() };
    assert_eq!(check(Wanted { app: app("acme/draw"), ..Wanted::default() }), Err(other));
    let older = ImageError::Older { found: version("2"), newest: version("2.0.1") };
    assert_eq!(check(Wanted { at_least: Some(version("2.0.1")), ..Wanted::default() }), Err(older));
    let not = ImageError::OtherVersion { wanted: version("3"), found: version("2") };
    assert_eq!(check(Wanted { version: Some(version("3")), ..Wanted::default() }), Err(not));
    let here: carnet_core::app::Platform = "linux-aarch64".parse().unwrap();
    let elsewhere = ImageError::OtherPlatform { found: manifest.platform.clone(), here: here.clone() };
    assert_eq!(check(Wanted { platform: Some(here), ..Wanted::default() }), Err(elsewhere));

    let mut forge = Forge::of(&image);
    forge.manifest.app = "umbra/paint".parse().unwrap();
    let stolen = open(&forge.image()).unwrap_err();
    assert_eq!(
        stolen,
        ImageError::Manifest(SealError::OtherSupplier(carnet_seal::Signer::key_id(&signing_key())))
    );
}

#[test]
fn i14_an_image_that_somebody_else_has_signed_is_refused() {
    let temporary = Temporary::new();
    let (image, _) = built(&temporary, &[("a", b"1")], &[]);
    let thief = carnet_seal::SigningKey::from_seed(&[7; 32]);
    let manifest = sign(open(&image).unwrap().manifest().clone(), &thief).unwrap();
    let length = u32::try_from(manifest.bytes().len()).unwrap().to_be_bytes();
    let stolen = [b"CARNETIM", &1_u32.to_be_bytes()[..], &length, manifest.bytes()].concat();
    let unknown = SealError::UnknownKey(carnet_seal::Signer::key_id(&thief));
    assert_eq!(open(&stolen).unwrap_err(), ImageError::Manifest(unknown));
}

/// What a supplier's key can sign and no build makes: the reader refuses it itself.
#[test]
fn b5_a_signed_list_cannot_reach_out_of_its_folder_either() {
    let temporary = Temporary::new();
    let (image, keys) = built(&temporary, &[("a", b"1"), ("b/c", b"2")], &[]);
    let spoilt = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut forge = Forge::of(&image);
        change(&mut forge.entries);
        refused(&forge.image(), &keys)
    };
    let listed = |wrong| ImageError::List(core(), wrong);
    let link = |at: &str, target: &str| Entry { path: path(at), what: What::Link(target.into()) };
    assert_eq!(
        spoilt(&|entries| entries.insert(0, link("A0", "../outside"))),
        listed(BadList::Link(path("A0"), BadPath::Outside)),
    );
    assert_eq!(
        spoilt(&|entries| entries.insert(0, link("A0", "/etc/passwd"))),
        listed(BadList::Link(path("A0"), BadPath::Absolute)),
    );
    // A link in the place of a folder: what is listed in it would be made wherever it leads.
    assert_eq!(spoilt(&|entries| entries[1] = link("b", "a")), listed(BadList::NoFolder(path("b/c"))),);
    assert_eq!(
        spoilt(&|entries| entries.insert(1, Entry { path: path("A"), what: What::Folder })),
        listed(BadList::Twice(path("a"), path("A"))),
    );
    assert_eq!(
        spoilt(&|entries| {
            let twice = entries[0].clone();
            entries.insert(1, twice);
        }),
        listed(BadList::Twice(path("a"), path("a"))),
    );
    assert_eq!(spoilt(&|entries| entries.swap(0, 1)), listed(BadList::OutOfOrder(path("a"))));
    let far = FileFacts { length: 1 << 40, content: ContentHash([0; 32]), offset: 512, executable: false };
    assert_eq!(spoilt(&|entries| entries[0].what = What::File(far)), listed(BadList::Place(path("a"))),);
    let other = FileFacts { length: 1, ..far };
    assert_eq!(spoilt(&|entries| entries[0].what = What::File(other)), ImageError::File(path("a")));
}

#[test]
fn i18_a_path_that_no_entry_can_have_is_no_list() {
    let temporary = Temporary::new();
    let (image, keys) = built(&temporary, &[("aaaaaaaa", b"1")], &[]);
    let front = open(&image).unwrap();
    let table = front.table(&image, &core()).unwrap();
    let mut page = carnet_seal::cbor::encode(&front.page(&image, &core(), &table, 0).unwrap());
    let at = page.windows(8).position(|window| window == b"aaaaaaaa").unwrap();
    for bad in [b"/etc/pwd", b"../../ab", b"a/../../", b"aa\\..\\bb"] {
        page[at..at + 8].copy_from_slice(bad);
        let mut table = Table { pages: table.pages.clone(), frames: table.frames.clone() };
        table.pages[0].hash = carnet_image::table::hash(&page);
        let mut manifest = front.manifest().clone();
        manifest.features[0].table = carnet_image::table::hash(&table.encode());
        let manifest = sign(manifest, &signing_key()).unwrap();
        let length = u32::try_from(manifest.bytes().len()).unwrap().to_be_bytes();
        let head = [b"CARNETIM", &1_u32.to_be_bytes()[..], &length, manifest.bytes(), &table.encode(), &page];
        let frames = &image[front_length(&front)..];
        let spoilt = [&head.concat(), frames].concat();
        assert!(matches!(refused(&spoilt, &keys), ImageError::Malformed(_, _)), "{bad:?}");
    }
}

#[test]
fn b5_nothing_that_is_there_is_replaced() {
    let temporary = Temporary::new();
    let (image, keys) = built(&temporary, &[("a", b"1"), ("b/c", b"2")], &[]);
    for (name, there) in [("a", b"mine".as_slice()), ("b", b"mine"), ("b", b"-> /tmp")] {
        let to = Temporary::new();
        crate::world::lay_out(&to, &[(name, there)]);
        assert_eq!(extract(&image, &keys, &to), Err(ImageError::InTheWay(path(name))));
    }
}
