//! Terms that end with the calendar, grace, and the next pass in the background.

use carnet_controller::{Offer, Warning};
use carnet_core::document::Operation;
use carnet_core::license::Act;
use carnet_core::term::Period;
use carnet_core::time::{Length, Time};
use carnet_testkit::server::offer;

use crate::world::{DAY, NOW, World, seconds};

/// Days from the agreement, and days of one pass. Seven days of grace.
pub fn days(total: u32, slice: Option<u32>) -> Offer {
    let mut offer = offer("days", &["resize"]);
    offer.term.period = Some(Period::FromAgreement(Length::days(total)));
    offer.pass_term.period = slice.map(Length::days);
    offer
}

fn day(count: i64) -> Time {
    Time(NOW + count * DAY)
}

#[test]
fn the_end_of_the_license_is_warned_of_also_where_the_server_issues_its_last_pass_again() {
    let world = World::with(days(30, None));
    let run = world.start().unwrap();
    for _ in 0..25 {
        world.pass(seconds(86_400));
        run.tick();
    }
    assert!(world.state().epoch > 1, "issued again, and it ends no later");
    assert_eq!(run.warnings(), [Warning::EndsSoon { at: day(30) }]);
}

#[test]
fn an_expired_pass_runs_and_warns_in_grace_and_ends_with_it() {
    let world = World::with(days(30, None));
    world.server.set_away(true);
    world.pass(seconds(24 * 86_400));
    assert_eq!(world.start().unwrap().warnings(), [], "six days left: a fifth");
    world.pass(seconds(86_400));
    assert_eq!(world.start().unwrap().warnings(), [Warning::EndsSoon { at: day(30) }]);
    world.pass(seconds(6 * 86_400));
    let run = world.start().unwrap();
    assert_eq!(run.warnings(), [Warning::InGrace { until: day(37) }]);
    assert_eq!((run.remaining().ends, run.remaining().grace_until), (Some(day(30)), Some(day(37))));
    assert!(run.warnings()[0].to_string().contains("still works until"));
    world.pass(seconds(6 * 86_400 - 1));
    run.tick();
    assert!(run.allows("resize"));
    let gate = run.gate("resize");
    assert!(!world.run_for(&run, 1) && !gate.is_open());
    let told = run.disapproved().unwrap();
    assert_eq!(told.code, "server-unreachable");
    assert!(told.message.starts_with("the pass ended at "), "{told}");
    drop(run);
    assert_eq!(world.refused(), "server-unreachable");
    world.server.set_away(false);
    assert_eq!(world.refused(), "expired");
}

#[test]
fn the_next_pass_comes_in_the_background_when_a_fifth_is_left() {
    let world = World::with(days(365, Some(10)));
    let run = world.start().unwrap();
    let before = world.server.exchanges();
    for _ in 0..8 * 24 {
        world.pass(seconds(3_600));
        run.tick();
    }
    assert_eq!(world.server.exchanges(), before, "the start and eight days without a word");
    world.pass(seconds(1));
    run.tick();
    assert_eq!(world.server.exchanges(), before + 1);
    assert_eq!(run.remaining().ends, Some(Time(NOW + 18 * DAY + 1_000_000)));
    assert_eq!(run.warnings(), []);
}

#[test]
fn attempts_in_the_background_are_spaced_and_go_on_in_grace() {
    let world = World::with(days(365, Some(10)));
    let run = world.start().unwrap();
    world.server.set_away(true);
    world.pass(seconds(9 * 86_400));
    let before = world.server.exchanges();
    assert!(world.run_for(&run, 3_600));
    let attempts = world.server.exchanges() - before;
    assert!((6..20).contains(&attempts), "{attempts} in an hour");
    world.pass(seconds(2 * 86_400));
    world.server.set_away(false);
    assert!(world.run_for(&run, 1_000), "in grace, and renewed");
    assert_eq!(run.warnings(), []);
}

#[test]
fn a_license_that_ends_itself_is_not_asked_for_more_again_and_again() {
    let world = World::with(days(10, None));
    let run = world.start().unwrap();
    world.pass(seconds(9 * 86_400));
    let before = world.server.exchanges();
    assert!(world.run_for(&run, 3 * 3_600));
    assert!(world.server.exchanges() - before <= 4);
}

#[test]
fn a_suspension_learnt_in_the_background_lets_the_run_go_on_to_the_end_of_its_pass() {
    let world = World::with(Offer { grace: Some(carnet_core::time::Seconds(0)), ..days(365, Some(10)) });
    let run = world.start().unwrap();
    assert!(world.server.act(world.server.licenses()[0].id, Act::Suspend));
    world.pass(seconds(9 * 86_400));
    assert!(world.run_for(&run, 60));
    assert_eq!(world.state().refused, Some(carnet_core::document::Reason::Suspended));
    world.pass(seconds(86_400 - 61));
    assert!(world.run_for(&run, 0));
    assert!(!world.run_for(&run, 1));
    assert_eq!(run.disapproved().unwrap().code, "suspended");
    assert_eq!(world.refused(), "suspended");
}

#[test]
fn a3_the_first_part_used_up_ends_it() {
    let mut offer = days(30, None);
    (offer.term.uses, offer.pass_term.uses) = (Some(2), Some(1));
    offer.grace = Some(carnet_core::time::Seconds(0));
    let world = World::with(offer.clone());
    let run = world.start().unwrap();
    world.pass(seconds(30 * 86_400 - 1));
    run.tick();
    assert!(run.allows("resize"), "the use is counted, the days are not over");
    assert!(!world.run_for(&run, 1));
    let world = World::with(offer);
    drop((world.start().unwrap(), world.start().unwrap()));
    assert_eq!(world.refused(), "exhausted");
}

#[test]
fn a_period_counted_from_the_first_use_begins_with_the_first_start() {
    let mut offer = offer("week", &["resize"]);
    offer.term.period = Some(Period::FromFirstUse(Length::days(7)));
    offer.grace = Some(carnet_core::time::Seconds(0));
    let world = World::with(offer);
    world.server.set_away(true);
    world.pass(seconds(20 * 86_400));
    let run = world.start().unwrap();
    assert_eq!(run.remaining().ends, Some(day(27)));
    world.pass(seconds(7 * 86_400 - 1));
    run.tick();
    assert!(run.allows("resize"));
    assert!(!world.run_for(&run, 1));
}

#[test]
fn i2_a_pass_that_leaves_or_is_given_back_stops_a_running_program_within_a_second() {
    for (operation, code) in [(Operation::Export, "pass-moving"), (Operation::Return, "pass-invalid")] {
        let world = World::with(days(30, None));
        let run = world.start().unwrap();
        assert!(world.run_for(&run, 5));
        assert_eq!(world.ask(operation), None);
        assert!(!world.run_for(&run, 1));
        assert_eq!(run.disapproved().unwrap().code, code);
    }
}

#[test]
fn a23_a_pass_with_other_features_opens_and_closes_gates() {
    let mut first = days(1, None);
    first.grace = Some(carnet_core::time::Seconds(0));
    let world = World::with(first);
    let mut second = offer("more", &["sheet"]);
    second.term.period = Some(Period::FromAgreement(Length::days(400)));
    let run = world.start().unwrap();
    let (resize, sheet) = (run.gate("resize"), run.gate("sheet"));
    assert!(resize.is_open() && !sheet.is_open());
    world.agree(second);
    world.pass(seconds(86_400 - 10));
    assert!(world.run_for(&run, 9));
    assert!(!world.run_for(&run, 3), "the first license is over");
    assert!(!resize.is_open() && sheet.is_open() && run.disapproved().is_none());
}
