//! In step and out of step (protocol, server steps 0 to 4; D2, D3, I5, I6, I14).

use carnet_core::device::Disapproval;
use carnet_core::document::{Body, JournalName, Operation, Reason};
use carnet_core::id::{ChargeId, LicenseId, MoveId, PassId, ServerId, TransactionId};
use carnet_core::server::{Beside, Decision, EventKind, Fresh, Proof, Rejection, decide};
use carnet_core::time::Seconds;

use crate::desk::{Desk, digest, laptop, reason, refused, tablet};
use crate::ten_runs;

fn desk() -> Desk {
    let mut desk = Desk::selling(vec![ten_runs()]);
    desk.agree(laptop(), "ten-runs");
    desk
}

const FRESH: Fresh = Fresh {
    license: LicenseId([200; 16]),
    pass: PassId([201; 16]),
    movement: MoveId([202; 16]),
    charge: ChargeId([203; 16]),
    transaction: TransactionId([204; 16]),
};

#[test]
fn d2_i5_a_request_repeated_gets_the_same_answer_and_nothing_is_done_twice() {
    let mut desk = desk();
    desk.run(laptop()).unwrap();
    let request = desk.intend(laptop(), Operation::Renew { uses: 1 });
    let first = desk.serve(&request).unwrap();
    let books = desk.licenses.clone();
    desk.now = desk.now.plus(Seconds(1_000));
    for _ in 0..3 {
        assert_eq!(desk.serve(&request).unwrap(), first);
    }
    assert_eq!(desk.licenses, books);
    desk.deliver(laptop(), first.clone()).unwrap();
    desk.run(laptop()).unwrap();
    desk.renew(laptop());
    let late = desk.serve(&request).unwrap();
    assert_eq!(reason(&late.body), Some(Reason::Superseded));
    assert!(desk.devices[&laptop()].settled.is_none(), "a late message flags nobody (I8)");
    assert!(matches!(desk.deliver(laptop(), late), Err(Disapproval::WrongAnswer(_))));
}

#[test]
fn i6_a_request_id_used_for_another_request_changes_nothing() {
    let mut desk = desk();
    let request = desk.intend(laptop(), Operation::Renew { uses: 1 });
    desk.serve(&request).unwrap();
    let books = desk.licenses.clone();
    let mut other = request.clone();
    other.operation = Operation::Renew { uses: 2 };
    assert_eq!(desk.serve(&other), Err(Rejection::Conflict));
    other.epoch += 1;
    assert_eq!(desk.serve(&other), Err(Rejection::Conflict));
    assert_eq!(desk.licenses, books);
}

#[test]
fn i14_another_server_and_another_kind_of_journal_are_refused() {
    let mut desk = desk();
    let request = desk.intend(laptop(), Operation::Renew { uses: 1 });
    let elsewhere = carnet_core::document::Request { server: ServerId([99; 16]), ..request.clone() };
    assert_eq!(desk.serve(&elsewhere), Err(Rejection::WrongServer));
    let journal = JournalName { device: laptop(), app: None };
    let misplaced = carnet_core::document::Request {
        journal,
        epoch: 0,
        last_answer: desk.devices[&laptop()].receipt,
        totals: std::collections::BTreeMap::new(),
        ..request.clone()
    };
    assert_eq!(desk.serve(&misplaced), Err(Rejection::WrongJournal));
    desk.devices.remove(&laptop());
    assert_eq!(desk.serve(&request), Err(Rejection::UnknownDevice));
}

#[test]
fn d3_a_restored_passbook_is_settled_once_at_the_price_of_the_slice_that_was_out() {
    let mut desk = desk();
    let old = desk.states[&laptop()].clone();
    desk.run(laptop()).unwrap();
    desk.renew(laptop());
    desk.states.insert(laptop(), old.clone());
    let body = desk.renew(laptop());
    assert_eq!(reason(&body), Some(Reason::ForkOrRollback));
    assert!(desk.run(laptop()).is_err(), "the restored pass is void");
    let line = desk.only_license().uses.unwrap();
    assert_eq!((line.forfeited, line.held), (1, 0));
    let Body::Pass(pass) = desk.renew(laptop()) else { panic!() };
    assert_eq!(pass.uses.unwrap().remaining, 7);
    desk.run(laptop()).unwrap();

    // The second time within a year somebody looks at it; the held pass runs to its end.
    desk.states.insert(laptop(), old);
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::UnderReview));
    desk.run(laptop()).unwrap();
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::UnderReview));
    assert!(desk.journals.values().any(|journal| journal.flagged.is_some()));
}

#[test]
fn d3_of_two_devices_that_go_on_from_one_passbook_the_second_is_noticed() {
    let mut desk = desk();
    desk.run(laptop()).unwrap();
    let copy = desk.states[&laptop()].clone();
    desk.renew(laptop());
    let original = desk.states.insert(laptop(), copy).unwrap();
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::ForkOrRollback));
    desk.renew(laptop());
    desk.states.insert(laptop(), original);
    assert_eq!(
        reason(&desk.renew(laptop())),
        Some(Reason::UnderReview),
        "now it is the other branch that is old"
    );
}

#[test]
fn d3_a_restored_server_takes_over_what_the_device_proves_and_flags_nobody() {
    let mut desk = desk();
    let (journals, licenses) = (desk.journals.clone(), desk.licenses.clone());
    desk.run(laptop()).unwrap();
    let request = desk.intend(laptop(), Operation::Renew { uses: 1 });
    let pass = desk.serve(&request).unwrap();
    desk.deliver(laptop(), pass.clone()).unwrap();
    desk.run(laptop()).unwrap();
    (desk.journals, desk.licenses) = (journals, licenses);
    desk.past.clear();

    let request = desk.intend(laptop(), Operation::Renew { uses: 1 });
    let unchecked = decide(&desk.view(&request, Beside::Unchecked), &request, desk.now, &FRESH);
    assert_eq!(unchecked, Decision::CheckProof, "whose fault it is shows in the proof only");
    let view = desk.view(&request, Beside::Checked(Box::new(Proof { digest: digest(&pass), answer: pass })));
    let decision = decide(&view, &request, desk.now, &FRESH);
    let Decision::Aside(outcome) = decision else { panic!("{decision:?}") };
    assert!(matches!(outcome.event.kind, EventKind::Reconciled(_)));
    assert_eq!(refused(&outcome.answer.body).reason, Reason::Reconcile);
    assert!(outcome.devices.is_empty(), "nobody is flagged");
    let line = outcome.licenses[0].uses.unwrap();
    assert_eq!(
        (line.total, line.remaining, line.settled),
        (10, 8, 2),
        "two passes were out, two uses were made"
    );
}

#[test]
fn in_step_nothing_beside_the_request_needs_to_be_checked() {
    let mut desk = desk();
    desk.run(laptop()).unwrap();
    let request = desk.intend(laptop(), Operation::Renew { uses: 1 });
    let decision = decide(&desk.view(&request, Beside::Unchecked), &request, desk.now, &FRESH);
    assert!(matches!(decision, Decision::Decided(_)), "{decision:?}");
}

#[test]
fn i8_a_proof_under_a_key_that_is_not_ours_any_more_is_no_proof_and_no_error() {
    let mut desk = desk();
    let before = (desk.journals.clone(), desk.licenses.clone());
    desk.run(laptop()).unwrap();
    desk.renew(laptop());
    (desk.journals, desk.licenses) = before;
    desk.past.clear();
    let request = desk.intend(laptop(), Operation::Renew { uses: 1 });
    let decision = decide(&desk.view(&request, Beside::Nothing), &request, desk.now, &FRESH);
    let Decision::Aside(outcome) = decision else { panic!("{decision:?}") };
    assert!(matches!(outcome.event.kind, EventKind::Settled(_)), "the first time is settled");
}

#[test]
fn totals_beyond_what_was_given_out_are_not_believed() {
    let mut desk = desk();
    desk.run(laptop()).unwrap();
    let mut request = desk.intend(laptop(), Operation::Renew { uses: 1 });
    request.totals.values_mut().for_each(|totals| totals.uses = 5);
    let answer = desk.serve(&request).unwrap();
    assert_eq!(reason(&answer.body), Some(Reason::ForkOrRollback));
}

#[test]
fn a_retired_device_gets_nothing() {
    let mut desk = desk();
    desk.devices.get_mut(&tablet()).unwrap().retired = true;
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::Retired));
}
