//! A pooler between the server and its database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use carnet_core::document::{Body, Operation};
use carnet_seam::{Clock, RealFs, SystemClock};
use carnet_server::data::OpenError;
use carnet_server::server::{Server, Surroundings};
use carnet_store::StoreError;
use carnet_testkit::history::History;
use carnet_testkit::pooler::{Mode, Pooler};
use carnet_testkit::postgres::{cluster, psql};
use carnet_testkit::{FakeClock, SeededRandom};

use crate::device_world::{Device, shop};
use crate::failover::{on, renew};
use crate::fleet::fleet;
use crate::process::{complaint, run};
use crate::world::{Folder, START, replace_url};

const DEVICES: usize = 6;
/// Of each device; the pooler ends when all of them together have a third of theirs, and when they have two.
const RENEWALS: u64 = 40;
/// What `docs/postgresql.md` asks for.
const SESSIONS: u32 = 7;

/// A database of its own, gone with the test: a pooler passes on nothing that names a schema.
struct Database(String);

impl Database {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("pooled_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        psql(cluster(), &format!("CREATE DATABASE {name}"));
        Self(name)
    }

    /// Past the pooler.
    fn sql(&self, statement: &str) -> String {
        psql(&cluster().replace("/postgres", &format!("/{}", self.0)), statement)
    }

    /// How many sessions are there of which this is true.
    fn sessions(&self, what: &str) -> u32 {
        let each = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'carnetd'";
        self.sql(&format!("{each} AND datname = '{}' AND {what}", self.0)).parse().unwrap()
    }

    /// Whether a session waits for the disk, for batches that have committed without waiting.
    fn has_waiting_session(&self) -> bool {
        self.sessions("query LIKE '%pg_logical_emit_message%'") == 1
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            psql(cluster(), &format!("DROP DATABASE {} WITH (FORCE)", self.0));
        }
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let seen = (0..1_000).any(|_| {
        SystemClock.sleep(Duration::from_millis(20));
        done()
    });
    assert!(seen, "never: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_i9_a_pooler_that_gives_sessions_and_dies_under_load_loses_nothing_and_doubles_nothing() {
    let database = Database::new();
    let mut pooler = Pooler::start(Mode::Sessions, SESSIONS);
    let world = on(&pooler.url(&database.0));
    let (app, mut devices) = fleet(&world, DEVICES, 1_000).await;
    assert_eq!(database.sessions("true"), SESSIONS);
    assert!(database.has_waiting_session());
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
            for (signal, third) in [("KILL", 1), ("TERM", 2)] {
                while done.load(Ordering::Relaxed) < DEVICES as u64 * RENEWALS * third / 3 {
                    std::thread::yield_now();
                }
                pooler.end(signal);
                pooler.begin(Mode::Sessions);
            }
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
    // One that is lost alone finds no room for a second one to compare it with.
    let writing = database
        .sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT'");
    assert_eq!(
        database.sql(&format!("SELECT pg_terminate_backend({})", writing.parse::<u32>().unwrap())),
        "t"
    );
    renew(&world, &history, devices.first_mut().unwrap(), &app).await;
    // What waits for the disk is there again too.
    let device = devices.first_mut().unwrap();
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        until("a session waits for the disk again", || {
            handle.block_on(renew(&world, &history, device, &app));
            database.has_waiting_session()
        });
    });
    world.server.close();
}

/// So many at the same time, each in a session of its own for as long as it lasts.
fn at_once(url: &str, count: usize, statement: &str) -> Vec<String> {
    let statement = format!("{statement}, pg_sleep(0.3)");
    let ask = || psql(url, &statement).trim_end_matches('|').to_owned();
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..count).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

#[test]
fn a_pooler_that_gives_transactions_is_refused_with_the_remedy_and_nothing_is_set_for_others() {
    const SETTINGS: &str = "SELECT current_setting('lock_timeout'), current_setting('enable_seqscan'), \
         current_setting('plan_cache_mode'), current_setting('client_min_messages')";
    for (mode, sessions) in [
        (Mode::Transactions, 1),
        (Mode::Transactions, 3),
        (Mode::TransactionsInTurn, 1),
        (Mode::TransactionsInTurn, 2),
        (Mode::TransactionsInTurn, 3),
        (Mode::TransactionsInTurn, 6),
        (Mode::Statements, 1),
    ] {
        let database = Database::new();
        let pooler = Pooler::start(mode, 10);
        let url = pooler.url(&database.0);
        // So many sessions lie ready.
        let before = at_once(&url, sessions, SETTINGS);
        let folder = Folder::new();
        let around = Surroundings {
            clock: Arc::new(FakeClock::at(START)),
            random: Arc::new(SeededRandom::new(7)),
            fs: Arc::new(RealFs::default()),
            data: folder.data(),
            database: Some(url.parse().unwrap()),
            key_service: None,
        };
        let refused = Server::open(around).err();
        let expected = matches!(&refused, Some(OpenError::Store(StoreError::Pooled)));
        assert!(expected, "{mode:?}, {sessions}: {refused:?}");
        replace_url(&folder.data(), &url);
        let refused = run(&folder.data(), &["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(refused.status.code(), Some(1), "{mode:?}, {sessions}: {}", complaint(&refused));
        assert!(complaint(&refused).contains("set pool_mode = session"), "{}", complaint(&refused));
        assert_eq!(at_once(&url, sessions, SETTINGS), before, "{mode:?}, {sessions}");
        assert_eq!(database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_no_longer_gives_sessions_is_told_by_readiness_and_over_when_it_does_again() {
    let database = Database::new();
    let mut pooler = Pooler::start(Mode::Sessions, SESSIONS);
    let world = on(&pooler.url(&database.0));
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    pooler.end("TERM");
    pooler.begin(Mode::Transactions);
    device.use_up(pass.license, 1);
    let request = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    for _ in 0..2 {
        let refused = world.document(device.message(&request)).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.text());
        assert!(refused.headers.contains_key("retry-after"));
        let ready = world.get("/readyz").await;
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(ready.text().contains("gives no sessions"), "{}", ready.text());
    }
    pooler.end("TERM");
    pooler.begin(Mode::Sessions);
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    let answer = world.document(device.message(&request)).await;
    let Body::Pass(_) = device.receive(&world, &request, &answer.body).body else { panic!("{answer:?}") };
    assert!(world.server.store().check().unwrap().is_clean());
    world.server.close();
}
