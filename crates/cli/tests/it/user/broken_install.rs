//! B5 with the real programs: whatever breaks an installation off, what was used before is untouched, and the same command
//! goes on and fetches what is missing.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use carnet_testkit::small_disk::SmallDisk;
use rustix::process::{Pid, Signal, kill_process};

use super::shop::{Shop, User};
use crate::carnet::Ran;

const OFFER: &str = r#"
[[offer]]
name = "whole"
condition = "Whole"
features = ["core"]
fee = "free"
term = "perpetual"
"#;

/// Of the large version's content, which cannot be made smaller.
const SIZE: u64 = 20 << 20;
/// Broken off when so much has come.
const HALF: u64 = 10 << 20;
/// What is asked for at once, twice: it may have been on its way.
const ON_ITS_WAY: u64 = 8 << 20;

/// Bytes that look like chance (xorshift).
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..SIZE / 8).flat_map(next).collect()
}

/// A shop with a small first version and a large second one.
#[expect(clippy::disallowed_methods, reason = "an input of a test need not last")]
fn shop() -> Shop {
    let shop = Shop::open();
    shop.sell(&[OFFER]);
    shop.supplier(&["supplier", "image-key", "new", "--supplier", "acme"]);
    shop.supplier(&["supplier", "image-key", "register"]);
    let home = &shop.supplier_home().home;
    for version in ["1.0.0", "2.0.0"] {
        let folder = home.join(format!("program-{version}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("paint"), format!("paint {version}")).unwrap();
        if version == "2.0.0" {
            fs::write(folder.join("pictures"), noise()).unwrap();
        }
        let image = home.join(format!("paint-{version}.cimg")).display().to_string();
        let folder = folder.display().to_string();
        let build = ["supplier", "image", "build", &folder, "--app", "acme/paint", "--version", version];
        shop.supplier(&[&build[..], &["--feature", "core=**", "--to", &image]].concat());
        shop.supplier(&["supplier", "image", "publish", &image]);
    }
    shop
}

/// The way between a user and the server: what comes back is counted, and it can be slow or cut.
struct Wire {
    url: String,
    come: Arc<AtomicU64>,
    cut_after: Arc<AtomicU64>,
    slow: Arc<AtomicBool>,
}

impl Wire {
    fn to(server: &str) -> Self {
        let to: SocketAddr = server.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            come: Arc::default(),
            cut_after: Arc::new(AtomicU64::new(u64::MAX)),
            slow: Arc::default(),
        };
        let (come, cut_after, slow) =
            (Arc::clone(&wire.come), Arc::clone(&wire.cut_after), Arc::clone(&wire.slow));
        std::thread::spawn(move || {
            for here in listener.incoming() {
                let (here, there) = (here.unwrap(), TcpStream::connect(to).unwrap());
                let (come, cut_after, slow) = (Arc::clone(&come), Arc::clone(&cut_after), Arc::clone(&slow));
                let (mut asks, mut asked) = (here.try_clone().unwrap(), there.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut asks, &mut asked);
                    let _ = asked.shutdown(Shutdown::Write);
                });
                std::thread::spawn(move || bring(there, here, &come, &cut_after, &slow));
            }
        });
        wire
    }

    fn come(&self) -> u64 {
        self.come.load(Ordering::SeqCst)
    }

    /// Waits until an installation is in the middle of it.
    fn until_half(&self, installing: &mut Child) {
        for _ in 0..6_000 {
            assert!(installing.try_wait().unwrap().is_none(), "it ended before it was broken off");
            if self.come() > HALF {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nothing comes");
    }
}

fn bring(mut from: TcpStream, mut to: TcpStream, come: &AtomicU64, cut_after: &AtomicU64, slow: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if come.fetch_add(read as u64, Ordering::SeqCst) > cut_after.load(Ordering::SeqCst) {
            break;
        }
        if slow.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(4));
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// A user on this wire who uses the first version, installed below this folder.
fn user(shop: &Shop, wire: &Wire, below: Option<&Path>) -> User {
    let mut ann = shop.visitor();
    ann.url.clone_from(&wire.url);
    let registered = ann.run(&ann.registration());
    assert_eq!(registered.code, 0, "{registered:?}");
    let ordered = ann.run(&["order", "acme/paint", "whole", "--yes", "--json"]);
    assert_eq!(ordered.code, 0, "{ordered:?}");
    let below = below.map(|below| below.display().to_string());
    let to: Vec<&str> = below.iter().flat_map(|below| ["--to", below]).collect();
    let first = ann.run(&[&["install", "acme/paint", "--version", "1.0.0", "--json"][..], &to].concat());
    assert_eq!(first.code, 0, "{first:?}");
    ann
}

const UPGRADE: [&str; 3] = ["upgrade", "acme/paint", "--json"];

fn used(below: &Path) -> String {
    fs::read_to_string(below.join("acme.paint/current/files/paint")).unwrap()
}

/// The same command once more is done, and fetches no more than what was missing.
fn goes_on(ann: &User, wire: &Wire, below: &Path, came: u64, story: &str) {
    assert_eq!(used(below), "paint 1.0.0", "{story}");
    wire.come.store(0, Ordering::SeqCst);
    let again: Ran = ann.run(&UPGRADE);
    assert_eq!((again.code, &again.json()["version"]), (0, &"2.0.0".into()), "{story}: {again:?}");
    assert_eq!(used(below), "paint 2.0.0", "{story}");
    let pictures = fs::read(below.join("acme.paint/current/files/pictures")).unwrap();
    assert!(pictures == noise(), "{story}: not what was packed");
    let fetched = wire.come();
    let missing = SIZE.saturating_sub(came) + ON_ITS_WAY;
    println!("{story}: {came} bytes came the first time, {fetched} the second");
    assert!(fetched < missing.min(SIZE), "{story}: {fetched} bytes, {missing} were missing at most");
}

/// Whoever runs the tests in the background may have them ignore Ctrl-C, and what they start too.
fn interruptible(command: &Command, home: &Path) -> Command {
    let mut with_default = Command::new("/usr/bin/env");
    with_default.env_clear().env("CARNET_HOME", home).stdin(Stdio::null()).arg("--default-signal=INT");
    with_default.arg(command.get_program()).args(command.get_args());
    with_default
}

#[test]
fn b5_killed_or_interrupted_in_the_middle_it_goes_on_and_fetches_less() {
    let shop = shop();
    for (signal, story) in [(Signal::KILL, "killed"), (Signal::INT, "Ctrl-C")] {
        let wire = Wire::to(&shop.url);
        let ann = user(&shop, &wire, None);
        wire.slow.store(true, Ordering::SeqCst);
        wire.come.store(0, Ordering::SeqCst);
        let mut command = interruptible(&ann.carnet.command(&UPGRADE), &ann.carnet.home);
        let mut installing = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wire.until_half(&mut installing);
        kill_process(Pid::from_child(&installing), signal).unwrap();
        assert!(!installing.wait().unwrap().success(), "{story}");
        wire.slow.store(false, Ordering::SeqCst);
        goes_on(&ann, &wire, &ann.carnet.home.join("programs"), wire.come(), story);
    }
}

#[test]
fn b5_a_cut_connection_is_told_and_the_next_try_fetches_the_rest() {
    let shop = shop();
    let wire = Wire::to(&shop.url);
    let ann = user(&shop, &wire, None);
    wire.come.store(0, Ordering::SeqCst);
    wire.cut_after.store(HALF, Ordering::SeqCst);
    let (code, problem) = ann.run(&UPGRADE).failed();
    assert_eq!((code, problem.as_str()), (6, "server-unreachable"));
    wire.cut_after.store(u64::MAX, Ordering::SeqCst);
    goes_on(&ann, &wire, &ann.carnet.home.join("programs"), HALF, "cut");
}

#[test]
fn b5_a_full_disk_is_told_with_the_remedy_and_when_there_is_room_it_goes_on() {
    let shop = shop();
    let wire = Wire::to(&shop.url);
    let Some(disk) = SmallDisk::new(&shop.supplier_home().home, 80 << 20) else { return };
    let ann = user(&shop, &wire, Some(&disk.folder));
    // Full while it is fetched, and full while it is unpacked.
    for (room, story) in [(HALF, "full while fetching"), (SIZE + (8 << 20), "full while unpacking")] {
        let ballast = disk.fill(room);
        wire.come.store(0, Ordering::SeqCst);
        let ran = ann.run(&UPGRADE);
        assert_eq!(ran.failed(), (1, "file".into()), "{story}");
        let error = &ran.json()["error"];
        assert!(error["message"].as_str().unwrap().contains("no room"), "{story}: {error}");
        assert_eq!(error["remedy"], "make room, then try again", "{story}");
        assert_eq!(used(&disk.folder), "paint 1.0.0", "{story}");
        fs::remove_file(ballast).unwrap();
    }
    goes_on(&ann, &wire, &disk.folder, HALF, "full disk");
}

/// FUSE keeps a removed file under another name while it is open, and its folder cannot be removed.
#[test]
fn b5_an_upgrade_under_a_running_program_is_done_where_open_files_cannot_be_removed() {
    let shop = shop();
    let wire = Wire::to(&shop.url);
    let Some(disk) = SmallDisk::new(&shop.supplier_home().home, 80 << 20) else { return };
    let ann = user(&shop, &wire, Some(&disk.folder));
    let mut running = fs::File::open(disk.folder.join("acme.paint/current/files/paint")).unwrap();
    let upgraded = ann.run(&UPGRADE);
    assert_eq!((upgraded.code, &upgraded.json()["version"]), (0, &"2.0.0".into()), "{upgraded:?}");
    assert_eq!(used(&disk.folder), "paint 2.0.0");
    let mut text = String::new();
    running.read_to_string(&mut text).unwrap();
    assert_eq!(text, "paint 1.0.0", "what runs is not disturbed");
    drop(running);
    let removed = ann.run(&["uninstall", "acme/paint", "--yes", "--json"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    assert!(!disk.folder.join("acme.paint").exists(), "what was left has gone too");
}
