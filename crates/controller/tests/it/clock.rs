//! I13: clocks that are set back, forward, or years off.

use carnet_core::time::{Seconds, Time};

use crate::calendar::days;
use crate::uses::uses;
use crate::world::{DAY, HOUR, World, seconds};

#[test]
fn i13_a_clock_set_back_while_running_does_not_stretch_the_pass() {
    let mut offer = days(1, None);
    offer.grace = Some(Seconds(0));
    let world = World::with(offer);
    world.server.set_away(true);
    let run = world.start().unwrap();
    world.pass(seconds(86_400 - 10));
    run.tick();
    world.set_clock(-20 * HOUR);
    assert!(world.run_for(&run, 9));
    assert!(!world.run_for(&run, 1));
}

#[test]
fn i13_a_clock_set_forward_while_running_ends_it_and_one_contact_mends_it() {
    let world = World::with(days(30, None));
    let run = world.start().unwrap();
    world.server.set_away(true);
    world.set_clock(10 * 365 * DAY);
    run.tick();
    assert!(!run.allows("resize"));
    assert!(run.disapproved().unwrap().message.starts_with("the pass ended at"));
    drop(run);
    world.set_clock(0);
    let told = world.start().unwrap_err();
    assert!(told.message.contains("a time that was already reached, and the server cannot"), "{told}");
    world.server.set_away(false);
    let before = world.server.exchanges();
    assert!(world.start().is_ok());
    assert_eq!(world.server.exchanges() - before, 2, "one contact: the open request, then this one");
    world.server.set_away(true);
    assert!(world.start().is_ok(), "mended for good");
}

#[test]
fn i13_a_clock_that_stays_ahead_locks_nobody_out_who_reaches_the_server() {
    let world = World::with(days(30, None));
    world.set_clock(60 * DAY);
    let run = world.start().unwrap();
    assert!(world.run_for(&run, 60), "the server has just said what time it is");
    assert_eq!(world.state().clock.reached, Time(world.server.now().0 - 60_000_000));
}

#[test]
fn a_clock_years_ahead_is_named_as_what_is_wrong() {
    let world = World::with(days(30, None));
    world.set_clock(10 * 365 * DAY);
    let told = world.start().unwrap_err();
    assert_eq!((told.code, told.remedy.as_str()), ("clock-ahead", "set the clock right"));
    world.set_clock(0);
    assert!(world.start().is_ok());
}

#[test]
fn i13_small_corrections_are_forgiven_three_times_between_two_contacts() {
    let world = World::with(uses(100, 100));
    world.pass(seconds(3 * 86_400));
    world.server.set_away(true);
    for _ in 0..3 {
        assert!(world.start().is_ok());
        let back = carnet_seam::Clock::wall_micros(&world.clock) - 5 * HOUR;
        world.clock.set_wall(back);
        assert!(world.start().is_ok());
    }
    let back = carnet_seam::Clock::wall_micros(&world.clock) - 5 * HOUR;
    world.clock.set_wall(back);
    assert_eq!(world.refused(), "server-unreachable");
    world.server.set_away(false);
    assert!(world.start().is_ok());
}

#[test]
fn d3_a_clock_whose_battery_is_empty_works_with_a_contact_at_each_start() {
    let world = World::with(uses(100, 100));
    world.clock.set_wall(0);
    for _ in 0..3 {
        let run = world.start().unwrap();
        assert!(world.run_for(&run, 30));
    }
    world.server.set_away(true);
    let told = world.start().unwrap_err();
    assert!(told.message.contains("the clock is set before"), "{told}");
}

#[test]
fn i13_a_calendar_term_ends_after_its_length_of_running_with_the_clock_set_back_before_each_start() {
    let mut offer = days(2, None);
    offer.grace = Some(Seconds(0));
    let world = World::with(offer);
    world.server.set_away(true);
    let mut hours = 0;
    while let Ok(run) = world.start() {
        for _ in 0..60 {
            world.pass(seconds(60));
            run.tick();
        }
        hours += 1;
        assert!(hours < 60, "it never ends");
        world.disk.kill_all();
        drop(run);
        world.clock.set_wall(crate::world::NOW);
    }
    assert!(hours <= 5, "{hours} hours");
}

#[test]
fn a_boot_time_known_to_nobody_is_no_reason_to_fail() {
    let world = World::with(uses(10, 10));
    let run = world.start().unwrap();
    world.clock.restart();
    assert!(world.run_for(&run, 5));
}
