//! Running the server: health, readiness, metrics.

use std::time::Duration;

use axum::http::StatusCode;
use carnet_core::document::Operation;

use crate::device_world::{Device, shop};
use crate::world::World;

#[tokio::test]
async fn readiness_fails_while_draining_and_after_the_key_set_has_ended() {
    let world = World::new();
    assert_eq!(world.get("/readyz").await.json()["ready"], true);
    world.clock.pass(Duration::from_secs(401 * 86_400));
    let ended = world.get("/readyz").await;
    assert_eq!((ended.status, ended.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    let world = world.restart();
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    world.server.drain();
    assert!(world.get("/readyz").await.json()["detail"].as_str().unwrap().contains("about to stop"));
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_closed_database_shows() {
    let world = World::new();
    world.server.close();
    assert_eq!(world.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.get("/v1/menu/acme/paint").await.code(), "unavailable");
    let device = Device::new(&world);
    let request = device.request(&world, None, device.registration());
    assert_eq!(world.document(device.message(&request)).await.code(), "unavailable");
}

#[tokio::test]
async fn metrics_have_their_documented_names_and_count() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    device.use_up(pass.license, 1);
    device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    world.get("/nowhere").await;
    let text = world.metrics().await;
    for line in [
        "carnet_renewals_total 1",
        "carnet_device_answers_total{document=\"pass\",how=\"decided\"} 2",
        "carnet_device_answers_total{document=\"receipt\",how=\"decided\"} 1",
        "carnet_problems_total{code=\"not-found\"} 1",
        "carnet_problems_total{code=\"internal\"} 0",
        "carnet_http_requests_total{route=\"/v1/device\",method=\"POST\",status=\"200\"} 4",
        "carnet_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"404\"} 1",
        "carnet_http_request_seconds_bucket{route=\"/v1/device\",le=\"+Inf\"} 4",
        "carnet_ledger_queue_length 0",
        "carnet_ledger_settled_total 4",
        "carnet_key_set_expires_seconds 1829779200",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}\n{text}")).parse().unwrap()
    };
    assert_eq!(value("carnet_ledger_batch_operations_count"), 4.0, "one by one");
    assert_eq!(value("carnet_ledger_batch_operations_bucket{le=\"1\"}"), 4.0);
    assert_eq!(value("carnet_ledger_batch_operations_sum"), 4.0);
    assert!(value("carnet_store_commit_seconds_count") > 4.0, "units of work commit too");
    assert!(value("carnet_store_rows_written_total") > 12.0);
    assert_eq!(value("carnet_store_log_pages") > 0.0, !crate::POSTGRES);
    assert_eq!(value("carnet_store_queue_length"), 0.0);
    for name in ["carnet_store_checkpoint_seconds", "carnet_store_checkpoint_rest_seconds"] {
        assert!(value(&format!("{name}_count")) < 5.0, "too little for many checkpoints");
    }
    assert!(!text.contains("acme") && !text.contains("dev_") && !text.contains("usr_"));
}
