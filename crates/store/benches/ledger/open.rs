//! Renewals at a steady rate, whether or not earlier ones are done: what a tail of latencies is made of.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use carnet_core::document::Request;
use carnet_seam::{Clock, SystemClock};
use carnet_store::{Buckets, Counts, Database, How, Settled};

use crate::{Arguments, Failed, Run, open_with, summed, work};

/// Bare syncs before each round, and as many after it.
const SYNCS: u32 = 300;

/// Latencies count from when a renewal was planned.
pub fn round(
    place: &Database,
    arguments: &Arguments,
    rate: f64,
    pages: (u64, u64),
    next: &mut u64,
    renewal: impl Fn(u64) -> Request,
) -> Result<(), Failed> {
    let mut bare = bare_syncs(&arguments.folder)?;
    let (store, ledger) = open_with(place, (128, true), pages)?;
    let (sender, receiver) = mpsc::channel();
    // How late this program itself is says how much else the machine does.
    let mut late = Vec::new();
    let count = (rate * arguments.seconds as f64) as u64;
    let began = SystemClock.boot_micros();
    for number in 0..count {
        let planned = began + (number as f64 * 1e6 / rate) as u64;
        let early = planned.saturating_sub(SystemClock.boot_micros());
        if early > 0 {
            SystemClock.sleep(Duration::from_micros(early));
        }
        late.push(SystemClock.boot_micros().saturating_sub(planned));
        let sender = sender.clone();
        let reply = move |outcome: Result<Settled, _>| {
            // Nobody leaves before the last one.
            let _ = sender.send((SystemClock.boot_micros() - planned, outcome));
        };
        ledger.submit(work(renewal(*next), None), Box::new(reply));
        *next += 1;
    }
    let mut micros = Vec::new();
    for (taken, outcome) in receiver.iter().take(usize::try_from(count)?) {
        match outcome? {
            Settled::Answered { how: How::Decided, .. } => micros.push(taken),
            other => return Err(format!("not decided (more renewals than licenses?): {other:?}").into()),
        }
    }
    let run = summed(micros, SystemClock.boot_micros() - began);
    println!("{} pages, log of {}:", pages.0, pages.1);
    tell(&run, &store.counts());
    println!("    asked late     {}", summed(late, 1).latencies());
    store.close();
    bare.extend(bare_syncs(&arguments.folder)?);
    println!("    bare fdatasync {}", summed(bare, 1).latencies());
    Ok(())
}

fn tell(run: &Run, counts: &Counts) {
    println!("open loop {run}");
    let mean = |buckets: &Buckets| buckets.sum / buckets.count.max(1);
    let over = |buckets: &Buckets, bound: u64| {
        let within = buckets.up_to.iter().find(|(at, _)| *at == bound).map_or(0, |(_, count)| *count);
        buckets.count - within
    };
    for (name, buckets) in [
        ("work", &counts.work),
        ("commits", &counts.commits),
        ("rounds", &counts.rounds),
        ("rests", &counts.rests),
    ] {
        println!(
            "    {name}: {} of {} µs; over 2 ms {}, over 5 ms {}, over 20 ms {}",
            buckets.count,
            mean(buckets),
            over(buckets, 2_000),
            over(buckets, 5_000),
            over(buckets, 20_000)
        );
    }
}

/// A page written over and synced, again and again, in this folder: what a commit costs at the very least.
fn bare_syncs(folder: &Path) -> Result<Vec<u64>, Failed> {
    let path = folder.join("bare-sync");
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let page = [0x5a; 4_096];
    file.write_all_at(&page, 0)?;
    file.sync_all()?;
    let mut micros = Vec::new();
    for _ in 0..SYNCS {
        let began = SystemClock.boot_micros();
        file.write_all_at(&page, 0)?;
        file.sync_data()?;
        micros.push(SystemClock.boot_micros() - began);
    }
    std::fs::remove_file(&path)?;
    Ok(micros)
}
