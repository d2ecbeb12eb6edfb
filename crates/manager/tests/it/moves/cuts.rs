//! I2, I7, I8: the power may go at every step, answers may be lost, and two devices may race for one medium; the next
//! command leads to the same end.

use std::sync::Barrier;

use carnet_core::journal::PassStatus;
use carnet_manager::moves::{Cancelling, Import, MoveOutcome};
use carnet_testkit::disk::Effect;
use carnet_testkit::{Fault, Mishap};

use super::pair::{On, Pair, only};
use crate::world::app;

/// The same export again leads to one portable pass on the stick, the import to one pass on the desk.
pub fn check(pair: &Pair, what: &str) {
    let export = pair.export().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(export.unwritten.is_none(), "{what}: {export:?}");
    let (outcome, code) = only(&export.apps);
    let done = matches!(outcome, MoveOutcome::Exported | MoveOutcome::CarriedOn) || code == Some("moving");
    assert!(done, "{what}: {export:?}");
    assert_eq!(pair.status(On::Laptop), Some(PassStatus::Moving), "{what}");
    assert_eq!(pair.books(), (1, 0, 1), "{what}");
    check_import(pair, what);
}

fn check_import(pair: &Pair, what: &str) {
    let import = pair.import(On::Desk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let arrived =
        |import: &Import| matches!(only(&import.apps).0, MoveOutcome::Imported | MoveOutcome::AlreadyHere);
    assert!(arrived(&import), "{what}: {import:?}");
    assert_eq!(
        (pair.books(), pair.runs(On::Laptop), pair.runs(On::Desk)),
        ((1, 1, 0), false, true),
        "{what}"
    );
    let late = pair.import(On::Laptop).unwrap();
    assert_eq!(only(&late.apps), (MoveOutcome::Refused, Some("move-over")), "{what}: {late:?}");
}

/// Every disk operation of an action may be the last one of its process.
fn sweep(action: impl Fn(&Pair), prepare: impl Fn(&Pair), check: impl Fn(&Pair, &str)) {
    let mut cuts = 0;
    for n in 1.. {
        let pair = Pair::new();
        prepare(&pair);
        pair.world.disk.set_fault(Some(Fault::at(n, Effect::Death)));
        action(&pair);
        let struck = pair.world.disk.fault_struck();
        pair.world.disk.set_fault(None);
        pair.world.disk.kill_all();
        // The server goes on with its own books, so only one of the images can be tried at a time.
        let (loss, image) = pair.world.disk.power_loss_images(3).swap_remove((n % 4) as usize);
        let pair = Pair { world: crate::world::World { disk: image, ..pair.world } };
        check(&pair, &format!("power lost at {n}, {loss:?}"));
        cuts += 1;
        if !struck {
            break;
        }
    }
    assert!(cuts > 4, "{cuts}");
}

#[test]
fn i7_the_power_may_go_at_every_step_of_an_export() {
    sweep(|pair| drop(pair.export()), |_| {}, check);
}

#[test]
fn i7_the_power_may_go_at_every_step_of_an_import() {
    sweep(|pair| drop(pair.import(On::Desk)), |pair| drop(pair.export().unwrap()), check_import);
}

#[test]
fn i8_the_power_may_go_at_every_step_of_an_import_on_the_source() {
    let prepare = |pair: &Pair| drop(pair.export().unwrap());
    sweep(
        |pair| drop(pair.import(On::Laptop)),
        prepare,
        |pair, what| {
            let import = pair.import(On::Laptop).unwrap();
            let (outcome, _) = only(&import.apps);
            assert!(
                matches!(outcome, MoveOutcome::Imported | MoveOutcome::AlreadyHere),
                "{what}: {import:?}"
            );
            assert_eq!((pair.books(), pair.runs(On::Laptop)), ((1, 1, 0), true), "{what}");
        },
    );
}

#[test]
fn i8_the_power_may_go_at_every_step_of_a_cancelled_move() {
    let cancel = |pair: &Pair| pair.manager(On::Laptop).cancel_move(&Cancelling::Of(app()));
    sweep(
        |pair| drop(cancel(pair)),
        |pair| drop(pair.export().unwrap()),
        |pair, what| {
            let code = cancel(pair).map_err(|error| error.code().to_owned()).err();
            // Done by this one, by the one that died, or by its request that was finished first.
            assert!(
                matches!(code.as_deref(), None | Some("nothing-moving" | "move-over")),
                "{what}: {code:?}"
            );
            assert_eq!(pair.books(), (2, 0, 0), "{what}");
            assert_eq!(only(&pair.import(On::Desk).unwrap().apps).1, Some("move-over"), "{what}");
            assert!(pair.manager(On::Laptop).renew(&app()).unwrap().runs, "{what}");
        },
    );
}

#[test]
fn i7_at_every_named_crash_point_of_an_export() {
    let points = [
        "contact-before-send",
        "contact-before-outcome",
        "contact-after-outcome",
        "medium-before-write",
        "medium-after-write",
        "journal.written",
        "file.written",
        "file.renamed",
    ];
    for point in points {
        for nth in 1..4 {
            let pair = Pair::new();
            let crash = carnet_seam::Crash::unwinding(point, nth);
            let fs = pair.world.disk.fs_with_crash(crash.clone());
            let stick = carnet_device::medium::Folder::open(
                std::sync::Arc::new(fs.clone()),
                super::pair::STICK.as_ref(),
            );
            let died = pair.process(On::Laptop, fs).export(&[app()], &stick.unwrap());
            if !crash.is_dead() {
                assert!(nth > 1, "{point} was never reached: {died:?}");
                break;
            }
            pair.world.disk.kill_all();
            check(&pair, &format!("{point}:{nth}"));
        }
    }
}

#[test]
fn i8_every_exchange_may_be_lost_doubled_or_answered_with_nonsense() {
    for mishap in [
        Mishap::Away,
        Mishap::RequestLost,
        Mishap::AnswerLost,
        Mishap::Twice,
        Mishap::Problem(503),
        Mishap::Garbage,
    ] {
        for well in 0..2 {
            let pair = Pair::new();
            pair.world.server.expect_after(well, [mishap]);
            let first = pair.export();
            let left = pair.status(On::Laptop) == Some(PassStatus::Moving);
            if let Ok(export) = &first {
                let (outcome, _) = only(&export.apps);
                assert_eq!(
                    outcome == MoveOutcome::Exported || outcome == MoveOutcome::Waiting,
                    left,
                    "{export:?}"
                );
            }
            check(&pair, &format!("{mishap:?} after {well} in the export"));
            let pair = Pair::new();
            pair.export().unwrap();
            pair.world.server.expect_after(well, [mishap]);
            let _ = pair.import(On::Desk);
            check_import(&pair, &format!("{mishap:?} after {well} in the import"));
        }
    }
}

#[test]
fn i7_two_devices_that_import_from_one_medium_at_once() {
    for _ in 0..20 {
        let pair = Pair::new();
        pair.export().unwrap();
        let start = Barrier::new(2);
        let import = |on| {
            let manager = pair.manager(on);
            let stick = pair.stick();
            start.wait();
            let import = manager.import(&[], &stick).unwrap();
            only(&import.apps).0
        };
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(|| import(On::Laptop));
            let other = import(On::Desk);
            (one.join().unwrap(), other)
        });
        let won = [one, other].iter().filter(|outcome| **outcome == MoveOutcome::Imported).count();
        let told = [one, other].iter().filter(|outcome| **outcome == MoveOutcome::Refused).count();
        assert_eq!((won, told), (1, 1), "{one:?} {other:?}");
        assert_eq!((pair.books(), pair.runs(On::Laptop) != pair.runs(On::Desk)), ((1, 1, 0), true));
    }
}
