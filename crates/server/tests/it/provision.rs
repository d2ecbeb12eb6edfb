//! B7, D1: content keys come to the key service sealed, and go out to one device against a good pass.

use std::sync::Arc;

use axum::http::StatusCode;
use carnet_core::app::{AppId, Feature};
use carnet_core::document::{Answer, Body, Effect, Operation, Reason, Request};
use carnet_core::id::{ImageId, TransactionId};
use carnet_core::provision::{Handed, KeyDelivery, KeyRedemption, KeyTransaction, TransactionStatus};
use carnet_core::time::Time;
use carnet_image::{Built, ContentKeys, Patterns, Recipe, Recipient, SealedKeys, Workshop, build};
use carnet_seal::keys::AgreementKey;
use carnet_seal::{SigningKey, sign};
use carnet_seam::{Crash, RealFs};
use carnet_testkit::{FakeClock, SeededRandom};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::json;

use crate::device_world::Device;
use crate::world::{START, Supplier, World, send, ten_runs};

/// An image of `acme/paint` whose keys the key service has, and a device with a pass.
pub struct Sold {
    pub app: AppId,
    image: ImageId,
    built: Built,
    pub device: Device,
    pass: Vec<u8>,
}

/// Of the key that is delivered to.
const SEED: [u8; 32] = [8; 32];

fn signer() -> SigningKey {
    SigningKey::from_seed(&[6; 32])
}

/// One feature that the license grants, and one that it does not.
fn built(world: &World) -> Built {
    let (program, to) = (world.folder.data().join("program"), world.folder.data().join("paint.cimg"));
    std::fs::create_dir_all(&program).unwrap();
    for name in ["paint", "more"] {
        write(&program.join(name), name.as_bytes());
    }
    let feature = |name: &str| name.parse().unwrap();
    let patterns = Patterns::default().with(&feature("resize"), "paint").unwrap();
    let recipe = Recipe {
        folder: &program,
        app: "acme/paint".parse().unwrap(),
        version: "2.0.0".parse().unwrap(),
        platform: "any".parse().unwrap(),
        built: Time(0),
        patterns: patterns.with(&feature("more"), "**").unwrap(),
        sealed: std::collections::BTreeSet::new(),
        level: 1,
    };
    let (files, random, signer) = (RealFs::default(), world.random.as_ref(), signer());
    let mut workshop = Workshop { files: &files, random, signer: &signer, progress: &mut |_, _| {} };
    build(&recipe, &mut workshop, &to).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test lays out a folder")]
fn write(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

async fn hand_in(acme: &Supplier<'_>, built: &Built, keys: &ContentKeys) -> crate::world::Answer {
    let service = acme.world.get("/v1/key-service").await.json()["public_key"].as_str().unwrap().to_owned();
    let to = HEXLOWER.decode(service.as_bytes()).unwrap().try_into().unwrap();
    let to = carnet_core::document::PublicKey(to);
    let sealed = SealedKeys::seal(built.manifest.claims(), keys, to, acme.world.random.as_ref()).unwrap();
    let path = format!("/v1/images/{}/keys", built.manifest.claims().id);
    acme.post(&path, &json!({"sealed": BASE64.encode(&sealed.encode())})).await
}

/// A supplier whose image lies elsewhere, as far as this server is concerned.
async fn announced(world: &World) -> (Supplier<'_>, Built) {
    let acme = world.supplier("acme").await;
    acme.app("paint", &[ten_runs()]).await;
    let key = json!({"public_key": HEXLOWER.encode(&signer().public().0)});
    assert_eq!(acme.post("/v1/image-keys", &key).await.status, StatusCode::CREATED);
    let built = built(world);
    let new = json!({"manifest": BASE64.encode(built.manifest.bytes()), "url": "https://example.org/x.cimg"});
    let announced = acme.post("/v1/images", &new).await;
    assert_eq!(announced.status, StatusCode::CREATED, "{}", announced.text());
    (acme, built)
}

pub async fn sold(world: &World) -> Sold {
    let (acme, built) = announced(world).await;
    let taken = hand_in(&acme, &built, &built.keys).await;
    assert_eq!((taken.status, &taken.json()["keyed"]), (StatusCode::OK, &true.into()), "{}", taken.text());
    let app: AppId = "acme/paint".parse().unwrap();
    let mut device = Device { agreement: AgreementKey::from_seed(&SEED), ..Device::new(world) };
    let registration = device.registration();
    device.ask(world, None, registration).await;
    device.buy(world, &app).await;
    let pass = device.journals[&Some(app.clone())].last.bytes().to_vec();
    Sold { image: built.manifest.claims().id, app, built, device, pass }
}

impl Sold {
    pub async fn order(&mut self, world: &World) -> TransactionId {
        let answer = self.device.ask(world, Some(&self.app), Operation::OrderKey(self.image)).await;
        ordered(&answer)
    }

    pub fn redemption(&self, transaction: TransactionId) -> Operation {
        let (image, seal_to) = (self.image, self.device.agreement.public());
        Operation::RedeemKey(Box::new(KeyRedemption { transaction, image, seal_to, pass: self.pass.clone() }))
    }

    async fn redeem(&mut self, world: &World, transaction: TransactionId) -> Answer {
        let operation = self.redemption(transaction);
        self.device.ask(world, Some(&self.app), operation).await
    }

    fn opened(&self, delivery: &KeyDelivery, seed: &[u8; 32]) -> Option<ContentKeys> {
        let recipient = Recipient::of(self.device.server, self.device.id, &self.app, delivery);
        recipient.open(&delivery.sealed, seed).ok()
    }
}

fn ordered(answer: &Answer) -> TransactionId {
    match &answer.body {
        Body::Receipt(receipt) => match receipt.effect {
            Effect::KeyOrdered { transaction, .. } => transaction,
            ref other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

pub fn delivered(answer: &Answer) -> KeyDelivery {
    let Body::Keys(delivery) = &answer.body else { panic!("{answer:?}") };
    (**delivery).clone()
}

fn refused(answer: &Answer) -> Reason {
    let Body::Refusal(refusal) = &answer.body else { panic!("{answer:?}") };
    refusal.reason
}

#[tokio::test]
async fn b7_i5_a_lost_answer_of_either_step_is_repeated_byte_for_byte_also_after_a_restart() {
    let mut world = World::new();
    let mut sold = sold(&world).await;
    let request = sold.device.request(&world, Some(&sold.app), Operation::OrderKey(sold.image));
    let message = sold.device.message(&request);
    let first = world.document(message.clone()).await;
    world = world.restart();
    assert_eq!(world.document(message).await.body, first.body);
    let transaction = ordered(&sold.device.receive(&world, &request, &first.body));

    let request = sold.device.request(&world, Some(&sold.app), sold.redemption(transaction));
    let message = sold.device.message(&request);
    let first = world.document(message.clone()).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    world = world.restart();
    assert_eq!(world.document(message).await.body, first.body);
    let delivery = delivered(&sold.device.receive(&world, &request, &first.body));
    assert_eq!((delivery.transaction, delivery.image), (transaction, sold.image));
    // Presented again it is another request, and the same sealed bytes.
    assert_eq!(delivered(&sold.redeem(&world, transaction).await).sealed, delivery.sealed);
}

#[tokio::test(flavor = "multi_thread")]
async fn b7_i5_an_order_that_is_presented_many_times_at_once_has_one_key() {
    let world = World::new();
    let mut sold = sold(&world).await;
    let transaction = sold.order(&world).await;
    let request = sold.device.request(&world, Some(&sold.app), sold.redemption(transaction));
    let message = sold.device.message(&request);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (routes, message) = (world.routes.clone(), message.clone());
        asking.spawn(async move {
            let request = axum::http::Request::post("/v1/device").header("content-type", "application/cose");
            send(&routes, request.body(message.into()).unwrap()).await
        });
    }
    let answers = asking.join_all().await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &answers[0].body), "{}", answer.text());
    }
    let delivery = delivered(&sold.device.receive(&world, &request, &answers[0].body));
    assert_eq!(sold.opened(&delivery, &SEED).map(|keys| keys.len()), Some(1));
    let kept = world.folder.data().join(format!("keys/transactions/{:02x}", transaction.0[0]));
    assert_eq!(std::fs::read_dir(kept).unwrap().count(), 1, "made once, and nothing left over");
}

#[tokio::test]
async fn b7_wherever_the_key_service_dies_the_next_attempt_gets_one_key() {
    for point in ["key-service.made", "key-service.kept"] {
        let mut world = World::new();
        let mut sold = sold(&world).await;
        let transaction = sold.order(&world).await;
        let request = sold.device.request(&world, Some(&sold.app), sold.redemption(transaction));
        let message = sold.device.message(&request);
        world = world.restart_with(Crash::unwinding(point, 1));
        let died = world.document(message.clone()).await;
        assert_eq!(died.code(), "unavailable", "{point}");
        let kept = world.folder.data().join("keys/transactions");
        let before = std::fs::read_dir(kept.join(format!("{:02x}", transaction.0[0])));
        let before: Vec<_> =
            before.unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        assert_eq!(before.len(), usize::from(point == "key-service.kept"), "{point}");
        world = world.restart();
        let answer = world.document(message).await;
        let delivery = delivered(&sold.device.receive(&world, &request, &answer.body));
        assert!(
            before.iter().all(|made| made.windows(delivery.sealed.len()).any(|it| it == delivery.sealed))
        );
    }
}

#[tokio::test]
async fn b7_d1_another_devices_a_guessed_and_a_closed_transaction_get_nothing() {
    let world = World::new();
    let mut sold = sold(&world).await;
    let first = sold.order(&world).await;
    let mut other = Device::registered(&world).await;
    other.buy(&world, &sold.app).await;
    let seal_to = other.agreement.public();
    let pass = other.journals[&Some(sold.app.clone())].last.bytes().to_vec();
    let stolen = KeyRedemption { transaction: first, image: sold.image, seal_to, pass };
    let answer = other.ask(&world, Some(&sold.app), Operation::RedeemKey(Box::new(stolen))).await;
    assert_eq!(refused(&answer), Reason::NoTransaction);
    let guessed = sold.redeem(&world, TransactionId([0xee; 16])).await;
    assert_eq!(refused(&guessed), Reason::NoTransaction);
    let second = sold.order(&world).await;
    assert_eq!(refused(&sold.redeem(&world, first).await), Reason::NoTransaction);
    delivered(&sold.redeem(&world, second).await);
}

#[tokio::test]
async fn d1_a20_what_is_delivered_opens_for_the_device_alone_and_holds_what_is_granted() {
    let world = World::new();
    let mut sold = sold(&world).await;
    let transaction = sold.order(&world).await;
    let delivery = delivered(&sold.redeem(&world, transaction).await);
    let keys = sold.opened(&delivery, &SEED).unwrap();
    let granted: Vec<_> = keys.keys().map(ToString::to_string).collect();
    assert_eq!(granted, ["resize"]);
    let resize: Feature = "resize".parse().unwrap();
    assert_eq!(keys[&resize], sold.built.keys[&resize]);
    assert_eq!(sold.opened(&delivery, &[9; 32]), None);
    let other = KeyDelivery { transaction: TransactionId([1; 16]), ..delivery };
    assert_eq!(sold.opened(&other, &SEED), None);
}

/// Asks the key service as the public server would, whatever that wants.
async fn asked(world: &World, request: &Request, key: &SigningKey, order: KeyTransaction) -> Handed {
    let document = sign(request.clone(), key).unwrap().bytes().to_vec();
    let answer = world
        .server
        .ask_key_service(move |service, key_set| Ok(service.deliver(key_set, &document, &order).unwrap()));
    answer.await.unwrap()
}

#[tokio::test]
async fn b7_d1_the_key_service_believes_nobody_and_checks_request_and_pass_by_itself() {
    let world = World::new();
    let sold = sold(&world).await;
    let mut thief = Device::registered(&world).await;
    let pass = thief.buy(&world, &sold.app).await;
    let order = KeyTransaction {
        id: TransactionId([1; 16]),
        user: thief.user.unwrap(),
        device: thief.id,
        app: sold.app.clone(),
        license: pass.license,
        image: sold.image,
        version: "2.0.0".parse().unwrap(),
        ordered: world.now(),
        status: TransactionStatus::Open,
    };
    let own = thief.journals[&Some(sold.app.clone())].last.bytes().to_vec();
    let good = KeyRedemption {
        transaction: order.id,
        image: sold.image,
        seal_to: thief.agreement.public(),
        pass: own,
    };
    let request = |redemption: &KeyRedemption| {
        thief.request(&world, Some(&sold.app), Operation::RedeemKey(Box::new(redemption.clone())))
    };
    let no = Handed::Refused;
    let wrong = [
        ("another device's pass", KeyRedemption { pass: sold.pass.clone(), ..good.clone() }),
        ("no pass", KeyRedemption { pass: vec![], ..good.clone() }),
        (
            "the registration receipt",
            KeyRedemption { pass: thief.receipt.as_ref().unwrap().bytes().to_vec(), ..good.clone() },
        ),
        ("another transaction", KeyRedemption { transaction: TransactionId([2; 16]), ..good.clone() }),
        ("another image", KeyRedemption { image: ImageId([2; 16]), ..good.clone() }),
    ];
    for (what, redemption) in wrong {
        assert_eq!(asked(&world, &request(&redemption), &thief.key, order.clone()).await, no, "{what}");
    }
    let forged = asked(&world, &request(&good), &sold.device.key, order.clone()).await;
    assert_eq!(forged, no, "signed by somebody else");
    let elsewhere = KeyTransaction { license: carnet_core::id::LicenseId([3; 16]), ..order.clone() };
    assert_eq!(asked(&world, &request(&good), &thief.key, elsewhere).await, no, "of another license");
    let renewal = thief.request(&world, Some(&sold.app), Operation::Renew { uses: 1 });
    assert_eq!(asked(&world, &renewal, &thief.key, order.clone()).await, no, "no order at all");
    let first = asked(&world, &request(&good), &thief.key, order.clone()).await;
    assert!(matches!(first, Handed::Sealed(_)));
    assert_eq!(asked(&world, &request(&good), &thief.key, order.clone()).await, first, "made once");
    // Under the same transaction id nobody else gets anything, nor does another key.
    let other_key = KeyRedemption { seal_to: sold.device.agreement.public(), ..good.clone() };
    assert_eq!(asked(&world, &request(&other_key), &thief.key, order.clone()).await, no);
}

#[tokio::test]
async fn d1_content_keys_are_taken_in_once_and_only_those_of_the_signed_image() {
    let world = World::new();
    let (acme, built) = announced(&world).await;
    let path = format!("/v1/images/{}/keys", built.manifest.claims().id);
    assert_eq!(acme.post(&path, &json!({"sealed": "!"})).await.pointers(), ["/sealed"]);
    assert_eq!(acme.post(&path, &json!({"sealed": BASE64.encode(b"junk")})).await.pointers(), ["/sealed"]);
    let one = built.keys.clone().into_iter().take(1).collect();
    let missing = hand_in(&acme, &built, &one).await;
    assert!(missing.text().contains("a key is missing"), "{}", missing.text());
    let taken = hand_in(&acme, &built, &built.keys).await;
    assert_eq!(taken.status, StatusCode::OK, "{}", taken.text());
    assert_eq!(hand_in(&acme, &built, &built.keys).await.status, StatusCode::OK, "once more does nothing");
    let others = built.keys.keys().map(|feature| (feature.clone(), carnet_image::ContentKey::new([1; 32])));
    let replaced = hand_in(&acme, &built, &others.collect()).await;
    assert!(replaced.text().contains("other keys of this image"), "{}", replaced.text());
    // Another supplier's image is none (I15).
    let umbra = world.supplier("umbra").await;
    assert_eq!(hand_in(&umbra, &built, &built.keys).await.code(), "not-found");
}

#[tokio::test]
async fn i17_neither_the_database_nor_the_key_folder_holds_a_content_key_in_the_clear() {
    let (clock, random) = (FakeClock::at(START), Arc::new(SeededRandom::new(7)));
    let folder = Arc::new(crate::world::Folder::new());
    let world = World::on(clock, random, folder, Crash::never(), carnet_server::admission::Policy::default());
    let mut sold = sold(&world).await;
    let transaction = sold.order(&world).await;
    delivered(&sold.redeem(&world, transaction).await);
    let keys: Vec<[u8; 32]> = sold.built.keys.values().map(|key| *key.bytes()).collect();
    let mut folders = vec![world.folder.data()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                let seen = keys.iter().any(|key| bytes.windows(32).any(|window| window == key));
                assert!(!seen, "{}", path.display());
            }
        }
    }
}
