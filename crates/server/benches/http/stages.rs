//! What is measured, one stage after the other.

use std::sync::Arc;

use carnet_core::document::{Answer, Body};
use carnet_core::time::Time;
use carnet_seal::Unverified;
use carnet_seam::{Clock, SystemClock};
use hdrhistogram::Histogram;

use crate::offers::SEATS;
use crate::order::Order;
use crate::population::{Each, Population};
use crate::process::{self, Daemon, Meter};
use crate::turn::{Turn, against_pgbench, pgbench, ratio, summed_up, timed, told};
use crate::{Arguments, Failed};
use carnet_testkit::history::History;
use carnet_testkit::load::table::{Latency, line, median, target};
use carnet_testkit::load::{self, Message, Signed, Source, Tally};

/// Starts that are measured.
const STARTS: u32 = 5;
/// Devices that renew in the same second.
const CROWD: u64 = 10_000;
/// Bare syncs before each round of open loop, and as many after it.
const SYNCS: u32 = 500;
/// A round may turn out faster than the one before it by this much before its requests run out.
const ROOM: f64 = 1.4;

/// How long the server takes to its first answer.
pub fn start(population: &Population) -> Result<(), Failed> {
    let mut seconds = Vec::new();
    for _ in 0..STARTS {
        let began = SystemClock.boot_micros();
        let carnetd = Daemon::carnetd(population)?;
        carnetd.ready()?;
        seconds.push((SystemClock.boot_micros() - began) as f64 / 1e6);
        carnetd.stop()?;
    }
    let middle = median(seconds);
    line("start to /readyz", format!("{middle:.3} s"), target("≤ 0.2 s", middle <= 0.2), "–");
    Ok(())
}

/// Both servers, and what is known of them so far.
pub struct Stages {
    arguments: Arguments,
    population: Population,
    carnetd: Daemon,
    reference: Daemon,
    /// Where `pgbench` can run on the same cluster.
    beside: Option<String>,
    order: Order,
    renewals: u64,
    seconds: f64,
    errors: u64,
    checked: u64,
    wrong: u64,
    faults: usize,
}

impl Stages {
    pub fn new(
        arguments: Arguments,
        population: Population,
        carnetd: Daemon,
        reference: Daemon,
        beside: Option<String>,
    ) -> Result<Self, Failed> {
        let order = Order::of(population.licenses)?;
        let (renewals, seconds, errors, checked, wrong, faults) = (0, 0.0, 0, 0, 0, 0);
        Ok(Self {
            arguments,
            population,
            carnetd,
            reference,
            beside,
            order,
            renewals,
            seconds,
            errors,
            checked,
            wrong,
            faults,
        })
    }

    /// Memory before anybody has asked for anything.
    pub fn idle(&self) -> Result<(), Failed> {
        self.carnetd.ready()?;
        SystemClock.sleep(std::time::Duration::from_secs(1));
        let (now, _) = self.carnetd.memory()?;
        line("memory, idle", format!("{now:.1} MiB"), target("≤ 32 MiB", now <= 32.0), "–");
        Ok(())
    }

    /// What is delivered.
    pub fn size(folder: &std::path::Path) -> Result<(), Failed> {
        let size = process::stripped(folder)? as f64 / 1_048_576.0;
        line("carnetd, stripped", format!("{size:.1} MiB"), target("≤ 25 MiB", size <= 25.0), "–");
        Ok(())
    }

    /// Closed loop against the reference. Returns the median rate.
    pub fn renewals(&mut self) -> Result<f64, Failed> {
        let mut rate = self.warm_up()?;
        let (mut ours, mut theirs, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.arguments.rounds {
            let messages = Arc::new(self.messages(rate * self.arguments.seconds as f64 * ROOM)?);
            let reference_first = round % 2 == 0;
            for turn in [reference_first, !reference_first] {
                let signed = Signed::of(messages.clone(), turn);
                let sources = vec![signed; self.arguments.connections];
                if turn {
                    theirs.push(self.reference_turn(sources)?);
                } else {
                    ours.push(self.turn(sources)?);
                }
            }
            if let Some((ours, theirs)) = ours.last().zip(theirs.last()) {
                rate = ours.tally.rate();
                told(round, "renewals", ours, "reference", theirs);
            }
            if let Some(url) = &self.beside {
                let rate = pgbench(url, self.arguments.connections, self.arguments.seconds)?;
                println!("# round {}: pgbench -N {rate:.0}/s", round + 1);
                beside.push(rate);
            }
        }
        if !beside.is_empty() {
            against_pgbench(&ours, &beside);
        }
        Ok(summed_up(self.arguments.connections, &ours, &theirs))
    }

    /// A short round that nobody counts, to know how many requests a round needs.
    fn warm_up(&mut self) -> Result<f64, Failed> {
        let messages = Arc::new(self.messages(60_000.0)?);
        let sources = |again| vec![Signed::of(messages.clone(), again); self.arguments.connections];
        let (reference, carnetd) = (sources(true), sources(false));
        load::closed(self.reference.address, reference, 1)?;
        let mut tally = load::closed(self.carnetd.address, carnetd, 2)?;
        if let (Some(request), Some((_, answer))) = (messages.first(), tally.answers.first()) {
            println!("# a request has {} bytes, its answer {}", request.bytes.len(), answer.len());
        }
        self.note(&mut tally)?;
        Ok(tally.rate())
    }

    fn turn<S: Source>(&mut self, sources: Vec<S>) -> Result<Turn, Failed> {
        let mut turn = timed(&self.carnetd, sources, self.arguments.seconds)?;
        self.note(&mut turn.tally)?;
        Ok(turn)
    }

    fn reference_turn<S: Source>(&mut self, sources: Vec<S>) -> Result<Turn, Failed> {
        let turn = timed(&self.reference, sources, self.arguments.seconds)?;
        match &turn.tally.error {
            Some(error) => Err(format!("the reference server: {error}").into()),
            None => Ok(turn),
        }
    }

    /// At a steady rate, against bare syncs; the same requests at the same rate to the reference say what of it is this machine's.
    pub fn open_loop(&mut self, rate: f64) -> Result<(), Failed> {
        let (mut rounds, mut syncs, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.arguments.rounds {
            let messages = self.messages(rate * self.arguments.seconds as f64)?;
            let connections = self.arguments.connections;
            let reference = load::open(self.reference.address, messages.clone(), rate, connections)?;
            let mut bare: Histogram<u64> = Histogram::new(3)?;
            process::bare_syncs(&self.population.data, SYNCS, &mut bare)?;
            let meter = Meter::start(&self.carnetd)?;
            let mut tally = load::open(self.carnetd.address, messages, rate, connections)?;
            let others = meter.stop()?.others * 100.0;
            process::bare_syncs(&self.population.data, SYNCS, &mut bare)?;
            let (latency, sync) = (Latency::of(&tally.micros), Latency::of(&bare));
            let route = Latency::of(&reference.micros);
            println!(
                "# round {}: open loop {:.0}/s: {latency}; others {others:.0} %; bare fdatasync: {sync}; bare route: {route}",
                round + 1,
                tally.rate()
            );
            self.note(&mut tally)?;
            rounds.push(latency);
            syncs.push(sync);
            theirs.push(route);
        }
        let (latency, sync) = (Latency::median(&rounds), Latency::median(&syncs));
        let most = 2.0 + 3.0 * sync.p99;
        line(
            format!("latency at {rate:.0}/s, open loop"),
            latency,
            target(format!("p99 ≤ {most:.2} ms (2 ms + 3 ×)"), latency.p99 <= most),
            format!("bare fdatasync: {sync}; bare route: {}", Latency::median(&theirs)),
        );
        Ok(())
    }

    /// One license of many seats against one license after another.
    pub fn hot(&mut self, rate: f64) -> Result<(), Failed> {
        let seats = (SEATS as usize).min(self.arguments.connections);
        let numbers: Vec<u64> = (self.population.licenses..).take(seats).collect();
        let (mut hot, mut spread) = (Vec::new(), Vec::new());
        for round in 0..self.arguments.rounds {
            let devices = self.order.take(rate * self.arguments.seconds as f64 * ROOM);
            let mut known = self.population.all_known(&devices)?;
            let share = known.len() / seats;
            let sources: Vec<_> =
                (0..seats).map(|_| Each(known.split_off(known.len() - share).into_iter())).collect();
            if round % 2 == 0 {
                spread.push(self.turn(sources)?);
                hot.push(self.turn(self.population.all_known(&numbers)?)?);
            } else {
                hot.push(self.turn(self.population.all_known(&numbers)?)?);
                spread.push(self.turn(sources)?);
            }
            if let Some((hot, spread)) = hot.last().zip(spread.last()) {
                told(round, "one hot license", hot, "spread", spread);
            }
        }
        let (ratio, hot, spread) = ratio(&hot, &spread);
        let reached = target("≥ 0.8 ×", ratio >= 0.8);
        line(
            format!("one hot license, {seats} seats"),
            format!("{ratio:.2} × ({hot:.0}/s)"),
            reached,
            format!("{spread:.0}/s spread"),
        );
        Ok(())
    }

    /// After the load, and before the crowd: thousands of connections at once take as much again.
    pub fn loaded(&self) -> Result<(), Failed> {
        let (now, most) = self.carnetd.memory()?;
        let told = format!("after {} renewals in {:.0} s of load", self.renewals, self.seconds);
        let reached = target("≤ 256 MiB", now <= 256.0);
        line("memory, loaded", format!("{now:.1} MiB {told}; at most {most:.1} MiB"), reached, "–");
        Ok(())
    }

    /// A crowd in the same second.
    pub fn same_second(&mut self) -> Result<(), Failed> {
        let messages = self.messages(CROWD as f64)?;
        let devices = messages.len();
        let mut tally = load::at_once(self.carnetd.address, messages)?;
        let (seconds, errors, latency) = (tally.seconds, tally.errors, Latency::of(&tally.micros));
        line(
            format!("{devices} devices in the same second"),
            format!("all answered in {seconds:.2} s, {errors} errors ({latency})"),
            target("≤ 5 s, 0 errors", seconds <= 5.0 && errors == 0),
            "–",
        );
        let (now, most) = self.carnetd.memory()?;
        line("memory, after the crowd", format!("{now:.1} MiB; at most {most:.1} MiB"), "–", "–");
        self.note(&mut tally)
    }

    /// What is left of it all: errors, the books.
    pub fn end(self) -> Result<(), Failed> {
        let reached = target("0", self.errors == 0);
        line("errors", format!("{} of {} renewals", self.errors, self.renewals), reached, "–");
        let reached = target("0", self.wrong == 0);
        line("answers checked in full", format!("{} wrong of {}", self.wrong, self.checked), reached, "–");
        let reached = target("0", self.faults == 0);
        line("history against the invariants", format!("{} faults", self.faults), reached, "–");
        self.carnetd.stop()?;
        let began = SystemClock.boot_micros();
        let (clean, said) = process::check_ledger(&self.population)?;
        let seconds = (SystemClock.boot_micros() - began) / 1_000_000;
        line("ledger check", format!("{said}, {seconds} s"), target("clean", clean), "–");
        Ok(())
    }

    fn note(&mut self, tally: &mut Tally) -> Result<(), Failed> {
        self.renewals += tally.micros.len();
        self.seconds += tally.seconds;
        self.errors += tally.errors;
        if let Some(error) = &tally.error {
            println!("# {} errors, the first: {error}", tally.errors);
        }
        let (current, now) = (self.population.keys.current(), Time(SystemClock.wall_micros()));
        let history = History::default();
        self.checked += tally.answers.len() as u64;
        // As a device checks them.
        self.wrong += tally.told(&history, |request, document| {
            let signed = Unverified::<Answer>::parse(document).ok()?.verify(current.ring(), now).ok()?;
            let answer = signed.claims().clone();
            (answer.head.request == request.id && matches!(answer.body, Body::Pass(_))).then_some(answer)
        });
        let faults = history.faults();
        faults.iter().take(3).for_each(|fault| println!("# {fault}"));
        self.faults += faults.len();
        Ok(())
    }

    fn messages(&mut self, count: f64) -> Result<Vec<Message>, Failed> {
        self.population.messages(&self.order.take(count))
    }
}
