//! Transfers: from one device of a user to another, without a pass on its way (B9, B10).

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::device::Disapproval;
use carnet_core::document::{Body, Effect, Evidence, JournalName, Operation, Reason};
use carnet_core::id::{DeviceId, ImageId, UserId};
use carnet_core::journal::State;
use carnet_core::license::{Holder, Standing};
use carnet_core::offer::Offer;
use carnet_core::provision::{Provided, TransactionStatus};
use carnet_core::server::Device;
use carnet_core::term::{Slice, Term};
use carnet_core::time::{Length, Seconds, Time};
use carnet_core::transfer::{Handover, Transfer, Which};

use crate::desk::{Desk, SERVER, digest, laptop, paint, reason, refused, tablet};
use crate::{named, ten_runs};

fn phone() -> DeviceId {
    DeviceId([12; 16])
}

/// Four of ten runs in each pass, and a third device.
fn bought() -> Desk {
    with(Offer { pass_term: Slice { uses: Some(4), ..Slice::WHOLE }, ..ten_runs() })
}

/// Without end, for a month at a time.
fn monthly() -> Offer {
    let slice = Slice { period: Some(Length::days(30)), ..Slice::WHOLE };
    Offer { term: Term::PERPETUAL, pass_term: slice, ..ten_runs() }
}

fn with(offer: Offer) -> Desk {
    let mut desk = Desk::selling(vec![offer]);
    let device = Device { id: phone(), receipt: digest(&phone()), ..desk.devices[&laptop()].clone() };
    let name = JournalName { device: phone(), app: Some(paint()) };
    desk.states.insert(phone(), State::new(SERVER, name, device.receipt, Time::EPOCH));
    desk.devices.insert(phone(), device);
    assert!(matches!(desk.agree(laptop(), "ten-runs"), Body::Pass(_)));
    desk
}

fn all(from: DeviceId, to: DeviceId) -> Transfer {
    Transfer { from, to, apps: Which::All, retire: false, wait: false }
}

fn waiting(from: DeviceId, to: DeviceId) -> Transfer {
    Transfer { wait: true, ..all(from, to) }
}

fn order(transfer: Transfer) -> Operation {
    Operation::Transfer(Box::new(transfer))
}

/// What becomes of the only app.
fn handover(body: &Body) -> Handover {
    match body {
        Body::Receipt(receipt) => match &receipt.effect {
            Effect::Transferred(apps) => apps[&paint()],
            other => panic!("not transferred: {other:?}"),
        },
        other => panic!("not transferred: {other:?}"),
    }
}

fn journal(desk: &Desk, device: DeviceId) -> &carnet_core::server::Journal {
    &desk.journals[&JournalName { device, app: Some(paint()) }]
}

#[test]
fn b9_within_the_limit_it_goes_over_at_once_and_what_the_source_had_out_is_gone() {
    let mut desk = bought();
    desk.run(laptop()).unwrap();
    let body = desk.manage(tablet(), order(all(laptop(), tablet())));
    assert_eq!(handover(&body), Handover::AtOnce { uses: 4, seconds: 0 });
    assert_eq!(desk.only_license().at_risk, 1, "until it has heard of it, it may run on");
    assert_eq!(reason(&desk.renew(phone())), Some(Reason::HeldElsewhere), "it waits for the tablet alone");
    let Body::Pass(pass) = desk.renew(tablet()) else { panic!() };
    assert_eq!((pass.generation, pass.uses.unwrap().remaining), (1, 2));
    assert!(desk.charges.is_empty() && desk.licenses.len() == 1, "no second charge, no second license");
}

#[test]
fn b10_the_source_is_told_at_its_next_contact_and_what_it_used_is_in_the_books() {
    let mut desk = bought();
    desk.run(laptop()).unwrap();
    desk.manage(tablet(), order(all(laptop(), tablet())));
    desk.run(laptop()).unwrap();
    let told = refused(&desk.renew(laptop()));
    assert_eq!((told.reason, told.license.is_some()), (Reason::Transferred, false));
    assert_eq!(desk.run(laptop()), Err(Disapproval::Invalid(Some(Reason::Transferred))));
    assert!(!Disapproval::Invalid(Some(Reason::Transferred)).server_helps(), "no start fetches it back");
    let state = &desk.states[&laptop()];
    assert!(state.keys.is_empty() && state.ordered.is_none() && state.effects_due);
    let line = desk.only_license().uses.unwrap();
    assert_eq!((line.settled, line.forfeited, line.remaining), (2, 2, 6));
    assert_eq!(reason(&desk.ask(laptop(), Operation::Return)), Some(Reason::Transferred));
    assert_eq!(desk.only_license().at_risk, 0, "it has stopped for sure");
    assert!(journal(&desk, laptop()).gone.is_none());
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::HeldElsewhere));
    assert!(desk.devices[&laptop()].settled.is_none(), "I8: it was honest all the time");
}

#[test]
fn b9_the_device_that_gives_away_what_it_has_loses_nothing_and_spends_nothing() {
    let mut desk = bought();
    desk.run(laptop()).unwrap();
    let body = desk.manage(laptop(), order(all(laptop(), tablet())));
    assert_eq!(handover(&body), Handover::Waits { until: None });
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::HeldElsewhere), "I1: it may run yet");
    assert_eq!(reason(&desk.ask(laptop(), Operation::Return)), Some(Reason::Transferred));
    let license = desk.only_license();
    let line = license.uses.unwrap();
    assert_eq!((line.settled, line.forfeited, line.remaining), (1, 0, 9));
    assert!(license.lost.is_empty() && license.at_risk == 0);
    assert_eq!(reason(&desk.renew(phone())), Some(Reason::HeldElsewhere));
    assert!(matches!(desk.renew(tablet()), Body::Pass(_)));
}

#[test]
fn b9_beyond_the_limit_the_source_is_waited_for_and_nothing_is_lost() {
    let mut desk = bought();
    for (from, to) in [(laptop(), tablet()), (tablet(), phone())] {
        assert!(matches!(handover(&desk.manage(to, order(all(from, to)))), Handover::AtOnce { .. }));
        assert!(matches!(desk.renew(to), Body::Pass(_)));
    }
    let body = desk.manage(laptop(), order(all(phone(), tablet())));
    assert_eq!(handover(&body), Handover::Waits { until: None }, "a pass without end is waited for");
    // Its next contact tells it; only when it shows that it knows, nobody can run by the old pass any more.
    assert_eq!(reason(&desk.renew(phone())), Some(Reason::Transferred));
    assert_eq!(
        reason(&desk.renew(tablet())),
        Some(Reason::Transferred),
        "the tablet has not been told yet itself"
    );
    desk.ask(tablet(), Operation::Return);
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::HeldElsewhere));
    assert_eq!(reason(&desk.ask(phone(), Operation::Return)), Some(Reason::Transferred));
    assert!(matches!(desk.renew(tablet()), Body::Pass(_)));
}

#[test]
fn b10_an_offline_source_is_waited_for_until_its_pass_has_run_out_for_sure() {
    let mut desk = with(monthly());
    let Body::Pass(held) = desk.renew(laptop()) else { panic!() };
    let body = desk.manage(tablet(), order(waiting(laptop(), tablet())));
    assert_eq!(handover(&body), Handover::Waits { until: held.grace_until });
    desk.now = held.grace_until.unwrap().plus(Seconds(600));
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::HeldElsewhere), "clocks differ by ten minutes");
    desk.now = desk.now.plus(Seconds(1));
    assert!(matches!(desk.run(laptop()), Err(Disapproval::Expired(_))));
    assert_eq!(reason(&desk.renew(phone())), Some(Reason::HeldElsewhere), "kept for the tablet");
    let Body::Pass(pass) = desk.renew(tablet()) else { panic!() };
    assert_eq!(pass.generation, held.generation + 1);
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Transferred));
}

#[test]
fn b9_a_destination_that_has_a_right_already_needs_no_second_one() {
    for wait in [false, true] {
        let mut desk = with(Offer { devices: 2, ..monthly() });
        assert!(matches!(desk.renew(tablet()), Body::Pass(_)));
        desk.manage(tablet(), order(Transfer { wait, ..all(laptop(), tablet()) }));
        assert_eq!(reason(&desk.ask(laptop(), Operation::Return)), Some(Reason::Transferred));
        let rights = &desk.only_license().rights;
        assert!(rights[1].is_held_by(tablet()) && rights[0].holder == Holder::Free, "{rights:?}");
        assert!(matches!(desk.renew(tablet()), Body::Pass(_)));
        assert!(matches!(desk.renew(phone()), Body::Pass(_)), "the other one is free for anybody");
    }
}

#[test]
fn b9_a_right_that_was_kept_for_a_device_is_free_when_that_took_another_one() {
    let mut desk = with(Offer { devices: 2, ..monthly() });
    desk.manage(phone(), order(waiting(laptop(), tablet())));
    assert!(matches!(desk.renew(tablet()), Body::Pass(_)), "the second right of the license was free");
    assert_eq!(desk.only_license().rights[0].holder.device(), Some(laptop()));
    desk.ask(laptop(), Operation::Return);
    assert_eq!(desk.only_license().rights[0].holder, Holder::Free);
}

#[test]
fn b9_what_cannot_be_transferred_is_refused_with_its_reason_and_nothing_changes() {
    let mut desk = bought();
    let guest = Device {
        id: DeviceId([13; 16]),
        only: Some(desk.only_license().id),
        ..desk.devices[&tablet()].clone()
    };
    let brief = Device {
        id: DeviceId([14; 16]),
        until: Some(desk.now.plus(Seconds(60))),
        ..desk.devices[&tablet()].clone()
    };
    let old = Device { id: DeviceId([15; 16]), retired: true, ..desk.devices[&tablet()].clone() };
    let foreign =
        Device { id: DeviceId([16; 16]), user: UserId([77; 16]), ..desk.devices[&tablet()].clone() };
    let copied =
        Device { id: DeviceId([17; 16]), evidence: Evidence::File, ..desk.devices[&tablet()].clone() };
    let unknown = DeviceId([99; 16]);
    let others = [&guest, &brief, &old, &foreign, &copied].map(Clone::clone);
    desk.devices.extend(others.map(|device| (device.id, device)));
    let other = Which::Named(BTreeSet::from(["acme/other".parse().unwrap()]));
    let cases = [
        (all(laptop(), laptop()), Reason::SameDevice),
        (all(laptop(), unknown), Reason::NoSuchDevice),
        (all(unknown, tablet()), Reason::NoSuchDevice),
        (all(laptop(), foreign.id), Reason::NoSuchDevice),
        (all(laptop(), old.id), Reason::RetiredThere),
        (all(old.id, tablet()), Reason::RetiredThere),
        (all(laptop(), guest.id), Reason::GuestThere),
        (all(laptop(), brief.id), Reason::GuestThere),
        (all(tablet(), laptop()), Reason::NotHeldThere),
        (Transfer { apps: other, ..all(laptop(), tablet()) }, Reason::NotHeldThere),
    ];
    let (licenses, journals) = (desk.licenses.clone(), journal(&desk, laptop()).clone());
    for (transfer, expected) in cases {
        let body = desk.manage(tablet(), order(transfer.clone()));
        assert_eq!(reason(&body), Some(expected), "{transfer:?}");
        assert_eq!((&desk.licenses, journal(&desk, laptop())), (&licenses, &journals));
    }
    for (standing, expected) in [
        (Standing::Ended, Reason::Ended),
        (Standing::Revoked, Reason::Revoked),
        (Standing::Suspended, Reason::Suspended),
    ] {
        desk.stand(standing);
        assert_eq!(reason(&desk.manage(tablet(), order(all(laptop(), tablet())))), Some(expected));
    }
    desk.stand(Standing::Active);
    desk.owe(1, 0);
    assert_eq!(reason(&desk.manage(tablet(), order(all(laptop(), tablet())))), Some(Reason::PaymentPending));
    desk.owe(0, 0);
    let license = desk.licenses.values_mut().next().unwrap();
    std::sync::Arc::make_mut(&mut license.base).offer.hardware_only = true;
    assert_eq!(reason(&desk.manage(tablet(), order(all(laptop(), copied.id)))), Some(Reason::HardwareOnly));
    desk.export(laptop());
    let moving = Transfer { apps: Which::Named(BTreeSet::from([paint()])), ..all(laptop(), tablet()) };
    assert_eq!(reason(&desk.manage(tablet(), order(moving))), Some(Reason::Moving));
}

#[test]
fn b9_apps_are_decided_one_by_one() {
    let mut desk = bought();
    let other: carnet_core::app::AppId = "acme/other".parse().unwrap();
    let apps = Which::Named(BTreeSet::from([paint(), other.clone()]));
    let body = desk.manage(tablet(), order(Transfer { apps, ..all(laptop(), tablet()) }));
    let Body::Receipt(receipt) = body else { panic!() };
    let Effect::Transferred(told) = receipt.effect else { panic!() };
    let refused = Handover::Refused(Reason::NotHeldThere);
    assert_eq!(told, BTreeMap::from([(other, refused), (paint(), Handover::AtOnce { uses: 4, seconds: 0 })]));
}

#[test]
fn b10_a_device_retired_with_the_transfer_gets_nothing_more_and_can_still_give_back() {
    let mut desk = bought();
    desk.run(laptop()).unwrap();
    let body = desk.manage(laptop(), order(Transfer { retire: true, ..all(laptop(), tablet()) }));
    assert_eq!(handover(&body), Handover::Waits { until: None });
    assert!(desk.devices[&laptop()].retired);
    assert_eq!(reason(&desk.ask(laptop(), Operation::Return)), Some(Reason::Transferred));
    assert!(matches!(desk.renew(tablet()), Body::Pass(_)));
    assert_eq!(desk.only_license().uses.unwrap().settled, 1);
    assert_eq!(reason(&desk.agree(laptop(), "ten-runs")), Some(Reason::Retired), "B10: it orders nothing");
    assert_eq!(reason(&desk.manage(tablet(), Operation::Retire(laptop()))), Some(Reason::NoSuchDevice));
}

#[test]
fn b9_a_device_is_not_retired_while_something_of_it_stays_behind() {
    let mut desk = bought();
    let mut stays = desk.only_license().clone();
    (stays.id, stays.app) = (carnet_core::id::LicenseId([88; 16]), "acme/other".parse().unwrap());
    desk.licenses.insert(stays.id, stays);
    let before = desk.licenses.clone();
    let some =
        Transfer { apps: Which::Named(BTreeSet::from([paint()])), retire: true, ..all(laptop(), tablet()) };
    assert_eq!(reason(&desk.manage(tablet(), order(some))), Some(Reason::StillHolds));
    assert_eq!(desk.licenses, before);
    assert!(!desk.devices[&laptop()].retired);
    desk.manage(tablet(), order(Transfer { retire: true, ..all(laptop(), tablet()) }));
    assert!(desk.devices[&laptop()].retired, "when all goes along");
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Transferred));
    assert_eq!(reason(&desk.ask(laptop(), Operation::Return)), Some(Reason::Transferred));
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::Retired));
}

#[test]
fn b9_a_transfer_is_taken_back_by_transferring_back() {
    // Nobody has heard of it yet: everything is as it was.
    let mut desk = bought();
    desk.manage(tablet(), order(waiting(laptop(), tablet())));
    desk.manage(tablet(), order(all(tablet(), laptop())));
    assert!(journal(&desk, laptop()).gone.is_none());
    assert!(matches!(desk.renew(laptop()), Body::Pass(_)));
    assert!(desk.only_license().lost.is_empty());
    // The source has given back, and the destination has not asked yet.
    desk.manage(laptop(), order(all(laptop(), tablet())));
    desk.ask(laptop(), Operation::Return);
    let body = desk.manage(laptop(), order(all(tablet(), laptop())));
    assert_eq!(handover(&body), Handover::AtOnce { uses: 0, seconds: 0 });
    assert!(matches!(desk.renew(laptop()), Body::Pass(_)));
    assert_eq!(reason(&desk.renew(tablet())), Some(Reason::HeldElsewhere));
    // It was taken at once: the source gets it back after it has said what it used.
    desk.manage(tablet(), order(all(laptop(), tablet())));
    desk.manage(tablet(), order(all(tablet(), laptop())));
    assert_eq!(reason(&desk.ask(laptop(), Operation::Return)), Some(Reason::Transferred));
    assert!(matches!(desk.renew(laptop()), Body::Pass(_)));
    assert!(desk.devices[&laptop()].settled.is_none());
}

#[test]
fn b9_i5_a_transfer_asked_for_again_after_a_lost_answer_has_no_second_effect() {
    let mut desk = bought();
    let request = desk.device_request(tablet(), order(all(laptop(), tablet())));
    let first = desk.serve(&request).unwrap();
    let books = (desk.licenses.clone(), desk.journals.clone());
    assert_eq!(desk.serve(&request).unwrap(), first);
    assert_eq!((desk.licenses.clone(), desk.journals.clone()), books);
}

#[test]
fn b9_the_order_of_the_source_is_closed_and_the_destination_makes_its_own() {
    let mut desk = bought();
    let image = ImageId([5; 16]);
    desk.images.push(Provided { id: image, app: paint(), version: "1.0.0".parse().unwrap(), keyed: true });
    let Body::Receipt(_) = desk.ask(laptop(), Operation::OrderKey(image)) else { panic!() };
    assert!(desk.transactions.values().all(|order| order.status == TransactionStatus::Open));
    desk.manage(laptop(), order(all(laptop(), tablet())));
    assert!(desk.transactions.values().all(|order| order.status == TransactionStatus::Closed));
    desk.ask(laptop(), Operation::Return);
    desk.renew(tablet());
    let Body::Receipt(receipt) = desk.ask(tablet(), Operation::OrderKey(image)) else { panic!() };
    let Effect::KeyOrdered { transaction, .. } = receipt.effect else { panic!() };
    let own = &desk.transactions[&transaction];
    assert_eq!((own.device, own.license), (tablet(), desk.only_license().id));
    assert_eq!(reason(&desk.ask(laptop(), Operation::OrderKey(image))), Some(Reason::NoPass));
}

#[test]
fn d5_declaring_a_device_lost_finishes_a_transfer_that_waits_for_it() {
    let mut desk = bought();
    desk.manage(tablet(), order(waiting(laptop(), tablet())));
    desk.manage(tablet(), Operation::Lost(laptop()));
    assert_eq!(desk.only_license().rights[0].holder, Holder::Promised(tablet()));
    assert_eq!(reason(&desk.manage(phone(), Operation::Retire(tablet()))), Some(Reason::StillHolds));
    desk.manage(phone(), Operation::Lost(tablet()));
    let license = desk.only_license();
    assert_eq!(
        (license.rights[0].holder, license.at_risk),
        (Holder::Free, 1),
        "a device that had nothing risks nothing"
    );
}

/// Whatever is transferred, lost on the way and used, no more devices run than were agreed, and no honest device is
/// ever suspected.
#[test]
fn i1_i3_i8_random_worlds_with_transfers() {
    for seed in 0..400_u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut offer = if seed % 2 == 0 {
            monthly()
        } else {
            Offer {
                pass_term: Slice { uses: Some(4), ..Slice::WHOLE },
                term: Term { uses: Some(40), ..Term::PERPETUAL },
                ..ten_runs()
            }
        };
        (offer.devices, offer.lost_devices_per_year) = (1 + dice.below(2) as u32, dice.below(4) as u32);
        let mut desk = with(named("ten-runs", offer));
        let mut story = Vec::new();
        for _ in 0..40 {
            story.push(step(&mut desk, &mut dice));
            check(&desk, &format!("seed {seed}: {story:?}"));
        }
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn device(&mut self) -> DeviceId {
        [laptop(), tablet(), phone()][self.below(3) as usize]
    }
}

fn step(desk: &mut Desk, dice: &mut Dice) -> String {
    let (device, other) = (dice.device(), dice.device());
    let what = dice.below(10);
    match what {
        0..=2 => drop(desk.run(device)),
        3 | 4 => contact(desk, device, Operation::Renew { uses: 1 }, dice),
        5 => contact(desk, device, Operation::Return, dice),
        6 => desk.now = desk.now.plus(Seconds(dice.below(20) * 86_400)),
        7 => contact(desk, device, Operation::Return, dice),
        _ => {
            let transfer = Transfer { wait: dice.below(2) == 0, ..all(device, other) };
            let asker = dice.device();
            desk.manage(asker, order(transfer));
        }
    }
    format!("{what} {} {}", device.0[0], other.0[0])
}

/// An answer may be lost on its way; the request stays open, and is repeated by the next contact.
fn contact(desk: &mut Desk, device: DeviceId, operation: Operation, dice: &mut Dice) {
    let open = desk.states[&device].intent.clone();
    let Some(request) = open.or_else(|| desk.try_intend(device, operation)) else { return };
    let answer = desk.serve(&request).unwrap();
    if dice.below(3) > 0 {
        desk.deliver(device, answer).unwrap();
    }
}

fn check(desk: &Desk, story: &str) {
    let license = desk.only_license();
    let runs = |state: &&State| state.held.is_some() && state.judge(desk.now, None, 0).is_ok();
    let running = desk.states.values().filter(runs).count();
    assert!(
        running <= license.rights.len() + license.at_risk as usize,
        "I1: {running} run, {license:?}, {story}"
    );
    for device in desk.devices.values() {
        assert!(device.settled.is_none(), "I8: {story}");
    }
    let held = desk.journals.values().filter_map(|journal| journal.accounts.get(&license.id)?.uses);
    let held: u64 = held.map(carnet_core::server::Held::outstanding).sum();
    assert_eq!(license.uses.map_or(0, |line| line.held), held, "I3: {story}");
    let used: u64 =
        desk.states.values().filter_map(|state| state.totals.get(&license.id)).map(|one| one.uses).sum();
    assert!(license.uses.is_none_or(|line| used <= line.total), "I4: {story}");
    assert!(license.uses.is_none_or(|line| line.settled <= used), "{story}");
}
