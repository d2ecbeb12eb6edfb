//! Several instances of one program on one device.

use crate::duration::duration;
use crate::uses::uses;
use crate::world::World;

#[test]
fn each_start_counts_a_use() {
    let world = World::with(uses(10, 10));
    let (one, other) = (world.start().unwrap(), world.start().unwrap());
    assert_eq!(other.remaining().uses, Some(8));
    assert!(world.run_for(&one, 1));
    assert_eq!(one.remaining().uses, Some(8), "each sees what the others have used");
    one.consume(3).unwrap();
    assert_eq!(other.consume(1).unwrap().uses, Some(4));
}

#[test]
fn a_run_goes_on_when_another_instance_has_used_up_the_last_slice() {
    let world = World::with(uses(10, 4));
    let one = world.start().unwrap();
    while world.start().is_ok() {}
    assert!(world.run_for(&one, 5), "{:?}", one.disapproved());
    assert_eq!(one.consume(1).unwrap_err().code, "exhausted");
    assert!(world.run_for(&one, 5));
}

#[test]
fn run_time_counts_once_however_many_instances_run() {
    let world = World::with(duration(200, None));
    world.server.set_away(true);
    let (one, other, third) = (world.start().unwrap(), world.start().unwrap(), world.start().unwrap());
    for _ in 0..60 {
        world.pass(crate::world::seconds(1));
        [&one, &other, &third].iter().for_each(|run| run.tick());
    }
    drop(one);
    assert_eq!(world.state().used().seconds, 60);
    for _ in 0..60 {
        world.pass(crate::world::seconds(1));
        [&other, &third].iter().for_each(|run| run.tick());
    }
    drop((other, third));
    let used = world.state().used().seconds;
    assert!((119..=120).contains(&used), "{used}: the next one has taken over");
}

#[test]
fn an_instance_that_dies_is_followed_by_another_and_all_end_together() {
    let world = World::with(duration(100, None));
    world.server.set_away(true);
    let crash = carnet_seam::Crash::unwinding("here", 1);
    let one = world.builder().env(world.env_with(crash.clone())).open().unwrap().start().unwrap();
    assert!(world.run_for(&one, 10));
    let other = world.start().unwrap();
    assert!(world.run_for(&other, 1), "somebody else counts");
    assert!(crash.point("here").is_err());
    drop(one);
    assert!(
        world.run_for(&other, 69),
        "from the second after the death, the seventy that were not on record"
    );
    assert!(!world.run_for(&other, 2));
}
