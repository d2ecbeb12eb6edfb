//! A device whose key lies in a TPM signs the same request another way each time it sends it: what it says counts.

use axum::http::StatusCode;
use carnet_core::app::AppId;
use carnet_core::document::{Agreed, Agreement, Body, Evidence, Operation, Registration, Request};
use carnet_seal::keys::device_of;
use carnet_seal::{RequestMessage, Signed, sign};
use carnet_testkit::TpmKey;

use crate::device_world::{Device, shop};
use crate::world::{Answer, World};

struct Owner {
    device: Device,
    key: TpmKey,
}

impl Owner {
    fn new(world: &World) -> Self {
        let key = TpmKey::from_seed(9);
        Self { device: Device { id: device_of(key.public()), ..Device::new(world) }, key }
    }

    /// The request as it travels, signed anew.
    fn message(&self, request: &Request) -> Vec<u8> {
        let last = self.device.journals.get(&request.journal.app);
        RequestMessage {
            request: sign(request.clone(), &self.key).unwrap().bytes().to_vec(),
            last_answer: last.map(|last| last.last.bytes().to_vec()),
            receipt: self.device.receipt.as_ref().map(|receipt| receipt.bytes().to_vec()),
            key_set: None,
        }
        .encode()
    }

    /// Asks three times, as after lost answers; it must be one answer.
    async fn ask(&mut self, world: &World, app: Option<&AppId>, operation: Operation) -> Body {
        let request = self.device.request(world, app, operation);
        let messages = [(); 3].map(|()| self.message(&request));
        assert!(messages[0] != messages[1] && messages[1] != messages[2], "each signed another way");
        let mut answers = Vec::new();
        for message in messages {
            let Answer { status, body, .. } = world.document(message).await;
            assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
            answers.push(body);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "I5: byte for byte");
        self.device.receive(world, &request, &answers[0]).body
    }

    fn registration(&self) -> Operation {
        let Operation::Register(registration) = self.device.registration() else { panic!("no registration") };
        let signing_key = self.key.public();
        Operation::Register(Box::new(Registration { signing_key, evidence: Evidence::Tpm, ..*registration }))
    }
}

#[tokio::test]
async fn i5_a_request_that_is_signed_another_way_gets_the_same_answer() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut owner = Owner::new(&world);
    let registration = owner.registration();
    assert!(matches!(owner.ask(&world, None, registration).await, Body::Receipt(_)));

    let Body::Refusal(menu) = owner.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await else {
        panic!("there is no menu")
    };
    let agreement = Agreement {
        server: owner.device.server,
        user: owner.device.user.unwrap(),
        device: owner.device.id,
        at: world.now(),
        listed: menu.menu[0].clone(),
    };
    let signed: Signed<Agreement> = sign(agreement, &owner.key).unwrap();
    let Body::Pass(pass) =
        owner.ask(&world, Some(&app), Operation::Agree(Box::new(Agreed::from(signed)))).await
    else {
        panic!("there is no pass")
    };
    assert_eq!(pass.device_key, owner.key.public());
    assert_eq!((pass.uses.unwrap().upto, pass.uses.unwrap().remaining), (1, 9), "one license, one slice");
    owner.device.use_up(pass.license, 1);
    let Body::Pass(next) = owner.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await else {
        panic!("there is no second pass")
    };
    assert_eq!((next.license, next.uses.unwrap().remaining), (pass.license, 8), "deducted once");
}

#[tokio::test]
async fn i6_the_same_id_with_another_body_stays_a_conflict_and_another_key_a_forgery() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut owner = Owner::new(&world);
    let registration = owner.registration();
    owner.ask(&world, None, registration).await;
    let request = owner.device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    assert_eq!(world.document(owner.message(&request)).await.status, StatusCode::OK);
    let other = Request { operation: Operation::Decline, ..request.clone() };
    assert_eq!(world.document(owner.message(&other)).await.code(), "request-conflict");
    let stranger = Owner { key: TpmKey::from_seed(10), device: owner.device };
    assert_eq!(world.document(stranger.message(&request)).await.code(), "bad-signature");
}
