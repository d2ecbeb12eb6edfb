//! Many at once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use carnet_core::document::{Body, Operation, Reason};
use carnet_core::license::Holder;
use carnet_store::Settled;

use super::world::*;

#[test]
fn i3_i4_sixty_four_devices_on_one_license_get_what_there_is_and_no_more() {
    let world = World::new();
    let mut owner = Phone::register(&world, 0);
    let license = pass_of(&owner.agree(&world, "pool")).license;
    let used: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..64_u32)
            .map(|number| {
                let (world, mut phone) = (&world, owner.sibling(number));
                scope.spawn(move || {
                    let mut used = 0;
                    loop {
                        match phone.renew(world) {
                            Body::Pass(pass) => {
                                let left = pass.uses.unwrap().upto - used;
                                used += left;
                                phone.use_up(license, left);
                            }
                            Body::Refusal(refusal) => {
                                let over = [Reason::HeldElsewhere, Reason::Exhausted];
                                assert!(over.contains(&refusal.reason), "{refusal:?}");
                                return used;
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let line = world.license(license).uses.unwrap();
    assert_eq!(used, 1_000 - 5);
    assert_eq!((line.total, line.settled + line.held, line.remaining), (1_000, 1_000, 0));
    world.assert_clean();
}

#[test]
fn i1_no_more_devices_than_rights() {
    let world = World::new();
    let mut owner = Phone::register(&world, 0);
    owner.agree(&world, "forever");
    let granted = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..16_u32)
            .map(|number| {
                let (world, mut phone) = (&world, owner.sibling(number));
                scope.spawn(move || matches!(phone.renew(world), Body::Pass(_)))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|pass| *pass).count()
    });
    assert_eq!(granted, 1);
    world.assert_clean();
}

#[test]
fn a_batch_of_one_license_is_one_row_write() {
    let world = World::new();
    let mut owner = Phone::register(&world, 0);
    owner.agree(&world, "pool");
    let version = |world: &World| -> i64 { world.sql("SELECT version FROM license").parse().unwrap() };
    let before = version(&world);
    let mut phones: Vec<_> = (1..50).map(|number| owner.sibling(number)).collect();
    let (sender, receiver) = std::sync::mpsc::channel();
    let hold = world.hold();
    for phone in &mut phones {
        let request = phone.request(Operation::Renew { uses: 1 });
        let sender = sender.clone();
        world.ledger.submit(phone.work(&request), Box::new(move |outcome| sender.send(outcome).unwrap()));
    }
    drop(hold);
    for _ in &phones {
        assert!(matches!(receiver.recv().unwrap(), Ok(Settled::Answered { .. })));
    }
    assert_eq!(version(&world) - before, 1);
    world.assert_clean();
}

/// Takes a seat where it has none, and gives it back where it has one; at each moment no more than there are may be out.
fn take_or_give_back(world: &World, phone: &mut Phone, has: &mut bool, out: &AtomicU32) -> bool {
    if *has {
        // As on a device: the pass is no good any more before the server hears of it.
        out.fetch_sub(1, Ordering::SeqCst);
        *has = false;
        assert!(matches!(phone.ask(world, Operation::Return), Body::Receipt(_)));
        return false;
    }
    match phone.renew(world) {
        Body::Pass(pass) => {
            assert!(pass.floating);
            assert!(out.fetch_add(1, Ordering::SeqCst) < SEATS, "one too many");
            *has = true;
            false
        }
        Body::Refusal(refusal) => {
            assert_eq!(refusal.reason, Reason::HeldElsewhere);
            assert_eq!(refusal.holders.len() as u32, SEATS, "who has them is said");
            true
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn i1_sixty_four_devices_race_for_sixteen_seats_a_thousand_times_and_never_one_too_many() {
    const ROUNDS: usize = 1_000;
    let world = World::new();
    let mut owner = Phone::register(&world, 0);
    let license = pass_of(&owner.agree(&world, "seats")).license;
    assert!(matches!(owner.ask(&world, Operation::Return), Body::Receipt(_)));
    let (out, round) = (AtomicU32::new(0), Barrier::new(64));
    let refused: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=64_u32)
            .map(|number| {
                let (world, out, round, mut phone) = (&world, &out, &round, owner.sibling(number));
                scope.spawn(move || {
                    let mut has = false;
                    let rounds = (0..ROUNDS).map(|_| {
                        round.wait();
                        take_or_give_back(world, &mut phone, &mut has, out)
                    });
                    rounds.filter(|refused| *refused).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!((ROUNDS..63 * ROUNDS).contains(&refused), "{refused}: a race, and not a standstill");
    let held = world.license(license).rights.iter().filter(|right| right.holder != Holder::Free).count();
    assert_eq!(held, out.load(Ordering::SeqCst) as usize);
    world.assert_clean();
}
