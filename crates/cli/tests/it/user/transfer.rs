//! B9 and B10 with the real programs: from one device of a user to another, and what each of them does for it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::install::{controller, count, files, install, publish, read, shop};
use super::shop::{Shop, User};
use crate::carnet::Carnet;

const TEN_RUNS: &str = r#"
[[offer]]
name = "ten-runs"
condition = "Ten runs"
features = ["resize"]
fee = "free"
term = { uses = 10 }
pass = { uses = 4 }
"#;

/// A user with two devices, and the app on the first of them.
struct Pair {
    shop: Shop,
    laptop: User,
    desk: User,
    /// What the server calls them.
    ids: [String; 2],
}

impl Pair {
    /// Ten runs, so many devices given up a year.
    fn with_ten_runs(self_service: u32) -> Self {
        let shop = Shop::open();
        let offer = TEN_RUNS.replace("term =", &format!("lost_devices_per_year = {self_service}\nterm ="));
        shop.sell(&[&offer]);
        let laptop = shop.user();
        laptop.agree("ten-runs");
        Self::of(shop, laptop)
    }

    /// A program that is installed from an image, with content that stays sealed.
    fn with_program() -> Self {
        let shop = shop();
        publish(&shop, "1.0.0");
        let laptop = shop.user();
        let ordered = laptop.run(&["order", "acme/paint", "large", "--yes", "--json"]);
        assert_eq!(ordered.code, 0, "{ordered:?}");
        install(&laptop, &[]);
        Self::of(shop, laptop)
    }

    fn of(shop: Shop, laptop: User) -> Self {
        let desk = shop.second_device(&laptop);
        let ids = [&laptop, &desk].map(id_of);
        Self { shop, laptop, desk, ids }
    }

    /// The command line of a transfer from the laptop to the desk.
    fn there<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let [laptop, desk] = [&self.ids[0], &self.ids[1]].map(String::as_str);
        [&["transfer", "--from", laptop, "--to", desk, "--all", "--yes", "--json"][..], more].concat()
    }

    fn back(&self) -> Vec<&str> {
        let [laptop, desk] = [&self.ids[0], &self.ids[1]].map(String::as_str);
        vec!["transfer", "--from", desk, "--to", laptop, "--all", "--yes", "--json"]
    }
}

fn id_of(user: &User) -> String {
    user.run(&["status", "--json"]).json()["servers"][0]["device"].as_str().unwrap().to_owned()
}

fn done(user: &User, arguments: &[&str]) -> Value {
    let ran = user.run(arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
    ran.json()
}

/// What `carnet sync` has done here, app by app.
fn synced(user: &User) -> Vec<String> {
    let done = done(user, &["sync", "--json"]);
    let apps = done[0]["apps"].as_array().unwrap();
    apps.iter().map(|app| app["outcome"].as_str().unwrap().to_owned()).collect()
}

fn outcome(told: &Value) -> &str {
    told["apps"][0]["outcome"].as_str().unwrap()
}

#[test]
fn b9_b10_a_program_goes_to_another_device_with_its_own_key_and_is_gone_from_the_first() {
    let it = Pair::with_program();
    let told = done(&it.desk, &it.there(&[]));
    assert_eq!(outcome(&told), "at-once", "{told}");
    assert_eq!(synced(&it.desk), ["fetched", "installed"]);
    assert_eq!(fs::read_to_string(files(&it.desk).join("paint")).unwrap(), "paint 1.0.0");
    let run = controller(&it.desk).start().unwrap();
    assert_eq!(read(&run, "brushes/oil"), Ok("oil 1.0.0".into()), "B9: the key opens it here");
    run.end();
    assert_eq!((count(&it.shop, "key-ordered"), count(&it.shop, "key-delivered")), (2, 2), "its own order");
    assert_eq!(it.shop.licenses().len(), 1, "no second license");
    let charges = it.shop.supplier(&["supplier", "charges", "--json"]).json();
    assert_eq!(charges["data"].as_array().map(Vec::len), Some(0), "no second charge: {charges}");

    assert_eq!(synced(&it.laptop), ["given-back", "removed"]);
    assert!(!files(&it.laptop).exists(), "B10: what was installed is removed");
    assert_eq!(it.laptop.sh("true").code, 4);
    assert!(controller(&it.laptop).start().is_err());
    assert_eq!(it.laptop.run(&["install", "acme/paint", "--json"]).failed(), (5, "held-elsewhere".into()));
    assert_eq!(it.shop.licenses()[0]["at_risk"], 0, "B10: it was at risk until it had heard of it");
    assert_eq!(
        (synced(&it.laptop), synced(&it.desk)),
        (vec![], vec![]),
        "a second time there is nothing to do"
    );

    // Taken back by transferring back: the desk gives it away itself.
    let told = done(&it.desk, &it.back());
    assert_eq!(outcome(&told), "waits", "{told}");
    assert_eq!(synced(&it.laptop), ["fetched", "installed"]);
    assert_eq!(synced(&it.desk), ["removed"]);
    assert!(files(&it.laptop).exists() && !files(&it.desk).exists());
}

#[test]
fn b9_whoever_gives_it_away_loses_nothing_and_at_once_the_slice_is_lost() {
    let it = Pair::with_ten_runs(2);
    assert_eq!(it.laptop.sh("true").code, 0);
    let told = done(&it.laptop, &it.there(&[]));
    assert_eq!(outcome(&told), "waits", "{told}");
    assert_eq!(synced(&it.desk), ["fetched"]);
    assert_eq!(it.desk.sh("true").code, 0);
    let seen = &it.shop.licenses()[0];
    assert_eq!((&seen["validity"]["uses"]["forfeited"], &seen["self_service_left"]), (&0.into(), &2.into()));
    assert_eq!(it.laptop.run(&["run", "acme/paint", "--json", "--", "/bin/true"]).failed().1, "pass-invalid");

    // From elsewhere, and without waiting: what the desk has left is lost.
    let told = done(&it.laptop, &it.back());
    assert_eq!((outcome(&told), &told["apps"][0]["lost_uses"]), ("at-once", &4.into()), "{told}");
    assert_eq!(synced(&it.laptop), ["fetched"]);
    assert_eq!(it.laptop.sh("true").code, 0);
    let seen = &it.shop.licenses()[0];
    assert_eq!((&seen["at_risk"], &seen["self_service_left"]), (&1.into(), &1.into()));
    assert_eq!(it.desk.sh("true").code, 0, "offline it runs on: that is the risk");
    assert_eq!(synced(&it.desk), ["given-back"]);
    assert_eq!(it.desk.sh("true").code, 4);
    let seen = &it.shop.licenses()[0]["validity"]["uses"];
    assert_eq!((&seen["used"], &seen["forfeited"]), (&3.into(), &2.into()), "{seen}");
}

#[test]
fn b9_beyond_the_limit_both_are_told_that_the_source_is_waited_for() {
    let it = Pair::with_ten_runs(0);
    let told = done(&it.desk, &it.there(&[]));
    assert_eq!(outcome(&told), "waits", "{told}");
    assert_eq!(synced(&it.desk), ["waits"]);
    assert_eq!(it.desk.run(&["renew", "acme/paint", "--json"]).failed(), (5, "held-elsewhere".into()));
    assert_eq!(it.laptop.sh("true").code, 0, "it has not heard of it");
    let told = it.laptop.run(&["renew", "acme/paint", "--json"]);
    assert_eq!(told.failed(), (5, "transferred".into()), "its next contact tells it");
    assert_eq!(it.laptop.sh("true").code, 4);
    assert_eq!(synced(&it.desk), ["fetched"]);
    let seen = &it.shop.licenses()[0]["validity"]["uses"];
    assert_eq!((&seen["used"], &seen["forfeited"], &seen["remaining"]), (&1.into(), &0.into(), &5.into()));
    let events = it.shop.supplier(&["supplier", "events", "--json"]).out;
    assert!(events.contains("\"transferred\"") && events.contains("handed-over"), "{events}");
}

#[test]
fn b9_what_cannot_go_is_refused_with_its_reason() {
    let it = Pair::with_ten_runs(2);
    let [laptop, desk] = [&it.ids[0], &it.ids[1]].map(String::as_str);
    let fails = |arguments: &[&str]| it.desk.run(&[&["transfer", "--json"], arguments].concat()).failed();
    assert_eq!(fails(&["--from", laptop, "--to", laptop, "--all", "--yes"]), (5, "same-device".into()));
    assert_eq!(fails(&["--from", desk, "--to", laptop, "--all", "--yes"]), (5, "not-held-there".into()));
    assert_eq!(fails(&["--from", "nobody", "--to", desk, "--all", "--yes"]), (5, "no-such-device".into()));
    assert_eq!(fails(&["--from", laptop, "--to", desk, "--all"]), (2, "needs-answer".into()));
    assert_eq!(fails(&["--from", laptop, "--to", desk, "--yes"]), (2, "usage".into()));
    assert_eq!(fails(&["--all", "--yes"]), (2, "usage".into()));
    assert_eq!(it.laptop.sh("true").code, 0, "nothing has changed");

    // Before it is confirmed, it is said what will happen.
    let asked = it.desk.run(&["transfer", "--from", laptop, "--to", desk, "--app", "acme/paint"]);
    assert_eq!(asked.code, 2, "{asked:?}");
    for words in ["4 uses in its pass are lost", "stays one of your devices", "Nothing is charged for it"] {
        assert!(asked.err.contains(words), "{words}: {asked:?}");
    }
}

#[test]
fn b10_a_program_that_lies_in_two_places_is_gone_from_both() {
    let it = Pair::with_program();
    let first = files(&it.laptop);
    let elsewhere = it.laptop.carnet.home.join("elsewhere");
    done(&it.laptop, &["install", "acme/paint", "--to", &elsewhere.to_string_lossy(), "--json"]);
    let second = elsewhere.join("acme.paint/current/files");
    assert!(first.join("paint").exists() && second.join("paint").exists());
    done(&it.laptop, &it.there(&[]));
    assert_eq!(synced(&it.laptop), ["removed"]);
    assert!(!first.exists() && !second.exists());
}

#[test]
fn b10_a_device_retired_with_the_transfer_orders_nothing_until_it_is_registered_again() {
    let it = Pair::with_ten_runs(2);
    let told = done(&it.desk, &it.there(&["--retire"]));
    assert_eq!((outcome(&told), &told["retired"]), ("at-once", &true.into()), "{told}");
    assert_eq!(synced(&it.laptop), ["given-back"]);
    let refused = it.laptop.run(&["agree", "acme/paint", "ten-runs", "--yes", "--json"]);
    assert_eq!(refused.failed(), (5, "retired".into()));
    assert_eq!(synced(&it.desk), ["fetched"]);
    assert_eq!(it.desk.sh("true").code, 0);
    let refused = it.desk.run(&it.back());
    assert_eq!(refused.failed(), (5, "retired-there".into()));
}

#[test]
fn b10_a_running_program_is_told_to_stop() {
    let it = Pair::with_ten_runs(2);
    let script = "trap 'echo told; exit 9' TERM; echo ready; for i in $(seq 400); do sleep 0.05; done";
    let mut command = it.laptop.command_sh(&["--json"], script);
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    done(&it.desk, &it.there(&[]));
    assert_eq!(synced(&it.laptop), ["given-back"]);
    assert_eq!(lines.next().unwrap().unwrap(), "told");
    assert_eq!(running.wait().unwrap().code(), Some(4));
}

/// One seat, so short that its program asks for the next pass while it runs.
const SEAT: &str = r#"
[[offer]]
name = "seat"
condition = "One seat"
features = ["resize"]
fee = "free"
term = "perpetual"
pass = { period = "10 seconds" }
floating = {}
"#;

#[test]
fn b10_a_running_program_hears_of_it_at_its_own_next_contact() {
    let shop = Shop::open();
    shop.sell(&[SEAT]);
    let laptop = shop.user();
    laptop.agree("seat");
    let it = Pair::of(shop, laptop);
    let script = "trap 'echo told; exit 9' TERM; echo ready; for i in $(seq 600); do sleep 0.05; done";
    let mut command = it.laptop.command_sh(&["--json"], script);
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    assert_eq!(outcome(&done(&it.desk, &it.there(&["--wait"]))), "waits");
    assert_eq!(lines.next().unwrap().unwrap(), "told");
    assert_eq!(running.wait().unwrap().code(), Some(4));
    assert_eq!(it.desk.sh("exit 7").code, 7, "what it gave back is here at the next start");
}

#[test]
fn b10_an_agent_does_all_that_by_itself_and_stops_when_it_is_told() {
    let it = Pair::with_program();
    let agent = |user: &User| {
        let mut command = user.carnet.command(&["agent", "--every", "1"]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut agents = [agent(&it.laptop), agent(&it.desk)];
    done(&it.desk, &it.there(&[]));
    for (agent, last) in agents.iter_mut().zip(["acme/paint is removed", "acme/paint 1.0.0 is installed"]) {
        let mut lines = BufReader::new(agent.stdout.as_mut().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().starts_with(last)), "{last}");
    }
    assert!(!files(&it.laptop).exists() && files(&it.desk).exists());
    for mut agent in agents {
        let pid = rustix::process::Pid::from_child(&agent);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert_eq!(agent.wait().unwrap().code(), Some(0));
    }
}

/// Where a process may die: asking, giving back, removing; fetching, ordering keys, installing.
const POINTS: [&str; 13] = [
    "journal.append:1",
    "contact-before-send:1",
    "contact-before-outcome:1",
    "contact-after-outcome:1",
    "contact-before-send:2",
    "contact-before-outcome:2",
    "contact-after-outcome:2",
    "uninstall.unlinked:1",
    "sync-before-effects-done:1",
    "sync-before-fetch:1",
    "contact-before-outcome:3",
    "install.extracted:1",
    "install.switched:1",
];

#[test]
fn b9_b10_a_transfer_that_dies_anywhere_on_either_side_is_carried_on() {
    // The source gives it away, or the destination asks for it and waits for the source.
    for source_asks in [true, false] {
        dies_anywhere(source_asks);
    }
}

fn dies_anywhere(source_asks: bool) {
    let it = Pair::with_program();
    let (mut from, mut to) = ((&it.laptop, 0), (&it.desk, 1));
    for point in POINTS {
        let ids = [from.1, to.1].map(|at: usize| it.ids[at].as_str());
        let transfer = ["transfer", "--from", ids[0], "--to", ids[1], "--all", "--wait", "--yes", "--json"];
        let asker = if source_asks { from.0 } else { to.0 };
        // Whatever it has come to, the same command, or sync, goes on.
        if asker.dies(point, &transfer) {
            let again = asker.run(&transfer);
            let through = again.code == 0 || again.failed() == (5, "not-held-there".into());
            assert!(through, "{point}: {again:?}");
        }
        from.0.dies(point, &["sync"]);
        synced(from.0);
        assert!(!files(from.0).exists(), "{point}");
        assert_eq!(from.0.run(&["run", "acme/paint", "--", "/bin/true"]).code, 4, "{point}");
        to.0.dies(point, &["sync"]);
        synced(to.0);
        assert_eq!(fs::read_to_string(files(to.0).join("paint")).unwrap(), "paint 1.0.0", "{point}");
        let run = controller(to.0).start().unwrap();
        assert_eq!(read(&run, "brushes/oil"), Ok("oil 1.0.0".into()), "{point}");
        run.end();
        assert_eq!((synced(from.0), synced(to.0)), (vec![], vec![]), "{point}");
        std::mem::swap(&mut from, &mut to);
    }
    let seen = it.shop.licenses();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (&seen[0]["at_risk"], &seen[0]["self_service_left"]),
        (&0.into(), &2.into()),
        "nobody was given up"
    );
}

#[test]
fn b9_d4_without_a_network_a_transfer_is_carried_and_what_goes_is_given_back_apart() {
    let it = Pair::with_ten_runs(0);
    let elsewhere = Carnet::new();
    let ask = elsewhere.home.join("ask.txt").display().to_string();
    for command in [it.there(&[]), vec!["return", "acme/paint", "--json"]] {
        let written = it.laptop.run(&[&command[..], &["--request-to", &ask]].concat());
        assert_eq!(written.code, 0, "{written:?}");
        let answer = elsewhere.run(&["relay", &ask, "--json"]).json()["files"][0].clone();
        let taken = it.laptop.run(&[&command[..], &["--answer", answer.as_str().unwrap()]].concat());
        assert_eq!(taken.code, 0, "{taken:?}");
    }
    assert_eq!(synced(&it.desk), ["fetched"]);
    assert_eq!(it.laptop.sh("true").code, 4);
    let by_name =
        it.laptop.run(&["transfer", "--from", "a", "--to", "b", "--all", "--request-to", &ask, "--json"]);
    assert_eq!(by_name.failed(), (2, "usage".into()));
}
