//! Devices, codes, charges and paid-for offers, through the ledger: what is stored is what was decided, one batch
//! or many, and the ledger check finds nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use carnet_core::charge::{ChargeAct, ChargeStatus};
use carnet_core::component::{Component, Drift};
use carnet_core::document::{
    Agreed, Agreement, Body, Effect, Invitation, Joins, JournalName, Operation, Purpose, Reason, Redemption,
    Registration, Replacement, Request, Secret,
};
use carnet_core::id::{DeviceId, Digest, RequestId, SupplierId};
use carnet_core::license::Status;
use carnet_core::offer::{Charging, Offer};
use carnet_core::server::{Beside, EventKind, Grant};
use carnet_core::time::Time;
use carnet_store::event::What;
use carnet_store::{LedgerError, Settled, StoreError, Submission, Work};

use super::world::*;

const CODE: Secret = Secret([0xc0; 16]);

fn code_digest(code: Secret) -> Digest {
    digest(&code.0)
}

/// A request in the device's own journal, the first after its registration.
fn own(phone: &Phone, nth: u64, operation: Operation) -> Request {
    first_of(phone.id, phone.receipt.digest, nth, operation)
}

fn first_of(device: DeviceId, receipt: Digest, nth: u64, operation: Operation) -> Request {
    Request {
        server: SERVER,
        journal: JournalName { device, app: None },
        id: RequestId([0x50 + nth as u8; 16]),
        epoch: 1,
        last_answer: receipt,
        head: Digest([2; 32]),
        at: Time(NOW),
        totals: BTreeMap::new(),
        portables: BTreeSet::new(),
        operation,
    }
}

fn submit(world: &World, request: &Request, code: Option<Secret>) -> Body {
    read_answer(&handed_in(world, request, code)).body
}

fn handed_in(world: &World, request: &Request, code: Option<Secret>) -> Vec<u8> {
    let body = digest(&serde_json::to_vec(request).unwrap());
    let submission = Submission {
        request: request.clone(),
        body,
        proof: Beside::Nothing,
        receipt: None,
        code: code.map(code_digest),
        agreement_document: None,
        handed: carnet_core::provision::Handed::Nothing,
    };
    let settled = world.ledger.settle(Work::Request(Box::new(submission))).unwrap();
    answered(settled)
}

fn joining(number: u32, code: Secret) -> Request {
    let mut request = registration(device_id(number));
    if let Operation::Register(registration) = &mut request.operation {
        let joined: &mut Registration = registration;
        joined.joins = Joins::By(code);
    }
    request
}

fn sell(world: &World, offer: Offer) {
    let selling = move |tx: &carnet_store::Writing<'_>| {
        let before = tx.menu(&app())?.unwrap().menu;
        tx.replace_menu(
            SUPPLIER,
            &app(),
            before.serial,
            &before.replaced(&app(), vec![offer.clone()]),
            Time(NOW),
        )
    };
    world.store.write("test.sell", selling).unwrap();
}

#[test]
fn a_device_joins_by_a_code_of_another_one_and_the_code_is_used_up() {
    let world = World::new();
    let phone = Phone::register(&world, 1);
    assert!(matches!(submit(&world, &joining(2, CODE), Some(CODE)), Body::Refusal(_)));
    assert!(world.store.read(|tx| tx.device(device_id(2))).unwrap().is_none());
    let invitation = Invitation { digest: code_digest(CODE), purpose: Purpose::Join };
    let made = submit(&world, &own(&phone, 1, Operation::Invite(invitation)), None);
    assert!(matches!(made, Body::Receipt(_)), "{made:?}");
    let world = world.reopen();
    assert!(matches!(submit(&world, &joining(2, CODE), Some(CODE)), Body::Receipt(_)));
    let joined = world.store.read(|tx| tx.device(device_id(2))).unwrap().unwrap();
    assert_eq!((joined.user, joined.only, joined.until), (phone.user, None, None));
    assert_eq!(reason_of(&submit(&world, &joining(3, CODE), Some(CODE))), Reason::CodeUsed);
    let names: Vec<_> = world.store.read(|tx| tx.devices_of(phone.user)).unwrap();
    assert_eq!(names.len(), 2);
    world.assert_clean();
}

#[test]
fn enrolment_counts_devices_of_the_same_batch_too() {
    let world = World::new();
    let phone = Phone::register(&world, 1);
    let purpose = Purpose::Enrolment { most: 2, lifetime: carnet_core::time::Seconds(3_600) };
    let invitation = Invitation { digest: code_digest(CODE), purpose };
    submit(&world, &own(&phone, 1, Operation::Invite(invitation)), None);
    let held = world.hold();
    let (sender, outcomes) = std::sync::mpsc::channel();
    for number in 2..8 {
        let request = joining(number, CODE);
        let body = digest(&serde_json::to_vec(&request).unwrap());
        let (code, proof) = (Some(code_digest(CODE)), Beside::Nothing);
        let submission = Submission {
            request,
            body,
            proof,
            receipt: None,
            code,
            agreement_document: None,
            handed: carnet_core::provision::Handed::Nothing,
        };
        let sender = sender.clone();
        let reply = Box::new(move |settled: Result<Settled, LedgerError>| sender.send(settled).unwrap());
        world.ledger.submit(Work::Request(Box::new(submission)), reply);
    }
    drop((held, sender));
    let joined = |settled: Result<Settled, LedgerError>| {
        matches!(read_answer(&answered(settled.unwrap())).body, Body::Receipt(_))
    };
    assert_eq!(outcomes.iter().filter(|_| true).map(joined).filter(|joined| *joined).count(), 2);
    world.assert_clean();
}

#[test]
fn d5_what_a_lost_device_held_is_booked_and_the_books_are_right() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let license = pass_of(&phone.agree(&world, "ten-runs")).license;
    let forever = pass_of(&phone.agree(&world, "forever")).license;
    let invitation = Invitation { digest: code_digest(CODE), purpose: Purpose::Join };
    submit(&world, &own(&phone, 1, Operation::Invite(invitation)), None);
    let receipt = digest(&handed_in(&world, &joining(2, CODE), Some(CODE)));
    let lost = submit(&world, &first_of(device_id(2), receipt, 1, Operation::Lost(phone.id)), None);
    let Body::Receipt(receipt) = lost else { panic!("not lost: {lost:?}") };
    assert_eq!(receipt.effect, Effect::DeviceGone(phone.id));
    for id in [license, forever] {
        assert!(world.license(id).rights.iter().all(|right| !right.is_held_by(phone.id)), "{id}");
    }
    let line = world.license(license).uses.unwrap();
    assert_eq!((line.held, line.forfeited), (0, 3));
    assert_eq!(reason_of(&phone.renew(&world)), Reason::Retired);
    world.assert_clean();
    world.reopen().assert_clean();
}

#[test]
fn a19_d5_a_replaced_device_shows_at_each_license_with_what_had_changed() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let runs = pass_of(&phone.agree(&world, "ten-runs")).license;
    let forever = pass_of(&phone.agree(&world, "forever")).license;
    let invitation = Invitation { digest: code_digest(CODE), purpose: Purpose::Join };
    submit(&world, &own(&phone, 1, Operation::Invite(invitation)), None);
    let receipt = digest(&handed_in(&world, &joining(2, CODE), Some(CODE)));
    let replacement = Replacement {
        device: phone.id,
        changed: Drift { changed: [Component::Disk, Component::Network].into(), of: 5 },
    };
    let operation = Operation::Replaced(replacement.clone());
    let answered = submit(&world, &first_of(device_id(2), receipt, 1, operation), None);
    assert!(matches!(answered, Body::Receipt(_)), "{answered:?}");
    assert_eq!(reason_of(&phone.renew(&world)), Reason::Retired);
    for license in [runs, forever] {
        let events = world.store.read(|tx| tx.events_of_license(SUPPLIER, license, None, 10)).unwrap().items;
        let replaced = events.iter().find_map(|event| match &event.what {
            What::Decided(EventKind::DeviceReplaced { device, changed }) => {
                Some(Replacement { device: *device, changed: changed.clone() })
            }
            What::Along(share) => share.replaced.clone(),
            _ => None,
        });
        assert_eq!(replaced.as_ref(), Some(&replacement), "{events:?}");
    }
    world.assert_clean();
    world.reopen().assert_clean();
}

#[test]
fn a_supplier_frees_only_what_is_its_own() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let license = pass_of(&phone.agree(&world, "ten-runs")).license;
    let free = |supplier| {
        world.ledger.settle(Work::FreeDevice { supplier, device: phone.id, by: "token main".into() })
    };
    let nothing = free(SupplierId([0x99; 16]));
    assert!(matches!(nothing, Err(LedgerError::Store(StoreError::NotFound { .. }))), "{nothing:?}");
    assert_eq!(free(SUPPLIER), Ok(Settled::Freed));
    assert_eq!(world.license(license).uses.unwrap().forfeited, 3);
    assert!(matches!(free(SUPPLIER), Err(LedgerError::Store(StoreError::NotFound { .. }))));
    world.assert_clean();
}

#[test]
fn a7_charges_make_what_is_owed_and_the_ledger_check_adds_them_up() {
    let world = World::new();
    let priced = Offer {
        fee: "9 EUR".parse().unwrap(),
        charging: Charging::PerPass,
        ..offer("priced", Some(10), Some(1), 1)
    };
    sell(&world, priced);
    let mut phone = Phone::register(&world, 1);
    let license = pass_of(&phone.agree(&world, "priced")).license;
    let charges = || world.store.read(|tx| tx.charges_of(SUPPLIER, None, None, 50)).unwrap().items;
    let act = |act| {
        let (supplier, charge) = (SUPPLIER, charges().last().unwrap().id);
        world.ledger.settle(Work::Charge { supplier, charge, act, by: "token main".into(), note: "n".into() })
    };
    assert_eq!(world.license(license).status(Time(NOW)), Status::PaymentPending);
    assert!(matches!(act(ChargeAct::Refund), Err(LedgerError::NotChargeable(_))));
    assert!(
        matches!(act(ChargeAct::Fail), Ok(Settled::Charged(charge)) if charge.status == ChargeStatus::Failed)
    );
    assert_eq!(world.license(license).status(Time(NOW)), Status::ChargeFailed);
    act(ChargeAct::Settle).unwrap();
    phone.use_up(license, 1);
    assert!(matches!(phone.renew(&world), Body::Pass(_)));
    assert_eq!(charges().len(), 2, "the next pass is charged again");
    world.assert_clean();
    world.sql("UPDATE charge SET status = 'settled'");
    assert!(!world.check().is_clean(), "a charge that says it was paid, and nobody said so");
}

#[test]
fn a_redeem_code_is_taken_up_once_also_within_one_batch() {
    let world = World::new();
    let listed = world.store.read(|tx| tx.menu(&app())).unwrap().unwrap().menu.offers[0].clone();
    let grant = Grant {
        digest: code_digest(CODE),
        supplier: SUPPLIER,
        listed: Arc::new(listed.clone()),
        made: Time(NOW),
        expires: None,
        used: None,
        withdrawn: false,
    };
    world.store.write("test.grant", move |tx| tx.add_grant(&grant, "shop")).unwrap();
    let mut phones = [Phone::register(&world, 1), Phone::register(&world, 2)];
    let held = world.hold();
    let (sender, outcomes) = std::sync::mpsc::channel();
    for phone in &mut phones {
        let agreement = Agreement {
            server: SERVER,
            user: phone.user,
            device: phone.id,
            at: Time(NOW),
            listed: listed.clone(),
        };
        let agreed = Agreed { agreement, document: b"signed agreement".to_vec() };
        let request = phone.request(Operation::Redeem(Box::new(Redemption { agreed, code: CODE })));
        let body = digest(&serde_json::to_vec(&request).unwrap());
        let (code, proof) = (Some(code_digest(CODE)), Beside::Nothing);
        let submission = Submission {
            request,
            body,
            proof,
            receipt: None,
            code,
            agreement_document: None,
            handed: carnet_core::provision::Handed::Nothing,
        };
        let sender = sender.clone();
        let reply = Box::new(move |settled: Result<Settled, LedgerError>| sender.send(settled).unwrap());
        world.ledger.submit(Work::Request(Box::new(submission)), reply);
    }
    drop((held, sender));
    let bodies: Vec<Body> =
        outcomes.iter().map(|settled| read_answer(&answered(settled.unwrap())).body).collect();
    assert!(matches!(bodies[0], Body::Pass(_)), "{bodies:?}");
    assert_eq!(reason_of(&bodies[1]), Reason::CodeUsed);
    let kept = world.store.read(|tx| tx.grant(code_digest(CODE))).unwrap().unwrap();
    assert!(kept.used.is_some());
    world.assert_clean();
}
