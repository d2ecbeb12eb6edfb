//! Moves, rights and seats (A14 to A17, D5's lazy return).

use carnet_core::document::{Body, Operation, Reason};
use carnet_core::license::Status;
use carnet_core::offer::Offer;
use carnet_core::term::{Slice, Term};
use carnet_core::time::{Length, Seconds};

use crate::desk::{Desk, laptop, reason, tablet};
use crate::ten_runs;

fn three_at_once() -> Offer {
    Offer { pass_term: Slice { uses: Some(3), ..Slice::WHOLE }, ..ten_runs() }
}

#[test]
fn a14_to_a17_a_pass_travels_with_exactly_what_it_had_and_arrives_once() {
    let mut desk = Desk::selling(vec![three_at_once()]);
    desk.agree(laptop(), "ten-runs");
    desk.run(laptop()).unwrap();
    let portable = desk.export(laptop());
    assert_eq!(portable.uses, Some(2));
    assert_eq!(desk.run(laptop()).unwrap_err().code(), "pass-moving");
    assert_eq!(desk.only_license().uses.unwrap().moving, 2);
    let Body::Pass(pass) = desk.import(tablet(), &portable) else { panic!() };
    assert_eq!(pass.uses.unwrap().upto, 2, "nothing is deducted by a move");
    assert_eq!(reason(&desk.import(laptop(), &portable)), Some(Reason::MoveOver), "I7");
    for _ in 0..2 {
        desk.run(tablet()).unwrap();
    }
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::HeldElsewhere));
}

#[test]
fn importing_on_the_source_takes_the_move_back() {
    let mut desk = Desk::selling(vec![three_at_once()]);
    desk.agree(laptop(), "ten-runs");
    let portable = desk.export(laptop());
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Moving));
    assert!(matches!(desk.import(laptop(), &portable), Body::Pass(_)));
    desk.run(laptop()).unwrap();
}

#[test]
fn a_cancelled_move_gives_everything_back_and_a_late_import_is_refused() {
    let mut desk = Desk::selling(vec![three_at_once()]);
    desk.agree(laptop(), "ten-runs");
    let portable = desk.export(laptop());
    desk.ask(tablet(), Operation::CancelMove(portable.movement));
    assert_eq!(desk.only_license().uses.unwrap().remaining, 10);
    assert_eq!(reason(&desk.import(tablet(), &portable)), Some(Reason::MoveOver));
    assert!(matches!(desk.renew(laptop()), Body::Pass(_)));
    desk.run(laptop()).unwrap();
}

#[test]
fn i1_a_second_device_waits_until_the_first_has_let_go() {
    let mut desk = Desk::selling(vec![ten_runs()]);
    desk.agree(laptop(), "ten-runs");
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::HeldElsewhere));
    desk.ask(laptop(), Operation::Return);
    assert!(desk.run(laptop()).is_err());
    assert!(matches!(desk.renew(tablet()), Body::Pass(_)));
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::HeldElsewhere));
}

/// A seat: a short pass and no grace. It comes back by itself once nobody's clock can still find it good.
#[test]
fn a_right_comes_back_by_itself_when_its_pass_has_ended_for_sure() {
    let hour = Length { months: 0, days: 0, seconds: 3_600 };
    let seat = Offer {
        term: Term::PERPETUAL,
        pass_term: Slice { period: Some(hour), ..Slice::WHOLE },
        ..ten_runs()
    };
    let mut desk = Desk::selling(vec![seat]);
    desk.agree(laptop(), "ten-runs");
    desk.now = desk.now.plus(Seconds(3_600 + 599));
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::HeldElsewhere), "within the leeway of clocks");
    desk.now = desk.now.plus(Seconds(2));
    assert!(matches!(desk.renew(tablet()), Body::Pass(_)));
    assert!(desk.run(laptop()).is_err());
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::HeldElsewhere));
}

/// Until the device shows that it has the newer pass, it may run by the older one.
#[test]
fn i1_a_right_behind_a_replaced_pass_is_free_only_when_the_device_has_shown_the_newer_one() {
    let one_use = Offer { term: Term { uses: Some(1), ..Term::PERPETUAL }, ..ten_runs() };
    let second =
        crate::named("second", Offer { term: Term { uses: Some(5), ..Term::PERPETUAL }, ..ten_runs() });
    let mut desk = Desk::selling(vec![one_use, second]);
    desk.agree(laptop(), "ten-runs");
    desk.run(laptop()).unwrap();
    desk.agree(laptop(), "second");
    let first =
        desk.licenses.values().find(|license| license.offer().name.as_str() == "ten-runs").unwrap().id;
    assert_eq!(desk.licenses[&first].rights_balance().held, 1);
    desk.run(laptop()).unwrap();
    desk.renew(laptop());
    assert_eq!(desk.licenses[&first].rights_balance().remaining, 1);
    assert_eq!(desk.licenses[&first].status(desk.now), Status::Exhausted);
}

#[test]
fn nothing_moves_before_it_is_paid_for() {
    let offer = Offer { temporary_pass_term: Some(Slice { uses: Some(1), ..Slice::WHOLE }), ..ten_runs() };
    let mut desk = Desk::selling(vec![offer]);
    desk.agree(laptop(), "ten-runs");
    desk.owe(1, 0);
    assert_eq!(reason(&desk.ask(laptop(), Operation::Export)), Some(Reason::PaymentPending));
    desk.run(laptop()).unwrap();
}
