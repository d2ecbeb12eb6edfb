//! Runs, and what happens under them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use carnet_controller::Warning;
use carnet_sandbox::{Grant, Sandbox};

const APP: &str = "umbra/plan";
const DAY: Duration = Duration::from_secs(86_400);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn drawing(condition: &str) -> Grant {
    Grant::new(condition).feature("draw").limit("layers", 16)
}

#[test]
fn a11_a_run_allows_exactly_what_is_granted() {
    let sandbox = Sandbox::granting(APP, drawing("For ever"));
    let run = sandbox.controller().start().unwrap();
    assert!(run.allows("draw") && run.allows("layers") && !run.allows("print"));
    assert_eq!((run.limit("layers"), run.limit("draw")), (Some(16), None));
    assert_eq!(sandbox.controller().product().app.as_str(), APP);
    assert_eq!(sandbox.controller().holding().unwrap().unwrap().condition, "For ever");
}

#[test]
fn a12_uses_are_counted_over_instances_and_slices_as_everywhere() {
    let sandbox = Sandbox::granting(APP, drawing("Ten").uses(10).uses_per_pass(4));
    let (one, other) = (sandbox.controller().start().unwrap(), sandbox.controller().start().unwrap());
    assert_eq!(one.consume(3).unwrap().uses, Some(5), "with the next slice");
    assert_eq!(other.consume(1).unwrap().uses, Some(4));
    sandbox.use_up();
    assert_eq!(one.consume(1).unwrap_err().code, "exhausted");
    assert!(one.allows("draw"), "what the run is approved for goes on");
}

#[test]
fn a12_run_time_ends_to_the_second_and_a_closed_lid_costs_a_block_at_most() {
    let sandbox = Sandbox::granting(APP, drawing("Two minutes").run_time(seconds(120)));
    let run = sandbox.controller().start().unwrap();
    let gate = run.gate("draw");
    sandbox.time_passes(seconds(40));
    sandbox.sleep(seconds(3_600));
    assert_eq!(run.remaining().seconds, Some(60), "two blocks of 30 seconds, the second one slept through");
    sandbox.time_passes(seconds(59));
    assert!(gate.is_open());
    sandbox.time_passes(seconds(1));
    assert!(!gate.is_open());
    assert_eq!(run.disapproved().unwrap().code, "exhausted");
}

#[test]
fn a_pass_expires_warns_in_grace_and_the_next_one_comes_by_itself() {
    let grant = drawing("A month").days(30).days_per_pass(10);
    let sandbox = Sandbox::granting(APP, grant);
    let run = sandbox.controller().start().unwrap();
    let end = run.remaining().ends.unwrap();
    sandbox.sleep(9 * DAY);
    assert!(run.remaining().ends.unwrap() > end && run.allows("draw"), "renewed in the background");
    sandbox.go_offline();
    sandbox.sleep(11 * DAY);
    assert!(matches!(run.warnings()[..], [Warning::InGrace { .. }]), "{:?}", run.warnings());
    sandbox.expire();
    assert!(!run.allows("draw"));
    assert_eq!(run.disapproved().unwrap().code, "server-unreachable");
}

#[test]
fn a3_fixed_dates_end_when_they_say() {
    let end = "2026-12-24T18:00:00Z".parse().unwrap();
    let sandbox = Sandbox::granting(APP, drawing("Until Christmas").until(end).grace(Duration::ZERO));
    let run = sandbox.controller().start().unwrap();
    assert_eq!(run.remaining().ends, Some(end));
    sandbox.expire();
    assert_eq!((sandbox.now(), run.allows("draw")), (end, false));
}

#[test]
fn what_others_do_reaches_a_run_at_once() {
    let run_of = || {
        let sandbox = Sandbox::granting(APP, drawing("For ever"));
        let run = sandbox.controller().start().unwrap();
        (sandbox, run)
    };
    let (sandbox, run) = run_of();
    let told = Arc::new(AtomicU32::new(0));
    let count = told.clone();
    run.on_disapproved(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    sandbox.revoke();
    assert_eq!((run.allows("draw"), told.load(Ordering::SeqCst)), (false, 1));

    let (sandbox, run) = run_of();
    sandbox.move_away();
    assert_eq!(run.disapproved().unwrap().code, "pass-moving");

    let (sandbox, run) = run_of();
    sandbox.suspend();
    assert!(run.allows("draw"), "an approved run goes on to its end");
    assert_eq!(sandbox.controller().start().unwrap_err().code, "suspended");
}

#[test]
fn online_counting_needs_the_server_for_each_use() {
    let sandbox = Sandbox::granting(APP, drawing("Online").uses(10).counted_online());
    let run = sandbox.controller().start().unwrap();
    sandbox.go_offline();
    assert_eq!(run.consume(1).unwrap_err().code, "server-unreachable");
    sandbox.go_online();
    assert_eq!(run.consume(1).unwrap().uses, Some(8));
}

#[test]
fn i13_a_clock_that_is_set_back_gains_nothing() {
    let sandbox = Sandbox::granting(APP, drawing("A day").days(1).grace(Duration::ZERO));
    let run = sandbox.controller().start().unwrap();
    sandbox.go_offline();
    sandbox.sleep(seconds(86_390));
    sandbox.set_clock_back(seconds(72_000));
    assert!(run.allows("draw"));
    sandbox.sleep(seconds(10));
    assert!(!run.allows("draw"));
}

#[test]
fn two_sandboxes_know_nothing_of_each_other() {
    let (one, other) = (Sandbox::granting(APP, drawing("One")), Sandbox::registered(APP));
    assert!(one.controller().start().is_ok());
    assert!(other.controller().start().is_err());
    one.revoke();
    other.agree(drawing("Other"));
    assert!(other.controller().start().is_ok());
}
