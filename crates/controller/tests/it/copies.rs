//! Copied, restored and forged passbooks.

use carnet_core::document::{Answer, Body, Operation, PublicKey};
use carnet_core::id::RequestId;
use carnet_device::identity::GivenMachine;
use carnet_seal::{SigningKey, sign};

use crate::uses::uses;
use crate::world::{HOME, World, app};

#[test]
fn a19_a_copied_passbook_does_not_run_on_another_machine() {
    let mut world = World::with(uses(10, 10));
    world.machine = GivenMachine::named("laptop");
    let told = world.start().unwrap_err();
    assert_eq!(told.code, "another-device");
    assert!(told.remedy.contains("carnet devices repair"), "{told}");
}

#[test]
fn d3_an_old_copy_is_settled_at_the_next_contact_and_works_again() {
    let mut world = World::with(uses(10, 1));
    drop(world.start().unwrap());
    let old = world.disk.copy();
    (0..3).for_each(|_| drop(world.start().unwrap()));
    world.disk = old;
    let run = world.start().unwrap();
    assert_eq!(run.remaining().uses, Some(5), "four runs before, this one");
    drop(run);
    assert_eq!(world.start().unwrap().remaining().uses, Some(4));
}

#[test]
fn i4_an_old_copy_with_a_slice_in_it_gains_at_most_that_slice() {
    let mut world = World::with(uses(10, 2));
    let old = world.disk.copy();
    let mut runs = 0;
    (0..4).for_each(|_| runs += u32::from(world.start().is_ok()));
    world.disk = old;
    while world.start().is_ok() {
        runs += 1;
    }
    assert!((10..=12).contains(&runs), "{runs} runs of 10");
}

/// The supplier's own key in the server of the tests.
const SUPPLIERS: u8 = 3;

/// Puts a pass into the journal that was signed with this key, past the check of its signature.
fn forge(world: &World, key: u8, change: impl FnOnce(&mut Answer)) {
    let mut book = world.passbook().book(Some(&app())).unwrap();
    let held = book.state().held.clone().unwrap();
    let now = world.server.now();
    let request = RequestId([0x66; 16]);
    book.ask(request, Operation::Renew { uses: 1 }, now).unwrap();
    let state = book.state().clone();
    let head = carnet_core::document::Head {
        server: state.server,
        user: world.passbook().user().unwrap(),
        journal: state.name.clone(),
        request,
        quoted: state.epoch,
        epoch: state.epoch + 1,
        issued: now,
        resume: None,
        over: std::collections::BTreeSet::new(),
    };
    let mut answer = Answer { head, body: Body::Pass(Box::new(held.pass)) };
    change(&mut answer);
    let signed = sign(answer.clone(), &SigningKey::from_seed(&[key; 32])).unwrap();
    book.receive(signed, now).unwrap();
}

#[test]
fn a11_a_pass_that_the_server_has_not_signed_is_refused() {
    let world = World::with(uses(3, 1));
    forge(&world, 66, |answer| {
        let Body::Pass(pass) = &mut answer.body else { return };
        pass.features.insert("everything".parse().unwrap(), None);
        pass.uses = None;
    });
    world.server.set_away(true);
    let told = world.start().unwrap_err();
    assert!(told.message.starts_with("the pass here is not one that the server gave"), "{told}");
    assert_eq!(world.controller().holding().unwrap().unwrap().disapproved.unwrap().code, "pass-not-genuine");
    world.server.set_away(false);
    let started = world.start();
    assert!(
        started.is_err_and(|told| told.code == "server-problem"),
        "the server does not know its own answer"
    );
}

#[test]
fn i14_a_pass_for_another_devices_key_is_refused_whoever_signed_it() {
    let world = World::with(uses(3, 1));
    forge(&world, SUPPLIERS, |answer| {
        let Body::Pass(pass) = &mut answer.body else { return };
        pass.device_key = PublicKey([9; 32]).into();
    });
    world.server.set_away(true);
    let told = world.start().unwrap_err();
    assert!(told.message.starts_with("the pass here is not one that the server gave"), "{told}");
}

#[test]
fn a_pass_forged_under_a_running_program_stops_it() {
    let world = World::with(uses(3, 1));
    let run = world.start().unwrap();
    forge(&world, 66, |answer| {
        let Body::Pass(pass) = &mut answer.body else { return };
        pass.uses = None;
    });
    assert!(!world.run_for(&run, 1));
    assert_eq!(run.disapproved().unwrap().code, "pass-not-genuine");
}

#[test]
fn i12_no_changed_bit_of_the_journal_is_believed_and_none_makes_the_program_panic() {
    let world = World::with(uses(10, 10));
    drop(world.start().unwrap());
    let journal =
        |path: &std::path::Path| path.starts_with(HOME) && path.extension().is_some_and(|end| end == "seg");
    let files: Vec<_> = world.disk.files().into_iter().filter(|(path, _)| journal(path)).collect();
    for (path, bytes) in files {
        for at in (0..bytes.len()).step_by(7) {
            let mut other = world.clone();
            other.disk = world.disk.copy();
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            other.disk.put(&path, &changed);
            other.server.set_away(true);
            if let Ok(run) = other.start() {
                let left = run.remaining().uses;
                assert!(
                    left.is_some_and(|left| (8..=9).contains(&left)),
                    "{} at {at}: {left:?}",
                    path.display()
                );
                assert_eq!(run.features().len(), 1);
            }
        }
    }
}
