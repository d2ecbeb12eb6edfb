//! How devices come to belong to a user.

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::document::{
    Body, Brought, Effect, Evidence, Invitation, Joins, JournalName, Operation, Person, PortablePass,
    PublicKey, Purpose, Reason, Registration, Request, Secret,
};
use carnet_core::id::{DeviceId, Digest, RequestId};
use carnet_core::server::JOIN_CODE_LASTS;
use carnet_core::time::{Seconds, Time};

use crate::desk::{Desk, SERVER, USER, code_digest, laptop, paint, reason};
use crate::ten_runs;

const CODE: Secret = Secret([0x10; 16]);
const DAY: Seconds = Seconds(86_400);

fn phone(number: u8) -> DeviceId {
    DeviceId([100 + number; 16])
}

fn register(desk: &mut Desk, device: DeviceId, joins: Joins) -> Body {
    let key = PublicKey([device.0[0]; 32]);
    let registration = Registration {
        signing_key: key.into(),
        agreement_key: key,
        evidence: Evidence::Hardware,
        device_name: "phone".into(),
        device_maker: None,
        joins,
    };
    let request = Request {
        server: SERVER,
        journal: JournalName { device, app: None },
        id: RequestId([device.0[0]; 16]),
        epoch: 0,
        last_answer: Digest([0; 32]),
        head: Digest([0; 32]),
        at: desk.now,
        totals: BTreeMap::new(),
        portables: BTreeSet::new(),
        operation: Operation::Register(Box::new(registration)),
    };
    desk.serve(&request).unwrap().body
}

fn invite(desk: &mut Desk, code: Secret, purpose: Purpose) -> Body {
    let invitation = Invitation { digest: code_digest(code), purpose };
    desk.manage(laptop(), Operation::Invite(invitation))
}

fn shop() -> Desk {
    let mut desk = Desk::selling(vec![ten_runs()]);
    desk.agree(laptop(), "ten-runs");
    desk
}

#[test]
fn a_join_code_lets_one_device_join_for_a_quarter_of_an_hour() {
    let mut desk = shop();
    assert_eq!(reason(&register(&mut desk, phone(1), Joins::By(CODE))), Some(Reason::BadCode));
    assert!(!desk.devices.contains_key(&phone(1)), "nothing is kept of somebody who knocked in vain");
    assert!(matches!(invite(&mut desk, CODE, Purpose::Join), Body::Receipt(_)));
    assert!(matches!(register(&mut desk, phone(1), Joins::By(CODE)), Body::Receipt(_)), "and may try again");
    assert_eq!(desk.devices[&phone(1)].user, USER);
    assert_eq!(reason(&register(&mut desk, phone(2), Joins::By(CODE))), Some(Reason::CodeUsed));
    let late = Secret([0x11; 16]);
    invite(&mut desk, late, Purpose::Join);
    desk.now = desk.now.plus(JOIN_CODE_LASTS);
    assert_eq!(reason(&register(&mut desk, phone(3), Joins::By(late))), Some(Reason::BadCode));
}

#[test]
fn d5_the_recovery_code_opens_again_and_again_until_it_is_replaced() {
    let mut desk = shop();
    let person = Person {
        name: "Ann".into(),
        email: "ann@example.org".into(),
        address: None,
        telephone: None,
        payment_reference: None,
    };
    let joins = Joins::NewUser { person, recovery: code_digest(CODE) };
    let Body::Receipt(receipt) = register(&mut desk, phone(1), joins) else { panic!() };
    assert!(matches!(receipt.effect, Effect::Registered { only: None, until: None, .. }));
    let user = desk.devices[&phone(1)].user;
    for number in [2, 3] {
        assert!(matches!(register(&mut desk, phone(number), Joins::By(CODE)), Body::Receipt(_)));
        assert_eq!(desk.devices[&phone(number)].user, user);
    }
    let mine = Secret([0x12; 16]);
    let other = Secret([0x13; 16]);
    invite(&mut desk, mine, Purpose::Recovery);
    invite(&mut desk, other, Purpose::Recovery);
    assert_eq!(reason(&register(&mut desk, phone(4), Joins::By(mine))), Some(Reason::BadCode));
    assert!(matches!(register(&mut desk, phone(4), Joins::By(other)), Body::Receipt(_)));
    let withdraw = Operation::Withdraw(code_digest(other));
    assert_eq!(
        reason(&desk.manage(laptop(), withdraw)),
        Some(Reason::BadCode),
        "replaced only, never just gone"
    );
    assert!(matches!(register(&mut desk, phone(5), Joins::By(CODE)), Body::Receipt(_)), "the other user's");
}

#[test]
fn machines_enrol_up_to_the_limit_and_make_room_when_their_time_is_over() {
    let mut desk = shop();
    invite(&mut desk, CODE, Purpose::Enrolment { most: 2, lifetime: DAY });
    for number in [1, 2] {
        assert!(matches!(register(&mut desk, phone(number), Joins::By(CODE)), Body::Receipt(_)));
    }
    assert_eq!(reason(&register(&mut desk, phone(3), Joins::By(CODE))), Some(Reason::CodeFull));
    desk.devices.get_mut(&phone(1)).unwrap().retired = true;
    assert!(matches!(register(&mut desk, phone(3), Joins::By(CODE)), Body::Receipt(_)));
    desk.now = desk.now.plus(DAY);
    assert!(
        matches!(register(&mut desk, phone(4), Joins::By(CODE)), Body::Receipt(_)),
        "a killed one is forgotten"
    );
    let ask = Operation::Retire(phone(2));
    assert_eq!(reason(&desk.manage(phone(2), ask)), Some(Reason::Retired), "its own time is over");
    desk.manage(laptop(), Operation::Withdraw(code_digest(CODE)));
    assert_eq!(reason(&register(&mut desk, phone(5), Joins::By(CODE))), Some(Reason::BadCode));
}

/// The first pass that a machine asks for.
fn first_pass(desk: &mut Desk, device: DeviceId) -> Body {
    let request = Request {
        server: SERVER,
        journal: JournalName { device, app: Some(paint()) },
        id: RequestId([device.0[0] ^ 0x80; 16]),
        epoch: 0,
        last_answer: desk.devices[&device].receipt,
        head: Digest([0; 32]),
        at: desk.now,
        totals: BTreeMap::new(),
        portables: BTreeSet::new(),
        operation: Operation::Renew { uses: 1 },
    };
    desk.serve(&request).unwrap().body
}

#[test]
fn d5_what_a_killed_machine_held_comes_back_when_its_time_is_over() {
    let mut desk = shop();
    desk.ask(laptop(), Operation::Return);
    invite(&mut desk, CODE, Purpose::Enrolment { most: 2, lifetime: DAY });
    for number in [1, 2] {
        register(&mut desk, phone(number), Joins::By(CODE));
    }
    let Body::Pass(pass) = first_pass(&mut desk, phone(1)) else { panic!() };
    let end = desk.now.plus(DAY);
    assert_eq!((pass.expires, pass.grace_until), (Some(end), Some(end)), "the license itself has no end");
    assert_eq!(reason(&desk.renew(laptop())), Some(Reason::HeldElsewhere));
    // Nobody hears of it again.
    desk.now = end.plus(Seconds(601));
    let body = desk.renew(laptop());
    assert!(matches!(&body, Body::Pass(_)), "{body:?}");
}

#[test]
fn absurd_codes_and_codes_that_exist_are_not_made() {
    let mut desk = shop();
    for (most, lifetime) in [(0, DAY), (10_001, DAY), (1, Seconds(0)), (1, Seconds(u64::MAX))] {
        let body = invite(&mut desk, CODE, Purpose::Enrolment { most, lifetime });
        assert_eq!(reason(&body), Some(Reason::BadCode), "{most} {lifetime:?}");
    }
    invite(&mut desk, CODE, Purpose::Join);
    assert_eq!(reason(&invite(&mut desk, CODE, Purpose::Recovery)), Some(Reason::BadCode));
}

fn with(portable: &PortablePass) -> Joins {
    Joins::With(Box::new(Brought { portable: portable.clone(), document: Vec::new() }))
}

#[test]
fn a16_whoever_brings_a_portable_pass_may_run_by_it_and_nothing_else() {
    let mut desk = shop();
    let portable = desk.export(laptop());
    let Body::Receipt(receipt) = register(&mut desk, phone(1), with(&portable)) else { panic!() };
    assert!(
        matches!(receipt.effect, Effect::Registered { only: Some(license), .. } if license == portable.license)
    );
    let name = JournalName { device: phone(1), app: Some(paint()) };
    let receipt = desk.devices[&phone(1)].receipt;
    desk.states.insert(phone(1), carnet_core::journal::State::new(SERVER, name, receipt, Time::EPOCH));
    assert!(matches!(desk.import(phone(1), &portable), Body::Pass(_)));
    desk.run(phone(1)).unwrap();
    desk.agree(laptop(), "ten-runs");
    desk.renew(phone(1));
    for _ in 0..8 {
        desk.run(phone(1)).unwrap();
        desk.renew(phone(1));
    }
    desk.run(phone(1)).unwrap();
    assert!(matches!(desk.renew(phone(1)), Body::Refusal(_)), "the user's other license is not its own");
    assert_eq!(reason(&desk.agree(phone(1), "ten-runs")), Some(Reason::Guest));
    assert_eq!(reason(&desk.manage(phone(1), Operation::Lost(laptop()))), Some(Reason::Guest));
}

#[test]
fn a_portable_pass_that_has_arrived_opens_nothing() {
    let mut desk = shop();
    let portable = desk.export(laptop());
    desk.import(laptop(), &portable);
    assert_eq!(reason(&register(&mut desk, phone(1), with(&portable))), Some(Reason::MoveOver));
}
