//! The database ends in a commit, and says why.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use carnet_core::document::Operation;
use carnet_store::{Database, How, LedgerError, Store, StoreError};
use carnet_testkit::postgres::Schema;

use super::world::*;

/// What PostgreSQL says last when the log of a commit has no room: the beginning of that log may be on the disk.
fn last_words() -> Vec<u8> {
    let fields = b"SPANIC\0VPANIC\0C53100\0Mcould not write to file \"pg_wal/xlogtemp.1\": No space left on device\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap();
    [&b"E"[..], &length.to_be_bytes(), fields].concat()
}

/// Between a store and its database. From a word on, each commit comes about and is answered by the last words.
struct Between {
    port: u16,
    ends: Arc<AtomicBool>,
}

impl Between {
    fn new(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, ends) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&ends);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                carry(client, UnixStream::connect(&socket).unwrap(), &told);
            }
        });
        Self { port, ends }
    }
}

fn carry(client: TcpStream, database: UnixStream, ends: &Arc<AtomicBool>) {
    let committing = Arc::new(AtomicBool::new(false));
    let (seen, ends) = (Arc::clone(&committing), Arc::clone(ends));
    let (mut from, mut to) = (client.try_clone().unwrap(), database.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut bytes = [0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            let commits = bytes[..length].windows(7).any(|part| part == b"COMMIT\0");
            seen.store(commits && ends.load(Ordering::SeqCst), Ordering::SeqCst);
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut from, mut to) = (database, client);
    std::thread::spawn(move || {
        let mut bytes = [0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            if committing.load(Ordering::SeqCst) {
                // The answer to the commit: it is done.
                let _ = to.write_all(&last_words());
                break;
            }
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    });
}

fn schema(place: &Place) -> &Schema {
    let Place::Schema(schema) = place else { panic!("this is PostgreSQL") };
    schema
}

fn world_with_somebody_between() -> (World, Between) {
    let World { store, place, clock, .. } = World::new();
    store.close();
    let sql = |statement| schema(&place).sql(statement);
    let between =
        Between::new(format!("{}/.s.PGSQL.{}", sql("SHOW unix_socket_directories"), sql("SHOW port")));
    let url = schema(&place).url();
    let (user, rest) = url.split_once('@').unwrap();
    let (_, name) = rest.split_once('/').unwrap();
    let url = format!("{user}@127.0.0.1:{}/{name}", between.port);
    let store = Store::open(Database::Postgres(url.parse().unwrap()), options(&clock)).unwrap();
    let ledger = store.ledger(SERVER, Arc::new(FakePrepare));
    (World { store, ledger, clock, place }, between)
}

#[test]
fn i9_a_commit_that_ends_the_database_is_not_refused_as_if_it_had_not_been_done() {
    let (world, between) = world_with_somebody_between();
    let mut phone = Phone::register(&world, 1);
    pass_of(&phone.agree(&world, "ten-runs"));

    let request = phone.request(Operation::Renew { uses: 1 });
    between.ends.store(true, Ordering::SeqCst);
    assert_eq!(world.ledger.settle(phone.work(&request)), Err(LedgerError::Unknown));
    between.ends.store(false, Ordering::SeqCst);
    // It was done.
    let settled = world.ledger.settle(phone.work(&request)).unwrap();
    assert_eq!(how(&settled), How::Repeat);
    phone.receive(&answered(settled));

    between.ends.store(true, Ordering::SeqCst);
    let written = world.store.write("test", |tx| tx.put_setting("a", b"b"));
    assert_eq!(written, Err(StoreError::Unknown));
    between.ends.store(false, Ordering::SeqCst);
    assert_eq!(world.store.read(|tx| tx.setting("a")).unwrap().as_deref(), Some(&b"b"[..]));
    world.assert_clean();
}
