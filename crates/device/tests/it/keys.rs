//! The file with the server's keys is gone: one contact brings it back (I8).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use carnet_core::document::Operation;
use carnet_device::identity::{Binding, GivenMachine};
use carnet_device::{ContactError, Env, Line, Passbook, PassbookError, contact};
use carnet_testkit::server::offer;
use carnet_testkit::{FakeClock, FakeServer, MemDisk, Mishap, SeededRandom, customer};

const NOW: i64 = 1_790_000_000_000_000;

struct Place {
    disk: MemDisk,
    server: FakeServer,
    random: Arc<SeededRandom>,
}

impl Place {
    /// A registered device without its key set.
    fn without_keys() -> Self {
        let (disk, random) = (MemDisk::new(), Arc::new(SeededRandom::new(3)));
        let place = Self { disk, server: FakeServer::new(FakeClock::at(NOW)), random };
        let machine = GivenMachine::named("desk");
        customer::register(&place.server, place.env(), home(), &Binding::Machine(&machine)).unwrap();
        place.lose_keys();
        place
    }

    fn env(&self) -> Env {
        Env { fs: Arc::new(self.disk.fs()), clock: Arc::new(FakeClock::at(NOW)), random: self.random.clone() }
    }

    fn lose_keys(&self) {
        let files = self.disk.files();
        self.disk.take(files.keys().find(|path| path.ends_with("key-set")).unwrap());
    }

    fn open(&self) -> Passbook {
        Passbook::open(self.env(), home(), self.server.pin(), &GivenMachine::named("desk")).unwrap()
    }

    fn line(&self) -> Line<'_> {
        Line { net: &self.server, time_limit: Duration::from_secs(10) }
    }
}

fn home() -> &'static Path {
    Path::new("/ann/carnet")
}

#[test]
fn i8_a_passbook_without_the_servers_keys_opens_and_one_contact_brings_them_back() {
    let place = Place::without_keys();
    let mut passbook = place.open();
    assert!(passbook.lacks_keys() && passbook.user().is_none());
    place.server.set_away(true);
    assert!(matches!(contact::fetch_key_set(&mut passbook, place.line()), Err(ContactError::Net(_))));
    assert!(passbook.lacks_keys());
    place.server.set_away(false);
    contact::fetch_key_set(&mut passbook, place.line()).unwrap();
    assert!(!passbook.lacks_keys() && passbook.user().is_some());
    let again = place.open();
    assert_eq!((again.user(), again.lacks_keys()), (passbook.user(), false));
}

#[test]
fn i8_a_question_of_a_passbook_without_keys_fetches_them_first_and_carries_the_receipt() {
    let place = Place::without_keys();
    let app = "acme/paint".parse().unwrap();
    contact::ask(&mut place.open(), Some(&app), &Operation::Renew { uses: 1 }, place.line()).unwrap();
    let state = customer::agree(&mut place.open(), &app, &place.server, offer("ever", &["resize"])).unwrap();
    assert!(state.held.is_some() && state.refused.is_none());
}

#[test]
fn i8_an_open_request_is_resumed_by_a_passbook_that_lost_its_keys() {
    let place = Place::without_keys();
    let app = "acme/paint".parse().unwrap();
    place.server.put_menu(&app, vec![offer("ever", &["resize"])]);
    let mut passbook = place.open();
    contact::fetch_key_set(&mut passbook, place.line()).unwrap();
    place.server.expect([Mishap::AnswerLost]);
    assert!(contact::ask(&mut passbook, Some(&app), &Operation::Renew { uses: 1 }, place.line()).is_err());
    place.lose_keys();
    let state = contact::resume(&mut place.open(), Some(&app), place.line()).unwrap();
    assert_eq!((state.intent, state.epoch), (None, 1));
}

#[test]
fn a_passbook_that_was_never_registered_lacks_nothing() {
    let place = Place::without_keys();
    let machine = GivenMachine::named("other");
    let other = Path::new("/ben/carnet");
    let passbook =
        Passbook::create(place.env(), other, place.server.pin(), &Binding::Machine(&machine)).unwrap();
    assert!(!passbook.lacks_keys() && passbook.user().is_none());
}

#[test]
fn i12_a_foreign_key_set_is_not_kept() {
    let place = Place::without_keys();
    let mut passbook = place.open();
    place.server.expect([Mishap::Garbage]);
    assert!(matches!(contact::fetch_key_set(&mut passbook, place.line()), Err(ContactError::Untrusted(_))));
    assert!(matches!(passbook.keep_key_set(b"nonsense"), Err(PassbookError::KeySet(_))));
    assert!(place.open().lacks_keys());
}
