//! The database's machine dies under load, and the one that followed it takes its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use carnet_core::app::AppId;
use carnet_core::document::{Body, Operation};
use carnet_seam::RealFs;
use carnet_server::api;
use carnet_server::server::{Server, Surroundings};
use carnet_testkit::history::History;
use carnet_testkit::postgres::Cluster;

use crate::device_world::Device;
use crate::fleet::fleet;
use crate::world::World;

const DEVICES: usize = 6;
/// Of each device; the database dies when all of them together have a third of theirs.
const RENEWALS: u64 = 40;

/// A server in this process whose database is at this address.
pub fn on(address: &str) -> World {
    let World { server, clock, random, folder, policy, .. } = World::new();
    server.close();
    let around = Surroundings {
        clock: Arc::new(clock.clone()),
        random: random.clone(),
        fs: Arc::new(RealFs::default()),
        data: folder.data(),
        database: Some(address.parse().unwrap()),
        key_service: None,
    };
    // What the first server has kept for its devices is of another root.
    std::fs::remove_dir_all(folder.data().join("keys")).unwrap();
    let server = Server::open(around).unwrap();
    World { routes: api::service(&server), server, clock, random, folder, policy }
}

/// Sends the very same request until it is answered, as a device does.
async fn answered(world: &World, document: &[u8]) -> Vec<u8> {
    for _ in 0..100_000 {
        let answer = world.document(document.to_vec()).await;
        match answer.status {
            StatusCode::OK => return answer.body,
            // Refused, or severed without a word: to be repeated.
            StatusCode::SERVICE_UNAVAILABLE => tokio::task::yield_now().await,
            StatusCode::INTERNAL_SERVER_ERROR if answer.body.is_empty() => tokio::task::yield_now().await,
            _ => panic!("{}: {}", answer.status, answer.text()),
        }
    }
    panic!("the database did not come back");
}

pub async fn renew(world: &World, history: &History, device: &mut Device, app: &AppId) {
    let request = device.request(world, Some(app), Operation::Renew { uses: 1 });
    let message = device.message(&request);
    let document = answered(world, &message).await;
    let again = answered(world, &message).await;
    let answer = device.receive(world, &request, &document);
    // Said once more: the very same answer, also when another database gives it (I5).
    history.told(&request, &answer, &document);
    history.told(&request, &answer, &again);
    let Body::Pass(pass) = answer.body else { panic!("{answer:?}") };
    device.use_up(pass.license, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_i9_a_standby_takes_over_under_load_and_nothing_acknowledged_is_lost() {
    let mut cluster = Cluster::pair();
    let world = on(&cluster.address);
    let (app, mut devices) = fleet(&world, DEVICES, 1_000).await;
    let (history, done) = (History::default(), AtomicU64::new(0));
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            for device in &mut devices {
                let (world, history, app, done, handle) = (&world, &history, &app, &done, &handle);
                scope.spawn(move || {
                    for _ in 0..RENEWALS {
                        handle.block_on(renew(world, history, device, app));
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            while done.load(Ordering::Relaxed) < DEVICES as u64 * RENEWALS / 3 {
                std::thread::yield_now();
            }
            cluster.fail_over();
        });
    });
    assert_eq!(history.faults(), Vec::<String>::new());
    for device in &devices {
        let settled = device.totals.values().map(|totals| totals.uses).sum::<u64>();
        assert_eq!(settled, RENEWALS + 1);
    }
    let report = world.server.store().check().unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    // Registering, the menu, the agreement, and each renewal once: whatever was not acknowledged was decided again.
    assert_eq!(report.counts.events, DEVICES as u64 * (3 + RENEWALS));
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    world.server.close();
}
