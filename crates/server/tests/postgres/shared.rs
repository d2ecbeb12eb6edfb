//! Several servers on one database.

use std::sync::Arc;

use axum::http::StatusCode;
use carnet_core::document::{Body, Operation};
use carnet_seam::Crash;
use carnet_testkit::SeededRandom;

use crate::device_world::{Device, ring, shop};
use crate::world::{Supplier, World, ten_runs};

/// One more server on the database of this world, with the same secret.
fn beside(world: &World) -> World {
    let random = Arc::new(SeededRandom::new(8));
    World::on(world.clock.clone(), random, Arc::clone(&world.folder), Crash::never(), world.policy.clone())
}

#[tokio::test]
async fn a_supplier_who_joined_at_one_server_sells_at_the_other() {
    let here = World::new();
    let there = beside(&here);
    let (_, app) = shop(&here).await;
    // The key that signs its passes was made here; the pass is issued there.
    let mut device = Device::registered(&there).await;
    let pass = device.buy(&there, &app).await;
    device.use_up(pass.license, 1);
    let answer = device.ask(&here, Some(&app), Operation::Renew { uses: 1 }).await;
    assert!(matches!(answer.body, Body::Pass(_)), "{answer:?}");
    device.use_up(pass.license, 1);
    let answer = device.ask(&there, Some(&app), Operation::Renew { uses: 1 }).await;
    assert!(matches!(answer.body, Body::Pass(_)), "{answer:?}");
}

#[tokio::test]
async fn i16_no_server_hands_out_an_older_key_set_than_another_has_shown() {
    let here = World::new();
    let mut newest = 0;
    for _ in 0..3 {
        here.clock.pass(std::time::Duration::from_secs(1));
        let there = beside(&here);
        for world in [&there, &here] {
            let answer = world.get("/v1/key-set").await;
            assert_eq!(answer.status, StatusCode::OK);
            let version = ring(world).set().claims().version;
            assert!(version >= newest, "{version} after {newest}");
            newest = version;
        }
        assert_eq!(here.get("/v1/key-set").await.body, there.get("/v1/key-set").await.body);
        there.server.close();
    }
}

#[tokio::test]
async fn a_menu_written_at_one_server_is_read_at_the_other_at_once() {
    let here = World::new();
    let there = beside(&here);
    let supplier = here.supplier("acme").await;
    let same = Supplier { world: &there, token: supplier.token.clone(), name: supplier.name.clone() };
    same.app("paint", &[ten_runs()]).await;
    assert_eq!(supplier.get("/v1/menu/acme/paint").await.json()["serial"], 1);
}
