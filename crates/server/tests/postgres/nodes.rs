//! Two processes on one database, killed again and again while devices go on asking.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use carnet_core::app::AppId;
use carnet_core::document::{Body, Operation};
use carnet_seam::{Clock, SystemClock};

use crate::device_world::Device;
use crate::fleet::fleet;
use crate::process::{Daemon, complaint, printed, run};
use crate::wire::{Reply, post};
use crate::world::World;

const DEVICES: usize = 4;
const RENEWALS: u64 = 25;
const KILLS: usize = 6;

/// Sends the very same request to one server after the other until one answers.
fn answered(addresses: &Mutex<Vec<String>>, first: usize, document: &[u8]) -> Vec<u8> {
    for attempt in 0..5_000 {
        let known = addresses.lock().unwrap().clone();
        let Some(address) = known.get((first + attempt) % known.len().max(1)) else { continue };
        match post(address, document) {
            Some(Reply { status: 200, body, .. }) => return body,
            // What was not decided may be sent again.
            Some(Reply { status: 503, .. }) | None => std::thread::yield_now(),
            Some(reply) => panic!("{}: {}", reply.status, reply.text()),
        }
    }
    panic!("nobody answers");
}

fn renew(world: &World, addresses: &Mutex<Vec<String>>, device: &mut Device, app: &AppId, turn: usize) {
    let request = device.request(world, Some(app), Operation::Renew { uses: 1 });
    let document = answered(addresses, turn, &device.message(&request));
    let answer = device.receive(world, &request, &document);
    let Body::Pass(pass) = answer.body else { panic!("{answer:?}") };
    assert_eq!(answer.head.epoch, request.epoch + 1, "decided once");
    device.use_up(pass.license, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_i9_two_servers_killed_in_turn_lose_nothing_and_double_nothing() {
    let world = World::new();
    world.clock.set_wall(SystemClock.wall_micros());
    let (app, mut devices) = fleet(&world, DEVICES, 1_000).await;
    let data = world.folder.data();
    let mut daemons = [Daemon::start(&data, "serve"), Daemon::start(&data, "serve")].map(Some);
    let running = |daemons: &[Option<Daemon>; 2]| -> Vec<String> {
        daemons.iter().flatten().map(|daemon| daemon.address.clone()).collect()
    };
    let addresses = Mutex::new(running(&daemons));
    let done = AtomicBool::new(false);
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = devices
                .iter_mut()
                .enumerate()
                .map(|(number, device)| {
                    let (world, addresses, app) = (&world, &addresses, &app);
                    scope.spawn(move || {
                        for turn in 0..RENEWALS as usize {
                            renew(world, addresses, device, app, number + turn);
                        }
                    })
                })
                .collect();
            let (done, addresses, data) = (&done, &addresses, &data);
            let killer = scope.spawn(move || {
                let mut kills = 0;
                while kills < KILLS || !done.load(Ordering::Relaxed) {
                    if let Some(daemon) = daemons[kills % 2].take() {
                        daemon.kill();
                    }
                    *addresses.lock().unwrap() = running(&daemons);
                    daemons[kills % 2] = Some(Daemon::start(data, "serve"));
                    *addresses.lock().unwrap() = running(&daemons);
                    kills += 1;
                }
                (daemons, kills)
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            done.store(true, Ordering::Relaxed);
            let (daemons, kills) = killer.join().unwrap();
            assert!(kills >= KILLS);
            for daemon in daemons.into_iter().flatten() {
                assert_eq!(daemon.stop(), Some(0));
            }
        });
    });
    for device in &devices {
        let settled = device.totals.values().map(|totals| totals.uses).sum::<u64>();
        assert_eq!(settled, RENEWALS + 1);
    }
    let report = world.server.store().check().unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    // Registering, the menu, the agreement, and each renewal once.
    assert_eq!(report.counts.events, DEVICES as u64 * (3 + RENEWALS));
    let checked = run(&data, &["check-ledger"]);
    assert_eq!(checked.status.code(), Some(0), "{}{}", printed(&checked), complaint(&checked));
}
