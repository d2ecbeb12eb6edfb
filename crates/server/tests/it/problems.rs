//! Whatever goes wrong, the answer is a problem.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use axum::routing::get;
use carnet_api::ProblemCode;
use serde_json::json;

use carnet_server::layers;

use crate::world::{World, send};

#[tokio::test]
async fn every_failure_is_a_problem_with_its_code_and_the_request_s_id() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let token = format!("Bearer {}", supplier.token);
    let json = "application/json";
    let table: &[(Method, &str, Option<&str>, &str, &str)] = &[
        (Method::GET, "/nowhere", None, "", "not-found"),
        (Method::GET, "/v1/apps/acme", None, "", "not-found"),
        (Method::GET, "/v1/apps/acme/paint/brushes/big", None, "", "not-found"),
        (Method::GET, "/v1/apps/Acme/paint", None, "", "not-found"),
        (Method::GET, "/v1/apps/acme/%2e%2e", None, "", "not-found"),
        (Method::GET, "/v1/licenses/lic_x", None, "", "not-found"),
        (Method::GET, "/v1/licenses/%ff", None, "", "not-found"),
        (Method::DELETE, "/v1/apps", None, "", "method-not-allowed"),
        (Method::GET, "/v1/device", None, "", "method-not-allowed"),
        (Method::POST, "/v1/apps", None, "{}", "unsupported-media-type"),
        (Method::POST, "/v1/apps", Some("text/plain"), "{}", "unsupported-media-type"),
        (Method::POST, "/v1/device", Some(json), "{}", "unsupported-media-type"),
        (Method::POST, "/v1/apps", Some(json), "{", "bad-json"),
        (Method::POST, "/v1/apps", Some(json), "", "bad-json"),
        (Method::POST, "/v1/apps", Some(json), "\u{0}\u{1}", "bad-json"),
        (Method::POST, "/v1/apps", Some(json), "{} {}", "invalid"),
        (Method::POST, "/v1/apps", Some(json), "[]", "invalid"),
        (Method::POST, "/v1/apps", Some(json), r#"{"id": 1}"#, "invalid"),
        (Method::POST, "/v1/suppliers", Some(json), r#"{"setup_code": 1}"#, "invalid"),
        (Method::GET, "/v1/events?license=x", None, "", "bad-query"),
        (Method::GET, "/v1/licenses?status=fine", None, "", "bad-query"),
        (Method::GET, "/v1/licenses?app=x", None, "", "bad-query"),
        (Method::GET, "/problems/none", None, "", "not-found"),
    ];
    for (method, path, kind, body, code) in table {
        let mut request = Request::builder().method(method).uri(*path).header("authorization", &token);
        if let Some(kind) = kind {
            request = request.header("content-type", *kind);
        }
        let answer = world.send(request.body(Body::from(*body)).unwrap()).await;
        assert_eq!(answer.code(), *code, "{method} {path} {body}");
        assert_eq!(answer.json()["type"], format!("/problems/{code}"));
        assert!(answer.headers.contains_key("x-content-type-options"));
    }
}

#[tokio::test]
async fn a_body_of_two_megabytes_is_too_large_whatever_it_is() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    for (path, kind) in [
        ("/v1/apps", "application/json"),
        ("/v1/device", "application/cose"),
        ("/v1/suppliers", "application/json"),
        ("/v1/account", "application/json"),
    ] {
        let request = Request::post(path).header("content-type", kind);
        let request = request.header("authorization", format!("Bearer {}", supplier.token));
        let answer = world.send(request.body(Body::from(vec![0xa7; 2 << 20])).unwrap()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_code_is_explained_where_its_problems_point_to() {
    let world = World::new();
    for code in ProblemCode::ALL {
        let answer = world.get(&carnet_api::path::problem(code)).await;
        assert_eq!(answer.json()["code"], code.as_str());
        assert_eq!(answer.json()["remedy"], json!(code.remedy()));
    }
}

/// Whatever a layer, the router or a defect makes of a request, the caller gets a problem and no more.
#[tokio::test(start_paused = true)]
async fn i17_a_panic_a_bare_status_and_a_request_without_end_become_blank_problems() {
    let world = World::new();
    let routes = Router::new()
        .route("/panic", get(async || -> StatusCode { panic!("canary in a panic") }))
        .route("/bare", get(async || (StatusCode::BAD_GATEWAY, "canary in a text")))
        .route("/teapot", get(async || StatusCode::IM_A_TEAPOT))
        .route("/endless", get(async || tokio::time::sleep(Duration::from_secs(3_600)).await));
    let routes = layers::around(routes, &world.server);
    for (path, status, code) in [
        ("/panic", 500, "internal"),
        ("/bare", 500, "internal"),
        ("/teapot", 400, "bad-query"),
        ("/endless", 503, "timeout"),
    ] {
        let answer = send(&routes, Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{path}");
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
}
