//! One user sends more than everybody else.

use std::sync::mpsc::{Receiver, channel};

use carnet_core::document::Operation;
use carnet_store::{LedgerError, Settled, StoreError};

use super::world::*;

const FLOOD: usize = 200;
const BATCH: usize = 8;

type Outcomes = Receiver<(u32, Result<Settled, LedgerError>)>;

/// While the writer is busy, the first of these asks again and again, then each of the others once.
fn flooded(world: &World, phones: &mut [Phone], flood: usize) -> Outcomes {
    let (sender, outcomes) = channel();
    let hold = world.hold();
    for (number, phone) in phones.iter_mut().enumerate() {
        // As the server does to check the signature: from then on it is known whose device that is.
        world.store.device_keys(phone.id).unwrap();
        let request = phone.request(Operation::Renew { uses: 1 });
        for _ in 0..if number == 0 { flood } else { 1 } {
            let sender = sender.clone();
            let reply = move |outcome| sender.send((number as u32, outcome)).unwrap();
            world.ledger.submit(phone.work(&request), Box::new(reply));
        }
    }
    drop(hold);
    outcomes
}

#[test]
fn a_user_who_floods_the_server_waits_alone() {
    let world = World::with(|options| options.batch = BATCH);
    let mut phones: Vec<_> = (1..=5).map(|number| Phone::register(&world, number)).collect();
    let before = world.store.counts().batches.count;
    let outcomes = flooded(&world, &mut phones, FLOOD);
    let order: Vec<u32> = outcomes.iter().map(|(number, outcome)| outcome.map(|_| number).unwrap()).collect();
    assert_eq!(order.len(), FLOOD + 4);
    for other in 1..=4 {
        let turn = order.iter().position(|number| *number == other).unwrap();
        assert!(
            turn < BATCH,
            "number {other} came after {turn} others, though it was there with the first batch"
        );
    }
    let batches = world.store.counts().batches.count - before;
    assert_eq!(batches as usize, (FLOOD + 4).div_ceil(BATCH), "the flood still shares its commits");
    world.assert_clean();
}

#[test]
fn a_flood_of_several_devices_of_one_user_is_one_flood() {
    let world = World::with(|options| options.batch = 4);
    let mut flooder = Phone::register(&world, 1);
    flooder.agree(&world, "pool");
    let mut seats: Vec<_> = (10..40).map(|number| flooder.sibling(number)).collect();
    for seat in &mut seats {
        seat.renew(&world);
    }
    let mut other = Phone::register(&world, 2);
    let (sender, outcomes) = channel();
    let hold = world.hold();
    for (number, phone) in seats.iter_mut().chain([&mut other]).enumerate() {
        world.store.device_keys(phone.id).unwrap();
        let request = phone.request(Operation::Renew { uses: 1 });
        let sender = sender.clone();
        world.ledger.submit(phone.work(&request), Box::new(move |done| sender.send((number, done)).unwrap()));
    }
    drop((hold, sender));
    let order: Vec<usize> =
        outcomes.iter().map(|(number, outcome)| outcome.map(|_| number).unwrap()).collect();
    assert!(order.iter().position(|number| *number == seats.len()).unwrap() < 4, "{order:?}");
    world.assert_clean();
}

#[test]
fn a_flood_that_is_too_much_is_refused_and_nobody_elses_requests_are() {
    let world = World::with(|options| options.queue = 40);
    let mut phones: Vec<_> = (1..=5).map(|number| Phone::register(&world, number)).collect();
    let outcomes: Vec<_> = flooded(&world, &mut phones, FLOOD).iter().collect();
    let refused = |outcome: &Result<Settled, LedgerError>| {
        assert!(matches!(outcome, Ok(_) | Err(LedgerError::Store(StoreError::Busy))), "{outcome:?}");
        outcome.is_err()
    };
    let of = |flooder: bool| outcomes.iter().filter(move |(number, _)| (*number == 0) == flooder);
    assert_eq!(
        of(true).filter(|(_, outcome)| refused(outcome)).count(),
        FLOOD - 10,
        "a quarter is its share"
    );
    assert_eq!(of(false).filter(|(_, outcome)| refused(outcome)).count(), 0);
    assert_eq!(world.store.counts().refused as usize, FLOOD - 10);
    world.assert_clean();
}
