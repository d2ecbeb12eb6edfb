//! Running the server: health, readiness, metrics.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use carnet_core::document::Operation;
use carnet_server::admission::Policy;

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
        "carnet_device_operation_seconds_count{operation=\"renew\"} 2",
        "carnet_device_operation_seconds_count{operation=\"register\"} 1",
        "carnet_device_refusals_total{reason=\"no-license\"} 1",
        "carnet_flagged_journals 0",
        "carnet_store_refused_total 0",
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

/// Keeps the writer busy until the guard goes.
fn hold(world: &World) -> std::sync::mpsc::Sender<()> {
    let (release, held) = std::sync::mpsc::channel();
    let (started, running) = std::sync::mpsc::channel();
    let wait = move |_: &carnet_store::Writing<'_>| {
        started.send(()).unwrap();
        // Ends when the guard is dropped.
        let _ = held.recv();
        Ok(())
    };
    world.server.store().write_then("test.hold", wait, |_| ());
    running.recv().unwrap();
    release
}

/// Devices that have a pass, and each its next request.
async fn about_to_renew(world: &World, count: usize) -> Vec<Vec<u8>> {
    let (_, app) = shop(world).await;
    let mut messages = Vec::new();
    for _ in 0..count {
        let mut device = Device::registered(world).await;
        let pass = device.buy(world, &app).await;
        device.use_up(pass.license, 1);
        messages.push(device.message(&device.request(world, Some(&app), Operation::Renew { uses: 1 })));
    }
    messages
}

fn sent(world: &World, message: Vec<u8>) -> tokio::task::JoinHandle<crate::world::Answer> {
    let (routes, request) = (world.routes.clone(), Request::post("/v1/device"));
    let request = request.header("content-type", "application/cose").body(Body::from(message)).unwrap();
    tokio::spawn(async move { crate::world::send(&routes, request).await })
}

async fn until_so_many_wait(world: &World, count: u64) {
    while world.server.store().counts().queue < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_checked_while_the_batch_before_is_written() {
    const DEVICES: usize = 20;
    let world = World::new();
    let mut messages = about_to_renew(&world, DEVICES).await;
    let mut forged = messages[0].clone();
    let at = forged.windows(4).position(|bytes| bytes == b"pain").unwrap();
    forged[at] ^= 1;
    let batches = world.server.store().counts().batches.count;
    let held = hold(&world);
    let waiting: Vec<_> = messages.drain(..).map(|message| sent(&world, message)).collect();
    // Whoever waits for the writer has been checked; whoever is forged is told so without waiting for it.
    until_so_many_wait(&world, DEVICES as u64).await;
    let refused = sent(&world, forged).await.unwrap();
    assert!([400, 401].contains(&refused.status.as_u16()), "{}", refused.text());
    assert!(waiting.iter().all(|request| !request.is_finished()), "nothing is answered before it is stored");
    drop(held);
    for request in waiting {
        assert_eq!(request.await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(world.server.store().counts().batches.count - batches, 1, "all of them shared one commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_may_wait_is_told_when_to_come_again_and_then_gets_its_answer() {
    let world = World::with(Policy { ledger_queue: 2, ..Policy::default() });
    let messages = about_to_renew(&world, 3).await;
    let held = hold(&world);
    let waiting = [sent(&world, messages[0].clone()), sent(&world, messages[1].clone())];
    until_so_many_wait(&world, 2).await;
    let refused = world.document(messages[2].clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    assert_eq!(refused.headers["retry-after"], "1");
    drop(held);
    for request in waiting {
        assert_eq!(request.await.unwrap().status, StatusCode::OK);
    }
    assert_eq!(world.document(messages[2].clone()).await.status, StatusCode::OK);
    assert!(world.metrics().await.contains("carnet_store_refused_total 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_batches_of_one_every_request_has_its_own_transaction() {
    const DEVICES: usize = 5;
    let world = World::with(Policy { ledger_batch: 1, ..Policy::default() });
    let messages = about_to_renew(&world, DEVICES).await;
    let before = world.server.store().counts();
    let held = hold(&world);
    let waiting: Vec<_> = messages.into_iter().map(|message| sent(&world, message)).collect();
    until_so_many_wait(&world, DEVICES as u64).await;
    drop(held);
    for request in waiting {
        assert_eq!(request.await.unwrap().status, StatusCode::OK);
    }
    let after = world.server.store().counts();
    assert_eq!(after.batches.count - before.batches.count, DEVICES as u64);
    assert_eq!(after.batches.sum - before.batches.sum, DEVICES as u64);
}
