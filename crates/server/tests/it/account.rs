//! A7: the account of a user, at once.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use carnet_core::document::Operation;
use serde_json::{Value, json};

use crate::device_world::{Device, shop};
use crate::world::{Answer, World};

async fn account(world: &World, device: &Device) -> Answer {
    let query = serde_json::to_value(device.account_query(world.now())).unwrap();
    world.post("/v1/account", &query).await
}

#[tokio::test]
async fn a7_base_validity_status_and_pass_of_each_device_are_shown_at_once() {
    let world = World::new();
    let (supplier, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    assert_eq!(account(&world, &device).await.json()["apps"], json!([]));
    let pass = device.buy(&world, &app).await;

    let shown = account(&world, &device).await.json();
    let license = &shown["apps"][0]["licenses"][0];
    assert_eq!(shown["apps"][0]["app"], "acme/paint");
    assert_eq!(license["base"]["agreed"], "2026-11-21T00:00:00Z");
    assert_eq!(license["base"]["offer"]["condition"], "Ten runs");
    assert_eq!(license["base"]["pass_term_in_words"], "1 use at a time");
    assert_eq!(
        (&license["validity"]["status"], &license["validity"]["status_in_words"]),
        (&json!("active"), &json!("good"))
    );
    assert_eq!(license["validity"]["uses"]["remaining"], 9);
    assert_eq!(license["validity"]["uses"]["remaining_in_words"], "9 uses");
    assert_eq!(license["validity"]["devices"]["held"], 1);
    assert_eq!(
        (&license["passes"][0]["device"], &license["passes"][0]["status"]),
        (&json!(device.id), &json!("valid"))
    );
    // The supplier is shown the same license.
    let theirs = supplier.get(&format!("/v1/licenses/{}", pass.license)).await.json();
    assert_eq!(&theirs, license);

    let moved = device.ask(&world, Some(&app), Operation::Export).await;
    assert!(matches!(moved.body, carnet_core::document::Body::Portable(_)), "{moved:?}");
    let license = account(&world, &device).await.json()["apps"][0]["licenses"][0].clone();
    assert_eq!(license["passes"][0]["status"], "moving");

    supplier.call(Method::POST, &format!("/v1/licenses/{}/suspend", pass.license), None).await;
    let license = account(&world, &device).await.json()["apps"][0]["licenses"][0].clone();
    assert_eq!(license["validity"]["status_in_words"], "suspended by the supplier");
}

#[tokio::test]
async fn i15_only_a_registered_device_that_signs_now_and_here_is_shown_its_user_s_account() {
    let world = World::new();
    let device = Device::registered(&world).await;
    let other = Device::registered(&world).await;
    let stranger = Device::new(&world);
    let good = device.account_query(world.now());
    let ask = |query: carnet_api::account::AccountQuery| {
        let query = serde_json::to_value(query).unwrap();
        let world = &world;
        async move { world.post("/v1/account", &query).await }
    };
    assert_eq!(ask(good.clone()).await.status, StatusCode::OK);
    assert_eq!(ask(stranger.account_query(world.now())).await.code(), "unknown-device");
    let mut forged = other.account_query(world.now());
    forged.device = device.id;
    assert_eq!(ask(forged).await.code(), "bad-signature");
    let mut later = good.clone();
    later.at = later.at.plus(carnet_core::time::Seconds(1));
    assert_eq!(ask(later).await.code(), "bad-signature");
    let mut elsewhere = good.clone();
    elsewhere.server.0[0] ^= 1;
    assert_eq!(ask(elsewhere).await.code(), "wrong-server");
    let mut cut = good.clone();
    cut.signature.pop();
    assert_eq!(ask(cut).await.code(), "bad-signature");
    world.clock.pass(Duration::from_secs(601));
    assert_eq!(ask(good).await.code(), "stale");
}

#[tokio::test]
async fn i19_the_person_is_kept_apart_and_no_personal_value_is_in_any_answer() {
    let world = World::new();
    let (supplier, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let user = device.user.unwrap();
    let kept = world.server.store().read(|tx| tx.account(user)).unwrap().unwrap();
    assert_eq!(kept.person.unwrap().email, "canary@example.org");
    let license = device.buy(&world, &app).await.license;
    // What users call their devices they see themselves; nobody else does.
    let own = account(&world, &device).await.text();
    assert!(own.contains("the-name-of-my-device"), "{own}");
    let mut answers = vec![own.replace("the-name-of-my-device", "").replace("the-maker-of-my-device", "")];
    for path in ["/v1/licenses", "/v1/events", &format!("/v1/licenses/{license}")] {
        answers.push(supplier.get(path).await.text());
    }
    answers.push(world.metrics().await);
    for answer in answers {
        for personal in
            ["Canary", "canary", "Wharf", "901820", "the-name-of-my-device", "the-maker-of-my-device"]
        {
            assert!(!answer.contains(personal), "{personal}: {answer}");
        }
    }
}

#[tokio::test]
async fn d3_a_supplier_sees_what_happened_with_the_evidence() {
    let world = World::new();
    let (supplier, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let license = device.buy(&world, &app).await.license;
    // A restored disk: the device has forgotten its last answer and asks as it did before.
    let old = device.journals.remove(&Some(app.clone())).unwrap();
    let again = device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    assert!(again.head.resume.is_some(), "{again:?}");
    drop(old);
    let act = |act: &str| format!("/v1/licenses/{license}/{act}");
    supplier.call(Method::POST, &act("suspend"), None).await;
    for (wrong, pointer) in [("two\nlines", "/reason"), ("", "/reason"), (&*"x".repeat(201), "/reason")] {
        let refused = supplier.post(&act("revoke"), &json!({"reason": wrong})).await;
        assert_eq!((refused.code().as_str(), refused.pointers()), ("invalid", vec![pointer.to_owned()]));
    }
    supplier.post(&act("revoke"), &json!({"reason": " chargeback of 3 May "})).await;
    let ended = supplier.post(&act("end"), &json!({"reason": "too late"})).await;
    assert_eq!(ended.code(), "not-applicable");

    let kinds = |page: &Value| -> Vec<String> {
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    let events = supplier.get("/v1/events").await.json();
    assert_eq!(kinds(&events), ["revoked", "suspended", "settled", "agreed", "refused"]);
    assert_eq!(events["data"][2]["evidence"]["expected_epoch"], 2);
    assert_eq!(events["data"][2]["evidence"]["quoted_epoch"], 0);
    assert_eq!(events["data"][0]["by"], "token first");
    assert_eq!(events["data"][0]["stated_reason"], "chargeback of 3 May");
    assert_eq!(events["data"][1].get("stated_reason"), None);
    let of_license = supplier.get(&format!("/v1/events?license={license}&limit=2")).await.json();
    assert_eq!(kinds(&of_license), ["revoked", "suspended"]);
    let next = format!("/v1/events?license={license}&cursor={}", of_license["next_cursor"].as_str().unwrap());
    assert_eq!(kinds(&supplier.get(&next).await.json()), ["settled", "agreed"]);
}
