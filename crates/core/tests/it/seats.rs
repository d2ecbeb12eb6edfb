//! Floating seats: taken at the start, kept while a program runs, given back at its end, borrowed for longer.

use carnet_core::document::{Body, Effect, Operation, Pass, Reason, Receipt, SeatHolder};
use carnet_core::license::{LEEWAY, Standing};
use carnet_core::offer::{Charging, Floating, Offer};
use carnet_core::term::{Period, Slice, Term};
use carnet_core::time::{Length, Seconds, Time};

use crate::desk::{Desk, laptop, reason, refused, start, tablet};
use crate::{named, ten_runs};

const QUARTER: Seconds = Seconds(900);

fn seat(borrow: Option<Length>) -> Offer {
    let pass_term = Slice { period: Some("15 minutes".parse().unwrap()), ..Slice::WHOLE };
    Offer {
        term: Term::PERPETUAL,
        pass_term,
        floating: Some(Floating { borrow }),
        ..named("seat", ten_runs())
    }
}

/// One seat, and the laptop has it.
fn taken(borrow: Option<Length>) -> Desk {
    let mut desk = Desk::selling(vec![seat(borrow)]);
    assert!(matches!(desk.agree(laptop(), "seat"), Body::Pass(_)));
    desk
}

fn pass(body: Body) -> Pass {
    match body {
        Body::Pass(pass) => *pass,
        other => panic!("{other:?}"),
    }
}

fn after(time: Seconds) -> Time {
    start().plus(time)
}

#[test]
fn a_seat_that_is_given_back_is_free_at_once_and_who_has_it_is_said_before() {
    let mut desk = taken(None);
    let no = refused(&desk.renew(tablet()));
    let holder = SeatHolder { device: laptop(), until: Some(after(QUARTER)) };
    assert_eq!((no.reason, no.holders), (Reason::HeldElsewhere, vec![holder]));
    let back = desk.ask(laptop(), Operation::Return);
    assert!(
        matches!(&back, Body::Receipt(receipt) if matches!(**receipt, Receipt { effect: Effect::Returned(_) }))
    );
    assert!(pass(desk.renew(tablet())).floating);
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::HeldElsewhere));
}

#[test]
fn a_seat_is_kept_by_asking_again_and_comes_back_from_a_program_that_was_killed() {
    let mut desk = taken(None);
    desk.now = after(Seconds(800));
    assert_eq!(pass(desk.renew(laptop())).expires, Some(after(Seconds(1_700))));
    desk.now = after(Seconds(1_700));
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::HeldElsewhere), "a clock may be a little behind");
    desk.now = after(Seconds(1_701)).plus(LEEWAY);
    assert!(matches!(desk.renew(tablet()), Body::Pass(_)));
}

#[test]
fn a_seat_has_no_grace_while_somebody_may_wait_for_it() {
    let year = Term { period: Some(Period::FromAgreement(Length::days(365))), ..Term::PERPETUAL };
    assert_eq!(Offer { term: year, ..seat(None) }.grace(), Seconds(0));
    assert_eq!(Offer { term: year, floating: None, ..seat(None) }.grace(), Seconds(7 * 86_400));
}

#[test]
fn a_borrowed_seat_stays_for_as_long_as_was_said_also_when_it_is_renewed_meanwhile() {
    let mut desk = taken(Some(Length::days(7)));
    let borrowed = pass(desk.ask(laptop(), Operation::Borrow(Length::days(3))));
    let until = Some(start().plus_length(Length::days(3)));
    assert_eq!(
        (borrowed.expires, borrowed.floating),
        (until, false),
        "nothing gives it back at the end of a run"
    );
    desk.now = after(Seconds(86_400));
    let renewed = pass(desk.renew(laptop()));
    assert_eq!((renewed.expires, renewed.floating), (until, false));
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::HeldElsewhere));
    let longer = pass(desk.ask(laptop(), Operation::Borrow(Length::days(7))));
    assert_eq!(longer.expires, Some(start().plus_length(Length::days(8))));
    desk.ask(laptop(), Operation::Return);
    assert!(matches!(desk.renew(tablet()), Body::Pass(_)), "given back before its time");
}

#[test]
fn a_borrowed_seat_floats_again_when_its_time_is_over() {
    let mut desk = taken(Some(Length::days(7)));
    desk.ask(laptop(), Operation::Borrow(Length::days(3)));
    desk.now = start().plus_length(Length::days(3));
    let next = pass(desk.renew(laptop()));
    assert_eq!((next.expires, next.floating), (Some(desk.now.plus(QUARTER)), true));
}

#[test]
fn a_seat_is_not_borrowed_for_longer_than_the_offer_says_nor_where_it_says_nothing() {
    let mut desk = taken(Some(Length::days(7)));
    let no = refused(&desk.ask(laptop(), Operation::Borrow(Length::days(8))));
    assert_eq!((no.reason, no.borrow), (Reason::NotBorrowable, Some(Length::days(7))));
    assert!(desk.run(laptop()).is_ok(), "the seat itself is still there");
    let mut desk = taken(None);
    let no = refused(&desk.ask(laptop(), Operation::Borrow(Length::days(1))));
    assert_eq!((no.reason, no.borrow), (Reason::NotBorrowable, None));
}

#[test]
fn a_seat_is_not_borrowed_from_a_license_that_is_suspended_or_unpaid() {
    let mut desk = taken(Some(Length::days(7)));
    desk.stand(Standing::Suspended);
    assert_eq!(reason(&desk.ask(laptop(), Operation::Borrow(Length::days(1)))), Some(Reason::Suspended));
    desk.stand(Standing::Active);
    desk.owe(1, 0);
    assert_eq!(reason(&desk.ask(laptop(), Operation::Borrow(Length::days(1)))), Some(Reason::PaymentPending));
}

#[test]
fn what_cannot_work_as_a_seat_is_not_sold_as_one() {
    let wrong = |offer: Offer, field: &str| {
        let fields: Vec<_> = offer.problems().iter().map(|problem| problem.field).collect();
        assert_eq!(fields, [field]);
    };
    assert!(seat(Some(Length::days(7))).problems().is_empty());
    wrong(Offer { pass_term: Slice::WHOLE, ..seat(None) }, "floating");
    wrong(seat(Some(Length::days(0))), "floating.borrow");
    wrong(seat("5 minutes".parse().ok()), "floating.borrow");
    let fee = "1 EUR".parse().unwrap();
    wrong(Offer { charging: Charging::PerPass, fee, ..seat(None) }, "charging");
}
