//! A device installs, upgrades and removes a program, with everything that can end it half way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use carnet_core::app::AppId;
use carnet_image::fetch::{FetchError, Ranges};
use carnet_image::install::{From, Order, Place, Step};
use carnet_image::{ContentKeys, ImageError, Trust, Wanted};
use carnet_seam::{Crash, FsFault, NetError, RealFs, Tree};

use crate::failing::Failing;
use crate::world::{Temporary, contents, image_key, lay_out, noise, try_build, version, write};

/// A server with an image, that counts what it sends, and whose connection breaks after so many bytes.
struct Server {
    image: Vec<u8>,
    sent: Mutex<u64>,
    breaks_after: Mutex<Option<u64>>,
}

impl Server {
    fn of(image: &Path) -> Self {
        Self { image: std::fs::read(image).unwrap(), sent: Mutex::new(0), breaks_after: Mutex::new(None) }
    }

    fn breaking_after(self, bytes: u64) -> Self {
        *self.breaks_after.lock().unwrap() = Some(bytes);
        self
    }

    fn sent(&self) -> u64 {
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

impl Ranges for Server {
    fn length(&self) -> Result<u64, NetError> {
        Ok(self.image.len() as u64)
    }

    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, NetError> {
        let (from, mut length) = (usize::try_from(offset).unwrap(), usize::try_from(length).unwrap());
        if let Some(left) = self.breaks_after.lock().unwrap().as_mut() {
            length = length.min(usize::try_from(*left).unwrap());
            *left -= length as u64;
            if length == 0 {
                return Err(NetError::Interrupted("cut".into()));
            }
        }
        *self.sent.lock().unwrap() += length as u64;
        Ok(self.image[from..(from + length).min(self.image.len())].to_vec())
    }
}

/// Two versions of a program with two features, and their images.
struct World {
    temporary: Temporary,
    keys: BTreeMap<&'static str, ContentKeys>,
}

const ROWS: &[(&str, &str)] = &[("brushes", "brushes/**"), ("core", "**")];

impl World {
    fn new() -> Self {
        let temporary = Temporary::new();
        let program = temporary.join("program");
        let (large, oil) = (noise(1_400_000, 1), noise(300_000, 2));
        lay_out(
            &program,
            &[("bin/paint", b"#! 1"), ("bin/p", b"-> paint"), ("data", &large), ("brushes/oil", &oil)],
        );
        let mut keys = BTreeMap::new();
        keys.insert("1.0.0", try_build(&program, "1.0.0", ROWS, &temporary.join("1.0.0")).unwrap().keys);
        write(&program.join("bin/paint"), b"#! 2");
        lay_out(&program, &[("new", b"new")]);
        keys.insert("2.0", try_build(&program, "2.0", ROWS, &temporary.join("2.0")).unwrap().keys);
        Self { temporary, keys }
    }

    fn server(&self, version: &str) -> Server {
        Server::of(&self.temporary.join(version))
    }

    fn root(&self) -> std::path::PathBuf {
        self.temporary.join("installed")
    }

    fn install(&self, tree: &dyn Tree, version: &str, server: &Server) -> Result<(), FetchError> {
        self.install_features(tree, server, &self.keys[version])
    }

    fn install_features(
        &self,
        tree: &dyn Tree,
        server: &Server,
        keys: &ContentKeys,
    ) -> Result<(), FetchError> {
        let key = image_key();
        let wanted = Wanted { app: Some(app()), ..Wanted::default() };
        let order = Order { from: From::Fetched(server), trust: Trust::Key(&key), wanted, keys };
        place(tree, &self.root()).install(&order, &mut |_| {}).map(drop)
    }

    /// What a user of the program sees.
    fn used(&self) -> BTreeMap<String, String> {
        contents(&self.root().join("acme.paint/current/files"))
    }

    /// Nothing but the version that is used takes room.
    fn assert_tidy(&self) {
        let left = contents(&self.root());
        let tops: Vec<_> = left.keys().filter(|path| path.matches('/').count() <= 3).collect();
        assert_eq!(
            tops.iter().filter(|path| path.contains("versions/") && path.ends_with('/')).count(),
            2,
            "{tops:?}"
        );
        assert!(
            !left.contains_key("acme.paint/part") && !left.contains_key("acme.paint/current.new"),
            "{tops:?}"
        );
    }
}

fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

fn place<'a>(tree: &'a dyn Tree, root: &Path) -> Place<'a> {
    Place::of(tree, root, &app())
}

fn real() -> RealFs {
    RealFs::default()
}

/// Without a wait for the whole disk of the machine.
fn quick() -> Failing {
    Failing::at(i64::MAX)
}

#[test]
fn b5_a_program_is_installed_upgraded_and_removed() {
    let world = World::new();
    world.install(&real(), "1.0.0", &world.server("1.0.0")).unwrap();
    assert!(world.used()["bin/paint"].starts_with("program 4 bytes"));
    world.assert_tidy();

    let server = world.server("2.0");
    world.install(&real(), "2.0", &server).unwrap();
    assert_eq!(world.used(), contents(&world.temporary.join("program")));
    world.assert_tidy();
    let sent = server.sent();
    assert!(sent < 100_000, "of 1.7 MB nearly all was there already, and {sent} bytes were sent");

    let key = image_key();
    let (tree, root) = (real(), world.root());
    let current = place(&tree, &root).current(Trust::Key(&key)).unwrap().unwrap();
    assert_eq!((current.version(), current.features().len()), (version("2.0"), 2));
    let older = world.install(&real(), "1.0.0", &world.server("1.0.0"));
    let (found, newest) = (version("1.0.0"), version("2.0"));
    assert_eq!(older, Err(ImageError::Older { found, newest }.into()));

    place(&tree, &root).uninstall().unwrap();
    assert_eq!(contents(&root), BTreeMap::new());
    place(&tree, &root).uninstall().unwrap();
}

#[test]
fn a20_a_feature_that_is_bought_later_is_added_and_the_rest_is_not_fetched_again() {
    let world = World::new();
    let mut core = world.keys["2.0"].clone();
    core.remove("brushes");
    let server = world.server("2.0");
    world.install_features(&quick(), &server, &core).unwrap();
    assert!(!world.used().contains_key("brushes/oil"));
    let first = server.sent();
    world.install(&quick(), "2.0", &server).unwrap();
    assert!(world.used().contains_key("brushes/oil"));
    let second = server.sent();
    assert!(first > 1_400_000 && (300_000..400_000).contains(&second), "{first}, then {second}");
    world.assert_tidy();
}

#[test]
fn b5_a_cut_download_goes_on_where_it_was_cut() {
    let world = World::new();
    let server = world.server("2.0").breaking_after(1_300_000);
    let cut = world.install(&quick(), "2.0", &server);
    assert!(matches!(cut, Err(FetchError::Net(NetError::Interrupted(_)))), "{cut:?}");
    assert!(!world.root().join("acme.paint/current").exists());
    *server.breaks_after.lock().unwrap() = None;
    let before = server.sent();
    world.install(&quick(), "2.0", &server).unwrap();
    let after = server.sent();
    assert_eq!(world.used(), contents(&world.temporary.join("program")));
    // The beginning is fetched again, and the frame that was cut.
    assert!(before + after < server.image.len() as u64 + 1_100_000, "{before} and {after}");
}

#[test]
fn b5_a_frame_that_arrives_damaged_is_refused_and_only_that_is_fetched_again() {
    let world = World::new();
    let mut server = world.server("2.0");
    let last = server.image.len() - 1;
    server.image[last] ^= 1;
    let damaged = world.install(&quick(), "2.0", &server);
    assert!(matches!(damaged, Err(FetchError::Image(ImageError::Frame { .. }))), "{damaged:?}");
    server.image[last] ^= 1;
    server.sent();
    world.install(&quick(), "2.0", &server).unwrap();
    let again = server.sent();
    assert!(again < 1_500_000, "{again} of {}", server.image.len());
}

#[test]
fn b5_an_image_that_lies_here_is_installed_without_a_server() {
    let world = World::new();
    let (image, key) = (crate::world::on_disk(&world.temporary.join("2.0")), image_key());
    let order = Order {
        from: From::Here(&image),
        trust: Trust::Key(&key),
        wanted: Wanted::default(),
        keys: &world.keys["2.0"],
    };
    let (tree, root) = (quick(), world.root());
    let mut told = Vec::new();
    place(&tree, &root).install(&order, &mut |step| told.push(step)).unwrap();
    assert_eq!(world.used(), contents(&world.temporary.join("program")));
    assert!(matches!(told.last(), Some(Step::Extracting(bytes)) if *bytes > 1_700_000), "{told:?}");
    let other = Order { wanted: Wanted { app: "acme/draw".parse().ok(), ..Wanted::default() }, ..order };
    let refused = place(&tree, &root).install(&other, &mut |_| {}).unwrap_err();
    assert!(matches!(refused, FetchError::Image(ImageError::OtherApp { .. })));
}

/// Every write, rename, removal and sync of an upgrade, one after the other, finds the disk full.
#[test]
fn b5_a_full_disk_at_any_moment_leaves_the_installed_version_as_it_was() {
    let world = World::new();
    world.install(&quick(), "1.0.0", &world.server("1.0.0")).unwrap();
    let (old, new) = (world.used(), contents(&world.temporary.join("program")));
    let mut failures = 0;
    for nth in 1.. {
        let failing = Failing::at(nth);
        let done = world.install(&failing, "2.0", &world.server("2.0"));
        if !failing.has_failed() {
            done.unwrap();
            break;
        }
        failures += 1;
        let used = world.used();
        assert!(used == old || used == new, "change {nth}: {used:?}");
        if let Err(FetchError::Image(ImageError::Fs(error))) = &done {
            assert_eq!(error.fault, FsFault::DiskFull);
        }
        // Back to where it began, as an upgrade never goes back by itself.
        let (tree, root) = (quick(), world.root());
        place(&tree, &root).uninstall().unwrap();
        world.install(&quick(), "1.0.0", &world.server("1.0.0")).unwrap();
        assert_eq!(world.used(), old);
    }
    assert_eq!(world.used(), new);
    world.assert_tidy();
    assert!(failures > 30, "{failures} failures tried");
}

/// The process dies at each named point; the next one finds either version whole, and finishes.
#[test]
fn b5_a_crash_at_any_step_leaves_one_whole_version_and_the_next_run_finishes() {
    for point in
        ["install.tidied", "install.extracted", "install.placed", "install.linked", "install.switched"]
    {
        let world = World::new();
        world.install(&quick(), "1.0.0", &world.server("1.0.0")).unwrap();
        let (old, new) = (world.used(), contents(&world.temporary.join("program")));
        let dying = RealFs::with_crash(Crash::unwinding(point, 1));
        assert!(world.install(&dying, "2.0", &world.server("2.0")).is_err(), "{point}");
        let used = world.used();
        assert_eq!(used, if point == "install.switched" { new.clone() } else { old }, "{point}");
        world.install(&quick(), "2.0", &world.server("2.0")).unwrap();
        assert_eq!(world.used(), new, "{point}");
        world.assert_tidy();
    }
}

#[test]
fn b5_a_removal_that_was_cut_goes_on() {
    let world = World::new();
    world.install(&quick(), "1.0.0", &world.server("1.0.0")).unwrap();
    let dying = RealFs::with_crash(Crash::unwinding("uninstall.unlinked", 1));
    assert!(place(&dying, &world.root()).uninstall().is_err());
    assert!(!world.root().join("acme.paint/current").exists(), "it is out of use at once");
    let (tree, root) = (real(), world.root());
    place(&tree, &root).uninstall().unwrap();
    assert_eq!(contents(&root), BTreeMap::new());
}

#[test]
fn c2_installed_files_are_held_against_the_signed_manifest() {
    use carnet_image::extract::{Difference, compare};
    let world = World::new();
    world.install(&quick(), "2.0", &world.server("2.0")).unwrap();
    let (tree, root, key) = (real(), world.root(), image_key());
    let current = place(&tree, &root).current(Trust::Key(&key)).unwrap().unwrap();
    let differences = || {
        let (front, source) = current.front();
        let mut found = Vec::new();
        for feature in current.features() {
            compare(front, source, feature, &tree, &current.files(), &mut |path, how| {
                found.push((path.to_string(), how));
            })
            .unwrap();
        }
        found
    };
    assert_eq!(differences(), []);
    let files = current.files();
    write(&files.join("new"), b"wen");
    std::fs::remove_file(files.join("brushes/oil")).unwrap();
    std::fs::remove_file(files.join("bin/p")).unwrap();
    std::os::unix::fs::symlink("other", files.join("bin/p")).unwrap();
    let expected =
        [("brushes/oil", Difference::Missing), ("bin/p", Difference::Changed), ("new", Difference::Changed)];
    assert_eq!(differences(), expected.map(|(path, how)| (path.to_owned(), how)));
}

/// The names of what could be erased, and of what somebody has put beside it.
fn seen(root: &Path) -> (Vec<String>, Vec<String>) {
    let (tree, key) = (real(), image_key());
    let contents = place(&tree, root).contents(Some(Trust::Key(&key))).unwrap();
    let own = contents.own.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string());
    (contents.pieces.into_iter().map(|piece| piece.name).collect(), own.collect())
}

fn version_folder(root: &Path) -> (String, std::path::PathBuf) {
    let folder = std::fs::read_link(root.join("acme.paint/current")).unwrap();
    (folder.display().to_string(), root.join("acme.paint").join(folder))
}

#[test]
fn c3_what_was_installed_is_told_from_what_somebody_has_put_beside_it() {
    let world = World::new();
    world.install(&quick(), "1.0.0", &world.server("1.0.0")).unwrap();
    let root = world.root();
    let (name, folder) = version_folder(&root);
    // Of an installation that was cut off there is more.
    lay_out(&root.join("acme.paint"), &[("part", b"half"), ("versions/.new/files/paint", b"half")]);
    lay_out(&root.join("acme.paint"), &[("letter.txt", b"Ann's"), ("drawings/cat.png", b"Ann's")]);
    lay_out(&folder, &[("files/brushes/own", b"Ann's"), ("notes", b"Ann's")]);
    let (mut pieces, mut own) = seen(&root);
    assert_eq!(pieces.split_off(pieces.len() - 2), [format!("{name}/features"), format!("{name}/front")]);
    pieces.sort();
    let program = ["bin/p", "bin/paint", "brushes/oil", "data"].map(|file| format!("{name}/files/{file}"));
    assert_eq!(pieces, [&["part".to_owned(), "versions/.new/files/paint".to_owned()][..], &program].concat());
    own.sort();
    let mine = [format!("acme.paint/{name}/files/brushes/own"), format!("acme.paint/{name}/notes")];
    assert_eq!(
        own,
        [&["acme.paint/drawings/cat.png".to_owned(), "acme.paint/letter.txt".to_owned()][..], &mine].concat()
    );
}

/// Where somebody has put a link in the place of a folder, what it leads to is theirs.
#[test]
fn c3_nothing_is_looked_for_behind_a_link() {
    let world = World::new();
    world.install(&quick(), "1.0.0", &world.server("1.0.0")).unwrap();
    let root = world.root();
    let (name, folder) = version_folder(&root);
    let pictures = world.temporary.join("pictures");
    lay_out(&pictures, &[("oil", b"Ann's")]);
    std::fs::remove_dir_all(folder.join("files/brushes")).unwrap();
    std::os::unix::fs::symlink(&pictures, folder.join("files/brushes")).unwrap();
    let (pieces, own) = seen(&root);
    assert!(!pieces.iter().any(|piece| piece.contains("oil")), "{pieces:?}");
    assert_eq!(own, [format!("acme.paint/{name}/files/brushes")]);
}

/// Without the signed list nobody can say what is the program's, so nothing of that version is touched.
#[test]
fn c3_without_the_list_a_version_stays_as_a_whole_and_is_named() {
    use carnet_image::contents::Kind;
    let world = World::new();
    world.install(&quick(), "1.0.0", &world.server("1.0.0")).unwrap();
    let (root, tree, key) = (world.root(), real(), image_key());
    let (name, folder) = version_folder(&root);
    let unknown = |trust| {
        let contents = place(&tree, &root).contents(trust).unwrap();
        assert_eq!((contents.pieces.len(), contents.own.len()), (1, 0));
        assert!(matches!(contents.pieces[0].kind, Kind::Unknown(_)), "{contents:?}");
        assert_eq!(contents.pieces[0].name, name);
    };
    unknown(None);
    write(&folder.join("front"), b"not a list");
    unknown(Some(Trust::Key(&key)));
    std::fs::remove_file(folder.join("front")).unwrap();
    unknown(Some(Trust::Key(&key)));
}

#[test]
fn c3_a_swept_place_keeps_nothing_but_what_is_somebodys_own() {
    let world = World::new();
    world.install(&quick(), "1.0.0", &world.server("1.0.0")).unwrap();
    let (root, tree) = (world.root(), real());
    let (name, folder) = version_folder(&root);
    lay_out(&folder, &[("files/brushes/own", b"Ann's")]);
    for piece in seen(&root).0 {
        std::fs::remove_file(root.join("acme.paint").join(piece)).unwrap();
    }
    let place = place(&tree, &root);
    let held = place.hold().unwrap();
    place.sweep();
    drop(held);
    let left: Vec<_> = contents(&root).into_keys().filter(|path| !path.ends_with('/')).collect();
    assert_eq!(left, [format!("acme.paint/{name}/files/brushes/own")]);
    std::fs::remove_file(folder.join("files/brushes/own")).unwrap();
    place.sweep();
    assert_eq!(contents(&root), BTreeMap::new());
    assert!(place.hold().unwrap().is_none(), "nothing of it is here");
}

/// As an upgrade leaves it that could not tidy up.
#[test]
fn c3_versions_that_are_not_used_any_more_are_named_too_and_before_the_one_that_is() {
    let world = World::new();
    world.install(&quick(), "1.0.0", &world.server("1.0.0")).unwrap();
    let root = world.root();
    let (name, folder) = version_folder(&root);
    let older = folder.with_file_name("2.0.0-00000000-1");
    assert!(std::process::Command::new("cp").arg("-a").args([&folder, &older]).status().unwrap().success());
    let (pieces, own) = seen(&root);
    let (first, last) = pieces.split_at(pieces.len() / 2);
    assert!(first.iter().all(|piece| piece.starts_with("versions/2.0.0-00000000-1/")), "{pieces:?}");
    assert!(last.iter().all(|piece| piece.starts_with(&name)) && last.len() == 6, "{pieces:?}");
    assert_eq!(own, Vec::<String>::new());
}
