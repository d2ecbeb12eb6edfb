//! Batches that commit first and are told when the disk has them, and rows that are read ahead of their batch.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use carnet_core::document::{Body, Operation};
use carnet_store::{Database, How, Ledger, LedgerError, Settled, Store};
use carnet_testkit::postgres::Schema;

use super::world::*;

/// A schema whose own function stands for the wait for the disk: it fails (1) or takes its time (2) while a test says so.
fn world_with_a_disk_of_its_own() -> World {
    let World { store, place, clock, .. } = World::new();
    store.close();
    schema(&place).sql(
        "CREATE TABLE disk (away BIGINT, waiter BIGINT); INSERT INTO disk VALUES (0, 0); \
         CREATE FUNCTION pg_logical_emit_message(BOOLEAN, TEXT, TEXT) RETURNS pg_lsn LANGUAGE plpgsql AS $$ BEGIN \
         WHILE (SELECT away FROM disk) = 2 LOOP PERFORM pg_sleep(0.01); END LOOP; \
         IF (SELECT away FROM disk) = 1 THEN RAISE 'the disk is away'; END IF; \
         UPDATE disk SET waiter = pg_backend_pid(); \
         RETURN pg_catalog.pg_logical_emit_message($1, $2, $3); END $$",
    );
    // Here the schema comes before the functions of the system.
    let url = format!("{}%2Cpg_catalog", schema(&place).url());
    let store = Store::open(Database::Postgres(url.parse().unwrap()), options(&clock)).unwrap();
    let ledger = store.ledger(SERVER, std::sync::Arc::new(FakePrepare));
    World { store, ledger, clock, place }
}

fn schema(place: &Place) -> &Schema {
    let Place::Schema(schema) = place else { panic!("this is PostgreSQL") };
    schema
}

fn submitted(ledger: &Ledger, work: carnet_store::Work) -> Receiver<Result<Settled, LedgerError>> {
    let (sender, receiver) = channel();
    ledger.submit(work, Box::new(move |outcome| drop(sender.send(outcome))));
    receiver
}

/// Waits until somebody else sees so many events.
fn until_events(place: &Place, number: &str) {
    let seen = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        schema(place).sql("SELECT count(*) FROM event") == number
    });
    assert!(seen, "the batch was never committed");
}

#[test]
fn i9_a_batch_that_is_committed_and_not_yet_on_the_disk_is_not_told() {
    let world = world_with_a_disk_of_its_own();
    let mut phone = Phone::register(&world, 1);
    let agreement = phone.agreement(&world, "ten-runs");
    let request = phone.request(agreement);
    let before: u64 = world.sql("SELECT count(*) FROM event").parse().unwrap();

    schema(&world.place).sql("UPDATE disk SET away = 2");
    let reply = submitted(&world.ledger, phone.work(&request));
    until_events(&world.place, &(before + 1).to_string());
    assert_eq!(reply.recv_timeout(Duration::from_millis(300)), Err(RecvTimeoutError::Timeout));
    // Meanwhile the next batch is decided, and not told either.
    let repeated = submitted(&world.ledger, phone.work(&request));
    assert_eq!(repeated.recv_timeout(Duration::from_millis(300)), Err(RecvTimeoutError::Timeout));
    schema(&world.place).sql("UPDATE disk SET away = 0");

    let settled = reply.recv().unwrap().unwrap();
    assert_eq!(how(&settled), How::Decided);
    assert_eq!(how(&repeated.recv().unwrap().unwrap()), How::Repeat);
    pass_of(&phone.receive(&answered(settled)));
    world.assert_clean();
}

#[test]
fn i9_where_the_wait_for_the_disk_fails_nobody_is_told_and_the_repeat_finds_what_is_true() {
    let world = world_with_a_disk_of_its_own();
    let mut phone = Phone::register(&world, 1);
    let agreement = phone.agreement(&world, "ten-runs");
    let request = phone.request(agreement);
    schema(&world.place).sql("UPDATE disk SET away = 1");
    assert_eq!(world.ledger.settle(phone.work(&request)), Err(LedgerError::Unknown));
    // From now on each commit waits by itself: nobody is made to wait for a session that is not there.
    let settled = world.ledger.settle(phone.work(&request)).unwrap();
    assert_eq!(how(&settled), How::Repeat);
    phone.receive(&answered(settled));
    for _ in 0..3 {
        assert!(matches!(phone.ask(&world, Operation::Renew { uses: 1 }), Body::Pass(_)));
    }
    world.assert_clean();
}

#[test]
fn a_session_that_waits_for_the_disk_and_is_lost_while_idle_is_replaced() {
    let world = world_with_a_disk_of_its_own();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "pool");
    let waiter = || world.sql("SELECT waiter FROM disk");
    let first = waiter();
    world.sql(&format!("SELECT count(pg_terminate_backend({first}))"));
    // Nobody waits for it meanwhile, and every answer is as good. That it is gone may show in the first commit only, which is left open.
    let replaced = (0..200).any(|_| {
        let request = phone.request(Operation::Renew { uses: 1 });
        let settled = world.ledger.settle(phone.work(&request)).or_else(|open| {
            assert_eq!(open, LedgerError::Unknown);
            world.ledger.settle(phone.work(&request))
        });
        assert!(matches!(phone.receive(&answered(settled.unwrap())), Body::Pass(_)));
        std::thread::sleep(Duration::from_millis(50));
        waiter() != first
    });
    assert!(replaced, "each commit waits by itself from then on");
    world.assert_clean();
}

#[test]
fn rows_read_ahead_are_read_again_where_the_batch_before_has_written_them() {
    const DEVICES: u32 = 16;
    const TURNS: usize = 30;
    let world = World::new();
    let mut owner = Phone::register(&world, 0);
    let license = pass_of(&owner.agree(&world, "pool")).license;
    // All of one license, and always more than one batch under way: each has to see what the one before has left.
    let mut phones: Vec<_> = (1..DEVICES).map(|number| owner.sibling(number)).collect();
    std::thread::scope(|scope| {
        for phone in &mut phones {
            scope.spawn(|| {
                for _ in 0..TURNS {
                    let request = phone.request(Operation::Renew { uses: 1 });
                    let first = submitted(&world.ledger, phone.work(&request));
                    // The same once more, before the first is answered: it must find the answer of the first.
                    let again = submitted(&world.ledger, phone.work(&request));
                    let first = first.recv().unwrap().unwrap();
                    assert_eq!(how(&first), How::Decided);
                    let again = again.recv().unwrap().unwrap();
                    assert_eq!((how(&again), answered(again)), (How::Repeat, answered(first.clone())));
                    assert_eq!(pass_of(&phone.receive(&answered(first))).license, license);
                }
            });
        }
    });
    assert_eq!(
        world.store.counts().again,
        0,
        "what is out of date is found before it is used, not by the guards"
    );
    world.assert_clean();
}
