//! What a licensed program pays: a feature check, a start, a use. Prints `name | measured | target | reference`.
//! One of them alone: `cargo bench -p carnet-controller --bench device -- cold-start`.
//!
//! Each thing is measured in turn with its reference, so that both meet the same disk and the same neighbours.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement needs the finest clock and bare files to compare with"
)]

mod place;

use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use carnet_device::identity::{Component, Machine};
use carnet_device::platform::ThisMachine;
use carnet_seal::SigningKey;

use place::{Disk, Place, RECORDS};

fn main() {
    println!("name | measured | target | reference");
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let all: [(&str, fn()); 3] =
        [("feature-check", feature_check), ("cold-start", cold_start), ("durable-use", durable_use)];
    let wanted = |name: &str| named.as_deref().is_none_or(|part| name.contains(part));
    all.iter().filter(|(name, _)| wanted(name)).for_each(|(_, measure)| measure());
}

/// How long this takes.
fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let made = run();
    let took = start.elapsed();
    drop(made);
    took
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn feature_check() {
    const CHECKS: u32 = 20_000_000;
    let place = Place::new("gate");
    let run = place.start(Disk::Real);
    let gate = run.gate("resize");
    let (mut checks, mut empty) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        checks.push(timed(|| (0..CHECKS).for_each(|_| assert!(black_box(&gate).is_open()))));
        empty.push(timed(|| {
            (0..CHECKS).for_each(|round| {
                black_box(round);
            })
        }));
    }
    let each = |times: &mut [Duration]| median(times).as_secs_f64() * 1e9 / f64::from(CHECKS);
    let (checks, empty) = (each(&mut checks), each(&mut empty));
    println!("feature check | {checks:.2} ns | ≤ 5 ns | empty loop {empty:.2} ns");
    let by_name = each(&mut [timed(|| (0..CHECKS).for_each(|_| assert!(run.allows(black_box("resize")))))]);
    println!("feature check by name | {by_name:.1} ns | – | the same run");
}

fn cold_start() {
    let place = Place::new("start");
    let key = SigningKey::from_seed(&[7; 32]);
    let message = [0x5a; 500];
    let (signature, public) = (key.sign(&message), key.verifying_key());
    let [mut starts, mut durable, mut verified, mut evidence] = [const { Vec::new() }; 4];
    let mut parts = place::PARTS.map(|part| (part, Vec::new()));
    for _ in 0..300 {
        verified.push(timed(|| public.verify(black_box(&message), &signature).unwrap()));
        place.restore();
        starts.push(timed(|| place.start(Disk::Unsynced)));
        place.restore();
        for ((_, times), part) in parts.iter_mut().zip(place.parts()) {
            times.push(part);
        }
        durable.push(timed(|| place.start(Disk::Real)));
        evidence.push(timed(|| Component::ALL.map(|component| ThisMachine::default().features(component))));
    }
    let (start, verify) = (median(&mut starts), median(&mut verified));
    let ratio = start.as_secs_f64() / verify.as_secs_f64();
    println!(
        "cold start, {RECORDS} records after the checkpoint | {:.0} µs = {ratio:.1} × | ≤ 4 × | one strict verification {:.0} µs",
        micros(start),
        micros(verify)
    );
    let sync = median(&mut durable).saturating_sub(start);
    println!("… beside it: making the start durable | + {:.0} µs | – | –", micros(sync));
    for (part, times) in &mut parts {
        println!("… of it: {part} | {:.0} µs | – | –", micros(median(times)));
    }
    println!("… beside it: machine evidence | + {:.0} µs | – | –", micros(median(&mut evidence)));
}

fn durable_use() {
    durable_use_at("durable use", &Place::new("use"));
    durable_use_at("durable use with sealed details", &Place::reported("use-reported"));
}

fn durable_use_at(name: &str, place: &Place) {
    let run = place.start(Disk::Real);
    let before = place.journal_length();
    run.consume(1).unwrap();
    let record = vec![0xa5; usize::try_from(place.journal_length() - before).unwrap()];
    let bare = std::fs::File::create(place.beside()).unwrap();
    let mut end = 0;
    let (mut uses, mut appends) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        for _ in 0..150 {
            uses.push(timed(|| run.consume(1).unwrap()));
        }
        for _ in 0..150 {
            appends.push(timed(|| {
                bare.write_all_at(&record, end).unwrap();
                bare.sync_data().unwrap();
            }));
            end += record.len() as u64;
        }
    }
    let (used, appended) = (median(&mut uses), median(&mut appends));
    let ratio = appended.as_secs_f64() / used.as_secs_f64();
    println!(
        "{name} | {:.0} µs = {ratio:.2} × | ≥ 0.8 × | append + fdatasync of the same {} bytes {:.0} µs",
        micros(used),
        record.len(),
        micros(appended)
    );
}
