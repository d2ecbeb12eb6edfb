//! C1, C2, C4: what is recorded, what a report says of it, and that nothing of it can be changed unseen.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::device::Input;
use carnet_core::document::Operation;
use carnet_core::id::{Digest, RequestId, RunId};
use carnet_core::journal::Record;
use carnet_core::offer::{Offer, Reporting, UserNames};
use carnet_core::report::{
    Contract, Detail, Detailing, Doubt, Integrity, Known, Mark, Notice, ReportKeys, Statement, Verdict,
    Violation, judge_report,
};
use carnet_core::time::{Length, Seconds, Time};
use carnet_device::identity::{Binding, Component, Feature, GivenMachine, Machine};
use carnet_device::journal::{self, Entry, Fold, Journal, JournalName, Misfit, Settings, Tail};
use carnet_device::report::{Facts, Opened, ReportError, make, open};
use carnet_device::usage::{Details, note_copy};
use carnet_device::{Book, Env, Passbook};
use carnet_seal::report::{ReportSecrets, attachment};
use carnet_seal::sealed::{Carried, CodeError, seal};
use carnet_seal::{cbor, sign};
use carnet_testkit::server::offer;
use carnet_testkit::{FakeClock, FakeServer, MemDisk, SeededRandom, customer};

const NOW: i64 = 1_790_000_000_000_000;
const DAY: Seconds = Seconds(86_400);

/// Ann's machine.
#[derive(Debug)]
pub struct Atelier(GivenMachine);

impl Machine for Atelier {
    fn features(&self, component: Component) -> Vec<Feature> {
        self.0.features(component)
    }
    fn host_name(&self) -> Option<String> {
        Some("atelier".into())
    }
    fn user_name(&self) -> Option<String> {
        Some("ann".into())
    }
}

pub fn atelier() -> Atelier {
    Atelier(GivenMachine::named("desk"))
}

fn machine() -> Arc<dyn Machine> {
    Arc::new(atelier())
}

pub fn secrets() -> [ReportSecrets; 1] {
    [ReportSecrets::from_seeds(&[0x61; 64])]
}

pub fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

pub fn paint(keys: Option<ReportKeys>, users: Option<UserNames>) -> Offer {
    let mut paint = offer("reported", &["resize"]);
    paint.term.uses = Some(1_000);
    paint.pass_term.uses = Some(500);
    paint.reporting = Some(Reporting { keys, users, ..Reporting::kept_for(Length::days(30)) });
    paint
}

pub struct Place {
    pub disk: MemDisk,
    pub clock: FakeClock,
    pub server: FakeServer,
    pub passbook: Passbook,
    pub settings: Settings,
}

impl Place {
    pub fn new() -> Self {
        let (disk, clock) = (MemDisk::new(), FakeClock::at(NOW));
        let server = FakeServer::new(clock.clone());
        let env = Env {
            fs: Arc::new(disk.fs()),
            clock: Arc::new(clock.clone()),
            random: Arc::new(SeededRandom::new(5)),
        };
        let machine = atelier();
        let passbook = customer::register(&server, env, home(), &Binding::Machine(&machine)).unwrap();
        Self { disk, clock, server, passbook, settings: Settings::default() }
    }

    pub fn agreed() -> Self {
        let mut place = Self::new();
        place.agree(paint(Some(secrets()[0].public()), None));
        place
    }

    pub fn agree(&mut self, offer: Offer) {
        customer::agree(&mut self.passbook, &app(), &self.server, offer).unwrap();
    }

    pub fn renew(&mut self) {
        customer::ask(&mut self.passbook, Some(&app()), &self.server, &Operation::Renew { uses: 1 }).unwrap();
    }

    pub fn now(&self) -> Time {
        self.passbook.env().now()
    }

    pub fn book(&self) -> Book {
        let state = self.passbook.look(&app()).unwrap();
        let new = carnet_core::journal::State::new(state.server, state.name, state.last_answer, Time::EPOCH);
        let folder = self.passbook.place().app_journal(&app());
        Book::open_with(Arc::new(self.disk.fs()), &folder, new, self.settings).unwrap()
    }

    /// A run of so many further uses, a minute each.
    pub fn run(&self, number: u8, uses: u8) {
        let (mut book, run) = (self.book(), RunId([number; 16]));
        let mut details = Details::of(&self.passbook, &machine(), run, "2.1".parse().ok()).unwrap();
        book.act_with(Input::Start { run, version: None }, self.now(), &mut details).unwrap();
        for _ in 0..uses {
            self.clock.pass(Duration::from_secs(60));
            details.using("resize".parse().ok());
            book.act_with(Input::Use { run, uses: 1 }, self.now(), &mut details).unwrap();
        }
        book.act_with(Input::End { run, unused: Seconds(0) }, self.now(), &mut details).unwrap();
    }

    pub fn code(&self) -> Vec<u8> {
        make(&self.passbook, &atelier(), &app(), facts()).unwrap()
    }

    pub fn report(&self) -> Opened {
        open(&self.code(), &secrets(), self.passbook.ring()).unwrap()
    }

    pub fn contract(&self) -> Contract {
        Contract {
            server: self.server.pin().server,
            app: app(),
            user: self.passbook.user().unwrap(),
            license: self.passbook.look(&app()).unwrap().held.map(|held| held.pass.license),
            devices: BTreeSet::from([self.passbook.identity().device()]),
            uses: Some(1_000),
            seconds: None,
            ended: None,
        }
    }

    pub fn judged(&self, opened: &Opened, known: &Known) -> Verdict {
        judge_report(&opened.report, &opened.trail, &self.contract(), known, self.now()).verdict
    }
}

fn home() -> &'static Path {
    Path::new("/ann/carnet")
}

fn facts() -> Facts {
    Facts { version: "2.1".parse().ok(), integrity: Integrity::NotInstalledHere, nonce: None, keys: None }
}

fn reasons(verdict: &Verdict) -> BTreeSet<&'static str> {
    match verdict {
        Verdict::Violation(reasons) => reasons.iter().map(Violation::code).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn c1_c2_c4_a_contract_that_was_kept_is_confirmed_with_everything_that_was_recorded() {
    let place = Place::agreed();
    place.run(1, 2);
    place.run(2, 0);
    let opened = place.report();
    let says = &opened.report.says;
    assert_eq!((says.app.clone(), says.device_name.as_str(), says.at), (app(), "atelier", place.now()));
    assert_eq!(says.totals.values().map(|totals| totals.uses).sum::<u64>(), 4);
    let heard =
        judge_report(&opened.report, &opened.trail, &place.contract(), &Known::default(), place.now());
    assert_eq!(heard.verdict, Verdict::WithinContract);
    assert_eq!((heard.summary.runs, heard.summary.uses), (2, 4));
    assert_eq!(heard.summary.hosts, BTreeSet::from(["atelier".to_owned()]));
    assert_eq!(heard.notices, BTreeSet::from([Notice::NotInstalledHere]));
    let details = opened.trail.entries.iter().filter_map(|entry| match &entry.detail {
        Detailing::Read(detail) => Some((**detail).clone()),
        _ => None,
    });
    let details: Vec<_> = details.collect();
    let features =
        details.iter().filter(|detail| matches!(detail, Detail::Used { feature: Some(_) })).count();
    let lasted = details.iter().find_map(|detail| match detail {
        Detail::Ended { lasted } => Some(*lasted),
        _ => None,
    });
    assert_eq!((features, lasted), (2, Some(Seconds(120))));
}

#[test]
fn c1_the_user_reads_totals_and_kinds_and_no_details() {
    let place = Place::agreed();
    place.run(1, 2);
    assert_eq!(place.passbook.look(&app()).unwrap().used().uses, 3);
    let bytes: Vec<u8> = place.disk.files().into_values().flatten().collect();
    for secret in ["atelier", "resize\0", "user-"] {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} lies on the disk in the clear");
    }
    // The device has everything on its disk, and cannot open it.
    let own = ReportSecrets::from_seeds(&[9; 64]);
    assert!(matches!(open(&place.code(), &[own], None), Err(CodeError::OtherKey(_))));
}

#[test]
fn c1_who_used_it_is_said_as_the_offer_says() {
    for (users, expected) in
        [(None, "user-"), (Some(UserNames::SystemNames), "ann"), (Some(UserNames::Hidden), "")]
    {
        let mut place = Place::new();
        place.agree(paint(Some(secrets()[0].public()), users));
        place.run(1, 0);
        let opened = place.report();
        let heard =
            judge_report(&opened.report, &opened.trail, &place.contract(), &Known::default(), place.now());
        let who = heard.summary.users.first().map_or("", String::as_str);
        assert!(who.starts_with(expected) && who.is_empty() == expected.is_empty(), "{who}");
    }
}

#[test]
fn c4_without_keys_in_the_contract_a_request_brings_them() {
    let mut place = Place::new();
    place.agree(paint(None, None));
    place.run(1, 1);
    let refused = make(&place.passbook, &atelier(), &app(), facts());
    assert_eq!(refused, Err(ReportError::NoKey(app())));
    let asked = Facts { keys: Some(secrets()[0].public()), nonce: Some(RequestId([4; 16])), ..facts() };
    let opened = open(&make(&place.passbook, &atelier(), &app(), asked).unwrap(), &secrets(), None).unwrap();
    assert_eq!(place.judged(&opened, &Known::default()), Verdict::WithinContract);
    let other = make(&place.passbook, &atelier(), &"acme/draw".parse().unwrap(), facts());
    assert!(matches!(other, Err(ReportError::NothingHere(_))));
}

#[test]
fn c1_a19_a_tried_copy_is_recorded_in_the_copy_and_shows_in_its_report() {
    let place = Place::agreed();
    place.run(1, 0);
    let other: Arc<dyn Machine> = Arc::new(Atelier(GivenMachine::named("another machine")));
    note_copy(place.passbook.env(), home(), place.server.pin(), &app(), &other).unwrap();
    let verdict = place.judged(&place.report(), &Known::default());
    assert_eq!(reasons(&verdict), BTreeSet::from(["copy-tried"]));
}

#[test]
fn c4_an_answer_to_another_request_is_asked_for_again() {
    let place = Place::agreed();
    let request = carnet_core::report::ReportRequest {
        server: place.server.pin().server,
        supplier: carnet_core::id::SupplierId([1; 16]),
        app: app(),
        user: place.passbook.user().unwrap(),
        license: place.contract().license.unwrap(),
        device: None,
        nonce: RequestId([4; 16]),
        at: place.now(),
        due: place.now().plus(DAY),
        wanted: carnet_core::report::Wanted::Usage,
        keys: secrets()[0].public(),
    };
    let known = Known { request: Some(request), ..Known::default() };
    assert_eq!(place.judged(&place.report(), &known), Verdict::AskAgain(Doubt::OtherRequest));
    let answer = |nonce: u8| {
        let facts = Facts { nonce: Some(RequestId([nonce; 16])), ..facts() };
        open(&make(&place.passbook, &atelier(), &app(), facts).unwrap(), &secrets(), None).unwrap()
    };
    assert_eq!(place.judged(&answer(3), &known), Verdict::AskAgain(Doubt::OtherRequest));
    assert_eq!(place.judged(&answer(4), &known), Verdict::WithinContract);
    place.clock.pass(Duration::from_secs(86_401));
    assert_eq!(reasons(&place.judged(&answer(4), &known)), BTreeSet::from(["overdue"]));
}

#[test]
fn c1_d3_records_are_dropped_only_after_the_agreed_time_and_the_gap_says_so() {
    let mut place = Place::agreed();
    place.settings.segment_size = 1;
    for number in 1..40 {
        place.run(number, 2);
    }
    let all = place.report();
    assert_eq!(all.trail.before.sequence, 0, "nothing has gone");
    // A clock that is set forward makes nothing old.
    place.clock.pass(Duration::from_secs(40 * 86_400));
    place.run(50, 20);
    assert_eq!(place.report().trail.before.sequence, 0, "the server has not said that time has passed");
    place.renew();
    for number in 51..60 {
        place.run(number, 20);
    }
    let later = place.report();
    assert!(later.trail.before.sequence > 0, "old records have gone");
    let known = Known { head: Some(all.report.says.head), ..Known::default() };
    let heard = judge_report(&later.report, &later.trail, &place.contract(), &known, place.now());
    assert_eq!(heard.verdict, Verdict::WithinContract);
    assert!(heard.notices.iter().any(|notice| matches!(notice, Notice::RetentionGap { .. })));
    // Without the record of it, a gap is a gap.
    let mut cut = later.clone();
    cut.trail.entries.retain(|entry| !matches!(entry.record, Record::RetentionGap { .. }));
    assert!(reasons(&place.judged(&cut, &known)).contains("gap"));
}

#[test]
fn d3_power_losses_and_small_clock_errors_are_nobodys_fault() {
    let mut place = Place::agreed();
    place.run(1, 1);
    let folder = place.passbook.place().app_journal(&app());
    let newest = place
        .disk
        .files()
        .into_keys()
        .rfind(|path| path.starts_with(&folder) && path.ends_with("00000001.seg"));
    let newest = newest.unwrap();
    place.disk.put(&newest, &[place.disk.read(&newest).unwrap(), vec![7; 20]].concat());
    place.run(2, 1);
    place.clock.pass(Duration::from_secs(20 * 3_600));
    place.run(4, 0);
    place.clock.set_wall(NOW + 3_600_000_000);
    place.run(3, 1);
    let opened = place.report();
    let heard =
        judge_report(&opened.report, &opened.trail, &place.contract(), &Known::default(), place.now());
    assert_eq!(heard.verdict, Verdict::WithinContract);
    let noticed = |wanted: fn(&Notice) -> bool| heard.notices.iter().any(wanted);
    assert!(noticed(|notice| matches!(notice, Notice::TailDropped { length: 20 })));
    assert!(noticed(|notice| matches!(notice, Notice::ClockCorrected { .. })));
    place.renew();
    assert_eq!(place.judged(&place.report(), &Known::default()), Verdict::WithinContract);
}

#[test]
fn d3_a_restored_passbook_is_older_than_what_was_known() {
    let mut place = Place::agreed();
    place.run(1, 1);
    let before = place.disk.files();
    place.run(2, 5);
    let known = Known { head: Some(place.report().report.says.head), ..Known::default() };
    for (path, bytes) in before {
        place.disk.put(&path, &bytes);
    }
    assert_eq!(reasons(&place.judged(&place.report(), &known)), BTreeSet::from(["rollback"]));
    // Going on from there makes a second history.
    place.run(3, 9);
    assert_eq!(reasons(&place.judged(&place.report(), &known)), BTreeSet::from(["fork"]));
    place.renew();
    assert!(reasons(&place.judged(&place.report(), &known)).contains("fork"));
}

#[test]
fn d3_a_clock_that_is_turned_back_is_refused_noted_and_mended_by_one_contact() {
    let mut place = Place::agreed();
    place.run(1, 1);
    place.clock.pass(Duration::from_secs(10 * 86_400));
    place.run(2, 1);
    place.clock.set_wall(NOW);
    let run = RunId([3; 16]);
    let mut details = Details::of(&place.passbook, &machine(), run, None).unwrap();
    let mut book = place.book();
    let refused = book.act_with(Input::Start { run, version: None }, place.now(), &mut details).unwrap_err();
    assert!(refused.to_string().contains("clock") || refused.to_string().contains("time"), "{refused}");
    book.note("clock-behind", place.now(), &mut details).unwrap();
    drop(book);
    let opened = place.report();
    let heard =
        judge_report(&opened.report, &opened.trail, &place.contract(), &Known::default(), place.now());
    assert_eq!(heard.verdict, Verdict::WithinContract, "a clock battery is nobody's fault");
    let told = Notice::Refused { code: "clock-behind".into(), times: 1 };
    assert!(heard.notices.contains(&told), "the supplier sees it: {:?}", heard.notices);
    place.renew();
    place.run(4, 1);
}

#[test]
fn d3_a_program_that_runs_on_a_clock_turned_back_leaves_the_evidence() {
    let forger = Forger::new();
    let earlier = Time(NOW).minus(Seconds(30 * 86_400));
    let mut records = forger.records.clone();
    for record in &mut records {
        if let Record::WithDetail { of, .. } = record
            && let Record::Used { at, .. } = &mut **of
        {
            *at = earlier;
        }
    }
    let verdict = forger.place.judged(&forger.forge(&records), &Known::default());
    assert!(reasons(&verdict).contains("clock-turned-back"), "{verdict:?}");
}

/// A settlement counts the slice that was out as gone, beyond what the old pass allowed. That is no use of it.
#[test]
fn d3_a_disk_restored_in_good_faith_and_settled_is_no_violation() {
    let mut place = Place::agreed();
    place.run(1, 1);
    let before = place.disk.files();
    place.renew();
    for (path, bytes) in before {
        place.disk.put(&path, &bytes);
    }
    place.renew();
    place.run(2, 1);
    let opened = place.report();
    let heard =
        judge_report(&opened.report, &opened.trail, &place.contract(), &Known::default(), place.now());
    assert_eq!(heard.verdict, Verdict::WithinContract);
    assert!(heard.notices.iter().any(|notice| matches!(notice, Notice::BackInStep { .. })), "{heard:?}");
}

/// Everything that an owner has who writes the whole journal anew: all records, and the key of the device.
struct Forger {
    place: Place,
    records: Vec<Record>,
}

/// Takes any record, so that anything can be written.
#[derive(Clone)]
struct Anything(Vec<u8>);

impl Fold for Anything {
    fn restore(&mut self, body: &[u8]) -> Result<(), Misfit> {
        self.0 = body.to_vec();
        Ok(())
    }
    fn apply(&mut self, _: &Entry<'_>) -> Result<(), Misfit> {
        Ok(())
    }
    fn checkpoint(&self) -> Vec<u8> {
        self.0.clone()
    }
    fn tail_dropped(&self, _: &Tail) -> journal::Record {
        journal::Record { kind: 10, body: Vec::new() }
    }
}

impl Forger {
    fn new() -> Self {
        let mut place = Place::agreed();
        place.run(1, 3);
        place.run(2, 0);
        place.renew();
        place.run(3, 2);
        let records = Self::raw(&place);
        Self { place, records }
    }

    /// The records as they are written, details sealed.
    fn raw(place: &Place) -> Vec<Record> {
        let (_, _, segments) = place.book().evidence().unwrap();
        let name = Self::name(place);
        let mut records = Vec::new();
        let bytes: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
        journal::read_remains(&name, &bytes, |found| {
            if found.kind != journal::CHECKPOINT {
                records.push(cbor::decode_within(found.body, cbor::Limits::JOURNAL).unwrap());
            }
        });
        records
    }

    fn name(place: &Place) -> JournalName {
        JournalName {
            server: place.server.pin().server,
            device: place.passbook.identity().device(),
            app: Some(app()),
        }
    }

    /// The report of a journal that was written anew with these records, and looks as right as can be made.
    fn forge(&self, records: &[Record]) -> Opened {
        let (state, _, _) = self.place.book().evidence().unwrap();
        let receipt = self.first_state();
        let settings = Settings { segment_size: 1 << 19, ..Settings::default() };
        let (disk, name) = (MemDisk::new(), Self::name(&self.place));
        let start = Anything(cbor::encode(&receipt));
        let mut journal = Journal::open(Arc::new(disk.fs()), Path::new("/j"), name, start, settings).unwrap();
        for record in records {
            let mut record = record.clone();
            if let Record::Intent(request) = &mut record {
                request.head = Digest(journal.head().chain);
            }
            // The kind on the frame is the number in the body: 0x8n begins an array.
            let body = cbor::encode(&record);
            let kind = if body[0] >= 0x80 { body[1] } else { body[0] };
            journal.append(vec![journal::Record { kind, body }]).unwrap();
        }
        let mut folded = receipt;
        let fits = records.iter().all(|record| folded.apply(record).is_ok());
        let folded = if fits { folded } else { state };
        let head = journal.head();
        let pass = folded.held.as_ref().map(|held| &held.pass);
        let says = Statement {
            head: Mark { sequence: head.sequence, chain: Digest(head.chain) },
            totals: folded.totals.clone(),
            epoch: folded.epoch,
            license: pass.map(|pass| pass.license),
            pass: pass.map(|pass| pass.id),
            ..self.place.report().report.says
        };
        let segments = journal.segment_bytes().unwrap();
        let records: Vec<u8> = segments
            .iter()
            .flat_map(|(_, bytes)| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat())
            .collect();
        let report = carnet_core::report::UsageReport {
            says,
            records: attachment(&records),
            ..self.place.report().report
        };
        let signed = sign(report, self.place.passbook.signer()).unwrap();
        let to = secrets()[0].public().seal_to;
        let code = seal(Carried::Report, signed.bytes(), &records, to, [3; 32]).unwrap();
        open(&code, &secrets(), self.place.passbook.ring()).unwrap()
    }

    fn first_state(&self) -> carnet_core::journal::State {
        let opened = self.place.report();
        match &opened.trail.entries[0].record {
            Record::Checkpoint(state) => (**state).clone(),
            other => panic!("{other:?}"),
        }
    }
}

/// Ways to change the record at a place.
fn changes(records: &[Record], at: usize) -> Vec<(&'static str, Vec<Record>)> {
    let mut all = Vec::new();
    let mut with = |what, change: &dyn Fn(&mut Vec<Record>)| {
        let mut changed = records.to_vec();
        change(&mut changed);
        if changed != records {
            all.push((what, changed));
        }
    };
    with("drop", &|records| drop(records.remove(at)));
    with("cut", &|records| records.truncate(at));
    with("repeat", &|records| records.insert(at, records[at].clone()));
    with("swap", &|records| {
        let next = (at + 1) % records.len();
        records.swap(at, next);
    });
    with("put in", &|records| {
        records.insert(at, Record::Disapproved { code: "no-pass".into(), at: Time(NOW) })
    });
    with("later", &|records| change_time(&mut records[at]));
    with("without details", &|records| {
        if let Record::WithDetail { of, .. } = &records[at] {
            records[at] = (**of).clone();
        }
    });
    all
}

fn change_time(record: &mut Record) {
    match record {
        Record::WithDetail { of, .. } => change_time(of),
        Record::RunStarted { at, .. } | Record::Used { at, .. } | Record::RunEnded { at, .. } => {
            *at = at.plus(Seconds(1));
        }
        _ => {}
    }
}

/// C4, I11: with what was known before, whatever an owner does to the records, and however well the rest is made
/// to match, it does not pass.
#[test]
fn c4_i11_no_change_of_known_records_passes_even_when_everything_is_written_anew() {
    let forger = Forger::new();
    let good = forger.forge(&forger.records);
    let known = Known { head: Some(good.report.says.head), ..Known::default() };
    assert_eq!(forger.place.judged(&good, &known), Verdict::WithinContract, "the forger's tools are good");
    let mut tried = 0;
    for at in 0..forger.records.len() {
        for (what, records) in changes(&forger.records, at) {
            let verdict = forger.place.judged(&forger.forge(&records), &known);
            assert!(matches!(verdict, Verdict::Violation(_)), "{what} at {at}: {verdict:?}");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

/// C1, I11: also before anything was known, records of a run hang together by their seals.
#[test]
fn c1_i11_no_change_inside_a_run_passes_even_the_first_time() {
    let forger = Forger::new();
    let first_run =
        forger.records.iter().position(|record| matches!(record, Record::WithDetail { .. })).unwrap();
    let inside = first_run..first_run + 4;
    assert!(
        matches!(&forger.records[inside.end], Record::WithDetail { of, .. } if matches!(**of, Record::RunEnded { .. }))
    );
    let mut tried = 0;
    for at in inside {
        for (what, records) in
            changes(&forger.records, at).into_iter().filter(|(what, _)| !["put in", "cut"].contains(what))
        {
            let verdict = forger.place.judged(&forger.forge(&records), &Known::default());
            assert!(matches!(verdict, Verdict::Violation(_)), "{what} at {at}: {verdict:?}");
            tried += 1;
        }
    }
    assert!(tried > 15, "{tried}");
}
