//! The book of an app without a reporting clause forgets its past, and nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::device::Input;
use carnet_core::document::Operation;
use carnet_core::id::RunId;
use carnet_core::journal::State;
use carnet_core::offer::{Offer, Reporting};
use carnet_core::time::{Length, Time};
use carnet_device::identity::{Binding, GivenMachine};
use carnet_device::journal::Settings;
use carnet_device::{Book, Env, Passbook, contact};
use carnet_testkit::server::offer;
use carnet_testkit::{FakeClock, FakeServer, MemDisk, Mishap, SeededRandom, customer};

const NOW: i64 = 1_790_000_000_000_000;

struct Place {
    disk: MemDisk,
    server: FakeServer,
    passbook: Passbook,
}

fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

/// Uses are counted; with a reporting clause or without.
fn paint(reports: bool) -> Offer {
    let mut paint = offer(if reports { "reported" } else { "free" }, &["resize"]);
    paint.term.uses = Some(1_000);
    paint.pass_term.uses = Some(500);
    paint.reporting = reports.then_some(Reporting::kept_for(Length::days(30)));
    paint
}

impl Place {
    fn new() -> Self {
        let (disk, server) = (MemDisk::new(), FakeServer::new(FakeClock::at(NOW)));
        let env = Env {
            fs: Arc::new(disk.fs()),
            clock: Arc::new(FakeClock::at(NOW)),
            random: Arc::new(SeededRandom::new(5)),
        };
        let binding = Binding::Machine(&GivenMachine::named("desk"));
        let passbook = customer::register(&server, env, Path::new("/ann/carnet"), &binding).unwrap();
        Self { disk, server, passbook }
    }

    fn agree(&mut self, offer: Offer) {
        customer::agree(&mut self.passbook, &app(), &self.server, offer).unwrap();
    }

    fn ask(&mut self, operation: &Operation) -> Result<State, carnet_device::ContactError> {
        customer::ask(&mut self.passbook, Some(&app()), &self.server, operation)
    }

    fn folder(&self) -> PathBuf {
        self.passbook.place().app_journal(&app())
    }

    /// The book with segments of a few records beyond the checkpoint.
    fn book(&self) -> Book {
        let settings = Settings { segment_size: 1, patience: Duration::from_millis(50) };
        let state = self.passbook.look(&app()).unwrap();
        let new = State::new(state.server, state.name, state.last_answer, Time::EPOCH);
        Book::open_with(Arc::new(self.disk.fs()), &self.folder(), new, settings).unwrap()
    }

    /// So many uses by one run.
    fn work(&self, uses: u32) {
        let (mut book, run) = (self.book(), RunId([9; 16]));
        book.act(Input::Start { run, version: None }, Time(NOW)).unwrap();
        (0..uses).for_each(|_| {
            book.act(Input::Use { run, uses: 1 }, Time(NOW)).unwrap();
        });
    }

    fn segments(&self) -> Vec<String> {
        let in_folder = |path: &PathBuf| path.starts_with(self.folder());
        let files = self.disk.files().into_keys().filter(in_folder);
        let names = files.filter_map(|path| path.file_name()?.to_str().map(ToOwned::to_owned));
        names.filter(|name| name.ends_with(".seg")).collect()
    }

    fn state(&self) -> State {
        self.passbook.look(&app()).unwrap()
    }
}

#[test]
fn without_a_reporting_clause_one_segment_is_left_and_it_says_everything() {
    let mut place = Place::new();
    place.agree(paint(false));
    place.work(60);
    assert_eq!(place.segments().len(), 1, "{:?}", place.segments());
    assert_ne!(place.segments(), ["00000001.seg"], "it is not the first one");
    let state = place.state();
    assert_eq!((state.used().uses, state.running.len(), state.epoch), (61, 1, 1));
    assert!(place.passbook.last_answer(&state).unwrap().is_some(), "the last answer is there");
    place.ask(&Operation::Renew { uses: 1 }).unwrap();
    assert_eq!(place.state().epoch, 2, "the server takes it for what it was");
    assert_eq!(place.state().refused, None);
}

#[test]
fn i8_an_open_request_survives_and_is_answered() {
    let mut place = Place::new();
    place.agree(paint(false));
    place.server.expect([Mishap::AnswerLost]);
    assert!(place.ask(&Operation::Renew { uses: 1 }).is_err());
    let asked = place.state().intent.clone();
    assert!(asked.is_some());
    place.work(60);
    assert_eq!((place.segments().len(), &place.state().intent), (1, &asked));
    let line = contact::Line { net: &place.server, time_limit: Duration::from_secs(10) };
    let state = contact::resume(&mut place.passbook, Some(&app()), line).unwrap();
    assert_eq!((state.intent, state.epoch, state.refused), (None, 2, None));
}

#[test]
fn a17_a_portable_pass_survives_and_can_be_written_again_and_taken_back() {
    let mut place = Place::new();
    place.agree(paint(false));
    place.work(3);
    place.ask(&Operation::Export).unwrap();
    let portable = place.state().portables.values().next().cloned().unwrap();
    let mut book = place.book();
    for _ in 0..40 {
        book.note_disapproval(&carnet_core::device::Disapproval::Moving, Time(NOW)).unwrap();
    }
    assert_eq!(place.segments().len(), 1);
    assert_eq!(place.state().portables.values().next(), Some(&portable));
    place.ask(&Operation::Import(Box::new(portable))).unwrap();
    assert_eq!(place.state().refused, None);
    place.work(1);
}

#[test]
fn c1_records_under_a_reporting_clause_stay_also_under_the_next_license() {
    let mut place = Place::new();
    place.agree(paint(true));
    place.work(60);
    let kept = place.segments();
    assert!(kept.len() > 1 && kept[0] == "00000001.seg", "{kept:?}");
    place.agree(paint(false));
    place.work(60);
    assert!(place.segments().starts_with(&kept), "{:?}", place.segments());
}

#[test]
fn i11_three_tails_are_counted_whatever_goes() {
    let mut place = Place::new();
    place.agree(paint(false));
    for tails in 1..=3 {
        place.work(20);
        let newest = place.folder().join(place.segments().last().unwrap());
        let torn = [place.disk.read(&newest).unwrap(), vec![7; 20]].concat();
        place.disk.put(&newest, &torn);
        place.work(20);
        assert_eq!(place.state().tails_dropped, tails);
        assert_eq!(place.disk.read(&newest), Some(torn), "its bytes stay until the next contact");
    }
    place.ask(&Operation::Renew { uses: 1 }).unwrap();
    assert_eq!((place.state().tails_dropped, place.segments().len()), (0, 1));
}
