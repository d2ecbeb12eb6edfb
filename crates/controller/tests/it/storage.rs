//! Disks that cannot be written.

use carnet_testkit::disk::{Effect, Fault};

use crate::duration::duration;
use crate::uses::uses;
use crate::world::{HOME, World};

/// As full as it is now.
fn full(world: &World) {
    let bytes: usize = world.disk.files().values().map(Vec::len).sum();
    world.disk.set_capacity(Some(bytes as u64));
}

#[test]
fn a_start_that_cannot_be_recorded_is_refused_and_says_why() {
    let world = World::with(uses(10, 10));
    full(&world);
    let told = world.start().unwrap_err();
    assert_eq!(told.code, "disk-full");
    assert!(told.remedy.contains("free some space"), "{told}");
    world.disk.set_capacity(None);
    world.disk.set_read_only(true);
    assert_eq!(world.refused(), "passbook-read-only");
    world.disk.set_read_only(false);
    world.disk.set_mode(HOME, 0o777);
    assert_eq!(world.refused(), "passbook-unusable");
    world.disk.set_mode(HOME, 0o700);
    world.disk.set_network(Some("nfs"));
    let told = world.start().unwrap_err();
    assert!(told.remedy.contains("CARNET_HOME"), "{told}");
    world.disk.set_network(None);
    assert_eq!(world.start().unwrap().remaining().uses, Some(9), "no use was lost");
}

#[test]
fn a_use_that_cannot_be_recorded_is_none_and_the_run_goes_on() {
    let world = World::with(uses(10, 10));
    let run = world.start().unwrap();
    full(&world);
    assert_eq!(run.consume(1).unwrap_err().code, "disk-full");
    assert!(world.run_for(&run, 5));
    world.disk.set_capacity(None);
    assert_eq!(run.consume(1).unwrap().uses, Some(8));
}

#[test]
fn run_time_that_cannot_be_recorded_is_not_run() {
    let world = World::with(duration(1_000, None));
    let run = world.start().unwrap();
    assert!(world.run_for(&run, 5));
    full(&world);
    assert!(world.run_for(&run, 24), "this block is on record");
    assert!(!world.run_for(&run, 1));
    assert_eq!(run.disapproved().unwrap().code, "disk-full");
}

#[test]
fn a_passbook_that_is_taken_away_or_replaced_under_a_running_program_stops_it() {
    let world = World::with(uses(10, 10));
    let run = world.start().unwrap();
    let files: Vec<_> = world.disk.files().into_keys().filter(|path| path.extension().is_some()).collect();
    files.iter().for_each(|path| world.disk.take(path));
    assert!(!world.run_for(&run, 1));
    assert_eq!(run.disapproved().unwrap().code, "passbook-unusable");
}

#[test]
fn i10_no_failing_operation_of_a_start_or_a_use_loses_more_than_its_own_use_or_panics() {
    for effect in [Effect::Error(carnet_seam::FsFault::Other("I/O error".into())), Effect::Death] {
        for at in 1..200 {
            let world = World::with(uses(10, 10));
            world.disk.set_fault(Some(Fault::at(at, effect.clone())));
            let run = world.start();
            let used = run.as_ref().map(|run| run.consume(2).is_ok()).map_err(|told| told.code);
            drop(run);
            let struck = world.disk.fault_struck();
            world.disk.set_fault(None);
            world.disk.kill_all();
            let left = world.start().unwrap().remaining().uses.unwrap();
            let expected = match used {
                Ok(true) => 6..=6,
                Ok(false) => 6..=8,
                Err(_) => 8..=9,
            };
            assert!(expected.contains(&left), "{effect:?} at {at}: {left} left after {used:?}");
            if !struck {
                break;
            }
        }
    }
}
