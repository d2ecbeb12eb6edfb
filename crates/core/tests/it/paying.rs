//! What is due, and what is issued meanwhile (A4, A7).

use carnet_core::charge::{ChargeAct, ChargeStatus, DueFor};
use carnet_core::document::{Body, Operation, Pass, PassKind, Reason};
use carnet_core::license::Status;
use carnet_core::offer::{Charging, Issuance, Offer};
use carnet_core::term::{Slice, Term};
use carnet_core::time::{Length, Seconds};
use carnet_core::transfer::{Transfer, Which};

use crate::desk::{Desk, laptop, reason, refused, tablet};
use crate::ten_runs;

const DAY: u64 = 86_400;

fn priced(charging: Charging) -> Offer {
    Offer { fee: "12.50 EUR".parse().unwrap(), charging, ..ten_runs() }
}

fn monthly() -> Offer {
    let pass_term = Slice { period: Some(Length::days(30)), ..Slice::WHOLE };
    Offer { term: Term::PERPETUAL, pass_term, grace: Some(Seconds(0)), ..priced(Charging::PerPeriod) }
}

fn bought(offer: Offer) -> Desk {
    let mut desk = Desk::selling(vec![offer]);
    assert!(matches!(desk.agree(laptop(), "ten-runs"), Body::Pass(_)));
    desk
}

fn pass(body: Body) -> Pass {
    match body {
        Body::Pass(pass) => *pass,
        other => panic!("no pass: {other:?}"),
    }
}

fn after(desk: &mut Desk, days: u64) {
    desk.now = desk.now.plus(Seconds(days * DAY));
}

#[test]
fn a4_at_purchase_a_pass_comes_at_once_and_renewals_wait_for_the_charge() {
    let mut desk = bought(priced(Charging::Once));
    let charge = desk.charges.values().next().unwrap().clone();
    assert_eq!((charge.status, charge.due_for), (ChargeStatus::Pending, DueFor::Agreement));
    assert_eq!(charge.money, "12.50 EUR".parse().unwrap());
    assert_eq!(desk.states[&laptop()].held.as_ref().unwrap().pass.kind, PassKind::Full);
    assert_eq!(desk.only_license().status(desk.now), Status::PaymentPending);
    desk.run(laptop()).unwrap();
    let temporary = pass(desk.renew(laptop()));
    assert_eq!(temporary.kind, PassKind::Temporary);
    assert_eq!(temporary.expires, Some(desk.now.plus(Seconds(3 * DAY))), "short, whatever the offer forgets");
    desk.run(laptop()).unwrap();
    desk.settle_charges(ChargeAct::Settle);
    assert_eq!(pass(desk.renew(laptop())).kind, PassKind::Full);
    assert_eq!(desk.charges.len(), 1, "charged once");
}

#[test]
fn a4_an_offer_may_ask_for_payment_before_the_first_full_pass() {
    let issuance = Issuance { temporary_at_purchase: true, ..Issuance::default() };
    let temporary = Slice { uses: Some(1), period: Some(Length::days(1)), ..Slice::WHOLE };
    let offer = Offer { issuance, temporary_pass_term: Some(temporary), ..priced(Charging::Once) };
    let mut desk = bought(offer);
    assert_eq!(desk.states[&laptop()].held.as_ref().unwrap().pass.kind, PassKind::Temporary);
    desk.settle_charges(ChargeAct::Settle);
    assert_eq!(pass(desk.renew(laptop())).kind, PassKind::Full);
}

#[test]
fn a7_a_failed_charge_stops_renewals_says_how_to_pay_and_is_recovered_by_paying() {
    let mut desk = bought(priced(Charging::Once));
    desk.run(laptop()).unwrap();
    desk.settle_charges(ChargeAct::Fail);
    assert_eq!(desk.only_license().status(desk.now), Status::ChargeFailed);
    let refusal = refused(&desk.renew(laptop()));
    assert_eq!((refusal.reason, refusal.menu.len()), (Reason::ChargeFailed, 1));
    assert!(desk.run(laptop()).is_err());
    assert_eq!(desk.only_license().uses.unwrap().settled, 1, "what was used stays used");
    desk.settle_charges(ChargeAct::Settle);
    assert_eq!(pass(desk.renew(laptop())).kind, PassKind::Full);
    desk.run(laptop()).unwrap();
}

#[test]
fn a4_where_the_offer_says_so_a_refused_charge_still_gives_temporary_passes() {
    let issuance = Issuance { temporary_when_refused: true, ..Issuance::default() };
    let temporary = Slice { uses: Some(1), period: Some(Length::days(1)), ..Slice::WHOLE };
    let mut desk = bought(Offer { issuance, temporary_pass_term: Some(temporary), ..priced(Charging::Once) });
    desk.run(laptop()).unwrap();
    desk.settle_charges(ChargeAct::Fail);
    assert_eq!(pass(desk.renew(laptop())).kind, PassKind::Temporary);
    assert_eq!(
        reason(&desk.ask(laptop(), Operation::Export)),
        Some(Reason::ChargeFailed),
        "and nothing leaves"
    );
}

#[test]
fn a4_per_pass_each_full_pass_is_charged_and_temporary_ones_are_not() {
    let mut desk = bought(priced(Charging::PerPass));
    desk.run(laptop()).unwrap();
    assert_eq!(pass(desk.renew(laptop())).kind, PassKind::Temporary, "the first is not paid for yet");
    assert_eq!(desk.charges.len(), 1);
    for passes in 2..5 {
        desk.settle_charges(ChargeAct::Settle);
        desk.run(laptop()).unwrap();
        assert_eq!(pass(desk.renew(laptop())).kind, PassKind::Full);
        assert_eq!(desk.charges.len(), passes);
    }
}

#[test]
fn a4_per_period_each_period_is_charged_once_without_gap_or_gift() {
    let mut desk = bought(monthly());
    let start = desk.now;
    for month in 1..=6_usize {
        desk.settle_charges(ChargeAct::Settle);
        after(&mut desk, 10);
        let early = pass(desk.renew(laptop()));
        assert_eq!(desk.charges.len(), month, "an early renewal is neither charged nor longer");
        assert_eq!(early.expires, Some(start.plus(Seconds(month as u64 * 30 * DAY))));
        after(&mut desk, 15);
        let next = pass(desk.renew(laptop()));
        assert_eq!(desk.charges.len(), month + 1, "a fifth before its end the next period is due");
        assert_eq!(
            next.expires,
            Some(desk.now.plus(Seconds(30 * DAY))),
            "and a pass is no longer than agreed"
        );
        let charged = desk.only_license().charged_until;
        assert_eq!(charged, Some(start.plus(Seconds((month as u64 + 1) * 30 * DAY))));
        assert_eq!(next.kind, PassKind::Full);
        after(&mut desk, 5);
    }
    assert!(desk.charges.values().all(|charge| charge.due_for == DueFor::Period));
}

#[test]
fn a4_periods_in_which_nothing_was_asked_for_are_not_charged() {
    let mut desk = bought(monthly());
    desk.settle_charges(ChargeAct::Settle);
    after(&mut desk, 200);
    let back = pass(desk.renew(laptop()));
    assert_eq!(desk.charges.len(), 2);
    assert_eq!(back.expires, Some(desk.now.plus(Seconds(30 * DAY))));
}

#[test]
fn what_is_owed_is_not_forgotten_by_a_suspension() {
    use carnet_core::license::{Act, Standing};
    let mut desk = bought(priced(Charging::Once));
    desk.settle_charges(ChargeAct::Fail);
    desk.stand(Standing::Active.after(Act::Suspend).unwrap());
    assert_eq!(desk.only_license().status(desk.now), Status::Suspended);
    desk.stand(Standing::Suspended.after(Act::Reinstate).unwrap());
    assert_eq!(desk.only_license().status(desk.now), Status::ChargeFailed);
}

/// Four uses in each pass and thirty days, each paid for; the first one is, and one use of it is gone.
fn paid_by_pass() -> Desk {
    let pass_term = Slice { uses: Some(4), period: Some(Length::days(30)), ..Slice::WHOLE };
    let mut desk = bought(Offer { pass_term, ..priced(Charging::PerPass) });
    desk.settle_charges(ChargeAct::Settle);
    desk.run(laptop()).unwrap();
    after(&mut desk, 10);
    desk
}

fn uses(pass: &Pass, before: u64) -> u64 {
    pass.uses.unwrap().upto - before
}

#[test]
fn b9_what_a_pass_still_has_goes_along_with_a_transfer_and_is_not_charged_again() {
    for wait in [true, false] {
        let mut desk = paid_by_pass();
        let end = desk.states[&laptop()].held.as_ref().unwrap().pass.expires;
        let apps = Which::All;
        let transfer = Transfer { from: laptop(), to: tablet(), apps, retire: false, wait };
        desk.manage(tablet(), Operation::Transfer(Box::new(transfer)));
        if wait {
            assert_eq!(reason(&desk.ask(laptop(), Operation::Return)), Some(Reason::Transferred));
        }
        // Nobody has said yet that one use is gone when the pass is taken away at once.
        let left = if wait { 3 } else { 4 };
        let rest = pass(desk.renew(tablet()));
        assert_eq!((uses(&rest, 0), rest.expires, rest.kind), (left, end, PassKind::Full), "wait: {wait}");
        assert_eq!(desk.charges.len(), 1, "no second charge");
        for _ in 0..left {
            desk.run(tablet()).unwrap();
        }
        let next = pass(desk.renew(tablet()));
        assert_eq!((desk.charges.len(), next.expires > end), (2, true), "the next one is paid for as usual");
        assert!(uses(&next, left) <= 4);
    }
}

#[test]
fn a4_a_pass_that_is_given_back_is_paid_for_once_and_lasts_no_longer_for_it() {
    let mut desk = paid_by_pass();
    let end = desk.states[&laptop()].held.as_ref().unwrap().pass.expires;
    for device in [laptop(), tablet()] {
        desk.ask(laptop(), Operation::Return);
        let again = pass(desk.renew(device));
        assert_eq!((again.expires, desk.charges.len()), (end, 1));
    }
    // When its time is over there is nothing left that was paid for.
    desk.ask(tablet(), Operation::Return);
    after(&mut desk, 25);
    assert_eq!(pass(desk.renew(laptop())).expires, Some(desk.now.plus(Seconds(30 * DAY))));
    assert_eq!(desk.charges.len(), 2);
}

#[test]
fn a4_of_several_seats_the_one_that_was_paid_for_is_taken_first() {
    let pass_term = Slice { uses: Some(2), period: Some(Length::days(30)), ..Slice::WHOLE };
    let mut desk = bought(Offer { devices: 2, pass_term, ..priced(Charging::PerPass) });
    desk.settle_charges(ChargeAct::Settle);
    let second = pass(desk.renew(tablet()));
    desk.settle_charges(ChargeAct::Settle);
    assert_eq!((second.right, desk.charges.len()), (1, 2));
    // The first seat runs out unused; the second one is given back early.
    after(&mut desk, 29);
    assert_eq!(pass(desk.renew(tablet())).right, 1);
    desk.settle_charges(ChargeAct::Settle);
    after(&mut desk, 10);
    desk.ask(laptop(), Operation::Return);
    desk.ask(tablet(), Operation::Return);
    let again = pass(desk.renew(laptop()));
    assert_eq!((again.right, desk.charges.len()), (1, 3), "no fourth charge");
}

#[test]
fn a4_a_pass_on_a_stick_is_no_longer_than_the_one_that_was_paid_for() {
    let mut desk = paid_by_pass();
    let end = desk.states[&laptop()].held.as_ref().unwrap().pass.expires;
    let portable = desk.export(laptop());
    after(&mut desk, 10);
    let imported = pass(desk.import(tablet(), &portable));
    assert_eq!((imported.expires, uses(&imported, 0)), (end, 3));
    let lost = desk.export(tablet());
    desk.ask(tablet(), Operation::CancelMove(lost.movement));
    let again = pass(desk.renew(laptop()));
    assert_eq!((again.expires, uses(&again, 1)), (end, 3), "the stick was lost, what was paid for is not");
    assert_eq!(desk.charges.len(), 1);
}

#[test]
fn a4_more_than_was_given_back_comes_on_top_of_it() {
    let mut desk = paid_by_pass();
    desk.ask(laptop(), Operation::Return);
    let more = pass(desk.ask(laptop(), Operation::Renew { uses: 5 }));
    assert_eq!((uses(&more, 1), desk.charges.len()), (8, 2), "five, and the three that were paid for");
}

#[test]
fn a4_a_temporary_pass_takes_nothing_of_what_was_paid_for() {
    let temporary = Slice { uses: Some(1), period: Some(Length::days(1)), ..Slice::WHOLE };
    let pass_term = Slice { uses: Some(4), period: Some(Length::days(30)), ..Slice::WHOLE };
    let offer = Offer { pass_term, temporary_pass_term: Some(temporary), ..priced(Charging::PerPass) };
    let mut desk = bought(offer);
    let end = desk.states[&laptop()].held.as_ref().unwrap().pass.expires;
    desk.ask(laptop(), Operation::Return);
    assert_eq!(pass(desk.renew(tablet())).kind, PassKind::Temporary, "the charge is on its way");
    desk.settle_charges(ChargeAct::Settle);
    let full = pass(desk.renew(tablet()));
    assert_eq!((full.kind, full.expires, uses(&full, 0)), (PassKind::Full, end, 4));
    assert_eq!(desk.charges.len(), 1);
}

#[test]
fn a4_per_pass_an_early_renewal_is_neither_charged_nor_longer_and_a_late_one_loses_nothing() {
    let mut desk = paid_by_pass();
    let end = desk.states[&laptop()].held.as_ref().unwrap().pass.expires.unwrap();
    let early = pass(desk.renew(laptop()));
    assert_eq!((early.expires, uses(&early, 0), desk.charges.len()), (Some(end), 4, 1));
    // Less than a quarter of the time is left.
    after(&mut desk, 15);
    let next = pass(desk.renew(laptop()));
    assert_eq!((uses(&next, 0), desk.charges.len()), (8, 2), "what is left is on top");
    assert_eq!(next.expires, Some(end.plus(Seconds(30 * DAY))), "and so are the five days");
    let again = pass(desk.renew(laptop()));
    assert_eq!(
        (again.kind, again.expires),
        (PassKind::Full, next.expires),
        "also before the charge is settled"
    );
    assert_eq!((uses(&again, 0), desk.charges.len()), (8, 2));
}
