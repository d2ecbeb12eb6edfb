//! Starting: with and without a passbook, a pass, a server.

use carnet_controller::{Controller, Offer};
use carnet_core::app::{Version, VersionRange};
use carnet_core::license::Act;
use carnet_testkit::Mishap;
use carnet_testkit::server::offer;

use crate::world::{World, app, seconds};

fn perpetual() -> Offer {
    let mut offer = offer("for-ever", &["resize", "convert"]);
    offer.features.insert("layers".parse().unwrap(), Some(16));
    offer
}

#[test]
fn a8_the_first_start_without_a_passbook_says_to_register_and_goes_on_after_it() {
    let world = World::new();
    world.server.put_menu(&app(), vec![perpetual()]);
    let told = world.start().unwrap_err();
    assert_eq!(told.code, "not-registered");
    assert!(told.to_string().contains("https://licenses.example.org"), "{told}");
    assert_eq!(world.server.exchanges(), 0);
    world.register();
    let told = world.start().unwrap_err();
    assert_eq!((told.code, told.menu.len()), ("no-license", 1), "asked once, not for the next app: {told}");
    world.agree(perpetual());
    assert!(world.start().unwrap().allows("resize"));
}

#[test]
fn a8_a_passbook_without_a_user_is_not_valid() {
    let world = World::new();
    let binding = carnet_device::identity::Binding::Machine(&world.machine);
    carnet_device::Passbook::create(world.env(), crate::world::HOME.as_ref(), world.server.pin(), &binding)
        .unwrap();
    assert_eq!(world.refused(), "not-registered");
}

#[test]
fn a11_a_run_is_approved_for_exactly_the_features_in_the_pass() {
    let world = World::with(perpetual());
    let run = world.start().unwrap();
    assert!(
        run.allows("resize") && run.allows("layers") && !run.allows("sheet") && !run.allows("not a name")
    );
    assert_eq!((run.limit("layers"), run.limit("resize"), run.limit("sheet")), (Some(16), None, None));
    assert!(run.gate("convert").is_open() && !run.gate("sheet").is_open());
    assert_eq!(run.features().len(), 3);
    assert_eq!(run.warnings(), []);
    let remaining = run.remaining();
    assert_eq!((remaining.uses, remaining.seconds, remaining.ends), (None, None, None), "nothing is counted");
}

#[test]
fn d4_a_good_pass_needs_no_server_and_asks_none() {
    let world = World::with(perpetual());
    let before = world.server.exchanges();
    world.server.set_away(true);
    for _ in 0..3 {
        let run = world.start().unwrap();
        assert!(world.run_for(&run, 60));
        run.consume(2).unwrap();
    }
    assert_eq!(world.server.exchanges(), before);
}

#[test]
fn a1_a_version_that_is_not_covered_is_refused_without_asking() {
    let mut offer = perpetual();
    offer.versions = VersionRange { from: None, below: "3".parse().ok() };
    let world = World::with(offer);
    let before = world.server.exchanges();
    assert!(world.builder().version(Version(2, 9, 0)).open().unwrap().start().is_ok());
    let told = world.builder().version(Version(3, 0, 0)).open().unwrap().start().unwrap_err();
    assert_eq!(told.code, "version-not-covered");
    assert_eq!(world.server.exchanges(), before);
}

#[test]
fn a_start_waits_no_longer_than_it_says_however_the_server_dawdles() {
    let world = World::new();
    world.register();
    world.server.put_menu(&app(), vec![perpetual()]);
    for mishap in [Mishap::RequestLost, Mishap::Slow(seconds(60)), Mishap::Slow(seconds(2))] {
        world.server.expect([mishap]);
        let before = carnet_seam::Clock::boot_micros(&world.server_clock);
        let _ = world.start();
        let waited = carnet_seam::Clock::boot_micros(&world.server_clock) - before;
        assert!(waited <= 3_000_000, "{mishap:?}: {waited} µs");
    }
    let impatient = world.builder().start_wait(seconds(0)).open().unwrap();
    let before = world.server.exchanges();
    assert_eq!(impatient.start().unwrap_err().code, "server-unreachable");
    assert_eq!(world.server.exchanges(), before);
}

#[test]
fn c1_a_refused_start_is_on_record() {
    let world = World::new();
    world.register();
    world.server.put_menu(&app(), vec![perpetual()]);
    world.clock.pass(seconds(60));
    assert_eq!(world.refused(), "no-license");
    let state = world.state();
    assert_eq!(state.clock.reached.0, crate::world::NOW + 60_000_000, "the record is the last one");
}

#[test]
fn a_revoked_license_stops_the_next_start_with_the_reason() {
    let world = World::with(perpetual());
    let license = world.server.licenses()[0].id;
    assert!(world.server.act(license, Act::Revoke));
    assert!(world.start().is_ok(), "nobody has told the device");
    let _ = world.ask(carnet_core::document::Operation::Renew { uses: 0 });
    let told = world.start().unwrap_err();
    assert_eq!((told.code, told.remedy.as_str()), ("revoked", "ask the supplier"));
}

#[test]
fn what_a_pass_allows_can_be_shown_without_a_start() {
    let mut ten = perpetual();
    (ten.term.uses, ten.pass_term.uses) = (Some(10), Some(1));
    let world = World::new();
    world.register();
    assert_eq!(world.controller().holding().unwrap(), None);
    world.agree(ten);
    let before = (world.server.exchanges(), world.disk.files());
    let holding = world.controller().holding().unwrap().unwrap();
    assert_eq!((holding.condition.as_str(), holding.features.len()), ("for-ever", 3));
    assert_eq!((holding.remaining.uses, holding.remaining.uses_in_pass), (Some(10), Some(1)));
    assert_eq!(holding.disapproved, None);
    assert_eq!((world.server.exchanges(), world.disk.files()), before, "nothing happened");
    drop(world.start().unwrap());
    let holding = world.controller().holding().unwrap().unwrap();
    assert_eq!(holding.remaining.uses, Some(9));
    assert_eq!(holding.disapproved.unwrap().code, "no-uses-left");
}

#[test]
fn a_bad_product_string_is_told_with_what_is_wrong() {
    let told = Controller::open("acme/paint@https://x#abc").unwrap_err();
    assert_eq!(told.code, "bad-product");
    assert!(told.message.contains("64 hexadecimal digits"), "{told}");
}
