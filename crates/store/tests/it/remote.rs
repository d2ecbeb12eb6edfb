//! A database that is not our own: somebody else's, away, or without permission.

use carnet_core::document::{Body, Operation};
use carnet_store::{LedgerError, PostgresUrl, Store, StoreError};
use carnet_testkit::FakeClock;
use carnet_testkit::postgres::{Schema, cluster, psql};

use super::world::*;

fn refusal(url: &str) -> StoreError {
    let url: PostgresUrl = url.parse().unwrap();
    Store::open(carnet_store::Database::Postgres(url), options(&FakeClock::at(NOW))).err().unwrap()
}

fn schema(world: &World) -> &Schema {
    let Place::Schema(schema) = &world.place else { panic!("this is PostgreSQL") };
    schema
}

/// Ends every connection of this store, as a restarted database does.
fn cut(world: &World) -> usize {
    let marked = schema(world).url();
    let name = marked.rsplit("%3D").next().unwrap();
    let cut = schema(world).sql(&format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'carnetd' \
         AND pid IN (SELECT pid FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation \
         JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = '{name}')"
    ));
    cut.parse().unwrap()
}

#[test]
fn somebody_elses_tables_are_refused_and_left_alone() {
    let schema = Schema::new();
    schema.sql("CREATE TABLE account (id BIGINT)");
    assert_eq!(refusal(&schema.url()), StoreError::Foreign);
    // A table of migrations is nothing special.
    schema.sql("CREATE TABLE migration (version TEXT)");
    assert_eq!(refusal(&schema.url()), StoreError::Foreign);
    assert_eq!(schema.sql("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"), "2");
}

#[test]
fn a_wrong_database_or_user_and_no_server_are_told_apart() {
    let to = |from: &str, to: &str| cluster().replace(from, to);
    assert!(matches!(refusal(&to("/postgres", "/no_such_database")), StoreError::Denied { .. }));
    assert!(matches!(refusal(&to("carnet@", "nobody_knows_me@")), StoreError::Denied { .. }));
    assert!(matches!(refusal("postgres://u@127.0.0.1:1/d"), StoreError::Unreachable { .. }));
    let nowhere = format!("{}?options=-c%20search_path%3Dno_such_schema", cluster());
    assert!(matches!(refusal(&nowhere), StoreError::Denied { .. }));
}

#[test]
fn a_user_who_may_not_make_tables_is_told_so_and_may_serve_a_database_that_is_up_to_date() {
    let schema = Schema::new();
    let name = schema.sql("SELECT current_schema()");
    schema.sql(&format!("CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA {name} TO {name}"));
    let limited = schema.url().replace("carnet@", &format!("{name}@"));
    let refused = refusal(&limited);
    assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
    let database = |url: &str| carnet_store::Database::Postgres(url.parse().unwrap());
    let clock = FakeClock::at(NOW);
    Store::open(database(&schema.url()), options(&clock)).unwrap().close();
    schema.sql(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO {name}"));
    let store = Store::open(database(&limited), options(&clock)).unwrap();
    store.write("test", |tx| tx.put_setting("a", b"b")).unwrap();
    store.close();
    schema.sql(&format!("DROP OWNED BY {name}; DROP ROLE {name}"));
}

#[test]
fn room_is_taken_for_a_moment_and_not_asked_for_where_this_user_may_not_take_it() {
    let name = format!("room_{}", std::process::id());
    psql(cluster(), &format!("CREATE ROLE {name} LOGIN"));
    psql(cluster(), &format!("CREATE DATABASE {name} OWNER {name}"));
    let url = cluster().replace("/postgres", &format!("/{name}")).replace("carnet@", &format!("{name}@"));
    let database: PostgresUrl = url.parse().unwrap();
    let store = Store::open(database, options(&FakeClock::at(NOW))).unwrap();
    store.write("test", |tx| tx.take_room()).unwrap();
    // A table that is left would be in the way of the next one.
    store.write("test", |tx| tx.take_room()).unwrap();
    psql(cluster(), &format!("REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC, {name}"));
    store.write("test", |tx| tx.take_room()).unwrap();
    store.close();
    psql(cluster(), &format!("DROP DATABASE {name} WITH (FORCE)"));
    psql(cluster(), &format!("DROP ROLE {name}"));
}

#[test]
fn a_server_whose_connections_were_cut_comes_back_by_itself() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    for _ in 0..3 {
        // Nothing is open: the next batch and the next reader find out, and connect again.
        let held = world.hold();
        assert!(cut(&world) > 0);
        drop(held);
        let request = phone.request(Operation::Renew { uses: 1 });
        // What the held connection had begun is lost with it; a request that comes after that is not.
        let settled = world.ledger.settle(phone.work(&request)).unwrap();
        phone.receive(&answered(settled));
        assert!(world.store.read(|tx| tx.suppliers()).is_ok());
    }
    world.assert_clean();
}

#[test]
fn i9_a_connection_lost_in_a_batch_stores_nothing_and_says_that_it_can_be_repeated() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let agreement = phone.agreement(&world, "ten-runs");
    let request = phone.request(agreement);
    // The database ends the connection when the event is written: after everything else of the batch.
    schema(&world).sql(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END $$; \
         CREATE TRIGGER cut BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION cut()",
    );
    let lost = world.ledger.settle(phone.work(&request));
    assert!(matches!(lost, Err(LedgerError::Store(StoreError::Unreachable { .. }))), "{lost:?}");
    schema(&world).sql("DROP TRIGGER cut ON event; DROP FUNCTION cut");
    assert_eq!(world.check().counts.licenses, 0);
    let settled = world.ledger.settle(phone.work(&request)).unwrap();
    assert_eq!(how(&settled), carnet_store::How::Decided);
    world.assert_clean();
}

#[test]
fn a_connection_lost_in_a_commit_gets_no_answer_and_the_repeat_finds_what_is_true() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let agreement = phone.agreement(&world, "ten-runs");
    let request = phone.request(agreement);
    // A deferred trigger runs inside COMMIT.
    schema(&world).sql(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION cut()",
    );
    assert_eq!(world.ledger.settle(phone.work(&request)), Err(LedgerError::Unknown));
    schema(&world).sql("DROP TRIGGER cut ON event; DROP FUNCTION cut");
    let settled = world.ledger.settle(phone.work(&request)).unwrap();
    assert_eq!(how(&settled), carnet_store::How::Decided);
    world.assert_clean();
}

#[test]
fn a_deadlock_or_serialization_failure_is_decided_again_as_a_whole() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    // Fails the first two times; a sequence keeps its value when a transaction is rolled back.
    schema(&world).sql(
        "CREATE SEQUENCE tries; \
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('tries') < 3 THEN RAISE SQLSTATE '40001'; END IF; RETURN new; END $$; \
         CREATE TRIGGER fail BEFORE INSERT ON license FOR EACH ROW EXECUTE FUNCTION fail()",
    );
    pass_of(&phone.agree(&world, "ten-runs"));
    assert_eq!(schema(&world).sql("SELECT last_value FROM tries"), "3");
    schema(&world).sql("DROP TRIGGER fail ON license; DROP FUNCTION fail; DROP SEQUENCE tries");
    world.assert_clean();
}

/// Writing to this table fails so many times, with this code of PostgreSQL. A sequence keeps its value when a transaction is
/// rolled back.
fn failing(world: &World, table: &str, code: &str, times: u32) {
    schema(world).sql(&format!(
        "CREATE SEQUENCE tries; \
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('tries') <= {times} THEN RAISE SQLSTATE '{code}'; END IF; RETURN new; END $$; \
         CREATE TRIGGER fail BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION fail()"
    ));
}

/// Ends that, and says how often it was tried.
fn healed(world: &World, table: &str) -> String {
    let tries = schema(world).sql("SELECT last_value FROM tries");
    schema(world).sql(&format!("DROP TRIGGER fail ON {table}; DROP FUNCTION fail; DROP SEQUENCE tries"));
    tries
}

#[test]
fn a_unit_of_work_is_run_again_as_a_whole_when_it_came_in_anothers_way() {
    for code in ["40001", "40P01"] {
        let world = World::new();
        failing(&world, "setting", code, 2);
        world.store.write("test", |tx| tx.put_setting("a", b"b")).unwrap();
        assert_eq!((healed(&world, "setting").as_str(), world.store.counts().again), ("3", 2), "{code}");
        assert_eq!(world.store.read(|tx| tx.setting("a")).unwrap().as_deref(), Some(&b"b"[..]));

        // Whatever the work makes of the error; and in the end it is told.
        failing(&world, "setting", code, 9);
        let not_found = || StoreError::NotFound { what: "something" };
        let told = world.store.write("test", move |tx| tx.put_setting("c", b"d").map_err(|_| not_found()));
        assert!(matches!(told, Err(StoreError::Conflict { .. })), "{told:?}");
        assert_eq!(healed(&world, "setting"), "3");
        assert_eq!(world.store.read(|tx| tx.setting("c")), Ok(None));
    }
}

#[test]
fn i9_a_full_disk_of_the_database_is_told_and_over_when_there_is_room_again() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    let agreement = phone.agreement(&world, "ten-runs");
    let request = phone.request(agreement);
    failing(&world, "event", "53100", 1);
    assert_eq!(world.store.trouble(), None);
    let full = world.ledger.settle(phone.work(&request));
    assert_eq!(full, Err(LedgerError::Store(StoreError::DiskFull)));
    assert_eq!(world.store.trouble(), Some(StoreError::DiskFull));
    assert_eq!(world.check().counts.licenses, 0);
    assert_eq!(how(&world.ledger.settle(phone.work(&request)).unwrap()), carnet_store::How::Decided);
    assert_eq!((healed(&world, "event").as_str(), world.store.trouble()), ("2", None));
    world.assert_clean();
}

#[test]
fn a_database_with_no_connections_left_is_told_as_such() {
    let schema = Schema::new();
    let name = schema.sql("SELECT current_schema()");
    schema.sql(&format!(
        "CREATE ROLE {name} LOGIN CONNECTION LIMIT 3; GRANT USAGE, CREATE ON SCHEMA {name} TO {name}"
    ));
    // One that writes and four that read are two too many.
    let refused = refusal(&schema.url().replace("carnet@", &format!("{name}@")));
    assert!(
        matches!(&refused, StoreError::Unreachable { why } if why.contains("too many connections")),
        "{refused:?}"
    );
    schema.sql(&format!("DROP OWNED BY {name}; DROP ROLE {name}"));
}

#[test]
fn rows_that_are_written_together_are_those_that_are_written_one_by_one() {
    let written = |together: bool| {
        let world = World::with(|options| options.together = together);
        let mut phones: Vec<_> = (1..=12).map(|number| Phone::register(&world, number)).collect();
        for operation in 0..4 {
            let hold = world.hold();
            let (sender, outcomes) = std::sync::mpsc::channel();
            let requests: Vec<_> = phones
                .iter_mut()
                .map(|phone| {
                    let agreement =
                        phone.agreement(&world, if operation % 2 == 0 { "ten-runs" } else { "pool" });
                    phone.request(if operation < 2 { agreement } else { Operation::Renew { uses: 1 } })
                })
                .collect();
            for (number, request) in requests.iter().enumerate() {
                let sender = sender.clone();
                let reply = move |outcome| sender.send((number, outcome)).unwrap();
                world.ledger.submit(phones[number].work(request), Box::new(reply));
            }
            drop((hold, sender));
            for (number, outcome) in outcomes {
                let body = phones[number].receive(&answered(outcome.unwrap()));
                if let Body::Pass(pass) = body {
                    phones[number].totals.entry(pass.license).or_default().uses = pass.uses.unwrap().upto;
                }
            }
        }
        world.assert_clean();
        ["license", "journal", "event", "agreement", "device"].map(|table| {
            let each =
                format!("SELECT coalesce(string_agg(md5(t::text), ',' ORDER BY t::text), '') FROM {table} t");
            schema(&world).sql(&each)
        })
    };
    let (together, one_by_one) = (written(true), written(false));
    assert!(together.iter().all(|rows| !rows.is_empty()));
    assert_eq!(together, one_by_one);
}

#[test]
fn the_password_is_in_no_error() {
    let refused = refusal("postgres://carnet:canary@127.0.0.1:1/d");
    assert!(!refused.to_string().contains("canary") && !format!("{refused:?}").contains("canary"));
}

#[test]
fn i19_a_user_is_found_and_erased_beside_a_running_server() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    let find = || carnet_store::erase::find(world.place.database(), "CANARY@example.org").unwrap();
    let found: Vec<_> = find().into_iter().map(|found| found.user).collect();
    assert_eq!(found, [phone.user]);
    let erasure = carnet_store::erase::Erasure::open(world.place.database()).unwrap();
    assert_eq!(erasure.kept(phone.user).unwrap().unwrap().view.licenses.len(), 1);
    erasure.erase(phone.user).unwrap();
    erasure.rewrite().unwrap();
    assert_eq!(erasure.empty_log(), Ok(true));
    assert!(find().is_empty());
    assert_eq!(world.store.read(|tx| tx.account(phone.user)).unwrap().unwrap().person, None);
    let unknown = carnet_core::id::UserId([1; 16]);
    assert_eq!(erasure.erase(unknown), Err(StoreError::NotFound { what: "user" }));
    phone.renew(&world);
    world.assert_clean();
}
