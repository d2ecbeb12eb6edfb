//! B6, B7: license keys of images: ordered, then delivered.

use carnet_core::app::VersionRange;
use carnet_core::document::{Body, Effect, Operation, PublicKey, Reason};
use carnet_core::id::{DeviceId, ImageId, TransactionId};
use carnet_core::journal::MOST_KEYS;
use carnet_core::license::Standing;
use carnet_core::offer::Offer;
use carnet_core::provision::{Handed, KeyRedemption, Provided, TransactionStatus};
use carnet_core::server::{Beside, Decision, Fresh, decide};
use carnet_core::time::Seconds;

use crate::desk::{Desk, laptop, paint, reason, tablet};
use crate::{named, ten_runs};

const IMAGE: ImageId = ImageId([7; 16]);

fn image(id: ImageId, version: &str) -> Provided {
    Provided { id, app: paint(), version: version.parse().unwrap(), keyed: true }
}

fn desk() -> Desk {
    let below = Some("3.0.0".parse().unwrap());
    let mut desk = Desk::selling(vec![
        ten_runs(),
        named("older", Offer { versions: VersionRange { from: None, below }, devices: 2, ..ten_runs() }),
    ]);
    desk.images.push(image(IMAGE, "2.0.0"));
    desk
}

fn order(desk: &mut Desk, device: DeviceId) -> Body {
    desk.ask(device, Operation::OrderKey(IMAGE))
}

fn transaction(body: &Body) -> TransactionId {
    match body {
        Body::Receipt(receipt) => match receipt.effect {
            Effect::KeyOrdered { transaction, image } => {
                assert_eq!(image, IMAGE);
                transaction
            }
            ref other => panic!("not ordered: {other:?}"),
        },
        other => panic!("not ordered: {other:?}"),
    }
}

fn redemption(device: DeviceId, transaction: TransactionId) -> Operation {
    // The keys of the desk's devices are made of their names.
    let seal_to = PublicKey([device.0[0]; 32]);
    Operation::RedeemKey(Box::new(KeyRedemption { transaction, image: IMAGE, seal_to, pass: Vec::new() }))
}

fn redeem(desk: &mut Desk, device: DeviceId, transaction: TransactionId) -> Body {
    desk.ask(device, redemption(device, transaction))
}

#[test]
fn b7_the_order_answers_with_a_transaction_id_and_that_with_the_key() {
    let mut desk = desk();
    desk.agree(laptop(), "ten-runs");
    let ordered = order(&mut desk, laptop());
    let id = transaction(&ordered);
    assert_eq!(desk.states[&laptop()].ordered.map(|ordered| ordered.transaction), Some(id));
    assert!(desk.states[&laptop()].keys.is_empty(), "nothing but the id");
    let Body::Keys(delivery) = redeem(&mut desk, laptop(), id) else { panic!("no keys") };
    assert_eq!(
        (delivery.transaction, delivery.image, delivery.sealed.as_slice()),
        (id, IMAGE, &b"sealed"[..])
    );
    assert_eq!(delivery.license, desk.only_license().id);
    let state = &desk.states[&laptop()];
    assert_eq!((state.ordered, state.keys[&IMAGE].delivery.clone()), (None, *delivery.clone()));
    assert_eq!(desk.transactions[&id].status, TransactionStatus::Delivered);
    assert!(matches!(redeem(&mut desk, laptop(), id), Body::Keys(again) if *again == *delivery));
}

#[test]
fn b6_a_key_is_ordered_only_where_user_device_and_software_belong_together() {
    let mut desk = desk();
    assert_eq!(reason(&order(&mut desk, laptop())), Some(Reason::NoPass), "nothing was bought");
    desk.agree(laptop(), "ten-runs");
    assert_eq!(reason(&order(&mut desk, tablet())), Some(Reason::NoPass), "it is the laptop's");
    let unknown = Operation::OrderKey(ImageId([9; 16]));
    assert_eq!(reason(&desk.ask(laptop(), unknown)), Some(Reason::NoImage));
    desk.images[0].keyed = false;
    assert_eq!(reason(&order(&mut desk, laptop())), Some(Reason::NoImage), "its keys are not handed in yet");
    desk.images[0] = Provided { app: "acme/other".parse().unwrap(), ..image(IMAGE, "2.0.0") };
    assert_eq!(reason(&order(&mut desk, laptop())), Some(Reason::NoImage), "it is of another app");
    desk.images[0] = image(IMAGE, "2.0.0");
    for (standing, expected) in
        [(Standing::Suspended, Reason::Suspended), (Standing::Revoked, Reason::Revoked)]
    {
        desk.stand(standing);
        assert_eq!(reason(&order(&mut desk, laptop())), Some(expected));
    }
    assert!(desk.transactions.is_empty(), "a refusal leaves no order");
}

#[test]
fn b6_a_version_that_the_license_does_not_cover_is_not_ordered() {
    let mut desk = desk();
    desk.images[0] = image(IMAGE, "3.0.0");
    desk.agree(laptop(), "older");
    assert_eq!(reason(&order(&mut desk, laptop())), Some(Reason::VersionNotCovered));
    desk.images[0] = image(IMAGE, "2.9.9");
    transaction(&order(&mut desk, laptop()));
}

#[test]
fn b7_an_order_of_another_device_a_guessed_and_a_closed_one_are_refused_alike() {
    let mut desk = desk();
    desk.agree(laptop(), "older");
    desk.renew(tablet());
    let first = transaction(&order(&mut desk, laptop()));
    assert_eq!(reason(&redeem(&mut desk, tablet(), first)), Some(Reason::NoTransaction));
    let guessed = TransactionId([0xee; 16]);
    assert_eq!(reason(&redeem(&mut desk, laptop(), guessed)), Some(Reason::NoTransaction));
    let second = transaction(&order(&mut desk, laptop()));
    assert_eq!(desk.transactions[&first].status, TransactionStatus::Closed);
    assert_eq!(reason(&redeem(&mut desk, laptop(), first)), Some(Reason::NoTransaction));
    // Sealed to somebody else's key.
    let elsewhere = Operation::RedeemKey(Box::new(KeyRedemption {
        transaction: second,
        image: IMAGE,
        seal_to: PublicKey([0xbb; 32]),
        pass: Vec::new(),
    }));
    assert_eq!(reason(&desk.ask(laptop(), elsewhere)), Some(Reason::NoTransaction));
    assert!(matches!(redeem(&mut desk, laptop(), second), Body::Keys(_)));
}

#[test]
fn b7_nothing_is_released_before_the_key_service_was_asked_or_when_it_refuses() {
    let mut desk = desk();
    desk.agree(laptop(), "ten-runs");
    let id = transaction(&order(&mut desk, laptop()));
    let request = desk.intend(laptop(), redemption(laptop(), id));
    desk.handed = Handed::Nothing;
    let fresh = Fresh {
        license: carnet_core::id::LicenseId([200; 16]),
        pass: carnet_core::id::PassId([201; 16]),
        movement: carnet_core::id::MoveId([202; 16]),
        charge: carnet_core::id::ChargeId([203; 16]),
        transaction: TransactionId([204; 16]),
    };
    let decision = decide(&desk.view(&request, Beside::Nothing), &request, desk.now, &fresh);
    assert!(matches!(decision, Decision::WantsKeys(order) if order.id == id));
    assert_eq!(desk.transactions[&id].status, TransactionStatus::Open, "nothing has changed");
    desk.handed = Handed::Refused;
    let answer = desk.serve(&request).unwrap();
    assert_eq!(reason(&answer.body), Some(Reason::KeyRefused));
    desk.deliver(laptop(), answer).unwrap();
    desk.handed = Handed::Sealed(vec![1]);
    assert!(matches!(redeem(&mut desk, laptop(), id), Body::Keys(_)), "with the next pass it is delivered");
}

#[test]
fn b7_a_key_that_was_ordered_is_not_delivered_once_the_license_is_not_good_any_more() {
    let mut desk = desk();
    desk.agree(laptop(), "ten-runs");
    let id = transaction(&order(&mut desk, laptop()));
    desk.stand(Standing::Suspended);
    assert_eq!(reason(&redeem(&mut desk, laptop(), id)), Some(Reason::Suspended));
    desk.stand(Standing::Active);
    desk.now = desk.now.plus(Seconds(60));
    assert!(matches!(redeem(&mut desk, laptop(), id), Body::Keys(_)));
}

#[test]
fn b8_the_keys_of_a_few_images_are_kept_and_the_oldest_go() {
    let mut desk = desk();
    desk.agree(laptop(), "ten-runs");
    for number in 1..=6_u8 {
        desk.images[0] = image(IMAGE, &format!("2.0.{number}"));
        let id = transaction(&order(&mut desk, laptop()));
        let Body::Keys(_) = redeem(&mut desk, laptop(), id) else { panic!("no keys") };
        let state = desk.states.get_mut(&laptop()).unwrap();
        let newest = state.keys.remove(&IMAGE).unwrap();
        state.keys.insert(ImageId([number; 16]), newest);
    }
    let id = transaction(&order(&mut desk, laptop()));
    redeem(&mut desk, laptop(), id);
    let keys = &desk.states[&laptop()].keys;
    assert_eq!(keys.len(), MOST_KEYS);
    assert!(keys.contains_key(&IMAGE) && !keys.contains_key(&ImageId([1; 16])));
}
