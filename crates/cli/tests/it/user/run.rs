//! A8, A11, A12: a program under its pass: what it is given, what comes back, how it is stopped.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::shop::{FOR_EVER, ONE_SECOND, Shop, TWO_RUNS, User};
use crate::carnet::{Carnet, ran};

/// Twenty seconds, and a shell can hear signals meanwhile.
const A_WHILE: &str = "for i in $(seq 400); do sleep 0.05; done";

/// A shop with one user who may run for ever.
fn licensed() -> (Shop, User) {
    let shop = Shop::open();
    shop.sell(&[FOR_EVER]);
    let ann = shop.user();
    ann.agree("for-ever");
    (shop, ann)
}

#[test]
fn a8_a_program_gets_its_arguments_and_streams_and_its_exit_code_comes_back() {
    let (_shop, ann) = licensed();
    for (script, code) in
        [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143)]
    {
        let ran = ann.sh(script);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (code, "", ""), "{script}");
    }
    let mut command = ann.carnet.command(&[
        "run",
        "acme/paint",
        "--",
        "/bin/sh",
        "-c",
        "echo \"$1|$2\"; cat",
        "-",
        "--json",
        "a  b",
    ]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "--json|a  b\ntyped");
    let spoken = ran(&mut ann.command_sh(&["--json"], "echo out"));
    assert_eq!(spoken.out, "out\n", "stdout is the program's");
    let event: serde_json::Value = serde_json::from_str(spoken.err.trim()).unwrap();
    assert_eq!((&event["event"], &event["app"]), (&"approved".into(), &"acme/paint".into()));
}

#[test]
fn a11_a_program_is_told_the_features_of_the_pass_and_no_secret_of_ours() {
    let (_shop, ann) = licensed();
    let mut command = ann.command_sh(&[], "echo \"$CARNET_FEATURES\"; env");
    let ran = ran(command.env("CARNET_TOKEN", "carnet_sup_canary"));
    assert_eq!(ran.out.lines().next(), Some("resize"));
    assert!(!ran.out.contains("canary"), "{ran:?}");
}

#[test]
fn a8_a_program_with_a_controller_finds_the_passbook_that_carnet_was_told_of() {
    let (_shop, ann) = licensed();
    let home = ann.carnet.home.to_str().unwrap();
    let ran = ran(ann.command_sh(&["--home", home], "echo \"$CARNET_HOME\"").env_remove("CARNET_HOME"));
    assert_eq!((ran.code, ran.out.trim()), (0, home), "{ran:?}");
}

#[test]
fn a12_nothing_is_counted_for_a_program_that_is_not_there() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    for program in ["no-such-program", "/no/such/program", "/etc"] {
        let ran = ann.run(&["run", "acme/paint", "--json", "--", program]);
        assert_eq!(ran.failed(), (2, "program-not-found".into()), "{program}");
    }
    assert_eq!(ann.pass()["uses"]["in_pass"], 1);
    let mut by_name = ann.carnet.command(&["run", "acme/paint", "--", "sh", "-c", "exit 7"]);
    assert_eq!(ran(by_name.env("PATH", "/no/such/folder:/bin")).code, 7);
}

/// A run whose script has said `ready`.
fn ready(ann: &User, options: &[&str], script: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child =
        ann.command_sh(options, script).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, out)
}

#[test]
fn a_signal_to_carnet_reaches_the_program_and_all_that_it_has_started() {
    let (_shop, ann) = licensed();
    // Not INT: a shell has what it starts in the background ignore that one.
    for (name, signal) in [("TERM", Signal::TERM), ("HUP", Signal::HUP), ("USR1", Signal::USR1)] {
        let inner = format!("trap \"echo inner; exit\" {name}; echo ready; {A_WHILE}");
        let script = format!("trap 'wait; exit 3' {name}; /bin/sh -c '{inner}' & {A_WHILE}");
        let (mut child, mut out) = ready(&ann, &[], &script);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!((child.wait().unwrap().code(), rest.as_str()), (Some(3), "inner\n"), "{name}");
    }
}

#[test]
fn ctrl_c_without_a_terminal_ends_the_program_and_gives_128_and_the_signal() {
    let (_shop, ann) = licensed();
    let (mut child, _out) = ready(&ann, &[], "echo ready; exec sleep 60");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a12_when_the_time_is_used_up_the_program_is_asked_to_end_and_then_ended_with_all_it_has_started() {
    let shop = Shop::open();
    shop.sell(&[ONE_SECOND]);
    let ann = shop.user();
    ann.agree("one-second");
    let script = "trap '' TERM; /bin/sh -c 'trap \"\" TERM; sleep 60' & echo ready; echo $!; sleep 60";
    let (mut child, mut out) = ready(&ann, &["--json", "--grace-seconds", "1"], script);
    let mut inner = String::new();
    out.read_line(&mut inner).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    let events: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&events[1]["event"], &events[1]["code"]),
        (&"disapproved".into(), &"exhausted".into()),
        "{said}"
    );
    assert!(events[0]["seconds_left"].as_u64() <= Some(1), "{said}");
    assert!(is_gone(inner.trim()), "what the program has started runs on");
    // A13: and again.
    assert_eq!(ann.agree("one-second")["outcome"], "agreed");
    let (mut child, _out) = ready(&ann, &[], &format!("trap 'exit 0' TERM; echo ready; {A_WHILE}"));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "also when the program ends well in time");
    assert!(said.contains("run disapproved[exhausted]") && said.contains("help: "), "{said}");
}

/// A process that has ended and that nobody has collected yet is gone too.
fn is_gone(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    state.is_err() || state.is_ok_and(|text| text.contains(") Z "))
}

#[test]
fn a12_a_run_that_is_killed_or_dies_anywhere_costs_no_more_than_its_own_use() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let run = ["run", "acme/paint", "--", "/bin/true"];
    for (point, left) in [("journal.append", 2), ("journal.written", 1), ("journal.synced", 1)] {
        let ann = shop.user();
        ann.agree("two-runs");
        assert!(ann.dies(point, &run), "{point} is not reached");
        let runs = std::iter::from_fn(|| (ann.sh("exit 7").code == 7).then_some(())).take(5).count();
        assert_eq!(runs, left, "{point}");
    }
    let ann = shop.user();
    ann.agree("two-runs");
    let (mut child, _out) = ready(&ann, &[], "echo ready; exec sleep 2");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!([ann.sh("exit 7").code, ann.sh("exit 7").code], [7, 4]);
}

#[test]
fn a8_where_nobody_can_be_asked_the_commands_are_named() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let nobody = Carnet::new();
    let ran = nobody.run(&["run", "acme/paint", "--json", "--", "/bin/true"]);
    assert_eq!(ran.failed(), (3, "no-server".into()));
    let ran = nobody.run(&["run", "acme/paint", "--server", &shop.url, "--json", "--", "/bin/true"]);
    assert_eq!(ran.failed(), (3, "not-registered".into()));
    assert!(ran.out.contains("carnet register --server"), "{ran:?}");
    let product = carnet_seal::ProductString {
        app: "acme/paint".parse().unwrap(),
        url: shop.url.parse().unwrap(),
        root: shop.root.parse().unwrap(),
    };
    let ran = nobody.run(&["run", &product.to_string(), "--json", "--", "/bin/true"]);
    assert_eq!(ran.failed(), (3, "not-registered".into()));
    assert!(ran.out.contains(&format!("carnet register --product '{product}'")), "{ran:?}");
    let mistyped = product.to_string().replace("paint", "point");
    assert_eq!(nobody.run(&["run", &mistyped, "--json", "--", "/bin/true"]).failed(), (2, "usage".into()));
}
