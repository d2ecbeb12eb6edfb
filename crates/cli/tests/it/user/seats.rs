//! Floating seats with the real programs: taken at the start, given back at the end, however many programs run by one.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::shop::{Shop, User};

const SEAT: &str = r#"
[[offer]]
name = "seat"
condition = "One seat for the team"
features = ["resize"]
fee = "free"
term = "perpetual"
pass = { period = "15 minutes" }
floating = { borrow = "7 days" }
"#;

/// One seat, two devices of one user.
fn team() -> (Shop, User, User) {
    let shop = Shop::open();
    shop.sell(&[SEAT]);
    let laptop = shop.user();
    laptop.agree("seat");
    let desk = shop.second_device(&laptop);
    (shop, laptop, desk)
}

/// A program that runs until its standard input ends, and has started when this returns.
fn running(user: &User) -> Child {
    let mut command = user.command_sh(&[], "echo ready; cat >/dev/null; exit 3");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn ended(mut child: Child) {
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn a_seat_goes_from_device_to_device_with_the_programs_that_use_it() {
    let (_shop, laptop, desk) = team();
    assert_eq!(laptop.sh("exit 7").code, 7);
    let at_desk = running(&desk);
    let refused = laptop.sh("exit 7");
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("one comes back at "), "{refused:?}");
    let told = laptop.run(&["renew", "acme/paint", "--json"]);
    assert_eq!(told.failed(), (5, "held-elsewhere".into()));
    let holder = &told.json()["error"]["details"][0];
    let device = desk.pass()["device"].as_str().unwrap().to_owned();
    assert!(holder["message"].as_str().unwrap().contains(&format!("({device}) has one until ")), "{holder}");
    assert!(holder["remedy"].as_str().unwrap().contains("carnet return"), "{holder}");
    ended(at_desk);
    assert_eq!(laptop.sh("exit 7").code, 7, "given back when the program at the desk had ended");
    assert_eq!(desk.sh("exit 8").code, 8);
}

#[test]
fn a_seat_stays_while_any_program_of_the_device_runs_by_it() {
    let (_shop, laptop, desk) = team();
    let (first, second) = (running(&laptop), running(&laptop));
    ended(first);
    assert_eq!(desk.sh("exit 7").code, 4, "the second one still runs");
    ended(second);
    assert_eq!(desk.sh("exit 7").code, 7);
}

#[test]
fn a_program_that_was_killed_does_not_keep_the_next_one_from_giving_the_seat_back() {
    let (_shop, laptop, desk) = team();
    let mut killed = running(&laptop);
    killed.kill().unwrap();
    killed.wait().unwrap();
    // A start that is younger than this might not have been marked yet, and counts as one that runs.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(desk.sh("exit 7").code, 4, "whoever kills a program keeps its seat until the pass ends");
    assert_eq!(laptop.sh("exit 7").code, 7);
    assert_eq!(desk.sh("exit 7").code, 7, "its next clean end gives it back");
}

#[test]
fn a_borrowed_seat_works_without_the_server_and_goes_back_when_told() {
    let (mut shop, laptop, desk) = team();
    let long = laptop.run(&["borrow", "acme/paint", "--for", "8 days", "--json"]);
    assert_eq!(long.failed(), (5, "not-borrowable".into()));
    assert_eq!(long.json()["error"]["remedy"], "borrow it for 7 days at most");
    let never = laptop.run(&["borrow", "acme/paint", "--for", "0 days", "--json"]);
    assert_eq!(never.failed().0, 2);
    let borrowed = laptop.run(&["borrow", "acme/paint", "--for", "3 days"]);
    assert_eq!(borrowed.code, 0, "{borrowed:?}");
    assert!(borrowed.out.contains("is borrowed until ") && borrowed.out.contains("carnet return acme/paint"));
    shop.close();
    assert_eq!((laptop.sh("exit 7").code, laptop.sh("exit 7").code), (7, 7));
    shop.reopen();
    assert_eq!(laptop.sh("exit 7").code, 7);
    assert_eq!(desk.sh("exit 7").code, 4, "the end of a run gives no borrowed seat back");
    assert_eq!(laptop.run(&["return", "acme/paint"]).code, 0);
    assert_eq!(desk.sh("exit 7").code, 7);
}

#[test]
fn a_server_that_is_away_keeps_nobody_from_ending_and_the_seat_stays_good_here() {
    let (mut shop, laptop, desk) = team();
    let program = running(&laptop);
    shop.close();
    ended(program);
    assert_eq!(laptop.sh("exit 7").code, 7, "its pass is still good");
    shop.reopen();
    assert_eq!(laptop.sh("exit 7").code, 7);
    assert_eq!(desk.sh("exit 7").code, 7);
}
