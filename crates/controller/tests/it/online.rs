//! Uses counted at the server.

use carnet_controller::Offer;
use carnet_core::offer::Counting;
use carnet_testkit::Mishap;

use crate::uses::uses;
use crate::world::World;

fn online(total: u64) -> Offer {
    Offer { counting: Counting::Online, ..uses(total, 1) }
}

#[test]
fn online_counting_asks_before_each_use() {
    let world = World::with(online(5));
    let before = world.server.exchanges();
    let run = world.start().unwrap();
    assert_eq!(world.server.exchanges() - before, 1);
    assert_eq!(run.consume(2).unwrap().uses, Some(2));
    assert_eq!(world.server.exchanges() - before, 2);
    assert_eq!(run.consume(3).unwrap_err().code, "not-enough-left", "only two are left");
    assert!(run.allows("resize"));
    assert_eq!(run.consume(1).unwrap().uses, Some(1));
    world.server.set_away(true);
    let told = run.consume(1).unwrap_err();
    assert_eq!(told.code, "server-unreachable");
    assert!(told.message.starts_with("each use is counted by the license server, and"), "{told}");
    assert_eq!(world.refused(), "server-unreachable");
}

#[test]
fn d3_a_restored_passbook_gains_nothing_with_online_counting() {
    let mut world = World::with(online(5));
    let backup = world.disk.copy();
    let mut runs = 0;
    for _ in 0..8 {
        world.disk = backup.copy();
        runs += u32::from(world.start().is_ok());
    }
    assert!(runs <= 5, "{runs}");
}

#[test]
fn an_answer_that_is_lost_is_not_counted_twice() {
    for mishap in [Mishap::AnswerLost, Mishap::RequestLost, Mishap::Twice] {
        let world = World::with(online(3));
        let mut runs = 0;
        for _ in 0..10 {
            world.server.expect([mishap]);
            runs += u32::from(world.start().is_ok()) + u32::from(world.start().is_ok());
        }
        assert_eq!(runs, 3, "{mishap:?}");
    }
}
