//! What a device approves by itself (A11, A12, D4, I13).

use carnet_core::app::VersionRange;
use carnet_core::device::{BLOCK, Disapproval, Input};
use carnet_core::document::{Body, Operation, Reason};
use carnet_core::id::RunId;
use carnet_core::offer::{Counting, Offer};
use carnet_core::term::{Period, Slice, Term};
use carnet_core::time::{Length, Seconds, Time};

use crate::desk::{Desk, laptop, reason, refused, start};
use crate::ten_runs;

fn eight_hours() -> Offer {
    let term = Term { duration: Some(Seconds(8 * 3_600)), ..Term::PERPETUAL };
    Offer { term, pass_term: Slice { duration: Some(Seconds(70)), ..Slice::WHOLE }, ..ten_runs() }
}

fn a_month() -> Offer {
    let term = Term { period: Some(Period::FromAgreement(Length::days(30))), ..Term::PERPETUAL };
    Offer { term, pass_term: Slice::WHOLE, ..ten_runs() }
}

fn bought(offer: Offer) -> Desk {
    let mut desk = Desk::selling(vec![offer]);
    desk.agree(laptop(), "ten-runs");
    desk
}

#[test]
fn a11_exactly_the_features_of_the_pass_are_approved() {
    let desk = bought(ten_runs());
    let approval = desk.states[&laptop()].judge(desk.now, None, 1).unwrap();
    assert_eq!(approval.features, ten_runs().features);
    assert_eq!(approval.uses_left, Some(0));
}

#[test]
fn a12_run_time_is_recorded_before_it_is_run_and_a_clean_end_gives_the_rest_back() {
    let mut desk = bought(eight_hours());
    let run = desk.run(laptop()).unwrap();
    desk.act(laptop(), Input::Meter { run }).unwrap();
    assert_eq!(desk.states[&laptop()].seconds_left(), Some(Seconds(40)));
    desk.act(laptop(), Input::End { run, unused: Seconds(25) }).unwrap();
    assert_eq!(
        desk.states[&laptop()].seconds_left(),
        Some(Seconds(65)),
        "a crash would have cost a block at most"
    );
    let run = desk.run(laptop()).unwrap();
    for left in [35, 5, 0] {
        desk.act(laptop(), Input::Meter { run }).unwrap();
        assert_eq!(desk.states[&laptop()].seconds_left(), Some(Seconds(left)));
    }
    assert_eq!(desk.act(laptop(), Input::Meter { run }), Err(Disapproval::NoTimeLeft));
    assert_eq!(BLOCK, Seconds(30));
}

/// Giving back below a reported total would look like a rollback, and flag an honest device (I8).
#[test]
fn i8_what_was_reported_as_used_stays_used() {
    let mut desk = bought(eight_hours());
    let run = desk.run(laptop()).unwrap();
    desk.act(laptop(), Input::Meter { run }).unwrap();
    desk.renew(laptop());
    desk.act(laptop(), Input::End { run, unused: Seconds(29) }).unwrap();
    assert!(matches!(desk.renew(laptop()), Body::Pass(_)));
}

#[test]
fn uses_made_between_a_request_and_its_answer_neither_double_nor_vanish() {
    let mut desk = bought(Offer { pass_term: Slice { uses: Some(3), ..Slice::WHOLE }, ..ten_runs() });
    desk.run(laptop()).unwrap();
    let request = desk.intend(laptop(), Operation::Renew { uses: 1 });
    desk.run(laptop()).unwrap();
    let answer = desk.serve(&request).unwrap();
    desk.run(laptop()).unwrap();
    desk.deliver(laptop(), answer).unwrap();
    assert_eq!(desk.states[&laptop()].uses_left(), Some(1), "four given out, three used");
}

#[test]
fn a_pass_in_grace_runs_and_warns_and_then_ends() {
    let mut desk = bought(a_month());
    let end = start().plus_length(Length::days(30));
    desk.now = end;
    let approval = desk.states[&laptop()].judge(desk.now, None, 1).unwrap();
    assert_eq!(approval.grace_until, Some(end.plus(Seconds(7 * 86_400))));
    desk.now = end.plus(Seconds(7 * 86_400));
    assert_eq!(desk.run(laptop()).unwrap_err(), Disapproval::Expired(end));
}

#[test]
fn i13_a_clock_set_back_is_forgiven_three_times_and_a_contact_mends_it() {
    let mut desk = bought(a_month());
    desk.now = desk.now.plus(Seconds(20 * 86_400));
    desk.run(laptop()).unwrap();
    for _ in 0..3 {
        desk.now = Time(desk.now.0 - 3_600 * 1_000_000);
        desk.run(laptop()).unwrap();
    }
    desk.now = Time(desk.now.0 - 3_600 * 1_000_000);
    assert_eq!(desk.run(laptop()).unwrap_err().code(), "clock-behind");
    desk.renew(laptop());
    desk.run(laptop()).unwrap();
    desk.now = Time(desk.now.0 - 27 * 3_600 * 1_000_000);
    assert_eq!(desk.run(laptop()).unwrap_err().code(), "clock-behind", "more than 26 hours is not forgiven");
}

#[test]
fn i13_a_record_under_a_wrong_future_clock_locks_out_for_no_longer_than_one_contact() {
    let mut desk = bought(ten_runs());
    let real = desk.now;
    desk.now = "2199-01-01".parse().unwrap();
    desk.run(laptop()).unwrap();
    desk.now = real;
    assert_eq!(desk.run(laptop()).unwrap_err().code(), "clock-behind");
    desk.renew(laptop());
    desk.run(laptop()).unwrap();
}

#[test]
fn a1_a_version_outside_of_the_range_is_not_covered() {
    let versions = VersionRange { from: None, below: "3".parse().ok() };
    let desk = bought(Offer { versions, ..ten_runs() });
    let state = &desk.states[&laptop()];
    assert!(state.judge(desk.now, "2.9".parse().ok(), 1).is_ok());
    assert_eq!(state.judge(desk.now, "3.0".parse().ok(), 1).unwrap_err().code(), "version-not-covered");
}

/// A restored passbook gains nothing with online counting: nothing is in the pass between two uses.
#[test]
fn online_counting_gives_out_each_use_when_it_is_made() {
    let mut desk = bought(Offer { counting: Counting::Online, pass_term: Slice::WHOLE, ..ten_runs() });
    desk.run(laptop()).unwrap();
    for _ in 0..9 {
        assert!(desk.run(laptop()).is_err(), "not without asking");
        assert!(matches!(desk.renew(laptop()), Body::Pass(_)));
        desk.run(laptop()).unwrap();
    }
    assert!(matches!(desk.renew(laptop()), Body::Refusal(_)));
}

/// Too many at once is no end of the license.
#[test]
fn online_counting_of_more_than_remains_leaves_the_pass_as_it_is() {
    let mut desk = bought(Offer { counting: Counting::Online, pass_term: Slice::WHOLE, ..ten_runs() });
    let run = desk.run(laptop()).unwrap();
    let body = desk.ask(laptop(), Operation::Renew { uses: 10 });
    assert_eq!(reason(&body), Some(Reason::NotEnoughLeft));
    assert_eq!(refused(&body).menu.len(), 1, "buying more helps");
    assert!(matches!(desk.ask(laptop(), Operation::Renew { uses: 9 }), Body::Pass(_)));
    desk.act(laptop(), Input::Use { run, uses: 9 }).unwrap();
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Exhausted));
}

#[test]
fn a10_a_run_is_joined_once_and_only_while_it_lasts() {
    let mut desk = bought(Offer { pass_term: Slice::WHOLE, ..ten_runs() });
    let of = desk.run(laptop()).unwrap();
    let join = |run| Input::Join { run: RunId([run; 16]), of, version: None };
    desk.act(laptop(), join(1)).unwrap();
    assert_eq!(desk.states[&laptop()].used().uses, 1, "one use for both");
    assert_eq!(desk.act(laptop(), join(2)), Err(Disapproval::RunEnded));
    let second = desk.run(laptop()).unwrap();
    desk.act(laptop(), Input::End { run: second, unused: Seconds(0) }).unwrap();
    let late = Input::Join { run: RunId([3; 16]), of: second, version: None };
    assert_eq!(desk.act(laptop(), late), Err(Disapproval::RunEnded));
}

#[test]
fn an_absurd_number_of_uses_is_refused_before_anything_is_recorded() {
    let mut desk = bought(ten_runs());
    let run = desk.run(laptop()).unwrap();
    for uses in [0, 1_000_000_000_001, u64::MAX] {
        assert_eq!(desk.act(laptop(), Input::Use { run, uses }), Err(Disapproval::Amount));
    }
    assert_eq!(desk.act(laptop(), Input::Use { run, uses: 1 }), Err(Disapproval::NoUsesLeft));
}

#[test]
fn a_run_that_has_ended_can_neither_use_nor_meter() {
    let mut desk = bought(eight_hours());
    let run = desk.run(laptop()).unwrap();
    desk.act(laptop(), Input::End { run, unused: Seconds(0) }).unwrap();
    assert_eq!(desk.act(laptop(), Input::Meter { run }), Err(Disapproval::RunEnded));
    assert_eq!(desk.act(laptop(), Input::Use { run, uses: 1 }), Err(Disapproval::RunEnded));
}
