//! What is good goes, what is not comes back with its reason (A14, A16, A17).

use carnet_core::journal::PassStatus;
use carnet_core::license::Act;
use carnet_device::Medium;
use carnet_manager::ManagerError;
use carnet_manager::moves::{Cancelling, MoveOutcome};
use carnet_manager::register::Who;
use carnet_testkit::server::offer;

use super::pair::{On, Pair, STICK, desk, only, other_app};
use crate::world::app;

#[test]
fn a14_a15_a16_a_pass_goes_to_the_other_device_with_exactly_what_it_had() {
    let pair = Pair::new();
    assert_eq!((pair.books(), pair.runs(On::Laptop), pair.runs(On::Desk)), ((1, 1, 0), true, false));
    let export = pair.export().unwrap();
    assert_eq!((only(&export.apps), &export.unwritten), ((MoveOutcome::Exported, None), &None));
    assert_eq!(export.apps[0].carried.as_ref().unwrap().carries_in_words, "1 use");
    assert_eq!((pair.books(), pair.status(On::Laptop)), ((1, 0, 1), Some(PassStatus::Moving)));
    assert!(!pair.runs(On::Laptop) && !pair.runs(On::Desk));
    assert!(!pair.passbook(On::Laptop).look(&app()).unwrap().effects_due, "A15: it is saved on the medium");
    let import = pair.import(On::Desk).unwrap();
    assert_eq!((only(&import.apps), &import.unmarked), ((MoveOutcome::Imported, None), &None));
    assert_eq!((pair.books(), pair.runs(On::Laptop), pair.runs(On::Desk)), ((1, 1, 0), false, true));
}

#[test]
fn a14_each_app_is_judged_apart() {
    let pair = Pair::new();
    pair.world.server.put_menu(&other_app(), vec![offer("ink", &["draw"])]);
    let listed = pair.manager(On::Laptop).menu(&other_app());
    assert!(listed.is_err(), "the fake server has no public menu");
    let unknown = "acme/gone".parse().unwrap();
    let apps = [app(), other_app(), unknown];
    let export = pair.manager(On::Laptop).export(&apps, &pair.stick()).unwrap();
    let outcomes: Vec<_> = export
        .apps
        .iter()
        .map(|one| {
            (one.app.as_ref().unwrap().as_str(), one.outcome, one.why.as_ref().map(|why| why.code.as_str()))
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            ("acme/gone", MoveOutcome::Refused, Some("nothing-to-move")),
            ("acme/ink", MoveOutcome::Refused, Some("nothing-to-move")),
            ("acme/paint", MoveOutcome::Exported, None),
        ]
    );
    assert!(pair.passbook(On::Laptop).apps().unwrap().len() == 1, "no journal is made for what is not here");
}

#[test]
fn a14_what_the_server_does_not_let_go_stays_usable() {
    let pair = Pair::new();
    let license = pair.world.server.licenses()[0].id;
    assert!(pair.world.server.act(license, Act::Suspend));
    assert_eq!(only(&pair.export().unwrap().apps), (MoveOutcome::Refused, Some("suspended")));
    assert!(pair.world.disk.files().keys().filter(|path| path.starts_with(STICK)).count() == 1);
    assert!(pair.world.server.act(license, Act::Reinstate));
    pair.manager(On::Laptop).renew(&app()).unwrap();
    assert_eq!(only(&pair.export().unwrap().apps), (MoveOutcome::Exported, None));
}

#[test]
fn a17_i7_a_second_import_fails_anywhere_and_the_medium_says_why() {
    let pair = Pair::new();
    pair.export().unwrap();
    let before = pair.world.disk.copy();
    pair.import(On::Desk).unwrap();
    assert_eq!(only(&pair.import(On::Desk).unwrap().apps), (MoveOutcome::AlreadyHere, None));
    let asked = pair.world.server.exchanges();
    assert_eq!(only(&pair.import(On::Laptop).unwrap().apps), (MoveOutcome::Refused, Some("move-over")));
    assert_eq!(pair.world.server.exchanges(), asked + 1, "the mark is enough; only the preflight went out");
    // A copy of the medium without the mark is refused by the server.
    for (path, bytes) in before.files().iter().filter(|(path, _)| path.starts_with(STICK)) {
        pair.world.disk.put(path, bytes);
    }
    assert_eq!(only(&pair.import(On::Laptop).unwrap().apps), (MoveOutcome::Refused, Some("move-over")));
    assert!(pair.runs(On::Desk) && !pair.runs(On::Laptop));
    let again = pair.manager(On::Laptop).export_again(&[], &pair.stick());
    assert_eq!(
        again.unwrap_err(),
        ManagerError::NothingMoving,
        "the source has learned that the move is over"
    );
}

#[test]
fn a17_a_medium_that_says_that_a_move_is_over_is_not_written_again() {
    let pair = Pair::new();
    pair.export().unwrap();
    pair.import(On::Desk).unwrap();
    let again = pair.manager(On::Laptop).export_again(&[], &pair.stick()).unwrap();
    assert_eq!(only(&again.apps), (MoveOutcome::Refused, Some("move-over")));
}

#[test]
fn a16_importing_on_the_source_takes_the_move_back() {
    let pair = Pair::new();
    pair.export().unwrap();
    assert_eq!(only(&pair.import(On::Laptop).unwrap().apps), (MoveOutcome::Imported, None));
    assert_eq!((pair.books(), pair.runs(On::Laptop)), ((1, 1, 0), true));
    assert_eq!(only(&pair.import(On::Desk).unwrap().apps), (MoveOutcome::Refused, Some("move-over")));
    // And it may go again.
    assert_eq!(only(&pair.export().unwrap().apps), (MoveOutcome::Exported, None));
    assert_eq!(only(&pair.import(On::Desk).unwrap().apps), (MoveOutcome::Imported, None));
    assert!(pair.runs(On::Desk) && !pair.runs(On::Laptop));
}

#[test]
fn a17_a_cancelled_move_returns_what_it_carried_and_a_late_import_is_refused() {
    let pair = Pair::new();
    pair.export().unwrap();
    let cancelled = pair.manager(On::Laptop).cancel_move(&Cancelling::Of(app())).unwrap();
    assert_eq!((pair.books(), cancelled.app), ((2, 0, 0), app()));
    assert_eq!(only(&pair.import(On::Desk).unwrap().apps), (MoveOutcome::Refused, Some("move-over")));
    let again = pair.manager(On::Laptop).cancel_move(&Cancelling::Of(app()));
    assert_eq!(again, Err(ManagerError::NothingMoving));
    assert!(pair.manager(On::Laptop).renew(&app()).unwrap().runs, "the license has it again");
    let import = pair.manager(On::Desk).cancel_move(&Cancelling::Elsewhere(app(), cancelled.movement));
    assert_eq!(import.unwrap_err().code(), "move-over");
}

#[test]
fn a17_a_pass_that_has_gone_on_is_not_here_any_more() {
    let pair = Pair::new();
    pair.export().unwrap();
    let first = pair.world.disk.copy();
    pair.import(On::Desk).unwrap();
    let stick = pair.stick();
    assert_eq!(only(&pair.manager(On::Desk).export(&[app()], &stick).unwrap().apps).0, MoveOutcome::Exported);
    for (path, bytes) in first.files().iter().filter(|(path, _)| path.starts_with(STICK)) {
        pair.world.disk.put(path, bytes);
    }
    assert_eq!(only(&pair.import(On::Desk).unwrap().apps), (MoveOutcome::Refused, Some("move-over")));
}

#[test]
fn a17_a_move_is_cancelled_by_its_id_from_any_device() {
    let pair = Pair::new();
    let movement = pair.export().unwrap().apps[0].carried.as_ref().unwrap().movement;
    let unknown = pair.manager(On::Desk).cancel_move(&Cancelling::This(movement)).unwrap_err();
    assert_eq!(
        (unknown.code(), unknown.remedy().as_str()),
        ("unknown-move", "name its app too, with --app APP")
    );
    pair.manager(On::Desk).cancel_move(&Cancelling::Elsewhere(app(), movement)).unwrap();
    assert_eq!(pair.books(), (2, 0, 0));
    // The source finds out when it tries.
    let late = pair.manager(On::Laptop).cancel_move(&Cancelling::This(movement)).unwrap_err();
    assert_eq!(late.code(), "move-over");
}

#[test]
fn a14_what_is_on_its_way_is_not_exported_twice_but_written_again() {
    let pair = Pair::new();
    pair.export().unwrap();
    let name = pair
        .world
        .disk
        .files()
        .keys()
        .find(|path| path.extension().is_some_and(|it| it == "carnet"))
        .cloned();
    let asked = pair.world.server.exchanges();
    let second = pair.export().unwrap();
    assert_eq!(only(&second.apps), (MoveOutcome::Refused, Some("moving")));
    assert_eq!(pair.world.server.exchanges(), asked + 1, "only the preflight");
    // The medium is lost: another one is written, and the server is not needed for that.
    pair.world.disk.take(name.unwrap());
    pair.world.server.set_away(true);
    let again = pair.manager(On::Laptop).export_again(&[], &pair.stick()).unwrap();
    assert_eq!(only(&again.apps), (MoveOutcome::WrittenAgain, None));
    pair.world.server.set_away(false);
    assert_eq!(only(&pair.import(On::Desk).unwrap().apps), (MoveOutcome::Imported, None));
    let none = pair.manager(On::Desk).export_again(&[], &pair.stick()).unwrap_err();
    assert_eq!(none, ManagerError::NothingMoving);
}

#[test]
fn a16_an_app_that_is_not_on_the_medium_is_named() {
    let pair = Pair::new();
    pair.export().unwrap();
    let import = pair.manager(On::Desk).import(&[other_app()], &pair.stick()).unwrap();
    assert_eq!(only(&import.apps), (MoveOutcome::Refused, Some("not-on-medium")));
    assert!(!pair.runs(On::Desk));
}

#[test]
fn a16_a_device_without_a_user_joins_by_what_it_imports_and_for_that_license_only() {
    let pair = Pair::new();
    pair.export().unwrap();
    let guest = || pair.world.manager_of("tablet", "/tablet", pair.world.disk.fs());
    assert_eq!(guest().import(&[], &pair.stick()).unwrap_err().code(), "not-registered");
    let books = pair.stick().all().unwrap();
    assert_eq!(books.len(), 1);
    let none = guest().ticket(&[other_app()], &books[0]).unwrap_err();
    assert_eq!(none.code(), "nothing-on-medium");
    let ticket = guest().ticket(&[], &books[0]).unwrap();
    let registered = guest().register(&desk(Who::Brings(ticket))).unwrap();
    assert_eq!(registered.user, books[0].user);
    assert_eq!(only(&guest().import(&[], &pair.stick()).unwrap().apps), (MoveOutcome::Imported, None));
    assert!(guest().passes().unwrap()[0].runs);
    assert!(guest().invite().is_err(), "a guest lets nobody else join");
}

#[test]
fn a21_without_the_pin_nothing_moves() {
    let pair = Pair::new();
    pair.manager(On::Laptop).set_pin("2718").unwrap();
    assert_eq!(pair.export().unwrap_err(), ManagerError::PinNeeded);
    assert!(pair.runs(On::Laptop));
    let again = pair.manager(On::Laptop).export_again(&[], &pair.stick());
    assert_eq!(again.unwrap_err(), ManagerError::PinNeeded);
}
