//! `carnetd migrate --to`: from the file to PostgreSQL, with everything that was promised.

use carnet_core::document::{Body, Operation};
use carnet_seam::RealFs;
use carnet_server::api;
use carnet_server::server::{Server, Surroundings};
use carnet_testkit::postgres::Schema;
use serde_json::json;

use crate::device_world::{Device, shop};
use crate::process::{carnetd, complaint, printed, run};
use crate::world::World;

/// The server of this world goes on with its data in PostgreSQL.
fn go_on_in(world: World, schema: &Schema) -> World {
    let World { server, clock, random, folder, policy, .. } = world;
    drop(server);
    let around = Surroundings {
        clock: std::sync::Arc::new(clock.clone()),
        random: random.clone(),
        fs: std::sync::Arc::new(RealFs::default()),
        data: folder.data(),
        database: Some(schema.url().parse().unwrap()),
        key_service: None,
    };
    let server = Server::open(around).unwrap();
    World { routes: api::service(&server), server, clock, random, folder, policy }
}

#[tokio::test]
async fn everything_goes_on_in_postgres_and_the_file_is_given_up() {
    let world = World::new();
    let (supplier, app) = shop(&world).await;
    let token = supplier.token.clone();
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    device.use_up(pass.license, 1);
    let lost = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let first = world.document(device.message(&lost)).await;
    let data = world.folder.data();
    let schema = Schema::new();

    let early = run(&data, &["migrate", "--to", &schema.url()]);
    assert_eq!(early.status.code(), Some(3), "a server runs: {}", complaint(&early));
    world.server.close();
    let moved = run(&data, &["migrate", "--to", &schema.url()]);
    assert_eq!(moved.status.code(), Some(0), "{}{}", printed(&moved), complaint(&moved));
    assert!(printed(&moved).contains("copied and compared"), "{}", printed(&moved));
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["migrate", "--to", &schema.url()]]
    {
        let refused = run(&data, arguments);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(complaint(&refused).contains("goes on there"), "{}", complaint(&refused));
    }

    let world = go_on_in(world, &schema);
    let repeated = world.document(device.message(&lost)).await;
    assert_eq!(repeated.body, first.body, "I5: signed with the same keys, opened with the same secret");
    device.receive(&world, &lost, &repeated.body);
    device.use_up(pass.license, 1);
    let answer = device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    assert!(matches!(answer.body, Body::Pass(_)), "{answer:?}");
    let supplier = crate::world::Supplier { world: &world, token, name: "acme".into() };
    let menu = supplier.get(&format!("/v1/menu/{app}")).await.json();
    assert_eq!(menu["serial"], json!(1));
    assert!(world.server.store().check().unwrap().is_clean());
    world.server.close();
}

#[tokio::test]
async fn a_migration_that_was_cut_short_leaves_nothing_and_is_run_again() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    Device::registered(&world).await.buy(&world, &app).await;
    let data = world.folder.data();
    world.server.close();
    let schema = Schema::new();
    let prepared = carnetd(&data).args(["--database-url", &schema.url(), "migrate"]).output().unwrap();
    assert_eq!(prepared.status.code(), Some(0), "{}", complaint(&prepared));
    // The connection is lost at the last table.
    schema.sql(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END $$; \
         CREATE TRIGGER cut BEFORE INSERT ON user_code FOR EACH ROW EXECUTE FUNCTION cut()",
    );
    let cut = run(&data, &["migrate", "--to", &schema.url()]);
    assert_eq!(cut.status.code(), Some(1), "{}", printed(&cut));
    assert!(complaint(&cut).contains("cannot be reached"), "{}", complaint(&cut));
    assert_eq!(schema.sql("SELECT count(*) FROM license"), "0");
    assert_eq!(run(&data, &["check-ledger"]).status.code(), Some(0), "the file is as it was");
    schema.sql("DROP TRIGGER cut ON user_code; DROP FUNCTION cut");
    let again = run(&data, &["migrate", "--to", &schema.url()]);
    assert_eq!(again.status.code(), Some(0), "{}", complaint(&again));
    assert_eq!(schema.sql("SELECT count(*) FROM license"), "1");

    // Cut after the target was committed, before the file was told: what is there is compared, not copied twice.
    let file = rusqlite::Connection::open(data.join("carnet.db")).unwrap();
    file.execute("DELETE FROM setting WHERE name = 'relocated-to'", []).unwrap();
    drop(file);
    let third = run(&data, &["migrate", "--to", &schema.url()]);
    assert_eq!(third.status.code(), Some(0), "{}", complaint(&third));
    assert!(printed(&third).contains("are there already, and the same"), "{}", printed(&third));
}

#[tokio::test]
async fn a_target_with_something_else_in_it_is_refused() {
    let world = World::new();
    shop(&world).await;
    let data = world.folder.data();
    world.server.close();
    let schema = Schema::new();
    let other = World::new();
    let other = other.folder.data();
    let prepared = carnetd(&other).args(["--database-url", &schema.url(), "migrate"]).output().unwrap();
    assert_eq!(prepared.status.code(), Some(0));
    schema.sql("INSERT INTO setting (name, value) VALUES ('of', 'another')");
    let refused = run(&data, &["migrate", "--to", &schema.url()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("the database is not empty"), "{}", complaint(&refused));
    assert_eq!(schema.sql("SELECT count(*) FROM setting"), "1");
    assert_eq!(run(&data, &["check-ledger"]).status.code(), Some(0), "the file is as it was");
}
