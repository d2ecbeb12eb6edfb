//! D3: passbooks that were put back, copied or cut are found out, with the evidence that the supplier gets; and whoever
//! only had bad luck comes back without anybody's help.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::shop::{Shop, User};
use crate::carnet::{Carnet, Ran, ran};

const REPORTED: &str = r#"
[[offer]]
name = "reported"
condition = "Reported"
features = ["resize"]
fee = "free"
term = { uses = 60 }
pass = { uses = 5 }
reporting = { record_retention = "90 days", users = "hidden" }
"#;

struct Case {
    shop: Shop,
    user: User,
}

impl Case {
    fn new() -> Self {
        let shop = Shop::open();
        shop.supplier(&["supplier", "report-key", "new"]);
        shop.sell(&[REPORTED]);
        let user = shop.user();
        user.agree("reported");
        assert_eq!(user.sh("exit 0").code, 0);
        Self { shop, user }
    }

    fn copy(&self, to: &std::path::Path) {
        let from = format!("{}/.", self.user.carnet.home.display());
        fs::create_dir_all(to).unwrap();
        let done = Command::new("cp").args(["-a", &from]).arg(to).status().unwrap();
        assert!(done.success());
    }

    /// The disk of an earlier day is back.
    fn put_back(&self, copy: &std::path::Path) {
        fs::remove_dir_all(&self.user.carnet.home).unwrap();
        let done = Command::new("cp").arg("-a").arg(copy).arg(&self.user.carnet.home).status().unwrap();
        assert!(done.success());
    }

    fn aside(&self, name: &str) -> PathBuf {
        self.shop.supplier_home().home.join(name)
    }

    fn renew(&self) -> Ran {
        self.user.run(&["renew", "acme/paint", "--json"])
    }

    /// Events of this kind, newest first.
    fn events(&self, kind: &str) -> Vec<Value> {
        let all = self.shop.supplier(&["supplier", "events", "--json"]).json();
        all["data"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).cloned().collect()
    }

    /// A report of this device, judged: exit code and the verdict.
    fn judged(&self, carnet: &Carnet) -> (i32, Value) {
        let file = self.aside("report").to_str().unwrap().to_owned();
        let made = carnet.run(&["report", "acme/paint", "--to", &file]);
        assert_eq!(made.code, 0, "{made:?}");
        let opened = self.shop.supplier_home().run(&["supplier", "open", &file, "--json"]);
        let heard = serde_json::Deserializer::from_str(&opened.out).into_iter::<Value>().next().unwrap();
        (opened.code, heard.unwrap()[0].clone())
    }

    /// The newest file of the app's journal.
    fn segment(&self) -> PathBuf {
        let folders = fs::read_dir(&self.user.carnet.home).unwrap().map(|entry| entry.unwrap().path());
        let journal =
            folders.map(|folder| folder.join("apps/acme+paint")).find(|path| path.exists()).unwrap();
        let files = fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|ending| ending == "seg")).max().unwrap()
    }

    /// The last bytes of the journal are gone.
    fn cut(&self, bytes: u64) {
        let file = fs::OpenOptions::new().write(true).open(self.segment()).unwrap();
        file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
    }
}

fn sh(carnet: &Carnet) -> i32 {
    let mut command = carnet.command(&["run", "acme/paint", "--", "/bin/sh", "-c", "exit 0"]);
    ran(command.env("PATH", "/usr/bin:/bin")).code
}

#[test]
fn d3_a_restored_passbook_is_settled_once_and_then_waits_for_the_supplier() {
    let it = Case::new();
    let copy = it.aside("monday");
    it.copy(&copy);
    assert_eq!(it.renew().code, 0);
    it.put_back(&copy);
    // A disk restored in good faith: the next contact settles it, and the program runs.
    assert_eq!(it.renew().code, 0);
    assert_eq!(it.user.sh("exit 0").code, 0);
    let settled = it.events("settled");
    let seen = &settled[0]["evidence"];
    assert!(seen["quoted_epoch"].as_u64() < seen["expected_epoch"].as_u64(), "{seen}");
    assert_ne!(seen["quoted_answer"], seen["expected_answer"]);
    // Who does it again waits for a look at it, and the supplier sees why.
    it.put_back(&copy);
    assert_eq!(it.renew().failed(), (5, "under-review".into()));
    assert_eq!(it.events("flagged").len(), 1);
    let waiting = it.shop.supplier(&["supplier", "device", "flagged", "--json"]).json();
    let device = waiting[0]["device"].as_str().unwrap().to_owned();
    it.shop.supplier(&["supplier", "device", "review", &device, "acme/paint"]);
    assert_eq!(it.renew().code, 0);
    assert_eq!(it.user.sh("exit 0").code, 0, "the way back");
}

#[test]
fn d3_a_cloned_passbook_shows_when_both_sides_are_used() {
    let it = Case::new();
    let clone = Carnet::new();
    it.copy(&clone.home);
    // The clone has the identity file too, as where a whole machine was copied.
    assert_eq!((it.user.sh("exit 0").code, sh(&clone)), (0, 0), "offline nobody can know");
    assert_eq!(it.renew().code, 0);
    let other = clone.run(&["renew", "acme/paint", "--json"]);
    assert_eq!((other.code, it.events("settled").len()), (0, 1), "{other:?}");
    // From here on one of the two is behind whenever the other one was there.
    assert_eq!(it.renew().failed(), (5, "under-review".into()));
    assert_eq!(it.events("flagged").len(), 1);
}

#[test]
fn d3_a_forked_chain_is_a_violation_with_the_record_at_which_it_parts() {
    let it = Case::new();
    let clone = Carnet::new();
    it.copy(&clone.home);
    for _ in 0..2 {
        assert_eq!(it.user.sh("exit 0").code, 0);
    }
    assert_eq!(it.judged(&it.user.carnet).0, 0);
    for _ in 0..3 {
        assert_eq!(sh(&clone), 0);
    }
    let (code, heard) = it.judged(&clone);
    assert_eq!((code, &heard["reasons"][0]["code"]), (5, &"fork".into()), "{heard}");
    assert!(heard["reasons"][0]["message"].as_str().unwrap().chars().any(|letter| letter.is_ascii_digit()));
    let kept = it.shop.supplier(&["supplier", "verdicts", "--json"]).json();
    assert_eq!(kept[0]["verdict"]["verdict"], "violation", "the evidence stays: {kept}");
}

#[test]
fn d3_a_cut_tail_is_noted_and_behind_what_was_known_it_is_a_violation() {
    let it = Case::new();
    it.cut(3);
    assert_eq!(it.user.sh("exit 0").code, 0, "a power failure is nobody's fault");
    let (code, heard) = it.judged(&it.user.carnet);
    assert_eq!((code, &heard["verdict"]), (0, &"within-contract".into()), "{heard}");
    assert!(heard["notices"].to_string().contains("bytes"), "noted: {heard}");
    // Behind a point that the supplier has seen it is none.
    it.cut(600);
    let (code, heard) = it.judged(&it.user.carnet);
    assert_eq!((code, &heard["reasons"][0]["code"]), (5, &"rollback".into()), "{heard}");
}

#[test]
fn d3_tails_that_are_lost_too_often_end_with_a_contact() {
    let mut it = Case::new();
    it.shop.close();
    let refused = (0..8).find(|_| {
        it.cut(3);
        it.user.sh("exit 0").code != 0
    });
    assert!(refused.is_some_and(|times| times >= 3), "{refused:?}");
    it.shop.reopen();
    assert_eq!(it.renew().code, 0);
    assert_eq!(it.user.sh("exit 0").code, 0, "the way back");
}

#[test]
fn d3_a_machine_that_was_replaced_goes_on_without_the_old_one() {
    let it = Case::new();
    let new = it.shop.second_device(&it.user);
    let old = it.user.run(&["status", "--json"]).json()["servers"][0]["device"].as_str().unwrap().to_owned();
    let lost = new.run(&["devices", "lost", &old, "--yes", "--json"]);
    assert_eq!(lost.code, 0, "{lost:?}");
    assert_eq!(new.run(&["renew", "acme/paint", "--json"]).code, 0);
    assert_eq!(new.sh("exit 0").code, 0, "nobody was asked");
    assert_eq!(it.events("device-lost").len(), 1);
}
