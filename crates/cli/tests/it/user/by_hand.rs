//! D4: a device that never has a network goes through its whole life; requests and answers are carried as files, as text
//! and as pictures.

use std::fs;

use super::shop::{Shop, TWO_RUNS, User};
use crate::carnet::{Carnet, Ran};

/// A device whose home nobody but this test touches, and a connected machine that only relays.
struct Desert {
    shop: Shop,
    device: User,
    elsewhere: Carnet,
    ending: &'static str,
}

impl Desert {
    fn new(ending: &'static str) -> Self {
        let shop = Shop::open();
        shop.sell(&[TWO_RUNS]);
        let device = shop.visitor();
        Self { shop, device, elsewhere: Carnet::new(), ending }
    }

    fn path(&self, name: &str) -> String {
        self.elsewhere.home.join(format!("{name}.{}", self.ending)).to_str().unwrap().to_owned()
    }

    /// The command is run without a network until it is done, with a relay between. Also tells how many there were.
    fn carried(&self, arguments: &[&str]) -> (Ran, usize) {
        self.clear();
        let mut answer: Option<String> = None;
        for trip in 0..5 {
            let name = format!("ask{trip}");
            let ask = self.path(&name);
            let mut all = [arguments, &["--request-to", &ask, "--json"]].concat();
            all.extend(answer.iter().flat_map(|answer| ["--answer", answer]));
            let ran = self.device.run(&all);
            let Some(ask) = self.first_of(&name) else { return (ran, trip) };
            assert_eq!(ran.code, 0, "{ran:?}");
            let relayed = self.elsewhere.run(&["relay", &ask, "--json"]);
            assert_eq!(relayed.code, 0, "{relayed:?}");
            answer = relayed.json()["files"][0].as_str().map(ToOwned::to_owned);
        }
        panic!("no end of it: {arguments:?}");
    }

    fn clear(&self) {
        for entry in fs::read_dir(&self.elsewhere.home).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

fn a_whole_life(ending: &'static str) {
    let it = Desert::new(ending);
    let (device, stick) = (&it.device, it.elsewhere.home.join("stick"));
    fs::create_dir(&stick).unwrap();
    let stick = stick.to_str().unwrap();
    let once = |arguments: &[&str]| {
        let (ran, trips) = it.carried(arguments);
        assert_eq!(trips, 1, "{ran:?}");
        ran
    };
    let registered = once(&device.registration());
    assert!(registered.code == 0 && registered.json()["recovery_code"].is_string(), "{registered:?}");
    // The menu and what is left come first, then the agreement.
    let (agreed, trips) = it.carried(&["agree", "acme/paint", "two-runs", "--yes"]);
    assert_eq!((agreed.code, trips, &agreed.json()["outcome"]), (0, 2, &"carried-on".into()), "{agreed:?}");
    assert_eq!(device.sh("exit 7").code, 7);
    assert_eq!(once(&["renew", "acme/paint"]).json()["pass"]["uses"]["in_pass"], 1);
    let export = once(&["export", "acme/paint", "--to", stick]);
    assert_eq!((export.code, &export.json()["apps"][0]["outcome"]), (0, &"carried-on".into()), "{export:?}");
    let import = once(&["import", "--from", stick]);
    assert_eq!((import.code, &import.json()["apps"][0]["outcome"]), (0, &"imported".into()), "{import:?}");
    assert_eq!(once(&["export", "acme/paint", "--to", stick]).code, 0);
    assert_eq!(once(&["cancel-move", "acme/paint"]).json()["outcome"], "cancelled");
    assert_eq!(once(&["renew", "acme/paint"]).code, 0);
    assert_eq!(device.sh("exit 8").code, 8);
    assert_eq!(once(&["renew", "acme/paint"]).failed(), (5, "exhausted".into()));
    assert_eq!(once(&["decline", "acme/paint"]).json()["outcome"], "declined");
    assert_eq!(it.shop.licenses().len(), 2, "one agreed to, one declined");
}

impl Desert {
    /// The first file of that name, numbered or not.
    fn first_of(&self, name: &str) -> Option<String> {
        let mut all = fs::read_dir(&self.elsewhere.home).unwrap().map(|entry| entry.unwrap().path());
        let is = |path: &std::path::PathBuf| {
            let file = path.file_name().unwrap().to_str().unwrap();
            file == format!("{name}.{}", self.ending) || file.starts_with(&format!("{name}-1-of-"))
        };
        all.find(is).map(|path| path.to_str().unwrap().to_owned())
    }
}

#[test]
fn d4_a_whole_life_by_text_files() {
    a_whole_life("txt");
}

#[test]
fn d4_a_whole_life_by_pictures() {
    a_whole_life("png");
}

#[test]
fn d4_what_is_brought_is_checked_and_wrong_files_are_named() {
    let it = Desert::new("txt");
    let ask = it.path("ask");
    let register: Vec<&str> = it.device.registration();
    let asked = it.device.run(&[&register[..], &["--request-to", &ask, "--json"]].concat());
    assert_eq!(asked.json()["outcome"], "request-written");
    // Asked once more, the very same request is written.
    let first = fs::read(&ask).unwrap();
    it.device.run(&[&register[..], &["--request-to", &ask, "--json"]].concat());
    assert_eq!(fs::read(&ask).unwrap(), first);
    // The request is no answer.
    let wrong = it.device.run(&["register", "--answer", &ask, "--json"]);
    assert_eq!(wrong.failed(), (9, "medium-unreadable".into()));
    assert!(wrong.out.contains("carries a request, not an answer"), "{wrong:?}");
    // A typing mistake is named by its line.
    let text = String::from_utf8(first).unwrap();
    let third = text.lines().nth(2).unwrap();
    let typed =
        text.replace(third, &format!("{}{}", if third.starts_with('x') { "y" } else { "x" }, &third[1..]));
    let typed = it.elsewhere.file("typed.txt", &typed);
    let mistyped = it.elsewhere.run(&["relay", &typed, "--json"]);
    assert_eq!(mistyped.failed(), (9, "medium-unreadable".into()));
    assert!(mistyped.out.contains("line 3 is mistyped"), "{mistyped:?}");
    assert_eq!(
        it.elsewhere.run(&["relay", &it.path("nothing"), "--json"]).failed(),
        (9, "medium-missing".into())
    );
    // Relayed twice: the same answer.
    let relay =
        || it.elsewhere.run(&["relay", &ask, "--json"]).json()["files"][0].as_str().unwrap().to_owned();
    let answer = relay();
    let before = fs::read(&answer).unwrap();
    assert_eq!(fs::read(relay()).unwrap(), before);
    // Without the answer nothing is registered; with it, once.
    let missing = it.device.run(&["renew", "acme/paint", "--request-to", &ask, "--json"]);
    assert_eq!(missing.json()["outcome"], "request-written");
    assert_eq!(it.device.run(&["register", "--answer", &answer, "--json"]).code, 0);
    let again = it.device.run(&["renew", "acme/paint", "--answer", &answer, "--json"]);
    assert_eq!(again.failed(), (6, "to-be-carried".into()));
    let useless = it.device.run(&["renew", "acme/paint", "--answer", &answer]);
    assert!(useless.err.contains("belongs to no request that is open here"), "{useless:?}");
    let run = it.device.run(&["run", "acme/paint", "--answer", &answer, "--json", "--", "/bin/sh"]);
    assert_eq!(run.failed(), (2, "usage".into()));
}

#[test]
fn d4_a_request_that_the_server_does_not_take_brings_no_answer() {
    let it = Desert::new("txt");
    let ask = it.path("ask");
    it.device.run(&[&it.device.registration()[..], &["--request-to", &ask]].concat());
    let mut it = it;
    it.shop.close();
    assert_eq!(it.elsewhere.run(&["relay", &ask, "--json"]).failed(), (6, "server-unreachable".into()));
    it.shop.replace();
    let refused = it.elsewhere.run(&["relay", &ask, "--json"]);
    assert_eq!(refused.failed(), (5, "wrong-server".into()));
    assert!(!it.elsewhere.home.join("ask.answer.txt").exists());
}

#[test]
fn a16_d4_a_device_without_a_user_joins_by_what_it_imports() {
    let it = Desert::new("txt");
    let ann = it.shop.user();
    ann.agree("two-runs");
    let stick = it.elsewhere.home.join("stick");
    fs::create_dir(&stick).unwrap();
    let stick = stick.to_str().unwrap();
    assert_eq!(ann.run(&["export", "acme/paint", "--to", stick]).code, 0);
    // The server's keys, the registration, the import.
    let (imported, trips) = it.carried(&["import", "--from", stick, "--identity", it.device.identity()]);
    assert_eq!((imported.code, trips), (0, 3), "{imported:?}");
    assert_eq!(imported.json()["apps"][0]["outcome"], "imported", "{imported:?}");
    assert_eq!(it.device.sh("exit 7").code, 7);
}
