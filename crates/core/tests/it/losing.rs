//! Devices that are lost, retired and renamed (D5).

use carnet_core::component::{Component, Drift};
use carnet_core::document::{Body, Operation, Reason, Replacement};
use carnet_core::id::DeviceId;
use carnet_core::offer::Offer;
use carnet_core::term::Slice;
use carnet_core::time::Seconds;

use crate::desk::{Desk, laptop, reason, tablet};
use crate::ten_runs;

fn bought() -> Desk {
    let mut desk =
        Desk::selling(vec![Offer { pass_term: Slice { uses: Some(4), ..Slice::WHOLE }, ..ten_runs() }]);
    assert!(matches!(desk.agree(laptop(), "ten-runs"), Body::Pass(_)));
    desk
}

#[test]
fn d5_a_lost_device_gives_its_right_back_at_once_and_what_it_had_out_is_gone() {
    let mut desk = bought();
    desk.run(laptop()).unwrap();
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::HeldElsewhere));
    assert!(matches!(desk.manage(tablet(), Operation::Lost(laptop())), Body::Receipt(_)));
    let license = desk.only_license();
    let line = license.uses.unwrap();
    assert_eq!((line.remaining, line.held, line.forfeited), (6, 0, 4));
    assert_eq!((license.at_risk, license.rights_balance().remaining), (1, 1));
    let Body::Pass(pass) = desk.renew(tablet()) else { panic!() };
    assert_eq!(pass.generation, 1, "another holding than the lost one");
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Retired));
    assert!(desk.run(laptop()).is_err(), "when it comes back, its pass is no good");
}

#[test]
fn d5_beyond_the_offers_limit_the_supplier_decides_and_a_year_later_the_user_again() {
    let mut desk = bought();
    for (lost, left) in [(laptop(), tablet()), (tablet(), laptop())] {
        desk.devices.get_mut(&left).unwrap().retired = false;
        assert!(matches!(desk.manage(left, Operation::Lost(lost)), Body::Receipt(_)));
        desk.states.insert(left, fresh_state(&desk, left));
        desk.journals.retain(|name, _| name.device != left || name.app.is_none());
        assert!(matches!(desk.renew(left), Body::Pass(_)));
    }
    desk.devices.get_mut(&tablet()).unwrap().retired = false;
    let before = desk.licenses.clone();
    assert_eq!(reason(&desk.manage(tablet(), Operation::Lost(laptop()))), Some(Reason::TooManyLost));
    assert_eq!(desk.licenses, before);
    desk.now = desk.now.plus(Seconds(365 * 86_400));
    assert!(matches!(desk.manage(tablet(), Operation::Lost(laptop())), Body::Receipt(_)));
}

#[test]
fn a19_d5_a_device_with_other_parts_is_another_one_and_counts_as_lost() {
    let replaced = |device| {
        let changed =
            Drift { changed: [Component::Board, Component::Disk, Component::Network].into(), of: 5 };
        Operation::Replaced(Replacement { device, changed })
    };
    let mut desk = bought();
    assert_eq!(reason(&desk.manage(tablet(), replaced(tablet()))), Some(Reason::NoSuchDevice), "not itself");
    assert!(matches!(desk.manage(tablet(), replaced(laptop())), Body::Receipt(_)));
    assert!(matches!(desk.renew(tablet()), Body::Pass(_)), "what the one before held is free");
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Retired), "two do not run");
    assert_eq!(desk.only_license().lost.len(), 1);
    // One more may be lost in this year, whichever way.
    desk.devices.get_mut(&laptop()).unwrap().retired = false;
    assert!(matches!(desk.manage(laptop(), Operation::Lost(tablet())), Body::Receipt(_)));
    desk.states.insert(laptop(), fresh_state(&desk, laptop()));
    desk.journals.retain(|name, _| name.device != laptop() || name.app.is_none());
    assert!(matches!(desk.renew(laptop()), Body::Pass(_)));
    desk.devices.get_mut(&tablet()).unwrap().retired = false;
    assert_eq!(reason(&desk.manage(tablet(), replaced(laptop()))), Some(Reason::TooManyLost));
}

fn fresh_state(desk: &Desk, device: DeviceId) -> carnet_core::journal::State {
    let old = &desk.states[&device];
    carnet_core::journal::State::new(old.server, old.name.clone(), desk.devices[&device].receipt, desk.now)
}

#[test]
fn a_pass_on_its_way_is_not_lost_with_the_device_it_left() {
    let mut desk = bought();
    let portable = desk.export(laptop());
    assert!(matches!(desk.manage(tablet(), Operation::Lost(laptop())), Body::Receipt(_)));
    assert_eq!(desk.only_license().uses.unwrap().moving, 4);
    assert!(matches!(desk.import(tablet(), &portable), Body::Pass(_)));
}

#[test]
fn a_device_that_holds_something_is_not_retired_before_it_has_given_it_back() {
    let mut desk = bought();
    assert_eq!(reason(&desk.manage(tablet(), Operation::Retire(laptop()))), Some(Reason::StillHolds));
    desk.ask(laptop(), Operation::Return);
    assert!(matches!(desk.manage(tablet(), Operation::Retire(laptop())), Body::Receipt(_)));
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Retired));
    assert!(matches!(desk.manage(tablet(), Operation::Retire(tablet())), Body::Receipt(_)), "itself, too");
    assert_eq!(reason(&desk.manage(tablet(), Operation::Retire(tablet()))), Some(Reason::Retired));
}

#[test]
fn i15_nobody_loses_retires_or_renames_a_device_of_somebody_else() {
    let mut desk = bought();
    desk.devices.get_mut(&laptop()).unwrap().user = carnet_core::id::UserId([77; 16]);
    let rename = Operation::Rename { device: laptop(), name: "mine".into() };
    for operation in [Operation::Lost(laptop()), Operation::Retire(laptop()), rename] {
        assert_eq!(reason(&desk.manage(tablet(), operation)), Some(Reason::NoSuchDevice));
    }
    let unknown = DeviceId([99; 16]);
    assert_eq!(reason(&desk.manage(tablet(), Operation::Lost(unknown))), Some(Reason::NoSuchDevice));
    assert_eq!(reason(&desk.manage(tablet(), Operation::Lost(tablet()))), Some(Reason::NoSuchDevice));
}

#[test]
fn a_source_learns_at_its_next_contact_which_moves_are_over() {
    let mut desk = Desk::selling(vec![ten_runs(), crate::named("second", ten_runs())]);
    desk.agree(laptop(), "ten-runs");
    let portable = desk.export(laptop());
    desk.agree(laptop(), "second");
    assert_eq!(desk.states[&laptop()].portables.len(), 1, "it can still be written to a medium again");
    desk.import(tablet(), &portable);
    desk.run(laptop()).unwrap();
    desk.renew(laptop());
    assert_eq!(desk.states[&laptop()].portables.len(), 0);
}
