//! I15: a supplier sees and changes only its own; what is unknown and what is forbidden look alike.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::device_world::{Device, shop};
use crate::world::{World, ten_runs};

#[tokio::test]
async fn i15_what_belongs_to_another_supplier_looks_like_what_does_not_exist() {
    let world = World::new();
    let (owner, app) = shop(&world).await;
    owner.app("paint/brushes", &[ten_runs()]).await;
    let mut device = Device::registered(&world).await;
    let license = device.buy(&world, &app).await.license.to_string();
    let stranger = world.supplier("other").await;

    let unknown = "lic_00000000000000000000000000000000";
    let menu = json!({"offers": [ten_runs()]});
    let license_path = |id: &str, act: &str| format!("/v1/licenses/{id}{act}");
    let table: Vec<(Method, String, String, Option<Value>)> = vec![
        (Method::GET, "/v1/apps/acme/paint".into(), "/v1/apps/acme/none".into(), None),
        (Method::GET, "/v1/apps/acme/paint/brushes".into(), "/v1/apps/acme/paint/none".into(), None),
        (Method::PUT, "/v1/menu/acme/paint".into(), "/v1/menu/acme/none".into(), Some(menu.clone())),
        (
            Method::PUT,
            "/v1/menu/acme/paint?dry_run=true".into(),
            "/v1/menu/acme/none?dry_run=true".into(),
            Some(menu.clone()),
        ),
        (Method::PUT, "/v1/menu/acme/paint/brushes".into(), "/v1/menu/acme/paint/none".into(), Some(menu)),
        (Method::GET, license_path(&license, ""), license_path(unknown, ""), None),
        (Method::POST, license_path(&license, "/suspend"), license_path(unknown, "/suspend"), None),
        (Method::POST, license_path(&license, "/reinstate"), license_path(unknown, "/reinstate"), None),
        (Method::POST, license_path(&license, "/revoke"), license_path(unknown, "/revoke"), None),
        (Method::POST, license_path(&license, "/end"), license_path(unknown, "/end"), None),
        (Method::GET, format!("/v1/events?license={license}"), format!("/v1/events?license={unknown}"), None),
    ];
    for (method, foreign, missing, body) in &table {
        let foreign_answer = stranger.call(method.clone(), foreign, body.as_ref()).await;
        let missing_answer = stranger.call(method.clone(), missing, body.as_ref()).await;
        assert_eq!(
            (foreign_answer.status, foreign_answer.code().as_str()),
            (StatusCode::NOT_FOUND, "not-found"),
            "{method} {foreign}"
        );
        assert_eq!(
            foreign_answer.without_request_id(),
            missing_answer.without_request_id(),
            "{method} {foreign}"
        );
        let names = |answer: &crate::world::Answer| {
            answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(&foreign_answer), names(&missing_answer));
    }
    for list in ["/v1/apps", "/v1/licenses", "/v1/licenses?app=acme/paint", "/v1/events"] {
        assert_eq!(stranger.get(list).await.json()["data"], json!([]), "{list}");
        assert_ne!(owner.get(list).await.json()["data"], json!([]), "{list}");
    }
    assert_eq!(owner.get(&license_path(&license, "")).await.json()["validity"]["status"], "active");
}

/// The table above has to hold every route of a supplier: this finds a new one that nobody put there.
#[tokio::test]
async fn i15_every_route_either_asks_for_a_token_or_is_known_to_be_public() {
    const PUBLIC: [&str; 18] = [
        "GET /healthz",
        "GET /openapi.json",
        "GET /problems/{code}",
        "GET /readyz",
        "GET /v1/catalog",
        "GET /v1/images",
        "GET /v1/images/{image}/content",
        "GET /v1/key-service",
        "GET /v1/key-set",
        "GET /v1/menu/{supplier}/{name}",
        "GET /v1/menu/{supplier}/{name}/{part}",
        "GET /v1/server",
        "POST /v1/account",
        "POST /v1/device",
        "POST /v1/device/report-requests",
        "POST /v1/device/reports",
        "POST /v1/redeem",
        "POST /v1/suppliers",
    ];
    let world = World::new();
    let document = serde_json::to_value(carnet_server::api::document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let public = PUBLIC.contains(&format!("{method} {path}").as_str());
            assert_eq!(operation["security"].is_null(), public, "{method} {path}");
            let target = path.replace("{supplier}", "acme").replace("{name}", "paint").replace("{part}", "x");
            let target = target
                .replace("{license}", "lic_00000000000000000000000000000000")
                .replace("{charge}", "chg_00000000000000000000000000000000")
                .replace("{device}", "dev_00000000000000000000000000000000")
                .replace("{report}", "rep_00000000000000000000000000000000")
                .replace("{image}", "img_00000000000000000000000000000000")
                .replace("{code}", "stale");
            let request = axum::http::Request::builder().method(&method).uri(target);
            let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
            assert_eq!(
                answer.status == StatusCode::UNAUTHORIZED,
                !public,
                "{method} {path}: {}",
                answer.text()
            );
        }
    }
}
