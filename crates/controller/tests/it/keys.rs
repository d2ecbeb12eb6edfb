//! The server's keys are gone from the passbook: they come back at the next contact, and nothing else happens.

use std::path::PathBuf;

use carnet_controller::Disapproved;
use carnet_testkit::Mishap;

use crate::uses::uses;
use crate::world::{HOME, World, app};

fn lose_keys(world: &World) {
    let key_sets: Vec<_> = world.disk.files().into_keys().filter(|path| path.ends_with("key-set")).collect();
    assert!(key_sets.len() == 1 && key_sets[0].starts_with(HOME));
    world.disk.take(&key_sets[0]);
}

fn journals(world: &World) -> Vec<PathBuf> {
    let files = world.disk.files().into_keys();
    files.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect()
}

/// With a pass, and with the receipt alone.
fn worlds() -> [World; 2] {
    let registered = World::new();
    registered.register();
    registered.server.put_menu(&app(), vec![uses(10, 5)]);
    [World::with(uses(10, 5)), registered]
}

fn tells_of_keys(told: &Disapproved) {
    assert_eq!(told.code, "server-unreachable", "{told}");
    assert!(told.message.starts_with("the keys of the license server are missing on this device"), "{told}");
    assert_eq!(told.remedy, "connect to the license server once");
}

#[test]
fn i8_keys_that_were_lost_come_back_at_the_next_start_and_cost_nothing() {
    let [with_pass, registered] = worlds();
    lose_keys(&with_pass);
    let before = with_pass.server.exchanges();
    let run = with_pass.start().unwrap();
    assert_eq!(run.remaining().uses_in_pass, Some(4), "no other pass was asked for");
    assert_eq!(with_pass.server.exchanges() - before, 1, "the key set alone");
    drop(run);
    with_pass.server.set_away(true);
    assert!(with_pass.start().is_ok(), "from here on it works offline again");

    lose_keys(&registered);
    assert_eq!(registered.refused(), "no-license");
    registered.agree(uses(10, 5));
    assert_eq!(registered.start().unwrap().remaining().uses, Some(9), "the journal began with the receipt");
}

#[test]
fn i8_without_keys_and_without_the_server_a_start_says_so_and_what_to_do() {
    for world in worlds() {
        lose_keys(&world);
        let before = journals(&world);
        world.server.set_away(true);
        tells_of_keys(&world.start().unwrap_err());
        world.server.set_away(false);
        world.server.expect([Mishap::RequestLost]);
        let asked = carnet_seam::Clock::boot_micros(&world.server_clock);
        tells_of_keys(&world.start().unwrap_err());
        assert!(carnet_seam::Clock::boot_micros(&world.server_clock) - asked <= 3_000_000);
        if world.state().held.is_none() {
            assert!(journals(&world) == before, "no journal begins before its receipt is known");
        }
        assert_ne!(world.start().err().map(|told| told.code), Some("server-unreachable"));
    }
}

#[test]
fn i12_keys_of_another_root_are_not_taken_for_those_that_were_lost() {
    let world = World::with(uses(10, 5));
    lose_keys(&world);
    world.server.expect([Mishap::Garbage]);
    let told = world.start().unwrap_err();
    assert_eq!(told.code, "server-not-trusted", "{told}");
    assert!(told.message.contains("keys of the license server are missing"), "{told}");
    assert!(world.start().is_ok());
}

#[test]
fn what_is_held_can_be_shown_without_keys_and_nobody_is_asked() {
    let world = World::with(uses(10, 5));
    lose_keys(&world);
    let before = world.server.exchanges();
    let holding = world.controller().holding().unwrap().unwrap();
    tells_of_keys(&holding.disapproved.unwrap());
    assert_eq!(world.server.exchanges(), before);
}

#[test]
fn a_run_goes_on_when_the_keys_are_taken_away_under_it_and_gets_its_next_pass() {
    let world = World::with(uses(10, 2));
    let run = world.start().unwrap();
    lose_keys(&world);
    assert!(world.run_for(&run, 3));
    run.consume(4).unwrap();
    assert_eq!(run.remaining().uses, Some(5));
}
