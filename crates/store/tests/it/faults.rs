//! What goes wrong on purpose.

use carnet_core::document::Operation;
use carnet_core::id::Digest;
use carnet_core::time::Time;
use carnet_store::{LedgerError, Settled, Store, StoreError, check_ledger};

use super::world::*;

#[test]
fn i20_a_newer_schema_is_refused() {
    let world = World::new();
    world.sql("INSERT INTO migration VALUES (99, 'later', 0)");
    world.store.close();
    let refused = Store::open(world.place.database(), options(&world.clock)).err().unwrap();
    assert!(matches!(refused, StoreError::NewerSchema { found: 99, known } if known > 1), "{refused}");
    assert_eq!(check_ledger(world.place.database()).err(), Some(refused));
}

#[test]
fn i20_a_database_of_the_first_schema_opens_and_counts_wrong_codes_from_then_on() {
    let world = World::new();
    Phone::register(&world, 1);
    world.sql(
        "DROP TABLE attempt; DROP TABLE image; DROP TABLE key_transaction; DROP TABLE report_part; DROP TABLE report; \
         DROP TABLE report_request; ALTER TABLE license DROP COLUMN report_due; ALTER TABLE device_name DROP COLUMN maker; \
         ALTER TABLE journal DROP COLUMN gone; ALTER TABLE device DROP COLUMN signing_y; \
         DELETE FROM migration WHERE number > 1",
    );
    let world = world.reopen();
    let (subject, until) = (Digest([1; 32]), Time(7));
    world.store.write("attempts.note", move |tx| tx.put_attempts(&subject, until)).unwrap();
    assert_eq!(world.store.read(|tx| tx.attempts_until(&subject)), Ok(Some(until)));
    world.store.write("attempts.forget", move |tx| tx.forget_attempts(until)).unwrap();
    assert_eq!(world.store.read(|tx| tx.attempts_until(&subject)), Ok(None));
    world.assert_clean();
}

#[test]
fn a_failing_insert_fails_its_own_request_and_nobody_elses() {
    let world = World::new();
    let mut phones: Vec<_> = (1..=8).map(|number| Phone::register(&world, number)).collect();
    world.fail_insert("event", phones[3].id);
    let before = world.check().counts;
    let outcomes = together(&world, &mut phones);
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), number != 3, "{number}: {outcome:?}");
    }
    assert!(matches!(outcomes[3], Err(LedgerError::Store(StoreError::Failed(_)))), "{:?}", outcomes[3]);
    let after = world.check().counts;
    assert_eq!((after.licenses, after.events - before.events), (7, 7));
    world.heal("event");
    assert!(together(&world, &mut phones[3..4])[0].is_ok());
    world.assert_clean();
}

#[test]
fn a_row_changed_by_somebody_else_is_a_conflict_not_an_overwrite() {
    let world = World::new();
    let mut phones: Vec<_> = (1..=4).map(|number| Phone::register(&world, number)).collect();
    together(&world, &mut phones);
    world.ignore_update("journal", phones[1].id);
    let outcomes = together(&world, &mut phones);
    for (number, outcome) in outcomes.iter().enumerate() {
        let conflict = matches!(outcome, Err(LedgerError::Store(StoreError::Conflict { .. })));
        assert_eq!(conflict, number == 1, "{number}: {outcome:?}");
    }
    world.heal("journal");
    world.assert_clean();
}

#[test]
fn a_panic_fails_its_own_request_and_the_writer_goes_on() {
    let world = World::new();
    let mut phones: Vec<_> = (1..=4).map(|number| Phone::register(&world, number)).collect();
    let mut poisoned = phones[0].request(Operation::Renew { uses: 1 });
    poisoned.id = POISON;
    let outcome = world.ledger.settle(phones[0].work(&poisoned));
    assert_eq!(outcome, Err(LedgerError::Store(StoreError::Defect)));
    assert_eq!(
        world.store.write("test.panic", |_| -> Result<(), _> { panic!("on purpose") }),
        Err(StoreError::Defect)
    );
    world.ledger.submit(phones[1].clone().work(&poisoned), Box::new(|_| panic!("on purpose")));
    assert!(together(&world, &mut phones).iter().all(Result::is_ok));
    world.assert_clean();
}

/// All phones agree to an offer in one batch.
fn together(world: &World, phones: &mut [Phone]) -> Vec<Result<Settled, LedgerError>> {
    let hold = world.hold();
    let receivers: Vec<_> = phones
        .iter_mut()
        .map(|phone| {
            let agreement = phone.agreement(world, "ten-runs");
            let request = phone.request(agreement);
            let (sender, receiver) = std::sync::mpsc::channel();
            world.ledger.submit(phone.work(&request), Box::new(move |outcome| sender.send(outcome).unwrap()));
            receiver
        })
        .collect();
    drop(hold);
    let outcomes: Vec<_> = receivers.into_iter().map(|receiver| receiver.recv().unwrap()).collect();
    for (phone, outcome) in phones.iter_mut().zip(&outcomes) {
        if let Ok(Settled::Answered { payload, .. }) = outcome {
            phone.receive(payload);
        }
    }
    outcomes
}

#[test]
fn i9_dying_before_the_commit_leaves_nothing_and_after_it_everything() {
    for (point, kept) in [("ledger.decided", false), ("ledger.committed", true)] {
        // Furnishing is the first transaction, the registration the second.
        let world = World::with(crash_at(point, 3));
        let mut phone = Phone::register(&world, 1);
        let agreement = phone.agreement(&world, "ten-runs");
        let request = phone.request(agreement);
        assert_eq!(world.ledger.settle(phone.work(&request)), Err(LedgerError::Unknown), "{point}");
        let closed = LedgerError::Store(StoreError::Closed);
        assert_eq!(world.ledger.settle(phone.work(&request)), Err(closed), "{point}");
        let report = check_ledger(world.place.database()).unwrap();
        assert!(report.is_clean(), "{point}: {:?}", report.findings);
        assert_eq!(report.counts.licenses, u64::from(kept), "{point}");
        let world = world.reopen();
        let expected = if kept { carnet_store::How::Repeat } else { carnet_store::How::Decided };
        assert_eq!(how(&world.ledger.settle(phone.work(&request)).unwrap()), expected, "{point}");
        world.assert_clean();
    }
}

#[test]
fn a_closed_store_refuses_and_a_full_queue_says_so() {
    let world = World::with(|options| options.queue = 2);
    let mut phones = [1, 2, 3].map(|number| Phone::register(&world, number));
    let hold = world.hold();
    let (sender, receiver) = std::sync::mpsc::channel();
    for phone in &mut phones {
        let request = phone.request(Operation::Renew { uses: 1 });
        let sender = sender.clone();
        world.ledger.submit(phone.work(&request), Box::new(move |outcome| sender.send(outcome).unwrap()));
    }
    assert_eq!(receiver.recv().unwrap(), Err(LedgerError::Store(StoreError::Busy)));
    drop(hold);
    assert!(receiver.recv().unwrap().is_ok() && receiver.recv().unwrap().is_ok());
    assert_eq!(world.store.counts().refused, 1);
    let phone = &mut phones[0];
    let request = phone.request(Operation::Renew { uses: 1 });
    world.store.close();
    world.store.close();
    assert_eq!(world.store.write("test", |_| Ok(())), Err(StoreError::Closed));
    assert_eq!(world.store.read(|tx| tx.suppliers()).err(), Some(StoreError::Closed));
    assert_eq!(world.ledger.settle(phone.work(&request)), Err(LedgerError::Store(StoreError::Closed)));
}

#[test]
fn a_reader_too_many_is_told_so_and_the_next_one_is_not() {
    let world = World::with(|options| {
        (options.readers, options.patience) = (1, std::time::Duration::from_millis(20));
    });
    let inside = world.store.read(|_| Ok(world.store.read(|tx| tx.suppliers()).map(drop)));
    assert_eq!(inside, Ok(Err(StoreError::Busy)));
    assert!(world.store.read(|tx| tx.suppliers()).is_ok());
}
