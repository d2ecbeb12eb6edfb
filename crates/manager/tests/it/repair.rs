//! A19, D5: an owner whose machine has other parts goes on without asking anybody; a cloned disk does not.

use carnet_core::document::{Reason, Secret};
use carnet_core::offer::Offer;
use carnet_core::term::Term;
use carnet_manager::ManagerError;
use carnet_manager::register::{Identity, Newcomer, Who};
use carnet_manager::repair::Repaired;
use carnet_seam::FsFault;
use carnet_testkit::disk::Effect;
use carnet_testkit::server::offer;
use carnet_testkit::{Fault, MemDisk, Mishap};

use crate::world::{World, app};

/// Ann's laptop with a pass, and the code that she has written down.
fn ann_at_work() -> (World, Newcomer) {
    let world = World::new();
    world.server.put_menu(&app(), vec![Offer { term: Term::PERPETUAL, ..offer("forever", &["resize"]) }]);
    world.register().unwrap();
    let secret = world.manager().unseen_recovery_code().unwrap().unwrap().secret;
    world.manager().recovery_code_shown().unwrap();
    world.agree().unwrap();
    let newcomer = Newcomer {
        who: Who::Code(secret),
        device_name: "laptop with a new board".into(),
        device_maker: None,
        identity: Identity::Machine,
    };
    (world, newcomer)
}

/// What runs on this disk in a machine with other parts.
fn on_other_parts(world: &World, disk: &MemDisk) -> carnet_manager::Manager {
    world.manager_of("bench", "/carnet", disk.fs())
}

fn refused(error: &ManagerError) -> Option<Reason> {
    match error {
        ManagerError::Refused { reason, .. } => Some(*reason),
        _ => None,
    }
}

#[test]
fn a19_d5_with_the_recovery_code_the_owner_goes_on_and_the_machine_before_does_not() {
    let (world, newcomer) = ann_at_work();
    let before = world.manager().registered().unwrap().unwrap();
    let kept = world.disk.copy();
    let bench = on_other_parts(&world, &world.disk);
    let told = bench.passes().unwrap_err();
    assert!(told.to_string().contains("5 of 5 changed: machine id, board"), "{told}");
    assert!(told.remedy().contains("carnet devices repair"), "{}", told.remedy());

    let Repaired::Replaced { registered, before: replaced, refused: None } =
        bench.repair(Some(&newcomer)).unwrap()
    else {
        panic!("not replaced")
    };
    assert_eq!((replaced.device, registered.user), (before.device, before.user));
    assert_ne!(registered.device, before.device);
    assert!(bench.renew(&app()).unwrap().runs, "its right was free");
    assert_eq!(bench.repair(None).unwrap(), Repaired::Unchanged);
    let license = world.server.licenses().remove(0);
    assert_eq!((license.lost.len(), license.at_risk), (1, 1), "counted as any device that is lost");

    // What the disk had in the old parts is still somewhere: it is nobody any more.
    let ghost = world.manager_of("laptop", "/carnet", kept.fs());
    assert_eq!(refused(&ghost.renew(&app()).unwrap_err()), Some(Reason::Retired));
    let names: Vec<_> = world.disk.files().into_keys().map(|path| path.display().to_string()).collect();
    assert!(names.iter().any(|name| name.contains(".seg.of-")), "what was recorded is kept: {names:?}");
}

#[test]
fn a19_d5_a_cloned_disk_without_the_owners_code_gets_nothing() {
    let (world, newcomer) = ann_at_work();
    let clone = world.disk.copy();
    let thief = on_other_parts(&world, &clone);
    let told = thief.repair(None).unwrap_err();
    assert!(matches!(told, ManagerError::CodeNeeded { .. }), "{told}");
    let guess = Newcomer { who: Who::Code(Secret([7; 16])), ..newcomer };
    for _ in 0..2 {
        let told = thief.repair(Some(&guess)).unwrap_err();
        assert!(matches!(told, ManagerError::RegistrationRefused(Reason::BadCode)), "{told}");
        assert!(thief.renew(&app()).is_err() && thief.registered().unwrap().is_none());
    }
    assert!(world.manager().renew(&app()).unwrap().runs, "the owner notices nothing");
    assert_eq!(world.server.licenses()[0].lost.len(), 0);
}

#[test]
fn d5_beyond_the_offers_limit_the_machine_is_registered_and_the_supplier_decides() {
    let world = World::new();
    let strict = Offer { term: Term::PERPETUAL, lost_devices_per_year: 0, ..offer("forever", &["resize"]) };
    world.server.put_menu(&app(), vec![strict]);
    world.register().unwrap();
    let secret = world.manager().unseen_recovery_code().unwrap().unwrap().secret;
    world.agree().unwrap();
    let newcomer = Newcomer {
        who: Who::Code(secret),
        device_name: "bench".into(),
        device_maker: None,
        identity: Identity::Machine,
    };
    let bench = on_other_parts(&world, &world.disk);
    for again in [Some(&newcomer), None] {
        let repaired = bench.repair(again).unwrap();
        assert!(
            matches!(repaired, Repaired::Replaced { refused: Some(Reason::TooManyLost), .. }),
            "{repaired:?}"
        );
    }
    assert_eq!(refused(&bench.renew(&app()).unwrap_err()), Some(Reason::HeldElsewhere));
}

#[test]
fn b2_few_changes_are_told_and_noted_and_cost_nothing() {
    let (world, _) = ann_at_work();
    assert_eq!(world.manager().repair(None).unwrap(), Repaired::Unchanged);
    let other_disk = || world.manager_with_other_disk();
    let changed = other_disk().status(false).unwrap().changed.unwrap();
    assert_eq!(changed.to_string(), "1 of 5 changed: disk");
    let before = other_disk().registered().unwrap();
    assert!(matches!(other_disk().repair(None).unwrap(), Repaired::Noted(drift) if drift == changed));
    assert_eq!(
        (other_disk().status(false).unwrap().changed, other_disk().registered().unwrap()),
        (None, before)
    );
    assert!(other_disk().renew(&app()).is_ok());
    assert_eq!(world.server.licenses()[0].lost.len(), 0);
}

/// In the end there is one new device, and one is lost.
fn check(world: &World, newcomer: &Newcomer, what: &str) {
    let bench = on_other_parts(world, &world.disk);
    let repaired = bench.repair(Some(newcomer)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let freed = matches!(repaired, Repaired::Replaced { refused: None, .. } | Repaired::Unchanged);
    assert!(freed, "{what}: {repaired:?}");
    assert!(bench.renew(&app()).is_ok_and(|pass| pass.runs), "{what}");
    assert_eq!(world.server.licenses()[0].lost.len(), 1, "{what}");
}

#[test]
fn d5_i8_a_repair_goes_on_whatever_fails() {
    for mishap in [Mishap::Away, Mishap::RequestLost, Mishap::AnswerLost, Mishap::Twice, Mishap::Garbage] {
        for well in 0..4 {
            let (world, newcomer) = ann_at_work();
            world.server.expect_after(well, [mishap]);
            let _ = on_other_parts(&world, &world.disk).repair(Some(&newcomer));
            check(&world, &newcomer, &format!("{mishap:?} after {well}"));
        }
    }
    for effect in [Effect::Death, Effect::Error(FsFault::DiskFull)] {
        for n in 1.. {
            let (world, newcomer) = ann_at_work();
            world.disk.set_fault(Some(Fault::at(n, effect.clone())));
            let done = on_other_parts(&world, &world.disk).repair(Some(&newcomer)).is_ok();
            let struck = world.disk.fault_struck();
            world.disk.set_fault(None);
            world.disk.kill_all();
            check(&world, &newcomer, &format!("{effect:?} at {n}"));
            if !struck {
                assert!(done && n > 20);
                break;
            }
        }
    }
}
