//! Counted run time.

use carnet_controller::Offer;
use carnet_core::license::Act;
use carnet_core::time::Seconds;
use carnet_testkit::server::offer;

use crate::world::{World, seconds};

/// Run time: how much in all, and how much in one pass.
pub fn duration(total: u64, slice: Option<u64>) -> Offer {
    let mut offer = offer("hours", &["resize"]);
    (offer.term.duration, offer.pass_term.duration) = (Some(Seconds(total)), slice.map(Seconds));
    offer
}

#[test]
fn run_time_ends_exactly_when_it_is_used_up() {
    let world = World::with(duration(100, None));
    world.server.set_away(true);
    let run = world.start().unwrap();
    let gate = run.gate("resize");
    assert!(world.run_for(&run, 99) && gate.is_open());
    assert_eq!(run.remaining().seconds, Some(1));
    assert!(!world.run_for(&run, 1) && !gate.is_open());
    let told = run.disapproved().unwrap();
    assert_eq!(told.code, "server-unreachable");
    assert!(told.message.contains("no run time is left in the pass, and the server"), "{told}");
    assert_eq!(run.remaining().seconds, Some(0));
    drop(run);
    world.server.set_away(false);
    let told = world.start().unwrap_err();
    assert_eq!((told.code, told.menu.len()), ("exhausted", 1));
}

#[test]
fn a12_the_next_slice_comes_before_the_time_is_up_and_the_run_never_stops() {
    let world = World::with(duration(150, Some(60)));
    let run = world.start().unwrap();
    for second in 1..150 {
        assert!(world.run_for(&run, 1), "second {second}");
    }
    assert!(!world.run_for(&run, 1));
    let told = run.disapproved().unwrap();
    assert_eq!((told.code, told.menu.len()), ("exhausted", 1));
    assert_eq!(world.server.licenses()[0].seconds.unwrap().settled, 150);
}

#[test]
fn the_last_moment_is_soon_enough_for_the_next_slice() {
    let world = World::with(duration(90, Some(60)));
    world.server.set_away(true);
    let run = world.start().unwrap();
    assert!(world.run_for(&run, 59));
    world.server.set_away(false);
    assert!(world.run_for(&run, 1), "asked again when the time was up");
    assert!(world.run_for(&run, 29));
    assert!(!world.run_for(&run, 1));
}

#[test]
fn a_clean_end_costs_what_was_run_and_a_crash_at_most_a_block() {
    let world = World::with(duration(100, None));
    world.server.set_away(true);
    let run = world.start().unwrap();
    assert!(world.run_for(&run, 5));
    drop(run);
    assert_eq!(world.state().used().seconds, 5);
    let run = world.start().unwrap();
    assert!(world.run_for(&run, 5));
    world.disk.kill_all();
    drop(run);
    assert_eq!(world.state().used().seconds, 35, "a block was on record");
    let run = world.start().unwrap();
    assert!(world.run_for(&run, 64));
    assert!(!world.run_for(&run, 1));
}

#[test]
fn a_machine_that_sleeps_is_not_running() {
    let world = World::with(duration(100, None));
    let run = world.start().unwrap();
    assert!(world.run_for(&run, 10));
    world.pass(seconds(8 * 3_600));
    run.tick();
    assert!(run.allows("resize"));
    assert_eq!(run.remaining().seconds, Some(70), "the block that was on record is gone, no more");
}

#[test]
fn a_suspended_license_lets_what_is_on_record_be_run_and_no_more() {
    let world = World::with(duration(1_000, Some(60)));
    let run = world.start().unwrap();
    assert!(world.run_for(&run, 10));
    assert!(world.server.act(world.server.licenses()[0].id, Act::Suspend));
    assert!(world.run_for(&run, 49), "the pass has 60 seconds");
    assert!(!world.run_for(&run, 1));
    assert_eq!(run.disapproved().unwrap().code, "suspended");
    assert_eq!(world.refused(), "suspended");
}

#[test]
fn what_was_reported_is_not_given_back() {
    let world = World::with(duration(100, None));
    let run = world.start().unwrap();
    assert!(world.run_for(&run, 3));
    let _ = world.ask(carnet_core::document::Operation::Renew { uses: 0 });
    drop(run);
    assert_eq!(world.state().used().seconds, 30, "the server knows of the block");
    assert!(world.start().is_ok(), "and the journal has not gone backwards");
    assert_eq!(world.ask(carnet_core::document::Operation::Renew { uses: 0 }), None);
}
