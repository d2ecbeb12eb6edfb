//! A10, A12, A13: what has become of an agreement, told by what it left behind.

use carnet_core::device::Input;
use carnet_core::document::Reason;
use carnet_core::id::RunId;
use carnet_core::license::Status;
use carnet_core::offer::Offer;
use carnet_device::Passbook;
use carnet_device::identity::GivenMachine;
use carnet_manager::ManagerError;
use carnet_manager::agree::Outcome;

use crate::world::{World, app, two_runs};

/// A run uses up one use of the pass.
fn run(world: &World) {
    let env = carnet_device::Env {
        fs: std::sync::Arc::new(world.disk.fs()),
        clock: std::sync::Arc::new(world.clock.clone()),
        random: std::sync::Arc::new(carnet_testkit::SeededRandom::new(1)),
    };
    let machine = GivenMachine::named("laptop");
    let passbook = Passbook::open(env, "/carnet".as_ref(), world.server.pin(), &machine).unwrap();
    let input = Input::Start { run: RunId([1; 16]), version: None };
    passbook.book(Some(&app())).unwrap().act(input, world.server.now()).unwrap();
}

#[test]
fn a10_an_agreement_to_an_offer_that_has_changed_meanwhile_is_refused_and_nothing_is_agreed() {
    let world = World::new();
    world.register().unwrap();
    let shown = world.listed();
    world.server.put_menu(&app(), vec![Offer { devices: 2, ..two_runs() }]);
    let refused = world.manager().agree(&app(), &shown, false).unwrap_err();
    assert_eq!(refused, ManagerError::Refused { app: app(), reason: Reason::OfferChanged });
    assert!(world.server.licenses().is_empty());
    assert!(matches!(world.agree(), Ok(Outcome::Agreed(_))), "what stands there now can be agreed to");
}

#[test]
fn a12_what_is_left_of_a_license_comes_before_another_one() {
    let world = World::new();
    world.register().unwrap();
    assert!(matches!(world.agree(), Ok(Outcome::Agreed(_))));
    run(&world);
    let next = world.agree().unwrap();
    assert!(matches!(&next, Outcome::Already(pass) if pass.uses.unwrap().in_pass == 1), "{next:?}");
    run(&world);
    assert_eq!(world.manager().renew(&app()).unwrap_err().code(), "exhausted");
    assert!(matches!(world.agree(), Ok(Outcome::Agreed(_))), "A13: continued purchase");
    assert_eq!(world.server.licenses().len(), 2);
}

#[test]
fn a13_declining_is_recorded_once_and_never_takes_a_good_pass_away() {
    let world = World::new();
    world.register().unwrap();
    for _ in 0..2 {
        world.manager().decline(&app()).unwrap();
    }
    let declined = world.server.licenses();
    assert_eq!(
        declined.iter().map(|one| one.status(world.server.now())).collect::<Vec<_>>(),
        [Status::Declined]
    );
    assert!(matches!(world.agree(), Ok(Outcome::Agreed(_))));
    assert_eq!(world.manager().decline(&app()), Err(ManagerError::StillGood(app())));
    assert!(world.manager().passes().unwrap()[0].runs);
}

#[test]
fn a6_without_a_valid_passbook_nothing_is_asked_for_an_app() {
    let world = World::new();
    let asked = world.server.exchanges();
    let not_registered = |error: ManagerError| assert_eq!(error.code(), "not-registered");
    not_registered(world.agree().unwrap_err());
    not_registered(world.manager().decline(&app()).unwrap_err());
    not_registered(world.manager().account().unwrap_err());
    assert_eq!(world.server.exchanges(), asked);
    assert_eq!(world.disk.files().len(), 0, "and nothing is written");
}
