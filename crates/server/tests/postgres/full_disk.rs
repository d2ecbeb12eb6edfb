//! The disk under the database is full, really: that of the tables, and that of its log.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::document::{Body, Operation};
use carnet_seam::{Clock, SystemClock};
use carnet_testkit::history::History;
use carnet_testkit::postgres::{Cluster, Part, psql};
use carnet_testkit::small_disk::SmallDisk;

use crate::device_world::Device;
use crate::failover::on;
use crate::fleet::fleet;
use crate::process::{Daemon, complaint, printed, run};
use crate::wire::{Reply, get, post};
use crate::world::{World, replace_url, url_file};

const DEVICES: usize = 6;
/// Renewals before the disk is full, and after there is room again.
const SOME: u64 = 60;
/// Between two attempts of whoever was refused, or waits for something.
const PAUSE: Duration = Duration::from_millis(20);
/// Of those, the most.
const ATTEMPTS: u32 = 6_000;

/// A folder of its own where PostgreSQL may go that is not us; gone with the test.
struct Room(PathBuf);

impl Room {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("carnet-full-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new("/tmp").join(name);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Devices that go on asking a real server, whatever it says.
struct Load<'a> {
    world: &'a World,
    server: &'a Daemon,
    app: AppId,
    history: History,
    renewed: AtomicU64,
    /// Requests that were refused with a time to come again, and those that got no answer at all.
    refused: AtomicU64,
    severed: AtomicU64,
    over: AtomicBool,
    /// Nobody makes room any more.
    lost: AtomicBool,
}

/// Tells the devices when whoever looks on has failed.
struct Onlooker<'a>(&'a Load<'a>);

impl Drop for Onlooker<'_> {
    fn drop(&mut self) {
        self.0.lost.store(std::thread::panicking(), Ordering::Relaxed);
    }
}

impl Load<'_> {
    /// Renews until it is over; how often.
    fn work(&self, device: &mut Device) -> u64 {
        let mut times = 0;
        while !self.over.load(Ordering::Relaxed) {
            let request = device.request(self.world, Some(&self.app), Operation::Renew { uses: 1 });
            let message = device.message(&request);
            let document = self.answered(&message);
            let answer = device.receive(self.world, &request, &document);
            self.history.told(&request, &answer, &document);
            // Said once more: the very same answer (I5).
            self.history.told(&request, &answer, &self.answered(&message));
            let Body::Pass(pass) = answer.body else { panic!("{answer:?}") };
            device.use_up(pass.license, 1);
            times += 1;
            self.renewed.fetch_add(1, Ordering::Relaxed);
        }
        times
    }

    /// Sends the very same request until it is answered, as a device does.
    fn answered(&self, message: &[u8]) -> Vec<u8> {
        for _ in 0..ATTEMPTS {
            match post(&self.server.address, message) {
                Some(Reply { status: 200, body, .. }) => return body,
                Some(reply @ Reply { status: 503, .. }) => {
                    assert!(reply.head.to_lowercase().contains("\r\nretry-after: "), "{}", reply.head);
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Some(reply) => panic!("{}: {}", reply.status, reply.text()),
                None => drop(self.severed.fetch_add(1, Ordering::Relaxed)),
            }
            assert!(!self.lost.load(Ordering::Relaxed), "the test has failed already");
            SystemClock.sleep(PAUSE);
        }
        panic!("the server did not come back");
    }

    /// Waits until so many more were renewed.
    fn until_renewed(&self, more: u64) {
        let before = self.renewed.load(Ordering::Relaxed);
        until("devices are answered", || self.renewed.load(Ordering::Relaxed) >= before + more);
    }
}

fn until(what: &str, done: impl Fn() -> bool) {
    let seen = (0..ATTEMPTS).any(|_| {
        SystemClock.sleep(PAUSE);
        done()
    });
    assert!(seen, "never: {what}");
}

fn ready(server: &Daemon) -> (u16, String) {
    let reply = get(&server.address, "/readyz").expect("the server is there");
    (reply.status, reply.text())
}

/// A server under load, whose database has this part on a disk that gets full. `full` looks on while it is, `again` when there is room.
async fn story(part: Part, full: impl Fn(&Load<'_>) + Sync, again: impl Fn(&mut Cluster) + Sync) {
    let room = Room::new();
    let Some(disk) = SmallDisk::new(&room.0, 64 << 20) else { return };
    let mut cluster = Cluster::on(&disk.folder, part);
    let world = on(&cluster.address);
    world.clock.set_wall(SystemClock.wall_micros());
    let (app, mut devices) = fleet(&world, DEVICES, 1_000_000).await;
    world.server.close();
    let data = world.folder.data();
    replace_url(&data, &cluster.address);
    let server = Daemon::start(&data, "serve");
    let (renewed, refused, severed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let (history, over, lost) = (History::default(), AtomicBool::new(false), AtomicBool::new(false));
    let load = Load { world: &world, server: &server, app, history, renewed, refused, severed, over, lost };
    let times: Vec<u64> = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let working: Vec<_> =
                devices.iter_mut().map(|device| scope.spawn(|| load.work(device))).collect();
            let _onlooker = Onlooker(&load);
            load.until_renewed(SOME);
            assert_eq!(ready(&server).0, 200);
            let ballast = disk.fill_up();
            until("somebody is refused", || load.refused.load(Ordering::Relaxed) > DEVICES as u64);
            full(&load);
            assert_eq!(get(&server.address, "/healthz").unwrap().status, 200, "the process itself is well");
            fs::remove_file(ballast).unwrap();
            again(&mut cluster);
            // Nobody has started the server again, nor told it anything.
            until("the server is ready", || ready(&server).0 == 200);
            load.until_renewed(SOME);
            load.over.store(true, Ordering::Relaxed);
            working.into_iter().map(|device| device.join().unwrap()).collect()
        })
    });
    assert_eq!(load.history.faults(), Vec::<String>::new());
    for (device, times) in devices.iter().zip(&times) {
        assert_eq!(device.totals.values().map(|totals| totals.uses).sum::<u64>(), times + 1);
    }
    // Registering, the menu, the agreement, and each renewal once: what was not acknowledged was decided again.
    let events = DEVICES as u64 * 3 + times.iter().sum::<u64>();
    assert_eq!(psql(&cluster.address, "SELECT count(*) FROM event"), events.to_string());
    assert_eq!(server.stop(), Some(0));
    let checked = run(&data, &["check-ledger"]);
    assert_eq!(checked.status.code(), Some(0), "{}{}", printed(&checked), complaint(&checked));
}

/// Whether it came about.
fn checkpoint(load: &Load<'_>) -> bool {
    let url = fs::read_to_string(url_file(&load.world.folder.data())).unwrap();
    let words = ["-X", "-q", "-c", "CHECKPOINT", "-d", &url];
    Command::new("psql").args(words).output().unwrap().status.success()
}

fn log(load: &Load<'_>) -> String {
    fs::read_to_string(load.world.folder.data().with_extension("log")).unwrap()
}

/// Not now ready and then not: what fits into the place of old rows says nothing about the next request.
fn says_that_the_disk_is_full(load: &Load<'_>) {
    for _ in 0..10 {
        let (status, text) = ready(load.server);
        assert_eq!(status, 503, "{text}");
        assert!(text.contains("the disk of the database is full: make room"), "{text}");
        SystemClock.sleep(PAUSE);
    }
    let log = log(load);
    let told = |line: &&str| line.contains("\"ERROR\"") && line.contains("the disk is full: make room");
    assert!(log.lines().any(|line| told(&line)), "{log}");
}

/// The database has ended, and cannot even recover.
fn is_away(load: &Load<'_>) {
    until("the database has ended", || ready(load.server).1.contains("the database does not answer"));
    let (before, severed) = (load.refused.load(Ordering::Relaxed), load.severed.load(Ordering::Relaxed));
    until("devices are refused", || load.refused.load(Ordering::Relaxed) > before + DEVICES as u64);
    assert_eq!(ready(load.server).0, 503);
    assert_eq!(load.severed.load(Ordering::Relaxed), severed, "what cannot begin is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn i9_tables_on_a_full_disk_are_told_lose_nothing_and_go_on_when_there_is_room() {
    story(Part::Tables, says_that_the_disk_is_full, |_| ()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i9_a_checkpoint_on_a_full_disk_ends_the_database_and_nothing_acknowledged_is_lost() {
    let full = |load: &Load<'_>| {
        says_that_the_disk_is_full(load);
        assert!(!checkpoint(load), "there was room for it");
        is_away(load);
    };
    story(Part::Tables, full, Cluster::start_again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i9_a_log_on_a_full_disk_ends_the_database_and_nothing_acknowledged_is_lost() {
    story(Part::Log, is_away, Cluster::start_again).await;
}
