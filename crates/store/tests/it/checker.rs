//! The ledger check finds what somebody has changed behind the ledger's back.

use std::collections::BTreeSet;

use carnet_core::document::{Body, Operation};
use carnet_store::check::Problem;

use super::KIND;
use super::world::*;
use crate::Kind;

/// A ledger with a bit of everything in it.
fn eventful() -> World {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let license = pass_of(&phone.agree(&world, "ten-runs")).license;
    phone.use_up(license, 2);
    phone.renew(&world);
    let mut other = Phone::register(&world, 2);
    other.agree(&world, "pool");
    let Body::Portable(_) = other.ask(&world, Operation::Export) else { panic!("not exported") };
    let mut backup = phone.clone();
    phone.renew(&world);
    backup.proof = None;
    backup.request(Operation::Decline);
    backup.renew(&world);
    backup.renew(&world);
    world.assert_clean();
    world
}

#[test]
fn every_corruption_is_found() {
    let table: &[(&str, &[Problem])] = &[
        (
            "UPDATE license SET uses_remaining = uses_remaining + 1, uses_total = uses_total + 1 WHERE first",
            &[Problem::NotReplayed],
        ),
        (
            "UPDATE license SET uses_remaining = uses_remaining + 1 WHERE first",
            &[Problem::Unbalanced, Problem::NotReplayed],
        ),
        (
            "UPDATE license SET uses_held = uses_held - 1, uses_remaining = uses_remaining + 1 WHERE uses_held > 0",
            &[Problem::WrongHeld, Problem::NotReplayed],
        ),
        (
            "UPDATE license SET uses_moving = uses_moving - 1, uses_remaining = uses_remaining + 1 WHERE uses_moving > 0",
            &[Problem::WrongMoving],
        ),
        ("UPDATE license SET standing = 'revoked' WHERE first", &[Problem::WrongStanding]),
        ("UPDATE license SET rights = x'0100' || substr(rights, 3) WHERE first", &[Problem::Unreadable]),
        ("UPDATE license SET rights = x'010000' WHERE first", &[Problem::NotReplayed]),
        ("UPDATE license SET head = zeroblob(32) WHERE first", &[Problem::WrongHead]),
        ("UPDATE license SET last_event = 1 WHERE first", &[Problem::WrongHead]),
        ("UPDATE license SET app_id = 'acme/other' WHERE first", &[Problem::WrongWording, Problem::Orphan]),
        ("UPDATE license SET first_use = 'soon' WHERE first", &[Problem::Unreadable]),
        ("DELETE FROM license WHERE first", &[Problem::Orphan]),
        ("UPDATE event SET at = at + 1 WHERE seq = 3", &[Problem::BrokenChain]),
        ("UPDATE event SET hash = zeroblob(32) WHERE seq = 3", &[Problem::BrokenChain]),
        ("UPDATE event SET postings = '' WHERE seq = 2", &[Problem::BrokenChain, Problem::NotReplayed]),
        ("UPDATE event SET postings = 'uses held>sold 1' WHERE seq = 2", &[Problem::BrokenChain]),
        ("UPDATE event SET kind = 'agreed' WHERE seq = 3", &[Problem::BrokenChain]),
        ("UPDATE event SET kind = 'exploded' WHERE seq = 3", &[Problem::Unreadable]),
        ("UPDATE event SET quoted = quoted + 1 WHERE seq = 3", &[Problem::BrokenChain, Problem::WrongEpoch]),
        ("UPDATE event SET previous = NULL WHERE seq = 3", &[Problem::BrokenChain, Problem::WrongPlace]),
        ("UPDATE event SET chained = NULL WHERE seq = 3", &[Problem::BrokenChain]),
        (
            "UPDATE event SET user_id = zeroblob(16) WHERE seq = 3",
            &[Problem::BrokenChain, Problem::WrongPlace],
        ),
        ("DELETE FROM event WHERE seq = 3", &[Problem::EventMissing, Problem::BrokenChain]),
        ("DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)", &[Problem::WrongHead]),
        (
            "DELETE FROM event WHERE seq = 1",
            &[Problem::EventMissing, Problem::WrongPlace, Problem::WrongHead],
        ),
        ("UPDATE journal SET epoch = epoch + 1 WHERE first", &[Problem::WrongEpoch]),
        ("UPDATE journal SET answer = zeroblob(32) WHERE first", &[Problem::WrongSlot]),
        ("UPDATE journal SET slot_request = zeroblob(16) WHERE first", &[Problem::WrongSlot]),
        (
            "UPDATE journal SET slot_request = NULL, slot_body = NULL, slot_answer = NULL WHERE first",
            &[Problem::WrongSlot],
        ),
        ("UPDATE journal SET accounts = x'01' WHERE first", &[Problem::WrongHeld]),
        ("UPDATE journal SET accounts = x'02' WHERE first", &[Problem::Unreadable]),
        ("UPDATE journal SET active = NULL WHERE first", &[Problem::WrongHolder]),
        ("UPDATE journal SET events = events + 1 WHERE first", &[Problem::WrongPlace]),
        ("UPDATE journal SET asides = asides + 1 WHERE first", &[Problem::WrongPlace]),
        ("DELETE FROM journal WHERE first", &[Problem::Orphan, Problem::WrongHeld]),
        ("DELETE FROM move", &[Problem::WrongMoving, Problem::WrongHolder]),
        ("UPDATE move SET uses = uses + 1", &[Problem::WrongMoving]),
        ("UPDATE move SET generation = generation + 1", &[Problem::WrongHolder]),
        ("UPDATE move SET status = 'cancelled'", &[Problem::WrongMoving, Problem::WrongHolder]),
        ("UPDATE move SET license_id = zeroblob(16)", &[Problem::Orphan]),
        ("DELETE FROM aside", &[Problem::WrongAside]),
        ("UPDATE aside SET body = zeroblob(32)", &[Problem::WrongAside]),
        ("UPDATE aside SET event = 1", &[Problem::WrongAside]),
        ("UPDATE user_chain SET head = zeroblob(32)", &[Problem::WrongHead]),
        ("DELETE FROM user_chain", &[Problem::Orphan]),
        ("UPDATE base SET listed = replace(listed, 'ten-runs', 'two-runs')", &[Problem::WrongWording]),
        ("DELETE FROM base", &[Problem::Unreadable]),
        ("DELETE FROM agreement", &[Problem::WrongWording]),
        (
            "UPDATE agreement SET license_id = zeroblob(16) WHERE first",
            &[Problem::WrongWording, Problem::Orphan],
        ),
        ("DELETE FROM device WHERE first", &[Problem::Orphan]),
        ("UPDATE device SET signing_key = 'key' WHERE first", &[Problem::Unreadable]),
        ("DELETE FROM account", &[Problem::Orphan]),
        ("DELETE FROM app", &[Problem::Orphan]),
        ("DELETE FROM supplier", &[Problem::Orphan]),
    ];
    let world = eventful();
    world.store.close();
    for (sql, expected) in table {
        if KIND == Kind::Postgres && sql.contains("'soon'") {
            // There a number cannot be a word.
            continue;
        }
        let copy = world.place.copy();
        let changed = copy.sql(sql);
        assert!(!changed.ends_with('0') || changed.ends_with("10"), "{sql} changed nothing: {changed}");
        let report = carnet_store::check_ledger(copy.database()).unwrap();
        let found: BTreeSet<Problem> = report.findings.iter().map(|finding| finding.problem).collect();
        for problem in *expected {
            assert!(found.contains(problem), "{sql}: expected {problem:?}, found {:#?}", report.findings);
        }
    }
}

#[test]
fn the_check_runs_beside_a_working_server() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "forever");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (world, stop) = (&world, &stop);
        let checks = scope.spawn(move || {
            let mut checks = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                world.assert_clean();
                checks += 1;
            }
            checks
        });
        for _ in 0..100 {
            phone.renew(world);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(checks.join().unwrap() > 0);
    });
}
