//! A pooler in between that begins to give this server's sessions to others.

use carnet_core::document::Operation;
use carnet_store::{Database, How, LedgerError, Store, StoreError};
use carnet_testkit::postgres::Schema;

use super::world::*;

fn schema(place: &Place) -> &Schema {
    let Place::Schema(schema) = place else { panic!("this is PostgreSQL") };
    schema
}

/// Where a session is another one each time that it is asked, while a test says so.
fn world_behind_a_pooler() -> World {
    let World { store, place, clock, .. } = World::new();
    store.close();
    schema(&place).sql(
        "CREATE TABLE pooler (gives_transactions BIGINT); INSERT INTO pooler VALUES (0); CREATE SEQUENCE turns; \
         CREATE FUNCTION pg_backend_pid() RETURNS INTEGER LANGUAGE plpgsql AS $$ BEGIN \
         RETURN pg_catalog.pg_backend_pid() + (SELECT gives_transactions FROM pooler) * nextval('turns'); END $$",
    );
    // Here the schema comes before the functions of the system.
    let url = format!("{}%2Cpg_catalog", schema(&place).url());
    let store = Store::open(Database::Postgres(url.parse().unwrap()), options(&clock)).unwrap();
    let ledger = store.ledger(SERVER, std::sync::Arc::new(FakePrepare));
    World { store, ledger, clock, place }
}

#[test]
fn i9_a_session_that_has_become_another_one_is_found_out_before_anything_is_written() {
    let world = world_behind_a_pooler();
    let mut phone = Phone::register(&world, 1);
    pass_of(&phone.agree(&world, "ten-runs"));
    let before = world.sql("SELECT count(*) FROM event");
    schema(&world.place).sql("UPDATE pooler SET gives_transactions = 1");
    let request = phone.request(Operation::Renew { uses: 1 });
    for _ in 0..2 {
        let refused = world.ledger.settle(phone.work(&request));
        assert_eq!(refused, Err(LedgerError::Store(StoreError::Pooled)));
    }
    let written = world.store.write("test", |tx| tx.put_setting("a", b"b"));
    assert_eq!(written, Err(StoreError::Pooled));
    assert_eq!(world.store.trouble(), Some(StoreError::Pooled));
    assert_eq!(world.sql("SELECT count(*) FROM event"), before);

    schema(&world.place).sql("UPDATE pooler SET gives_transactions = 0");
    assert_eq!(how(&world.ledger.settle(phone.work(&request)).unwrap()), How::Decided);
    assert_eq!(world.store.trouble(), None);
    world.assert_clean();
}
