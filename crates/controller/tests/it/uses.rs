//! Counted uses.

use carnet_controller::{Disapproved, Offer};
use carnet_core::license::Act;
use carnet_testkit::Mishap;
use carnet_testkit::server::offer;

use crate::world::World;

pub fn uses(total: u64, slice: u64) -> Offer {
    let mut offer = offer("uses", &["resize"]);
    (offer.term.uses, offer.pass_term.uses) = (Some(total), Some(slice));
    offer
}

#[test]
fn a12_a13_ten_uses_are_ten_runs_then_the_menu_comes() {
    let world = World::with(uses(10, 1));
    let before = world.server.exchanges();
    for left in (0..10).rev() {
        let run = world.start().unwrap();
        assert_eq!(run.remaining().uses, Some(left));
        assert_eq!(run.remaining().uses_in_pass, Some(0));
    }
    assert_eq!(world.server.exchanges() - before, 9, "the first pass came with the agreement");
    let told = world.start().unwrap_err();
    assert_eq!((told.code, told.menu.len()), ("exhausted", 1));
    assert_eq!(told.to_string(), "the license is used up: choose an offer from the menu");
    world.agree(uses(2, 2));
    assert_eq!(world.start().unwrap().remaining().uses, Some(1), "continued purchase continues at once");
}

#[test]
fn a12_consuming_beyond_the_pass_fetches_the_next_slice() {
    let world = World::with(uses(10, 3));
    let run = world.start().unwrap();
    let before = world.server.exchanges();
    assert_eq!(run.consume(2).unwrap().uses_in_pass, Some(0));
    assert_eq!(world.server.exchanges(), before, "three in the pass");
    let left = run.consume(5).unwrap();
    assert_eq!((left.uses, left.uses_in_pass), (Some(2), Some(0)), "a slice as large as was needed");
    let told = run.consume(3).unwrap_err();
    assert_eq!(told.code, "no-uses-left");
    assert!(run.allows("resize") && run.disapproved().is_none(), "what was approved goes on");
    assert_eq!(run.consume(2).unwrap().uses, Some(0));
    assert_eq!(run.consume(1).unwrap_err().code, "exhausted");
    drop(run);
    assert_eq!(settled(&world), 10);
}

#[test]
fn no_uses_and_no_server_are_told_together() {
    let world = World::with(uses(2, 1));
    drop(world.start().unwrap());
    world.server.set_away(true);
    let told = world.start().unwrap_err();
    assert_eq!(told.code, "server-unreachable");
    assert!(
        told.message.contains("no uses are left in the pass, and the server cannot be reached"),
        "{told}"
    );
    world.server.set_away(false);
    assert!(world.start().is_ok());
}

#[test]
fn amounts_that_make_no_sense_are_refused_without_asking() {
    let world = World::with(uses(10, 1));
    let run = world.start().unwrap();
    let before = world.server.exchanges();
    for amount in [0, 1_000_000_000_001, u64::MAX] {
        assert_eq!(run.consume(amount).unwrap_err().code, "bad-amount");
    }
    assert_eq!(world.server.exchanges(), before);
}

#[test]
fn a_suspended_license_lets_the_approved_run_go_on_and_refuses_the_next_start() {
    let world = World::with(uses(10, 1));
    let run = world.start().unwrap();
    assert!(world.server.act(world.server.licenses()[0].id, Act::Suspend));
    assert_eq!(run.consume(1).unwrap_err().code, "suspended");
    assert!(world.run_for(&run, 30), "approved until its end");
    drop(run);
    assert_eq!(world.refused(), "suspended");
    assert!(world.server.act(world.server.licenses()[0].id, Act::Reinstate));
    assert_eq!(world.start().unwrap().remaining().uses, Some(8));
}

/// Uses that the server has settled or given out.
fn settled(world: &World) -> u64 {
    let _ = world.ask(carnet_core::document::Operation::Renew { uses: 0 });
    world.server.licenses()[0].uses.unwrap().settled
}

fn approved(result: &Result<carnet_controller::Run, Disapproved>) -> u64 {
    u64::from(result.is_ok())
}

#[test]
fn d2_whatever_happens_on_the_way_no_use_is_lost_or_doubled() {
    let mishaps = [
        Mishap::Away,
        Mishap::RequestLost,
        Mishap::AnswerLost,
        Mishap::Twice,
        Mishap::Slow(crate::world::seconds(10)),
        Mishap::Problem(503),
        Mishap::Garbage,
    ];
    for first in mishaps {
        for second in mishaps {
            let world = World::with(uses(5, 1));
            let mut runs = approved(&world.start());
            for _ in 0..20 {
                world.server.expect([first, second]);
                runs += approved(&world.start()) + approved(&world.start()) + approved(&world.start());
            }
            assert_eq!(runs, 5, "{first:?}, {second:?}");
            assert_eq!(world.refused(), "exhausted", "{first:?}, {second:?}");
            assert_eq!(world.server.licenses()[0].uses.unwrap().settled, 5);
        }
    }
}

#[test]
fn d2_a_program_that_dies_anywhere_in_a_start_costs_at_most_the_use_of_that_start() {
    let points = ["contact-before-send", "contact-before-outcome", "contact-after-outcome", "journal.append"];
    let points = points.into_iter().chain(["journal.written", "journal.synced"]);
    for (point, nth) in points.flat_map(|point| (1..4).map(move |nth| (point, nth))) {
        let world = World::with(uses(4, 1));
        let mut runs = approved(&world.start());
        let crash = carnet_seam::Crash::unwinding(point, nth);
        let died = world.builder().env(world.env_with(crash.clone())).open().unwrap().start();
        runs += approved(&died);
        drop(died);
        world.disk.kill_all();
        while runs < 10 && approved(&world.start()) == 1 {
            runs += 1;
        }
        let lost = u64::from(crash.is_dead());
        assert!((4 - lost..=4).contains(&runs), "{point}:{nth}: {runs} runs of 4");
        assert_eq!(world.refused(), "exhausted", "{point}:{nth}");
    }
}

#[test]
fn a10_a_program_that_was_launched_joins_the_launchers_run_once() {
    let world = World::with(uses(3, 3));
    let launcher = world.start().unwrap();
    let joining = || world.builder().launched_by(launcher.id()).open().unwrap().start().unwrap();
    let program = joining();
    assert_eq!(program.remaining().uses, Some(2), "the launcher's use is the program's");
    let second = joining();
    assert_eq!(second.remaining().uses, Some(1), "one use launches one program");
    drop((program, second));
    assert!(launcher.allows("resize"), "the launcher's run goes on until it ends it itself");
    drop(launcher);
    assert_eq!(world.state().running.len(), 0);
}

#[test]
fn a10_the_run_of_a_launcher_that_is_gone_cannot_be_joined() {
    let world = World::with(uses(3, 3));
    let over = world.start().unwrap().id();
    let joining = world.builder().launched_by(over).open().unwrap();
    assert_eq!(joining.start().unwrap().remaining().uses, Some(1));
    let made_up = world.builder().launched_by(carnet_controller::RunId([9; 16])).open().unwrap();
    assert_eq!(made_up.start().unwrap().remaining().uses, Some(0));
}
