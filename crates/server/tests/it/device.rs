//! What devices ask, and what nobody else may ask in their place.

use std::time::Duration;

use axum::http::StatusCode;
use carnet_api::ProblemCode;
use carnet_core::document::{Agreed, Agreement, Body, Brought, Operation, Reason, Request};
use carnet_core::id::Digest;
use carnet_seal::{RequestMessage, SigningKey, sign};
use carnet_seam::Crash;

use crate::device_world::{Device, ring, shop};
use crate::world::{Answer, World};

async fn ask_raw(world: &World, device: &Device, request: &Request) -> Answer {
    world.document(device.message(request)).await
}

#[tokio::test]
async fn a8_to_a13_register_see_the_menu_agree_use_renew_and_run_out() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    assert_eq!((pass.uses.unwrap().upto, pass.uses.unwrap().remaining), (1, 9));
    for left in (0..9).rev() {
        device.use_up(pass.license, 1);
        let answer = device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
        let Body::Pass(next) = answer.body else { panic!("{answer:?}") };
        assert_eq!(next.uses.unwrap().remaining, left);
    }
    device.use_up(pass.license, 1);
    let answer = device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    let Body::Refusal(refusal) = answer.body else { panic!("{answer:?}") };
    assert_eq!((refusal.reason, refusal.menu.len()), (Reason::Exhausted, 1));
    let answer = device.ask(&world, Some(&app), Operation::Decline).await;
    assert!(matches!(answer.body, Body::Receipt(_)));
}

#[tokio::test]
async fn a14_to_a17_a_pass_moves_to_another_device_of_the_user_once() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut source = Device::registered(&world).await;
    source.buy(&world, &app).await;
    let answer = source.ask(&world, Some(&app), Operation::Export).await;
    let Body::Portable(portable) = answer.body else { panic!("{answer:?}") };
    let document = source.journals[&Some(app.clone())].last.bytes().to_vec();
    let brought =
        || Operation::Import(Box::new(Brought { portable: (*portable).clone(), document: document.clone() }));
    let mut stranger = Device::registered(&world).await;
    let answer = stranger.ask(&world, Some(&app), brought()).await;
    assert!(
        matches!(&answer.body, Body::Refusal(refusal) if refusal.reason == Reason::OtherUser),
        "{answer:?}"
    );
    let answer = source.ask(&world, Some(&app), brought()).await;
    assert!(matches!(&answer.body, Body::Pass(pass) if pass.uses.unwrap().upto == 1), "{answer:?}");
    let answer = source.ask(&world, Some(&app), brought()).await;
    assert!(
        matches!(&answer.body, Body::Refusal(refusal) if refusal.reason == Reason::MoveOver),
        "{answer:?}"
    );
}

#[tokio::test]
async fn i5_a_repeat_is_answered_with_the_same_bytes_also_after_a_restart_and_all_at_once() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    device.use_up(pass.license, 1);
    let request = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let message = device.message(&request);
    let repeats = (0..16).map(|_| {
        let (routes, message) = (world.routes.clone(), message.clone());
        tokio::spawn(async move {
            let request = axum::http::Request::post("/v1/device").header("content-type", "application/cose");
            crate::world::send(&routes, request.body(axum::body::Body::from(message)).unwrap()).await
        })
    });
    let mut answers = Vec::new();
    for repeat in repeats.collect::<Vec<_>>() {
        answers.push(repeat.await.unwrap());
    }
    let first = answers[0].clone();
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    assert!(answers.iter().all(|answer| answer.body == first.body));
    let world = world.restart();
    world.clock.pass(Duration::from_secs(3_600));
    assert_eq!(world.document(message).await.body, first.body);
    let renewed = device.receive(&world, &request, &first.body);
    assert!(matches!(&renewed.body, Body::Pass(pass) if pass.uses.unwrap().remaining == 8), "{renewed:?}");
}

#[tokio::test]
async fn i6_the_same_request_id_with_another_body_changes_nothing() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let first = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let answer = ask_raw(&world, &device, &first).await;
    let other = Request { head: Digest([1; 32]), ..first.clone() };
    let refused = ask_raw(&world, &device, &other).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "request-conflict"));
    assert_eq!(ask_raw(&world, &device, &first).await.body, answer.body);
    device.receive(&world, &first, &answer.body);
}

#[tokio::test]
async fn i14_a_request_of_another_device_server_or_type_is_refused() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let other = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    let renew = || device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let envelope = |request: Vec<u8>| {
        RequestMessage { request, last_answer: None, receipt: None, key_set: None }.encode()
    };

    let signed_by_other = sign(renew(), &other.key).unwrap().bytes().to_vec();
    assert_eq!(world.document(envelope(signed_by_other)).await.code(), "bad-signature");

    let mut elsewhere = renew();
    elsewhere.server.0[0] ^= 1;
    let answer = ask_raw(&world, &device, &elsewhere).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (421, "wrong-server"));

    let stranger = Device::new(&world);
    let unknown = stranger.request(&world, Some(&app), Operation::Renew { uses: 1 });
    assert_eq!(ask_raw(&world, &stranger, &unknown).await.code(), "unknown-device");

    // Another document in the place of the request: our own answer, an agreement, nothing at all.
    let answer = device.journals[&Some(app.clone())].last.bytes().to_vec();
    assert_eq!(world.document(envelope(answer)).await.code(), "bad-document");
    let agreement = agreement_of(&world, &device, &device, &app).await;
    assert_eq!(world.document(envelope(agreement.document)).await.code(), "bad-document");
    assert_eq!(world.document(Vec::new()).await.code(), "bad-document");

    // An operation in a journal that it does not belong to.
    let misplaced = device.request(&world, None, Operation::Decline);
    assert_eq!(ask_raw(&world, &device, &misplaced).await.code(), "wrong-journal");
    assert_eq!(pass.uses.unwrap().remaining, 9);
}

#[tokio::test]
async fn i14_what_is_embedded_or_comes_beside_must_be_signed_by_the_right_one() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let mut other = Device::registered(&world).await;

    // The consent of another device.
    let theirs = agreement_of(&world, &other, &other, &app).await;
    let request = device.request(&world, Some(&app), Operation::Agree(Box::new(theirs)));
    assert_eq!(ask_raw(&world, &device, &request).await.code(), "bad-signature");
    // In the name of another device, signed by this one.
    let forged = agreement_of(&world, &device, &other, &app).await;
    let request = device.request(&world, Some(&app), Operation::Agree(Box::new(forged)));
    assert_eq!(ask_raw(&world, &device, &request).await.code(), "bad-document");
    // In the name of another user: well signed, and refused by the ledger.
    let honest = device.user.replace(other.user.unwrap());
    let theirs = agreement_of(&world, &device, &device, &app).await;
    device.user = honest;
    let answer = device.ask(&world, Some(&app), Operation::Agree(Box::new(theirs))).await;
    assert!(
        matches!(&answer.body, Body::Refusal(refusal) if refusal.reason == Reason::OtherUser),
        "{answer:?}"
    );

    // A portable pass that we have not signed.
    let pass = other.buy(&world, &app).await;
    let moved = other.ask(&world, Some(&app), Operation::Export).await;
    let Body::Portable(portable) = moved.body.clone() else { panic!("{moved:?}") };
    let forger = SigningKey::from_seed(&[3; 32]);
    let document = sign(moved, &forger).unwrap().bytes().to_vec();
    let import = Operation::Import(Box::new(Brought { portable: *portable, document }));
    let request = other.request(&world, Some(&app), import);
    assert_eq!(ask_raw(&world, &other, &request).await.code(), "key-set-wanted");
    let answer = world.document(other.message_with(&request, Some(other.key_set.clone()))).await;
    assert_eq!(answer.code(), "bad-signature");

    // A last answer and a receipt that we have not signed.
    let genuine = device.receipt.clone().unwrap();
    let forged = sign(genuine.claims().clone(), &forger).unwrap().bytes().to_vec();
    let renew = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let request = sign(renew.clone(), &device.key).unwrap().bytes().to_vec();
    let (last_answer, receipt) = (Some(forged.clone()), Some(forged.clone()));
    let message = RequestMessage { request, last_answer, receipt, key_set: None };
    let answer = world.document(message.encode()).await;
    let refusal = device.receive(&world, &renew, &answer.body);
    assert!(
        matches!(&refusal.body, Body::Refusal(refusal) if refusal.reason == Reason::NoLicense),
        "in step"
    );
    let stranger = Device::new(&world);
    let renew = stranger.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let request = sign(renew, &stranger.key).unwrap().bytes().to_vec();
    let message = RequestMessage {
        request,
        last_answer: Some(forged.clone()),
        receipt: Some(forged.clone()),
        key_set: None,
    };
    assert_eq!(world.document(message.encode()).await.code(), "key-set-wanted");
    let message = RequestMessage { key_set: Some(device.key_set.clone()), ..message };
    assert_eq!(world.document(message.encode()).await.code(), "unknown-device");
    // Out of step, it does not pass for the proof that the server is behind.
    let mut ahead = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    (ahead.epoch, ahead.last_answer) = (ahead.epoch + 1, genuine.body_hash());
    let request = sign(ahead.clone(), &device.key).unwrap().bytes().to_vec();
    let mut message = RequestMessage { request, last_answer: Some(forged), receipt: None, key_set: None };
    assert_eq!(world.document(message.encode()).await.code(), "key-set-wanted");
    message.key_set = Some(device.key_set.clone());
    let answer = world.document(message.encode()).await;
    let refusal = device.receive(&world, &ahead, &answer.body);
    assert!(
        matches!(&refusal.body, Body::Refusal(refusal) if refusal.reason == Reason::ForkOrRollback),
        "{refusal:?}"
    );
    let answer = device.buy(&world, &app).await;
    assert_ne!(answer.license, pass.license);
}

async fn agreement_of(
    world: &World,
    signer: &Device,
    named: &Device,
    app: &carnet_core::app::AppId,
) -> Agreed {
    let menu = world.get(&carnet_api::path::menu(app)).await.json();
    let listed = carnet_core::offer::Listed {
        app: app.clone(),
        serial: menu["offers"][0]["serial"].as_u64().unwrap(),
        offer: serde_json::from_value(menu["offers"][0]["offer"].clone()).unwrap(),
    };
    let (server, user, device) = (named.server, named.user.unwrap(), named.id);
    Agreed::from(sign(Agreement { server, user, device, at: world.now(), listed }, &signer.key).unwrap())
}

#[tokio::test]
async fn i12_every_tampered_and_every_truncated_request_is_refused_and_changes_nothing() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    device.use_up(pass.license, 1);
    let request = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let message = device.message(&request);
    for at in (0..message.len()).step_by(37) {
        let cut = world.document(message[..at].to_vec()).await;
        assert_eq!(cut.status, StatusCode::BAD_REQUEST, "cut at {at}: {}", cut.text());
    }
    let flipped = |at: usize| {
        let mut changed = message.clone();
        changed[at] ^= 1 << (at % 8);
        changed
    };
    let beside =
        RequestMessage { last_answer: None, receipt: None, ..RequestMessage::decode(&message).unwrap() };
    let beside = beside.encode().len();
    for at in (0..beside).step_by(3) {
        let answer = world.document(flipped(at)).await;
        assert!(answer.status.is_client_error(), "flipped at {at}: {}", answer.text());
        assert!(ProblemCode::ALL.iter().any(|code| code.as_str() == answer.code()));
    }
    for garbage in
        [vec![0; 1], vec![0xff; 300], vec![0x9f; 60_000], vec![0x83; 200_000], b"{\"json\": true}".to_vec()]
    {
        assert_eq!(world.document(garbage).await.code(), "bad-document");
    }
    let answer = world.document(message.clone()).await;
    // What lies beside a request that is in step is not needed, so that nothing is believed of it either.
    for at in (beside..message.len()).step_by(3) {
        let other = world.document(flipped(at)).await;
        assert!(other.status.is_client_error() || other.body == answer.body, "flipped at {at}");
    }
    let Body::Pass(next) = device.receive(&world, &request, &answer.body).body else { panic!() };
    assert_eq!(next.uses.unwrap().remaining, 8);
}

#[tokio::test]
async fn a_known_device_cannot_be_registered_again_by_somebody_with_other_keys() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let mut impostor = Device::new(&world);
    impostor.id = device.id;
    let request = impostor.request(&world, None, impostor.registration());
    assert_eq!(ask_raw(&world, &impostor, &request).await.code(), "bad-signature");
    // The honest one has lost its answer and sends the very same registration again.
    let receipt = device.receipt.clone().unwrap();
    let journals = std::mem::take(&mut device.journals);
    let mut again = device.request(&world, None, device.registration());
    again.id = receipt.claims().head.request;
    again.last_answer = Digest([0; 32]);
    let answer = ask_raw(&world, &device, &again).await;
    assert_eq!(answer.body, receipt.bytes(), "{}", answer.text());
    device.journals = journals;
    device.buy(&world, &app).await;
}

#[tokio::test]
async fn a_pass_is_signed_by_its_supplier_s_key_and_a_receipt_by_the_server_s() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    world.supplier("other").await;
    let mut device = Device::registered(&world).await;
    let receipt_key = device.receipt.as_ref().unwrap().key_id();
    device.buy(&world, &app).await;
    let pass_key = device.journals[&Some(app)].last.key_id();
    assert_ne!(receipt_key, pass_key);
    let purposes: Vec<String> = ring(&world)
        .set()
        .claims()
        .keys
        .iter()
        .map(|entry| format!("{} {:?}", entry.key.id(), entry.purpose))
        .collect();
    assert_eq!(purposes.len(), 3, "{purposes:?}");
    assert!(purposes.iter().any(|text| text.starts_with(&pass_key.to_string()) && text.contains("acme")));
    assert!(
        purposes.iter().any(|text| text.starts_with(&receipt_key.to_string()) && text.contains("Server"))
    );
}

#[tokio::test]
async fn d2_a_commit_of_unknown_outcome_is_never_answered() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    device.use_up(pass.license, 1);
    let request = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let message = device.message(&request);
    // Opening commits once, to publish the keys.
    let world = world.restart_with(Crash::unwinding("ledger.committed", 2));
    let severed = crate::process::over_tcp(&world, message.clone()).await;
    assert_eq!(severed, b"", "{}", String::from_utf8_lossy(&severed));
    let world = world.restart();
    let answer = world.document(message).await;
    let Body::Pass(next) = device.receive(&world, &request, &answer.body).body else { panic!() };
    assert_eq!(next.uses.unwrap().remaining, 8, "decided once");
}

#[tokio::test]
async fn i8_a_server_restored_to_a_time_before_a_device_joined_takes_over_what_the_device_can_prove() {
    let world = World::new();
    let (supplier, app) = shop(&world).await;
    let token = supplier.token.clone();
    let mut early = Device::registered(&world).await;
    let pass = early.buy(&world, &app).await;
    let world = world.restart();
    world.server.close();
    let backup = world.folder.save();
    let world = world.restart();
    early.use_up(pass.license, 1);
    early.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    let mut late = Device::registered(&world).await;
    late.buy(&world, &app).await;
    world.server.close();
    world.folder.put_back(&backup);
    let world = world.restart();

    for device in [&mut early, &mut late] {
        let answer = device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
        let Body::Refusal(refusal) = &answer.body else { panic!("{answer:?}") };
        assert_eq!(refusal.reason, Reason::Reconcile);
        assert!(answer.head.resume.is_some());
    }
    let answer = early.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    assert!(matches!(&answer.body, Body::Pass(_)), "{answer:?}");
    let supplier = crate::world::Supplier { world: &world, token, name: "acme".into() };
    let events = supplier.get("/v1/events").await.text();
    assert!(events.contains("\"reconciled\"") && !events.contains("\"flagged\""), "{events}");
}
