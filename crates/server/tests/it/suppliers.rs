//! Suppliers register and prove themselves.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_supplier_registers_once_with_a_code_and_is_shown_its_token_once() {
    let world = World::new();
    let code = world.code();
    let answer = world.register(&code, "acme").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("carnet_sup_") && token.len() == 54, "{token}");
    assert_eq!(world.register(&code, "other").await.code(), "wrong-setup-code");

    let supplier = crate::world::Supplier { world: &world, token, name: "acme".into() };
    let shown = supplier.get("/v1/supplier").await;
    assert_eq!(shown.json()["name"], "acme");
    assert!(!shown.text().contains("carnet_sup_"));
}

#[tokio::test]
async fn d2_a_registration_whose_answer_was_lost_is_repeated_with_the_token_that_the_supplier_has_made() {
    let world = World::new();
    let token = "carnet_sup_0123456789012345678901234567890123456789012";
    let hash = carnet_server::ids::sha256(&[token.as_bytes()]);
    let new = |code: &str, name: &str| json!({"setup_code": code, "name": name, "display_name": "Acme", "token_hash": hash});
    let code = world.code();
    let first = world.post("/v1/suppliers", &new(&code, "acme")).await;
    assert_eq!((first.status, first.json().get("token")), (StatusCode::CREATED, None));
    for code in [code.as_str(), "carnet_setup_mistyped"] {
        let again = world.post("/v1/suppliers", &new(code, "acme")).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
    }
    let supplier = crate::world::Supplier { world: &world, token: token.into(), name: "acme".into() };
    assert_eq!(supplier.get("/v1/supplier").await.json(), first.json()["supplier"]);

    // One token for one supplier, and no code is used up by the attempt.
    let other = world.code();
    let refused = world.post("/v1/suppliers", &new(&other, "other")).await;
    assert_eq!((refused.code().as_str(), refused.pointers()), ("invalid", vec!["/token_hash".to_owned()]));
    assert_eq!(world.register(&other, "other").await.status, StatusCode::CREATED);
    // Without the hash the used code is what it is.
    assert_eq!(world.register(&code, "acme").await.code(), "wrong-setup-code");
}

#[tokio::test]
async fn a_taken_name_costs_no_code() {
    let world = World::new();
    world.supplier("acme").await;
    let code = world.code();
    assert_eq!(world.register(&code, "acme").await.code(), "name-taken");
    assert_eq!(world.register(&code, "other").await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_code_ends_with_its_time() {
    let world = World::new();
    let code = world.code();
    world.clock.pass(Duration::from_secs(901));
    assert_eq!(world.register(&code, "acme").await.code(), "wrong-setup-code");
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_named() {
    let world = World::new();
    let code = world.code();
    for (name, display, pointer) in
        [("Acme", "Acme", "/name"), ("acme", " ", "/display_name"), ("acme", "a\nb", "/display_name")]
    {
        let new = json!({"setup_code": code, "name": name, "display_name": display});
        let answer = world.post("/v1/suppliers", &new).await;
        assert_eq!(
            (answer.code().as_str(), answer.pointers()),
            ("invalid", vec![pointer.to_owned()]),
            "{name}"
        );
    }
}

#[tokio::test]
async fn no_token_a_wrong_one_and_one_of_another_scheme_are_all_refused_alike() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let changed = format!("{}A", &supplier.token[..supplier.token.len() - 1]);
    let mut bodies = Vec::new();
    for header in [
        None,
        Some("Bearer".into()),
        Some(format!("Basic {}", supplier.token)),
        Some(format!("Bearer {changed}x")),
    ] {
        let mut request = axum::http::Request::get("/v1/apps");
        if let Some(header) = &header {
            request = request.header("authorization", header);
        }
        let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "unauthorized"));
        assert!(answer.headers.contains_key("www-authenticate"));
        bodies.push(answer.without_request_id());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}
