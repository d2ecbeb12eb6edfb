//! Several servers on one database.

use std::sync::Arc;

use carnet_core::document::{Body, Operation};
use carnet_core::time::Time;
use carnet_store::{Ledger, Store};
use carnet_testkit::SeededRandom;

use super::world::*;

/// One more server on the database of this world.
fn another(world: &World, seed: u64) -> (Store, Ledger) {
    let mut options = options(&world.clock);
    options.random = Arc::new(SeededRandom::new(seed));
    let store = Store::open(world.place.database(), options).unwrap();
    let ledger = store.ledger(SERVER, Arc::new(FakePrepare));
    (store, ledger)
}

fn renew(phone: &mut Phone, ledger: &Ledger) -> Body {
    let request = phone.request(Operation::Renew { uses: 1 });
    phone.receive(&answered(ledger.settle(phone.work(&request)).unwrap()))
}

#[test]
fn a_device_may_speak_with_either_server_in_turn() {
    let world = World::new();
    let (store, ledger) = another(&world, 8);
    let mut phone = Phone::register(&world, 1);
    let license = pass_of(&phone.agree(&world, "pool")).license;
    for _ in 0..10 {
        assert_eq!(pass_of(&renew(&mut phone, &ledger)).license, license);
        assert_eq!(pass_of(&renew(&mut phone, &world.ledger)).license, license);
    }
    // A repeat finds its answer at the other server (I5).
    let request = phone.request(Operation::Renew { uses: 1 });
    let first = answered(world.ledger.settle(phone.work(&request)).unwrap());
    assert_eq!(answered(ledger.settle(phone.work(&request)).unwrap()), first);
    store.close();
    world.assert_clean();
}

#[test]
fn a5_a_menu_changed_at_one_server_is_the_menu_of_the_other_at_once() {
    let world = World::new();
    let (store, ledger) = another(&world, 8);
    let mut phone = Phone::register(&world, 1);
    let agreement = phone.agreement(&world, "ten-runs");
    // Both have seen the menu.
    phone.ask(&world, agreement.clone());
    renew(&mut phone, &ledger);
    let only = vec![offer("forever", None, None, 2)];
    store
        .write("test.menu", move |tx| {
            let before = tx.menu(&app())?.unwrap().menu;
            let menu = before.replaced(&app(), only.clone());
            tx.replace_menu(SUPPLIER, &app(), before.serial, &menu, Time(NOW))
        })
        .unwrap();
    let Body::Refusal(refusal) = phone.ask(&world, agreement) else { panic!("agreed to what is gone") };
    assert!(!refusal.menu.is_empty(), "{refusal:?}");
    store.close();
    world.assert_clean();
}

#[test]
fn i1_i3_servers_that_write_at_the_same_time_lose_and_double_nothing() {
    const DEVICES: u32 = 24;
    const RENEWALS: usize = 20;
    let world = World::new();
    let others = [another(&world, 8), another(&world, 9)];
    let ledgers = [&world.ledger, &others[0].1, &others[1].1];
    let mut owner = Phone::register(&world, 0);
    let license = pass_of(&owner.agree(&world, "pool")).license;
    let mut phones: Vec<_> = (1..DEVICES).map(|number| owner.sibling(number)).collect();
    std::thread::scope(|scope| {
        for (number, phone) in phones.iter_mut().enumerate() {
            scope.spawn(move || {
                for turn in 0..RENEWALS {
                    // One hot license, and every device with each server in turn.
                    renew(phone, ledgers[(number + turn) % ledgers.len()]);
                    phone.use_up(license, 1);
                }
            });
        }
    });
    let line = world.license(license).uses.unwrap();
    let settled = u64::from(DEVICES - 1) * (RENEWALS as u64 - 1);
    assert_eq!(line.settled, settled, "every use that was told is booked once: {line:?}");
    for (store, _) in others {
        store.close();
    }
    world.assert_clean();
}

#[test]
fn one_code_makes_one_device_also_when_two_servers_see_it_at_once() {
    let world = World::new();
    let (store, ledger) = another(&world, 8);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let servers = [&world.ledger, &ledger];
        let threads: Vec<_> = servers
            .into_iter()
            .map(|ledger| {
                scope.spawn(move || {
                    // The same first request of the same device, at both.
                    answered(ledger.settle(work(&registration(device_id(5)), None, None)).unwrap())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes[0], outcomes[1], "one registration, one answer");
    assert_eq!(world.check().counts.devices, 1);
    store.close();
    world.assert_clean();
}

#[test]
fn servers_that_start_together_on_an_empty_database_make_one_schema() {
    let place = Place::new();
    let stores: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let place = &place;
                scope.spawn(move || {
                    let clock = carnet_testkit::FakeClock::at(NOW);
                    Store::open(place.database(), options(&clock)).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let alone = Place::new();
    let first = Store::open(alone.database(), options(&carnet_testkit::FakeClock::at(NOW))).unwrap();
    let steps = "SELECT count(*) FROM migration";
    assert_eq!(place.sql(steps), alone.sql(steps), "each step once, as where one server makes it alone");
    first.close();
    for store in stores {
        store.close();
    }
}
