//! The database goes away and comes back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use carnet_core::document::{Body, Operation};
use carnet_seam::RealFs;
use carnet_server::api;
use carnet_server::server::{Server, Surroundings};
use carnet_testkit::postgres::Schema;

use crate::device_world::{Device, shop};
use crate::world::World;

/// A way to the database that can be closed.
struct Way {
    port: u16,
    open: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<(TcpStream, UnixStream)>>>,
}

impl Way {
    /// To the socket of the cluster.
    fn to(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, streams) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let (is_open, kept) = (Arc::clone(&open), Arc::clone(&streams));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !is_open.load(Ordering::Relaxed) {
                    continue;
                }
                let database = UnixStream::connect(&socket).unwrap();
                carry(client.try_clone().unwrap(), database.try_clone().unwrap());
                kept.lock().unwrap().push((client, database));
            }
        });
        Self { port, open, streams }
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

fn carry(client: TcpStream, database: UnixStream) {
    let (from, to) = (client.try_clone().unwrap(), database.try_clone().unwrap());
    std::thread::spawn(move || pump(from, to));
    std::thread::spawn(move || pump(database, client));
}

fn pump(mut from: impl Read, mut to: impl Write) {
    // Ends when either side does.
    let _ = std::io::copy(&mut from, &mut to);
}

/// A server whose database is at the end of a way.
fn at_the_end(schema: &Schema) -> (World, Way) {
    let socket =
        format!("{}/.s.PGSQL.{}", schema.sql("SHOW unix_socket_directories"), schema.sql("SHOW port"));
    let way = Way::to(socket);
    let url = schema.url();
    let (user, rest) = url.split_once('@').unwrap();
    let (_, name) = rest.split_once('/').unwrap();
    let World { server, clock, random, folder, policy, .. } = World::new();
    let around = Surroundings {
        clock: Arc::new(clock.clone()),
        random: random.clone(),
        fs: Arc::new(RealFs::default()),
        data: folder.data(),
        database: Some(format!("{user}@127.0.0.1:{}/{name}", way.port).parse().unwrap()),
        key_service: None,
    };
    server.close();
    // What the first server has kept for its devices is of another root.
    std::fs::remove_dir_all(folder.data().join("keys")).unwrap();
    let server = Server::open(around).unwrap();
    (World { routes: api::service(&server), server, clock, random, folder, policy }, way)
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
