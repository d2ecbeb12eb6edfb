//! Requests that come again, come changed, or come out of step.

use carnet_core::document::{Body, Operation, Reason, Totals};
use carnet_core::server::Rejection;
use carnet_store::{How, LedgerError, Settled, Work};

use super::KIND;
use super::world::*;
use crate::Kind;

#[test]
fn i5_a_repeat_gets_the_same_bytes_also_at_once_and_after_a_restart() {
    let mut world = World::new();
    let mut phone = Phone::register(&world, 1);
    let agreement = phone.agreement(&world, "ten-runs");
    let request = phone.request(agreement);
    let first = world.ledger.settle(phone.work(&request)).unwrap();
    assert_eq!(how(&first), How::Decided);
    let first = answered(first);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                let again = world.ledger.settle(phone.work(&request)).unwrap();
                assert_eq!(again, Settled::Answered { payload: first.clone(), how: How::Repeat });
                assert!(!again.is_fresh());
            });
        }
    });
    world = world.reopen();
    assert_eq!(answered(world.ledger.settle(phone.work(&request)).unwrap()), first);
    let stranger = registration(device_id(1));
    assert_eq!(how(&world.submit(&stranger, None).unwrap()), How::Repeat);
    world.assert_clean();
}

#[test]
fn i5_first_sendings_at_once_are_decided_once() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let agreement = phone.agreement(&world, "ten-runs");
    let request = phone.request(agreement);
    let settled: Vec<Settled> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..32).map(|_| scope.spawn(|| world.ledger.settle(phone.work(&request)).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(settled.iter().filter(|settled| settled.is_fresh()).count(), 1);
    let payloads: std::collections::BTreeSet<_> = settled.into_iter().map(answered).collect();
    assert_eq!(payloads.len(), 1);
    assert_eq!(world.check().counts.licenses, 1);
    world.assert_clean();
}

#[test]
fn i6_the_same_id_with_another_body_is_a_conflict_and_changes_nothing() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    let request = phone.request(Operation::Renew { uses: 1 });
    world.ledger.settle(phone.work(&request)).unwrap();
    let mut other = request.clone();
    other.operation = Operation::Renew { uses: 2 };
    let before = world.check().counts;
    assert_eq!(world.ledger.settle(phone.work(&other)), Ok(Settled::Rejected(Rejection::Conflict)));
    assert_eq!(world.check().counts, before);
}

#[test]
fn an_old_request_is_superseded_however_many_events_lie_between() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "forever");
    let mut requests = Vec::new();
    for _ in 0..200 {
        let request = phone.request(Operation::Renew { uses: 1 });
        let payload = answered(world.ledger.settle(phone.work(&request)).unwrap());
        phone.receive(&payload);
        requests.push(request);
    }
    let (last, older) = requests.split_last().unwrap();
    assert_eq!(how(&world.ledger.settle(phone.work(last)).unwrap()), How::Repeat);
    for request in older {
        assert_eq!(how(&world.ledger.settle(phone.work(request)).unwrap()), How::Superseded);
        let mut other = request.clone();
        other.operation = Operation::Decline;
        assert_eq!(world.ledger.settle(phone.work(&other)), Ok(Settled::Rejected(Rejection::Conflict)));
    }
    world.assert_clean();
}

#[test]
fn a_rollback_is_answered_aside_the_slot_stays_and_both_are_repeated() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    let mut backup = phone.clone();
    let renewal = phone.request(Operation::Renew { uses: 1 });
    let in_slot = answered(world.ledger.settle(phone.work(&renewal)).unwrap());
    backup.proof = None;
    backup.request(Operation::Decline);
    let stray = backup.request(Operation::Renew { uses: 1 });
    let settled = world.ledger.settle(backup.work(&stray)).unwrap();
    assert_eq!(how(&settled), How::Aside);
    let aside = answered(settled);
    assert_eq!(reason_of(&read_answer(&aside).body), Reason::ForkOrRollback);
    let world = world.reopen();
    let again = world.ledger.settle(backup.work(&stray)).unwrap();
    assert_eq!(again, Settled::Answered { payload: aside.clone(), how: How::RepeatAside });
    let late = world.ledger.settle(phone.work(&renewal)).unwrap();
    assert_eq!(how(&late), How::Superseded);
    let hex = match KIND {
        Kind::Sqlite => "lower(hex(slot_answer))",
        Kind::Postgres => "encode(slot_answer, 'hex')",
    };
    let slot = world.sql(&format!("SELECT {hex} FROM journal WHERE app_id <> ''"));
    assert_eq!(slot, in_slot.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let mut changed = stray.clone();
    changed.operation = Operation::Decline;
    assert_eq!(world.ledger.settle(backup.work(&changed)), Ok(Settled::Rejected(Rejection::Conflict)));
    backup.receive(&aside);
    pass_of(&backup.renew(&world));
    world.assert_clean();
}

#[test]
fn d3_a_second_rollback_waits_for_review_and_goes_on_after_it() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let license = pass_of(&phone.agree(&world, "ten-runs")).license;
    let go_back = |phone: &mut Phone| {
        let mut backup = phone.clone();
        pass_of(&phone.renew(&world));
        backup.proof = None;
        for _ in 0..3 {
            backup.request(Operation::Decline);
        }
        let body = backup.ask(&world, Operation::Renew { uses: 1 });
        *phone = backup;
        reason_of(&body)
    };
    assert_eq!(go_back(&mut phone), Reason::ForkOrRollback);
    pass_of(&phone.renew(&world));
    assert_eq!(go_back(&mut phone), Reason::UnderReview);
    let (supplier, journal) = (SUPPLIER, phone.journal());
    assert_eq!(world.store.read(|tx| tx.flagged_journals(supplier, 10)).unwrap().len(), 1);
    let other = carnet_core::id::SupplierId([8; 16]);
    let review = |supplier| {
        world.ledger.settle(Work::Review { supplier, journal: journal.clone(), by: "tok_test".into() })
    };
    assert!(not_found(review(other)));
    assert_eq!(review(supplier), Ok(Settled::Reviewed));
    assert!(not_found(review(supplier)));
    // Still where its backup was: now that is settled once more, and then it goes on.
    phone.proof = None;
    assert_eq!(reason_of(&phone.renew(&world)), Reason::ForkOrRollback);
    pass_of(&phone.renew(&world));
    assert!(world.license(license).uses.unwrap().forfeited > 0);
    world.assert_clean();
}

#[test]
fn i8_a_restored_server_takes_over_what_the_device_proves() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let license = pass_of(&phone.agree(&world, "ten-runs")).license;
    let World { store, ledger, clock, place } = world;
    store.close();
    drop((store, ledger));
    let backup = place.copy();
    let World { store, ledger, clock, place } = World::on(place, clock);
    let mut laptop = phone.sibling(2);
    phone.use_up(license, 2);
    let request = phone.request(Operation::Renew { uses: 1 });
    phone.receive(&answered(ledger.settle(phone.work(&request)).unwrap()));
    store.close();
    drop((store, ledger));
    place.restore(&backup);
    let world = World::on(place, clock);
    assert_eq!(reason_of(&phone.renew(&world)), Reason::Reconcile);
    let line = world.license(license).uses.unwrap();
    assert_eq!((line.total, line.settled, line.held), (10, 2, 3));
    pass_of(&phone.renew(&world));
    assert_eq!(reason_of(&laptop.renew(&world)), Reason::HeldElsewhere);
    world.assert_clean();
}

#[test]
fn a_foreign_server_and_an_unknown_device_get_no_document() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let mut request = phone.request(Operation::Renew { uses: 1 });
    request.server = carnet_core::id::ServerId([1; 16]);
    assert_eq!(world.submit(&request, None), Ok(Settled::Rejected(Rejection::WrongServer)));
    let mut unknown = phone.sibling(2);
    let request = unknown.request(Operation::Renew { uses: 1 });
    assert_eq!(world.submit(&request, None), Ok(Settled::Rejected(Rejection::UnknownDevice)));
    let mut impossible = phone.request(Operation::Renew { uses: 1 });
    impossible.epoch = u64::MAX;
    let outcome = world.ledger.settle(phone.work(&impossible));
    assert!(outcome.is_ok() || matches!(outcome, Err(LedgerError::Store(_))), "{outcome:?}");
    world.assert_clean();
}

#[test]
fn totals_of_a_license_nobody_knows_hold_nothing() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    let totals = Totals { uses: 5, ..Totals::default() };
    phone.totals.insert(carnet_core::id::LicenseId([5; 16]), totals);
    phone.proof = None;
    let Body::Refusal(_) = phone.renew(&world) else { panic!("a pass for nothing") };
    phone.renew(&world);
    world.assert_clean();
}
