//! The database goes away and comes back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use carnet_core::document::{Body, Operation};
use carnet_seam::RealFs;
use carnet_server::api;
use carnet_server::server::{Server, Surroundings};
use carnet_testkit::postgres::Schema;

use crate::device_world::{Device, shop};
use crate::world::World;

/// A way to the database that can be closed, and on which nothing moves while it is held.
struct Way {
    port: u16,
    open: Arc<AtomicBool>,
    held: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<(TcpStream, UnixStream)>>>,
}

impl Way {
    /// To the socket of the cluster.
    fn to(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, streams) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let held = Arc::new(AtomicBool::new(false));
        let (is_open, is_held, kept) = (Arc::clone(&open), Arc::clone(&held), Arc::clone(&streams));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !is_open.load(Ordering::Relaxed) {
                    continue;
                }
                let database = UnixStream::connect(&socket).unwrap();
                carry(&client, &database, &is_held);
                kept.lock().unwrap().push((client, database));
            }
        });
        Self { port, open, held, streams }
    }

    fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
        for (client, database) in self.streams.lock().unwrap().drain(..) {
            // Either side may be gone already.
            let _ = client.shutdown(Shutdown::Both);
            let _ = database.shutdown(Shutdown::Both);
        }
    }

    fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }
}

/// What one side has ended is ended on the other, as the system does it between two processes.
fn carry(client: &TcpStream, database: &UnixStream, held: &Arc<AtomicBool>) {
    let both = || (client.try_clone().unwrap(), database.try_clone().unwrap(), Arc::clone(held));
    let ((client, database, is_held), there) = (both(), both());
    std::thread::spawn(move || {
        pump(&there.0, &there.1, &there.2);
        // It may be gone already.
        let _ = there.1.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        pump(&database, &client, &is_held);
        let _ = client.shutdown(Shutdown::Both);
    });
}

fn pump(mut from: impl Read, mut to: impl Write, held: &AtomicBool) {
    let mut bytes = [0; 16_384];
    while let Ok(count) = from.read(&mut bytes)
        && count > 0
    {
        while held.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        if to.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}

/// A server whose database is at the end of a way.
fn at_the_end(schema: &Schema) -> (World, Way) {
    let socket =
        format!("{}/.s.PGSQL.{}", schema.sql("SHOW unix_socket_directories"), schema.sql("SHOW port"));
    let way = Way::to(socket);
    let world = World::new();
    world.server.close();
    // What the first server has kept for its devices is of another root.
    std::fs::remove_dir_all(world.folder.data().join("keys")).unwrap();
    (started(world, schema, &way), way)
}

/// The same with a new server.
fn started(world: World, schema: &Schema, way: &Way) -> World {
    let url = schema.url();
    let (user, rest) = url.split_once('@').unwrap();
    let (_, name) = rest.split_once('/').unwrap();
    let World { clock, random, folder, policy, .. } = world;
    let around = Surroundings {
        clock: Arc::new(clock.clone()),
        random: random.clone(),
        fs: Arc::new(RealFs::default()),
        data: folder.data(),
        database: Some(format!("{user}@127.0.0.1:{}/{name}", way.port).parse().unwrap()),
        key_service: None,
    };
    let server = Server::open(around).unwrap();
    World { routes: api::service(&server), server, clock, random, folder, policy }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_database_is_away_says_so_and_comes_back_by_itself() {
    let schema = Schema::new();
    let (world, way) = at_the_end(&schema);
    let (supplier, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    for _ in 0..2 {
        way.close();
        let ready = world.get("/readyz").await;
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(ready.text().contains("the database does not answer"), "{}", ready.text());
        assert_eq!(world.get("/healthz").await.status, StatusCode::OK, "the process itself is well");
        device.use_up(pass.license, 1);
        let request = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
        let refused = world.document(device.message(&request)).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.text());
        assert!(refused.headers.contains_key("retry-after"));
        let listed = supplier.get("/v1/licenses").await;
        assert_eq!(listed.status, StatusCode::SERVICE_UNAVAILABLE, "{}", listed.text());

        way.open();
        // The very same request, as a device repeats it.
        let answer = world.document(device.message(&request)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let Body::Pass(_) = device.receive(&world, &request, &answer.body).body else { panic!() };
        assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    }
    assert!(world.server.store().check().unwrap().is_clean());
    world.server.close();
}

/// One thread serves the network here, and the device's key is not in memory: whoever looks it up must not keep that thread.
#[tokio::test]
async fn while_the_database_is_slow_to_say_a_devices_key_others_are_answered() {
    let schema = Schema::new();
    let (world, way) = at_the_end(&schema);
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    world.server.close();
    let world = started(world, &schema, &way);
    device.use_up(pass.license, 1);
    let request = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    way.held.store(true, Ordering::Relaxed);
    let held = Arc::clone(&way.held);
    let let_go = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        held.store(false, Ordering::Relaxed);
    });
    let renewal = async {
        let answer = world.document(device.message(&request)).await;
        (answer, way.held.load(Ordering::Relaxed))
    };
    let health = async {
        let status = world.get("/healthz").await.status;
        (status, way.held.load(Ordering::Relaxed))
    };
    let ((answer, early), health) = tokio::join!(renewal, health);
    assert_eq!(health, (StatusCode::OK, true), "answered while nothing came from the database");
    assert!(!early, "the key was in memory");
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let_go.join().unwrap();
    world.server.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn i9_a_full_disk_of_the_database_is_told_by_readiness_and_over_by_itself() {
    let world = World::new();
    let schema = world.folder.schema().unwrap();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    // As PostgreSQL says it (53100), whatever is written.
    schema.sql(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '53100'; END $$; \
         CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON event FOR EACH ROW EXECUTE FUNCTION no_room(); \
         CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON setting FOR EACH ROW EXECUTE FUNCTION no_room()",
    );
    device.use_up(pass.license, 1);
    let request = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let refused = world.document(device.message(&request)).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    assert_eq!(refused.headers["retry-after"], "10");
    for _ in 0..2 {
        let ready = world.get("/readyz").await;
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(ready.text().contains("the disk of the database is full"), "{}", ready.text());
    }
    assert_eq!(world.get("/healthz").await.status, StatusCode::OK);
    schema.sql("DROP TRIGGER no_room ON event; DROP TRIGGER no_room ON setting; DROP FUNCTION no_room");
    // Nobody was sent here meanwhile: readiness finds out by itself.
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    let answer = world.document(device.message(&request)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    device.receive(&world, &request, &answer.body);
    assert!(world.server.store().check().unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_any_more_is_told_by_readiness() {
    let world = World::new();
    let schema = world.folder.schema().unwrap();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    // What somebody who writes is told by a member that only follows (25006).
    schema.sql(
        "CREATE FUNCTION follows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '25006'; END $$; \
         CREATE TRIGGER follows BEFORE INSERT OR UPDATE ON event FOR EACH ROW EXECUTE FUNCTION follows(); \
         CREATE TRIGGER follows BEFORE INSERT OR UPDATE ON setting FOR EACH ROW EXECUTE FUNCTION follows()",
    );
    device.use_up(pass.license, 1);
    let request = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    assert_eq!(world.document(device.message(&request)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let ready = world.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().contains("the database takes no writes"), "{}", ready.text());
    schema.sql("DROP TRIGGER follows ON event; DROP TRIGGER follows ON setting; DROP FUNCTION follows");
    assert_eq!(world.get("/readyz").await.status, StatusCode::OK);
    let answer = world.document(device.message(&request)).await;
    device.receive(&world, &request, &answer.body);
}
