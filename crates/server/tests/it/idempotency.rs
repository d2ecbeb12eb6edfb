//! D2: every request can be repeated without doing its work twice.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::device_world::{Device, shop};
use crate::world::{World, ten_runs};

#[tokio::test]
async fn d2_the_same_key_and_request_gives_the_same_answer_and_does_nothing_twice() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let key = [("idempotency-key", "first-app")];
    let new = json!({"id": "acme/paint", "display_name": "Paint"});
    let first = supplier.call_with(Method::POST, "/v1/apps", Some(&new), &key).await;
    assert_eq!(first.status, StatusCode::CREATED);
    world.clock.pass(std::time::Duration::from_secs(60));
    let again = supplier.call_with(Method::POST, "/v1/apps", Some(&new), &key).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));

    assert_eq!(again.headers["content-type"], first.headers["content-type"]);

    let other = json!({"id": "acme/draw", "display_name": "Draw"});
    let reused = supplier.call_with(Method::POST, "/v1/apps", Some(&other), &key).await;
    assert_eq!((reused.status.as_u16(), reused.code().as_str()), (422, "idempotency-reused"));
    assert_eq!(supplier.get("/v1/apps/acme/draw").await.status, StatusCode::NOT_FOUND);

    // Keys of different suppliers never meet.
    let stranger = world.supplier("other").await;
    let theirs = json!({"id": "other/paint", "display_name": "Paint"});
    let theirs = stranger.call_with(Method::POST, "/v1/apps", Some(&theirs), &key).await;
    assert_eq!(theirs.status, StatusCode::CREATED);
}

#[tokio::test]
async fn d2_a_failure_is_not_kept() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let key = [("idempotency-key", "menu")];
    let menu = json!({"offers": [ten_runs()]});
    let early = supplier.call_with(Method::PUT, "/v1/menu/acme/paint", Some(&menu), &key).await;
    assert_eq!(early.code(), "not-found");
    supplier.post("/v1/apps", &json!({"id": "acme/paint", "display_name": "Paint"})).await;
    let done = supplier.call_with(Method::PUT, "/v1/menu/acme/paint", Some(&menu), &key).await;
    assert_eq!(done.json()["serial"], 1);
    let again = supplier.call_with(Method::PUT, "/v1/menu/acme/paint", Some(&menu), &key).await;
    assert_eq!(again.body, done.body);
    for bad in ["", &"x".repeat(256)] {
        let refused = supplier
            .call_with(Method::PUT, "/v1/menu/acme/paint", Some(&menu), &[("idempotency-key", bad)])
            .await;
        assert_eq!(refused.code(), "bad-header");
    }
}

#[tokio::test]
async fn d2_an_act_on_a_license_is_done_once_and_its_answer_repeated() {
    let world = World::new();
    let (supplier, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let license = device.buy(&world, &app).await.license;
    let act = |act: &str| format!("/v1/licenses/{license}/{act}");
    let key = [("idempotency-key", "stop")];
    let first = supplier.call_with(Method::POST, &act("suspend"), None, &key).await;
    assert_eq!(first.json()["validity"]["status"], "suspended", "{}", first.text());
    supplier.call(Method::POST, &act("reinstate"), None).await;
    let again = supplier.call_with(Method::POST, &act("suspend"), None, &key).await;
    assert_eq!(again.body, first.body);
    let now = supplier.get(&format!("/v1/licenses/{license}")).await.json();
    assert_eq!(now["validity"]["status"], "active");
}

#[tokio::test]
async fn a_key_is_good_for_a_day() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let new = |name: &str| json!({"id": format!("acme/{name}"), "display_name": "An app"});
    let call = |name: &str, key: &'static str| {
        let (supplier, new) = (&supplier, new(name));
        async move { supplier.call_with(Method::POST, "/v1/apps", Some(&new), &[("idempotency-key", key)]).await }
    };
    assert_eq!(call("paint", "one").await.status, StatusCode::CREATED);
    world.clock.pass(std::time::Duration::from_secs(86_401));
    assert_eq!(call("draw", "two").await.status, StatusCode::CREATED);
    assert_eq!(call("write", "one").await.status, StatusCode::CREATED);
}
