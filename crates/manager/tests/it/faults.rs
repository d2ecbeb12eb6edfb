//! A6, A10, I8: one registration and one license, whatever fails on the way.

use carnet_manager::agree::Outcome;
use carnet_manager::register::{Identity, Newcomer};
use carnet_seam::FsFault;
use carnet_testkit::disk::Effect;
use carnet_testkit::{Fault, Mishap};

use crate::world::{World, ann, app};

/// Registers and agrees; what fails is tried again by the caller.
fn first_try(world: &World) -> bool {
    world.register().is_ok() && world.agree().is_ok()
}

/// New processes try again until it is done; then there is one user, one license and one good pass.
fn check(world: &World, what: &str) {
    let registered = world.register().unwrap_or_else(|error| panic!("{what}: {error}"));
    let outcome = world.agree().unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(outcome.pass().runs, "{what}: {outcome:?}");
    assert_eq!(world.server.licenses().len(), 1, "{what}: {outcome:?}");
    assert_eq!(world.server.licenses()[0].user, registered.user, "{what}");
    assert!(matches!(world.agree(), Ok(Outcome::Already(_))), "{what}");
    let status = world.manager().status(false).unwrap();
    assert!(status.waiting.is_empty() && status.user == Some(registered.user), "{what}: {status:?}");
}

#[test]
fn a10_every_operation_of_the_disk_may_fail_once_or_kill_the_process() {
    let full = Effect::Error(FsFault::DiskFull);
    for effect in [Effect::Death, full.clone(), Effect::Refusal(FsFault::Other("I/O error".into()))] {
        let mut cells = 0;
        for n in 1.. {
            let world = World::new();
            world.disk.set_fault(Some(Fault::at(n, effect.clone())));
            let done = first_try(&world);
            let struck = world.disk.fault_struck();
            world.disk.set_fault(None);
            world.disk.kill_all();
            check(&world, &format!("{effect:?} at {n}"));
            cells += 1;
            if !struck {
                assert!(done);
                break;
            }
        }
        assert!(cells > 20, "{effect:?}: {cells}");
    }
}

#[test]
fn b2_an_attempt_that_died_with_another_identity_leaves_nothing_that_stands_in_the_way() {
    for n in 1.. {
        let world = World::new();
        world.disk.set_fault(Some(Fault::at(n, Effect::Death)));
        let of_file = Newcomer { identity: Identity::File("/secret".into()), ..ann() };
        let done = world.manager().register(&of_file).is_ok();
        world.disk.set_fault(None);
        world.disk.kill_all();
        check(&world, &format!("death at {n}"));
        if done {
            break;
        }
    }
}

#[test]
fn a10_a_power_loss_at_any_time_leaves_one_license_or_none() {
    for n in 1.. {
        let world = World::new();
        world.disk.set_fault(Some(Fault::at(n, Effect::Death)));
        first_try(&world);
        let struck = world.disk.fault_struck();
        world.disk.set_fault(None);
        // The server goes on with its own books, so only one of the images can be tried at a time.
        let (loss, image) = world.disk.power_loss_images(3).swap_remove((n % 4) as usize);
        let world = World { disk: image, ..world };
        check(&world, &format!("{loss:?} at {n}"));
        if !struck {
            break;
        }
    }
}

#[test]
fn a10_every_exchange_may_be_lost_doubled_or_answered_with_nonsense() {
    let mishaps = [
        Mishap::Away,
        Mishap::RequestLost,
        Mishap::AnswerLost,
        Mishap::Twice,
        Mishap::Problem(503),
        Mishap::Problem(500),
        Mishap::Garbage,
    ];
    for mishap in mishaps {
        // Key set, registration, what is left, agreement: the first, or all up to one of them.
        for times in 1..=5 {
            for before in [false, true] {
                let world = World::new();
                if before {
                    world.register().unwrap();
                }
                world.server.expect(vec![mishap; times]);
                for _ in 0..=times {
                    first_try(&world);
                }
                check(&world, &format!("{mishap:?} {times} times, registered {before}"));
            }
        }
    }
}

#[test]
fn a6_a_disk_that_cannot_be_written_leaves_nothing_that_looks_like_a_passbook() {
    for (n, effect) in [(1, Effect::Refusal(FsFault::ReadOnly)), (1, Effect::Refusal(FsFault::NoPermission))]
    {
        let world = World::new();
        world.disk.set_fault(Some(Fault::at(n, effect).forever()));
        let error = world.register().unwrap_err();
        assert_eq!(error.code(), "passbook");
        assert!(!error.remedy().is_empty(), "{error}");
        world.disk.set_fault(None);
        assert!(world.manager().passes().unwrap().is_empty());
        assert!(world.manager().registered().unwrap().is_none());
        assert!(world.manager().menu(&app()).is_err());
        check(&world, "afterwards");
    }
}
