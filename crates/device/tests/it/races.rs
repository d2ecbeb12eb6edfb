//! Two processes of one device ask the server at the same moment.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carnet_core::document::Operation;
use carnet_device::identity::{Binding, GivenMachine};
use carnet_device::{Env, Line, Passbook, contact};
use carnet_seam::{NoRandom, Random};
use carnet_testkit::server::offer;
use carnet_testkit::{FakeClock, FakeServer, MemDisk, Mishap, SeededRandom, customer};

const NOW: i64 = 1_790_000_000_000_000;

/// Lets something happen the first time that random bytes are wanted.
struct Meanwhile(Mutex<Option<Box<dyn FnOnce() + Send>>>, SeededRandom);

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Random for Meanwhile {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        let happens = self.0.lock().unwrap().take();
        happens.into_iter().for_each(|happens| happens());
        self.1.fill(bytes)
    }
}

#[test]
fn i8_a_request_that_another_process_opens_just_before_ours_is_finished_first() {
    let (disk, server) = (MemDisk::new(), FakeServer::new(FakeClock::at(NOW)));
    let (home, app) = (Path::new("/ann/carnet"), "acme/paint".parse().unwrap());
    let machine = GivenMachine::named("desk");
    let env = |random: Arc<dyn Random>| Env {
        fs: Arc::new(disk.fs()),
        clock: Arc::new(FakeClock::at(NOW)),
        random,
    };
    let other_env = env(Arc::new(SeededRandom::new(1)));
    customer::register(&server, other_env.clone(), home, &Binding::Machine(&machine)).unwrap();
    let mut ten = offer("ten", &["resize"]);
    (ten.term.uses, ten.pass_term.uses) = (Some(10), Some(4));
    let mut other = Passbook::open(other_env, home, server.pin(), &machine).unwrap();
    customer::agree(&mut other, &app, &server, ten).unwrap();

    let theirs = server.clone();
    let their_app = app.clone();
    let meanwhile = move || {
        theirs.expect([Mishap::AnswerLost]);
        let line = Line { net: &theirs, time_limit: Duration::from_secs(10) };
        let lost = contact::ask(&mut other, Some(&their_app), &Operation::Renew { uses: 1 }, line);
        assert!(lost.is_err(), "their request stays open");
    };
    let random = Meanwhile(Mutex::new(Some(Box::new(meanwhile))), SeededRandom::new(2));
    let mut ours = Passbook::open(env(Arc::new(random)), home, server.pin(), &machine).unwrap();
    let line = Line { net: &server, time_limit: Duration::from_secs(10) };
    let state = contact::ask(&mut ours, Some(&app), &Operation::Renew { uses: 2 }, line).unwrap();
    assert_eq!((state.intent, state.epoch, state.refused), (None, 3, None), "both were answered");
}
