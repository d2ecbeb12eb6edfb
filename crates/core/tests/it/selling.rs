//! Menus, agreements, terms (A3, A4, A9, A10, A13, A23).

use carnet_core::document::{Body, Operation, PassKind, Reason};
use carnet_core::license::{Standing, Status};
use carnet_core::offer::{Issuance, Offer, OncePer};
use carnet_core::term::{Period, Slice, Term};
use carnet_core::time::{Length, Seconds};

use crate::desk::{Desk, laptop, paint, reason, refused, start, tablet};
use crate::{named, ten_runs};

fn days(count: u32) -> Option<Period> {
    Some(Period::FromAgreement(Length::days(count)))
}

#[test]
fn a4_a12_ten_uses_are_ten_runs_one_pass_at_a_time_and_then_the_menu() {
    let mut desk = Desk::selling(vec![ten_runs()]);
    let Body::Pass(first) = desk.agree(laptop(), "ten-runs") else { panic!() };
    assert_eq!(first.uses.unwrap().remaining, 9, "the first pass takes the first slice");
    for left in (0..9).rev() {
        desk.run(laptop()).unwrap();
        assert!(desk.run(laptop()).is_err(), "a pass of one use is one run");
        let Body::Pass(pass) = desk.renew(laptop()) else { panic!() };
        assert_eq!(pass.uses.unwrap().remaining, left);
    }
    desk.run(laptop()).unwrap();
    let refusal = refused(&desk.renew(laptop()));
    assert_eq!(refusal.reason, Reason::Exhausted);
    assert_eq!(refusal.menu, desk.menu.offers, "A9: where buying again helps, the menu comes along");
    assert_eq!(desk.only_license().status(desk.now), Status::Exhausted);
}

#[test]
fn a3_of_a_combination_the_first_part_used_up_ends_it() {
    let offer = Offer { term: Term { uses: Some(3), period: days(30), duration: None }, ..ten_runs() };
    let mut by_uses = Desk::selling(vec![offer.clone()]);
    by_uses.agree(laptop(), "ten-runs");
    for _ in 0..2 {
        by_uses.run(laptop()).unwrap();
        by_uses.renew(laptop());
    }
    by_uses.run(laptop()).unwrap();
    assert_eq!(reason(&by_uses.renew(laptop())), Some(Reason::Exhausted));

    let mut by_time = Desk::selling(vec![offer]);
    by_time.agree(laptop(), "ten-runs");
    by_time.now = start().plus_length(Length::days(30)).plus(Seconds(7 * 86_400));
    assert_eq!(reason(&by_time.renew(laptop())), Some(Reason::Expired));
    assert!(by_time.run(laptop()).is_err());
}

#[test]
fn a3_a_period_from_first_use_begins_when_a_device_uses_it() {
    let term = Term { period: Some(Period::FromFirstUse(Length::days(2))), ..Term::PERPETUAL };
    let mut desk =
        Desk::selling(vec![Offer { term, pass_term: Slice::WHOLE, grace: Some(Seconds(0)), ..ten_runs() }]);
    desk.agree(laptop(), "ten-runs");
    desk.now = start().plus_length(Length::days(20));
    desk.run(laptop()).unwrap();
    desk.now = desk.now.plus_length(Length::days(1));
    desk.run(laptop()).unwrap();
    let Body::Pass(pass) = desk.renew(laptop()) else { panic!() };
    assert_eq!(
        pass.expires,
        Some(start().plus_length(Length::days(22))),
        "the server was told of the first use"
    );
    desk.now = start().plus_length(Length::days(22));
    assert!(desk.run(laptop()).is_err());
}

#[test]
fn a3_fixed_dates_are_not_good_before_and_not_after() {
    let period = Period::Between {
        start: start().plus_length(Length::days(5)),
        end: start().plus_length(Length::days(9)),
    };
    let term = Term { period: Some(period), ..Term::PERPETUAL };
    let mut desk =
        Desk::selling(vec![Offer { term, pass_term: Slice::WHOLE, grace: Some(Seconds(0)), ..ten_runs() }]);
    desk.agree(laptop(), "ten-runs");
    assert_eq!(desk.run(laptop()).unwrap_err().code(), "pass-not-begun");
    desk.now = start().plus_length(Length::days(5));
    desk.run(laptop()).unwrap();
    desk.now = start().plus_length(Length::days(9));
    assert_eq!(desk.run(laptop()).unwrap_err().code(), "pass-expired");
    let again = desk.menu.offers[0].clone();
    let operation = desk.agreement(laptop(), again);
    assert_eq!(reason(&desk.ask(laptop(), operation)), Some(Reason::Expired), "what has ended is not sold");
}

#[test]
fn a10_an_offer_that_changed_meanwhile_is_refused_and_the_menu_comes_again() {
    let mut desk = Desk::selling(vec![ten_runs()]);
    let old = desk.menu.offers[0].clone();
    desk.menu = desk.menu.replaced(&paint(), vec![Offer { devices: 2, ..ten_runs() }]);
    let operation = desk.agreement(laptop(), old);
    let refusal = refused(&desk.ask(laptop(), operation));
    assert_eq!((refusal.reason, refusal.menu), (Reason::OfferChanged, desk.menu.offers.clone()));
    assert!(desk.licenses.is_empty());
}

#[test]
fn a10_words_that_stand_in_no_menu_are_refused_whatever_they_promise() {
    let mut desk = Desk::selling(vec![ten_runs()]);
    let mut cheap = desk.menu.offers[0].clone();
    cheap.offer.term.uses = Some(1_000_000);
    let operation = desk.agreement(laptop(), cheap);
    assert_eq!(reason(&desk.ask(laptop(), operation)), Some(Reason::OfferChanged));
}

#[test]
fn a5_a_changed_offer_never_changes_a_license_already_agreed() {
    let mut desk = Desk::selling(vec![ten_runs()]);
    desk.agree(laptop(), "ten-runs");
    desk.menu = desk.menu.replaced(&paint(), vec![]);
    desk.run(laptop()).unwrap();
    assert!(matches!(desk.renew(laptop()), Body::Pass(_)));
    assert_eq!(*desk.only_license().offer(), ten_runs());
}

#[test]
fn a13_declining_is_recorded_once_and_the_menu_comes_again() {
    let mut desk = Desk::selling(vec![ten_runs()]);
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::NoLicense));
    desk.ask(laptop(), Operation::Decline);
    desk.ask(laptop(), Operation::Decline);
    assert_eq!(desk.only_license().status(desk.now), Status::Declined);
    let refusal = refused(&desk.renew(laptop()));
    assert_eq!((refusal.reason, refusal.menu.len()), (Reason::Declined, 1));
    assert!(
        matches!(desk.agree(laptop(), "ten-runs"), Body::Pass(_)),
        "continued purchase is open all the time"
    );
    desk.run(laptop()).unwrap();
}

#[test]
fn a13_declining_more_does_not_take_what_was_bought() {
    let mut desk = Desk::selling(vec![ten_runs()]);
    desk.agree(laptop(), "ten-runs");
    assert_eq!(reason(&desk.ask(laptop(), Operation::Decline)), Some(Reason::StillGood));
    desk.run(laptop()).unwrap();
}

#[test]
fn a13_what_a_suspended_license_gave_out_can_be_declined_and_comes_back_with_it() {
    let mut desk = Desk::selling(vec![ten_runs()]);
    desk.agree(laptop(), "ten-runs");
    desk.stand(Standing::Suspended);
    assert!(matches!(desk.ask(laptop(), Operation::Decline), Body::Receipt(_)));
    assert!(desk.run(laptop()).is_err(), "the pass is marked invalid");
    desk.licenses.values_mut().filter(|license| license.uses.is_some()).for_each(|license| {
        license.standing = Standing::Active;
    });
    assert!(matches!(desk.renew(laptop()), Body::Pass(_)));
    desk.run(laptop()).unwrap();
}

#[test]
fn what_is_out_of_a_revoked_license_is_forfeited_once_its_use_is_reported() {
    for terminal in [Standing::Revoked, Standing::Ended] {
        let whole = Offer { pass_term: Slice::WHOLE, ..ten_runs() };
        let mut desk = Desk::selling(vec![whole]);
        desk.agree(laptop(), "ten-runs");
        (0..3).for_each(|_| assert!(desk.run(laptop()).is_ok()));
        desk.stand(terminal);
        assert!(matches!(reason(&desk.renew(laptop())), Some(Reason::Revoked | Reason::Ended)));
        let line = desk.only_license().uses.unwrap();
        assert_eq!((line.held, line.settled, line.forfeited), (0, 3, 7));
        assert!(desk.only_license().rights[0].is_free(desk.now));
        desk.renew(laptop());
        assert_eq!(desk.only_license().uses.unwrap().forfeited, 7, "once");
    }
}

#[test]
fn a23_of_several_licenses_the_one_that_ends_soonest_is_used_first() {
    let late =
        named("late", Offer { term: Term { uses: Some(1), period: days(60), duration: None }, ..ten_runs() });
    let soon =
        named("soon", Offer { term: Term { uses: Some(1), period: days(10), duration: None }, ..ten_runs() });
    let endless = named("endless", Offer { term: Term { uses: Some(1), ..Term::PERPETUAL }, ..ten_runs() });
    let mut desk = Desk::selling(vec![endless, late, soon]);
    // Bought in the wrong order, before anything is asked for.
    for offer in ["endless", "late", "soon"] {
        desk.agree(tablet(), offer);
        desk.ask(tablet(), Operation::Return);
    }
    let mut order = Vec::new();
    for _ in 0..3 {
        let Body::Pass(pass) = desk.renew(laptop()) else { panic!() };
        order.push(desk.licenses[&pass.license].offer().name.to_string());
        desk.run(laptop()).unwrap();
    }
    assert_eq!(order, ["soon", "late", "endless"]);
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Exhausted));
}

#[test]
fn a2_a_trial_can_be_agreed_to_only_once() {
    let mut desk = Desk::selling(vec![Offer { once_per: Some(OncePer::User), ..ten_runs() }]);
    desk.agree(laptop(), "ten-runs");
    assert_eq!(reason(&desk.agree(tablet(), "ten-runs")), Some(Reason::OnlyOnce));
}

/// The status table, column "renewal".
#[test]
fn a9_the_status_of_the_license_decides_what_is_issued() {
    let offer = Offer {
        issuance: Issuance { temporary_at_purchase: false, temporary_when_refused: false },
        temporary_pass_term: Some(Slice { uses: Some(1), duration: None, period: Some(Length::days(1)) }),
        ..ten_runs()
    };
    for (standing, expected) in [
        (Standing::Active, Ok(PassKind::Full)),
        (Standing::Suspended, Err(Reason::Suspended)),
        (Standing::Revoked, Err(Reason::Revoked)),
        (Standing::Ended, Err(Reason::Ended)),
        (Standing::Declined, Err(Reason::Declined)),
    ] {
        let mut desk = Desk::selling(vec![offer.clone()]);
        desk.agree(laptop(), "ten-runs");
        desk.run(laptop()).unwrap();
        desk.stand(standing);
        let found = match desk.renew(laptop()) {
            Body::Pass(pass) => Ok(pass.kind),
            body => Err(refused(&body).reason),
        };
        assert_eq!(found, expected, "{standing:?}");
        let usable = desk.run(laptop()).is_ok();
        assert_eq!(
            usable,
            expected.is_ok(),
            "{standing:?}: a pass refused for its license is no good any more"
        );
    }
}

#[test]
fn a_suspended_license_goes_on_where_it_was_when_reinstated() {
    let mut desk = Desk::selling(vec![ten_runs()]);
    desk.agree(laptop(), "ten-runs");
    desk.stand(Standing::Suspended);
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Suspended));
    desk.stand(Standing::Active);
    let Body::Pass(pass) = desk.renew(laptop()) else { panic!() };
    assert_eq!(pass.uses.unwrap().remaining, 9, "the slice that was out is not taken twice");
}
