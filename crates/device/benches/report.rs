//! What a usage report of 100,000 records costs: made on the device, opened and judged by the supplier. Prints
//! `name | measured | target | reference`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a measurement needs the finest clock")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use carnet_core::app::AppId;
use carnet_core::device::Input;
use carnet_core::id::RunId;
use carnet_core::offer::Reporting;
use carnet_core::report::{Contract, Integrity, Known, Verdict, judge_report};
use carnet_core::time::{Length, Seconds};
use carnet_device::identity::{Binding, GivenMachine, Machine};
use carnet_device::report::{Facts, make, open};
use carnet_device::usage::Details;
use carnet_device::{Env, Passbook};
use carnet_seal::report::ReportSecrets;
use carnet_testkit::server::offer;
use carnet_testkit::{FakeClock, FakeServer, MemDisk, SeededRandom, customer};

const NOW: i64 = 1_790_000_000_000_000;
const RECORDS: u32 = 100_000;

fn main() {
    println!("name | measured | target | reference");
    measure(1_000, "≤ 1 s", "≤ 2 s");
    // A run of one record: a start that was never ended, as after a crash.
    measure(RECORDS, "–", "–");
}

fn measure(runs: u32, build: &str, judge: &str) {
    let passbook = used(runs);
    let (mut made, mut opened, mut size) = (Vec::new(), Vec::new(), 0);
    for _ in 0..3 {
        let facts = Facts { version: None, integrity: Integrity::NotInstalledHere, nonce: None, keys: None };
        let (code, took) = timed(|| make(&passbook, &GivenMachine::named("bench"), &app(), facts).unwrap());
        made.push(took);
        size = code.len();
        let (records, took) = timed(|| judged(&passbook, &code));
        opened.push(took);
        assert!(records >= RECORDS as usize, "{records}");
    }
    let (made, opened) = (median(&mut made), median(&mut opened));
    println!(
        "report of {RECORDS} records in {runs} runs: make | {:.2} s, {} MiB | {build} | –",
        made.as_secs_f64(),
        size >> 20
    );
    println!(
        "report of {RECORDS} records in {runs} runs: open and judge | {:.2} s | {judge} | –",
        opened.as_secs_f64()
    );
}

fn judged(passbook: &Passbook, code: &[u8]) -> usize {
    let opened = open(code, &[secrets()], passbook.ring()).unwrap();
    let says = &opened.report.says;
    let contract = Contract {
        server: says.server,
        app: app(),
        user: passbook.user().unwrap(),
        license: says.license,
        devices: BTreeSet::from([says.device]),
        uses: Some(1_000_000),
        seconds: None,
        ended: None,
    };
    let heard = judge_report(&opened.report, &opened.trail, &contract, &Known::default(), says.at);
    assert_eq!(heard.verdict, Verdict::WithinContract);
    opened.trail.entries.len()
}

/// A device that has recorded so much, in memory.
fn used(runs: u32) -> Passbook {
    let (disk, server) = (MemDisk::new(), FakeServer::new(FakeClock::at(NOW)));
    let env = Env {
        fs: Arc::new(disk.fs()),
        clock: Arc::new(FakeClock::at(NOW)),
        random: Arc::new(SeededRandom::new(5)),
    };
    let machine: Arc<dyn Machine> = Arc::new(GivenMachine::named("bench"));
    let mut passbook =
        customer::register(&server, env, Path::new("/ann/carnet"), &Binding::Machine(&*machine)).unwrap();
    let mut many = offer("many", &["resize"]);
    many.term.uses = Some(1_000_000);
    many.reporting =
        Some(Reporting { keys: Some(secrets().public()), ..Reporting::kept_for(Length::days(90)) });
    customer::agree(&mut passbook, &app(), &server, many).unwrap();
    let mut book = passbook.book(Some(&app())).unwrap();
    let now = passbook.env().now();
    let uses = (RECORDS / runs).saturating_sub(2);
    for number in 0..runs {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let run = RunId(id);
        let mut details = Details::of(&passbook, &machine, run, None).unwrap();
        book.act_with(Input::Start { run, version: None }, now, &mut details).unwrap();
        for _ in 0..uses {
            book.act_with(Input::Use { run, uses: 1 }, now, &mut details).unwrap();
        }
        if RECORDS > runs {
            book.act_with(Input::End { run, unused: Seconds(0) }, now, &mut details).unwrap();
        }
    }
    passbook
}

fn secrets() -> ReportSecrets {
    ReportSecrets::from_seeds(&[0x61; 64])
}

fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let made = run();
    (made, start.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
