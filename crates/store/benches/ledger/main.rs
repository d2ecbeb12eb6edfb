//! Renewals per second of the ledger, in process: batches of what is queued against batches of one, and one
//! hot license against spread ones. `synchronous=FULL`, three rows written per renewal, no signatures.
//!
//! With `--postgres` it is a cluster of its own, with durable commits, in the folder; rows then go in one statement for each
//! table, or one by one, by turns, and `pgbench -N` runs beside it: its transaction writes three rows too, by primary key.
//!
//! With `--growth FEW` it compares a database with so few licenses to one with all of them.
//!
//! With `--open-loop RATE` it measures the latencies of renewals at a steady rate instead, beside bare syncs, and
//! says how long commits and checkpoints took.
//!
//! `cargo bench -p carnet-store -- [--licenses N] [--seconds S] [--rounds R] [--clients C] --folder FOLDER
//! [--postgres] [--growth FEW] [--open-loop RATE [--pages ROUND:LOG]...]`

mod copy;
mod open;
mod postgres;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use carnet_core::app::AppId;
use carnet_core::document::{
    Agreed, Agreement, Answer, Body, Effect, Evidence, Head, Joins, JournalName, Operation, Person,
    PublicKey, Receipt, Registration, Request, Totals,
};
use carnet_core::id::{DeviceId, Digest, LicenseId, RequestId, ServerId, SupplierId, UserId};
use carnet_core::offer::{Counting, Listed, Offer};
use carnet_core::server::{Beside, Proof};
use carnet_core::term::{Slice, Term};
use carnet_core::time::Time;
use carnet_seam::{Clock, SystemClock, SystemRandom};
use carnet_store::supplier::Supplier;
use carnet_store::{
    Buckets, Counts, Database, How, Ledger, LedgerError, Options, Prepare, Prepared, Settled, Store,
    Submission, Work,
};
use carnet_testkit::postgres::Cluster;
use sha2::{Digest as _, Sha256};

type Failed = Box<dyn std::error::Error>;

const SERVER: ServerId = ServerId([9; 16]);
const SUPPLIER: SupplierId = SupplierId([7; 16]);
const SLICE: u64 = 5;
/// A prime larger than any number of licenses here: steps of it visit each of them once.
const STRIDE: u64 = 7_368_787;
const SEATS: u32 = 64;

fn main() -> Result<(), Failed> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let load = std::fs::read_to_string("/proc/loadavg")?;
    println!("# {} cores, load {}", std::thread::available_parallelism()?, load.trim());
    if let Some(few) = arguments.growth {
        return growth(&arguments, few);
    }
    let cluster = arguments.postgres.then(|| postgres::start(&arguments.folder));
    let mut books =
        Books::fill("ledger", &arguments, cluster.as_ref().map(|(cluster, _)| cluster), arguments.licenses)?;
    if let Some(rate) = arguments.open_loop {
        for _ in 0..arguments.rounds {
            for pages in &arguments.pages {
                let Books { place, template, next } = &mut books;
                open::round(place, &arguments, rate, *pages, next, |number| template.renewal(number))?;
            }
        }
        return Ok(());
    }
    let mut sums = Sums::default();
    for round in 1..=arguments.rounds {
        let kinds = [("batch 128", 128, true), ("row by row", 128, false), ("batch 1", 1, true)];
        for (name, batch, together) in kinds {
            if together || cluster.is_some() {
                sums.add(round, name, &books.run((batch, together), &arguments)?);
            }
        }
        let mut seats = books.template.seats(&books.place)?;
        sums.add(round, "one pool", &run_hot(&books.place, &arguments, &mut seats)?);
        if let Some((_, beside)) = &cluster {
            let rate = postgres::pgbench(beside, arguments.clients, arguments.seconds)?;
            println!("round {round}: pgbench -N {rate:>8.0}/s");
            sums.0.entry("pgbench -N").or_default().push(rate);
        }
    }
    for (name, reference, target) in [
        ("batch 128", "batch 1", 4.0),
        ("batch 128", "row by row", 1.0),
        ("batch 128", "pgbench -N", 2.0),
        ("one pool", "batch 128", 0.8),
    ] {
        sums.tell(name, reference, target);
    }
    Ok(())
}

/// What a renewal costs with few licenses and with many, by turns.
fn growth(arguments: &Arguments, few: u64) -> Result<(), Failed> {
    let cluster = arguments.postgres.then(|| postgres::start(&arguments.folder));
    let mut small = Books::fill("few", arguments, cluster.as_ref().map(|(cluster, _)| cluster), few)?;
    let mut large =
        Books::fill("many", arguments, cluster.as_ref().map(|(cluster, _)| cluster), arguments.licenses)?;
    let mut sums = Sums::default();
    for round in 1..=arguments.rounds {
        sums.add(round, "few licenses", &small.run((128, true), arguments)?);
        sums.add(round, "many licenses", &large.run((128, true), arguments)?);
    }
    // A cost of 1.25 times is a rate of 0.8; of 1.8 times, of 0.56.
    sums.tell("many licenses", "few licenses", if arguments.postgres { 1.0 / 1.25 } else { 1.0 / 1.8 });
    Ok(())
}

/// One filled database, and which renewal comes next.
struct Books {
    place: Database,
    template: Template,
    next: u64,
}

impl Books {
    fn fill(
        name: &str,
        arguments: &Arguments,
        cluster: Option<&Cluster>,
        licenses: u64,
    ) -> Result<Self, Failed> {
        let url = cluster.map(|cluster| cluster.database(name));
        let place: Database = match &url {
            Some(url) => Database::Postgres(url.parse()?),
            None => Database::File(arguments.folder.join(format!("{name}.db"))),
        };
        let started = SystemClock.boot_micros();
        let template = fill(&place, url.as_deref(), licenses)?;
        let seconds = (SystemClock.boot_micros() - started) / 1_000_000;
        println!("# {licenses} licenses made in {seconds} s, {}", copy::size(&place, url.as_deref())?);
        Ok(Self { place, template, next: 0 })
    }

    fn run(&mut self, batch: (usize, bool), arguments: &Arguments) -> Result<Run, Failed> {
        let Self { place, template, next } = self;
        run(place, batch, arguments, next, |number| template.renewal(number))
    }
}

/// The rates of all rounds.
#[derive(Default)]
struct Sums(BTreeMap<&'static str, Vec<f64>>);

impl Sums {
    fn add(&mut self, round: u32, name: &'static str, run: &Run) {
        println!("# round {round}: {name:<13} {run}");
        self.0.entry(name).or_default().push(run.rate());
    }

    /// One against another, where both were measured: the median of the rounds' ratios, and both medians.
    fn tell(&self, name: &str, reference: &str, target: f64) {
        let Some((ours, theirs)) = self.0.get(name).zip(self.0.get(reference)) else { return };
        let ratio = median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect());
        let (ours, theirs) = (median(ours.clone()), median(theirs.clone()));
        let missed = if ratio < target { " MISSED" } else { "" };
        println!(
            "renewals in process, {name} | {ratio:.2} × ({ours:.0}/s) | ≥ {target:.2} ×{missed} | {reference}, {theirs:.0}/s"
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

struct Arguments {
    folder: PathBuf,
    licenses: u64,
    seconds: u64,
    rounds: u32,
    clients: usize,
    postgres: bool,
    /// How few licenses the others are compared with.
    growth: Option<u64>,
    open_loop: Option<f64>,
    /// Pages between checkpoints and pages of the log; each round tries all of them by turns.
    pages: Vec<(u64, u64)>,
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failed> {
        let folder = std::env::temp_dir().join(format!("carnet-ledger-{}", std::process::id()));
        let mut read = Self {
            folder,
            licenses: 20_000,
            seconds: 2,
            rounds: 1,
            clients: 64,
            postgres: false,
            growth: None,
            open_loop: None,
            pages: Vec::new(),
        };
        while let Some(word) = words.next() {
            // Cargo says so by itself.
            if word == "--bench" {
                continue;
            }
            if word == "--postgres" {
                read.postgres = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--folder" => read.folder = value.into(),
                "--licenses" => read.licenses = value.parse()?,
                "--seconds" => read.seconds = value.parse()?,
                "--rounds" => read.rounds = value.parse()?,
                "--growth" => read.growth = Some(value.parse()?),
                "--open-loop" => read.open_loop = Some(value.parse()?),
                "--pages" => {
                    let (round, log) = value.split_once(':').ok_or("--pages needs ROUND:LOG")?;
                    read.pages.push((round.parse()?, log.parse()?));
                }
                "--clients" => read.clients = value.parse()?,
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        if read.pages.is_empty() {
            read.pages.push(usual_pages());
        }
        std::fs::create_dir_all(&read.folder)?;
        Ok(read)
    }
}

/// About as many bytes as a pass, and their digest.
struct Bytes;

impl Prepare for Bytes {
    fn prepare(&self, answer: &Answer, _: Option<SupplierId>) -> Prepared {
        let pass = matches!(answer.body, Body::Pass(_));
        let bytes = answer_bytes(answer.head.request, answer.head.epoch, pass);
        let digest = Digest(Sha256::digest(&bytes).into());
        Prepared { bytes, digest }
    }
}

/// What stands for an answer.
fn answer_bytes(request: RequestId, epoch: u64, pass: bool) -> Vec<u8> {
    let mut bytes = vec![0x5a; 400];
    bytes[..16].copy_from_slice(&request.0);
    bytes[16..24].copy_from_slice(&epoch.to_be_bytes());
    bytes[24] = u8::from(pass);
    bytes
}

fn usual_pages() -> (u64, u64) {
    let options = Options::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    (options.checkpoint_pages, options.log_pages)
}

fn open(place: &Database, batch: (usize, bool)) -> Result<(Store, Ledger), Failed> {
    open_with(place, batch, usual_pages())
}

fn open_with(
    place: &Database,
    (batch, together): (usize, bool),
    pages: (u64, u64),
) -> Result<(Store, Ledger), Failed> {
    let mut options = Options::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    (options.batch, options.together) = (batch, together);
    (options.checkpoint_pages, options.log_pages) = pages;
    let store = Store::open(place.clone(), options)?;
    let ledger = store.ledger(SERVER, Arc::new(Bytes));
    Ok((store, ledger))
}

/// What all filled devices have in common.
#[derive(Clone)]
struct Template {
    app: AppId,
    last_answer: Digest,
    licenses: u64,
}

/// Spread over the whole range of keys, and different for each number.
fn id(number: u64, kind: u8) -> [u8; 16] {
    let mut id = [kind; 16];
    let spread = number.wrapping_mul(2_654_435_761) & 0xffff_ffff;
    id[..4].copy_from_slice(&(spread as u32).to_be_bytes());
    id[4..8].copy_from_slice(&(number as u32).to_be_bytes());
    id
}

fn work(request: Request, receipt: Option<Proof>) -> Work {
    let mut body = [0; 32];
    body[..16].copy_from_slice(&request.journal.device.0);
    body[16..].copy_from_slice(&request.id.0);
    let body = Digest(body);
    Work::Request(Box::new(Submission {
        request,
        body,
        proof: Beside::Nothing,
        receipt,
        code: None,
        agreement_document: None,
        handed: carnet_core::provision::Handed::Nothing,
    }))
}

fn request(device: DeviceId, app: Option<AppId>, number: u64, epoch: u64, operation: Operation) -> Request {
    Request {
        server: SERVER,
        journal: JournalName { device, app },
        id: RequestId(id(number, 0x11)),
        epoch,
        last_answer: Digest([0; 32]),
        head: Digest([2; 32]),
        at: Time(0),
        totals: BTreeMap::new(),
        portables: BTreeSet::new(),
        operation,
    }
}

fn payload(settled: Settled) -> Result<Vec<u8>, Failed> {
    match settled {
        Settled::Answered { payload, .. } => Ok(payload),
        other => Err(format!("no answer: {other:?}").into()),
    }
}

fn offer() -> Result<Offer, Failed> {
    Ok(Offer {
        name: "many".parse()?,
        condition: "Many runs".into(),
        features: BTreeMap::from([("resize".parse()?, None)]),
        term: Term { uses: Some(1_000_000_000), ..Term::PERPETUAL },
        devices: 1,
        fee: "0 EUR".parse()?,
        charging: Default::default(),
        issuance: Default::default(),
        pass_term: Slice { uses: Some(SLICE), ..Slice::WHOLE },
        temporary_pass_term: None,
        counting: Counting::Offline,
        grace: None,
        lost_devices_per_year: 2,
        floating: None,
        reporting: None,
        once_per: None,
        hardware_only: false,
        versions: Default::default(),
    })
}

/// One license through the ledger, the others as copies of its rows with their own ids.
fn fill(place: &Database, url: Option<&str>, licenses: u64) -> Result<Template, Failed> {
    let (store, ledger) = open(place, (128, true))?;
    let app: AppId = "acme/paint".parse()?;
    let menu_app = app.clone();
    let pool = Offer { name: "pool".parse()?, devices: SEATS, ..offer()? };
    let offers = vec![offer()?, pool];
    store.write("bench.furnish", move |tx| {
        let (id, created) = (SUPPLIER, Time(0));
        let name = "acme".parse().map_err(|_| carnet_store::StoreError::Defect)?;
        tx.add_supplier(&Supplier { id, name, title: "Acme".into(), created })?;
        tx.add_app(&menu_app, id, "Paint", created)?;
        let none = carnet_core::offer::Menu::default();
        tx.replace_menu(id, &menu_app, 0, &none.replaced(&menu_app, offers.clone()), created)
    })?;
    let device = DeviceId([0xd0; 16]);
    let (_, last_answer) = join(&store, &ledger, &app, device, "many")?;
    store.close();
    copy::copy(place, url, licenses)?;
    Ok(Template { app, last_answer, licenses })
}

/// A device registers and agrees; returns its user and the digest of its last answer.
fn join(
    store: &Store,
    ledger: &Ledger,
    app: &AppId,
    device: DeviceId,
    offer: &str,
) -> Result<(UserId, Digest), Failed> {
    let key = PublicKey([1; 32]);
    let person = Person {
        name: "N".into(),
        email: "e".into(),
        address: None,
        telephone: None,
        payment_reference: None,
    };
    let registration = Registration {
        signing_key: key.into(),
        agreement_key: key,
        evidence: Evidence::Hardware,
        device_name: "d".into(),
        device_maker: None,
        joins: Joins::NewUser { person, recovery: Digest(Sha256::digest(device.0).into()) },
    };
    // Far from the numbers of renewals.
    let number = 0xffff_ff00;
    let register = request(device, None, number, 0, Operation::Register(Box::new(registration)));
    let receipt = payload(ledger.settle(work(register, None))?)?;
    let found = store.read(|tx| tx.device(device))?.ok_or("the device is not there")?;
    let menu = store.read(|tx| tx.menu(app))?.ok_or("the menu is not there")?.menu;
    let listed: Listed = menu.find(&offer.parse()?).ok_or("the offer is not there")?.clone();
    let agreement = Agreement { server: SERVER, user: found.user, device, at: Time(0), listed };
    let agreed = Agreed { agreement, document: vec![0; 300] };
    let mut agree = request(device, Some(app.clone()), number + 1, 0, Operation::Agree(Box::new(agreed)));
    agree.last_answer = Digest(Sha256::digest(&receipt).into());
    let answer = payload(ledger.settle(work(agree, None))?)?;
    Ok((found.user, Digest(Sha256::digest(&answer).into())))
}

impl Template {
    /// Renewal of this number: of one device after the other, and again from the first one on, each time with all of
    /// its slice used up. What the device was answered before follows from its number.
    fn renewal(&self, number: u64) -> Request {
        // Neighbours in time are no neighbours on the disk, in the order of making either.
        let (device, turn) = (number % self.licenses * STRIDE % self.licenses, number / self.licenses);
        let name = DeviceId(id(device, 2));
        let epoch = turn + 1;
        let mut renew = request(name, Some(self.app.clone()), number, epoch, Operation::Renew { uses: 1 });
        renew.last_answer = match number.checked_sub(self.licenses) {
            Some(before) => {
                Digest(Sha256::digest(answer_bytes(RequestId(id(before, 0x11)), epoch, true)).into())
            }
            None => self.last_answer,
        };
        let totals = Totals { uses: SLICE * epoch, ..Totals::default() };
        renew.totals = BTreeMap::from([(LicenseId(id(device, 3)), totals)]);
        renew
    }

    /// Devices of one user, all on one license of many seats.
    fn seats(&self, place: &Database) -> Result<Vec<Seat>, Failed> {
        let (store, ledger) = open(place, (128, true))?;
        let clock = SystemClock;
        let first = DeviceId(id(clock.boot_micros(), 0xd1));
        let (user, _) = join(&store, &ledger, &self.app, first, "pool")?;
        let licenses = store.read(|tx| tx.licenses_of_user(user))?;
        let license = licenses.first().ok_or("the license is not there")?.id;
        store.close();
        let base = clock.boot_micros();
        Ok((1..u64::from(SEATS))
            .map(|number| Seat::new(self.app.clone(), user, license, base + number))
            .collect())
    }
}

struct Seat {
    app: AppId,
    device: DeviceId,
    license: LicenseId,
    receipt: Proof,
    number: u64,
    epoch: u64,
    last_answer: Digest,
    used: u64,
}

impl Seat {
    fn new(app: AppId, user: UserId, license: LicenseId, number: u64) -> Self {
        let device = DeviceId(id(number, 0xd2));
        let key = PublicKey([1; 32]);
        let effect = Effect::Registered {
            signing_key: key.into(),
            agreement_key: key,
            evidence: Evidence::Hardware,
            only: None,
            until: None,
        };
        let journal = JournalName { device, app: None };
        let request = RequestId([0; 16]);
        let head = Head {
            server: SERVER,
            user,
            journal,
            request,
            quoted: 0,
            epoch: 1,
            issued: Time(0),
            resume: None,
            over: BTreeSet::new(),
        };
        let answer = Answer { head, body: Body::Receipt(Box::new(Receipt { effect })) };
        let mut digest = [3; 32];
        digest[..16].copy_from_slice(&device.0);
        let last_answer = Digest(digest);
        let receipt = Proof { digest: last_answer, answer };
        Self { app, device, license, receipt, number: number << 20, epoch: 0, last_answer, used: 0 }
    }

    fn work(&mut self) -> Work {
        self.number += 1;
        let mut renew = request(
            self.device,
            Some(self.app.clone()),
            self.number,
            self.epoch,
            Operation::Renew { uses: 1 },
        );
        renew.last_answer = self.last_answer;
        if self.epoch > 0 {
            self.used += SLICE;
            renew.totals = BTreeMap::from([(self.license, Totals { uses: self.used, ..Totals::default() })]);
        }
        work(renew, Some(self.receipt.clone()))
    }

    fn receive(&mut self, payload: &[u8]) {
        self.epoch += 1;
        self.last_answer = Digest(Sha256::digest(payload).into());
    }
}

struct Run {
    renewals: u64,
    seconds: f64,
    micros: Vec<u64>,
    /// Where the writer's time went, by its own counts.
    spent: String,
}

impl Run {
    fn rate(&self) -> f64 {
        self.renewals as f64 / self.seconds
    }

    fn latencies(&self) -> String {
        let at =
            |share: f64| self.micros.get((self.micros.len() as f64 * share) as usize).copied().unwrap_or(0);
        let worst = self.micros.last().copied().unwrap_or(0);
        format!("p50 {:>6} µs   p99 {:>6} µs   worst {worst} µs", at(0.5), at(0.99))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>8.0}/s   {}{}", self.rate(), self.latencies(), self.spent)
    }
}

/// `clients` renewals are always on their way, each by another device.
fn run(
    place: &Database,
    batch: (usize, bool),
    arguments: &Arguments,
    next: &mut u64,
    renewal: impl Fn(u64) -> Request,
) -> Result<Run, Failed> {
    let (store, ledger) = open(place, batch)?;
    let (sender, receiver) = mpsc::channel();
    let clock = SystemClock;
    let submit = |next: &mut u64| {
        let (sender, started) = (sender.clone(), clock.boot_micros());
        let reply = move |outcome: Result<Settled, _>| {
            // The run is over; the last ones are not counted.
            let _ = sender.send((started, outcome));
        };
        ledger.submit(work(renewal(*next), None), Box::new(reply));
        *next += 1;
    };
    let start = clock.boot_micros();
    let end = start + arguments.seconds * 1_000_000;
    (0..arguments.clients).for_each(|_| submit(next));
    let mut micros = Vec::new();
    let mut now = start;
    while now < end {
        let (started, outcome) = receiver.recv()?;
        if !is_pass(&outcome) {
            return Err(
                format!("a renewal was not decided (more renewals than licenses?): {outcome:?}").into()
            );
        }
        now = clock.boot_micros();
        micros.push(now - started);
        submit(next);
    }
    let spent = spent(&store.counts());
    store.close();
    Ok(Run { spent, ..summed(micros, now - start) })
}

/// Per batch: how many shared it, and what was spent before the commit and in it.
fn spent(counts: &Counts) -> String {
    let mean = |buckets: &Buckets| buckets.sum as f64 / buckets.count.max(1) as f64;
    format!(
        "   batches of {:.1}: {:.2} ms before the commit, {:.2} ms in it",
        mean(&counts.batches),
        mean(&counts.work) / 1e3,
        mean(&counts.commits) / 1e3
    )
}

fn is_pass(outcome: &Result<Settled, LedgerError>) -> bool {
    matches!(outcome, Ok(Settled::Answered { how: How::Decided, payload }) if payload.get(24) == Some(&1))
}

fn run_hot(place: &Database, arguments: &Arguments, seats: &mut [Seat]) -> Result<Run, Failed> {
    let (store, ledger) = open(place, (128, true))?;
    let (sender, receiver) = mpsc::channel();
    let clock = SystemClock;
    let submit = |number: usize, seat: &mut Seat| {
        let (sender, started) = (sender.clone(), clock.boot_micros());
        let reply = move |outcome| {
            // The run is over; the last ones are not counted.
            let _ = sender.send((number, started, outcome));
        };
        ledger.submit(seat.work(), Box::new(reply));
    };
    let start = clock.boot_micros();
    let end = start + arguments.seconds * 1_000_000;
    for (number, seat) in seats.iter_mut().enumerate() {
        submit(number, seat);
    }
    let mut micros = Vec::new();
    let mut now = start;
    while now < end {
        let (number, started, outcome) = receiver.recv()?;
        seats[number].receive(&payload(outcome?)?);
        now = clock.boot_micros();
        micros.push(now - started);
        submit(number, &mut seats[number]);
    }
    store.close();
    Ok(summed(micros, now - start))
}

fn summed(mut micros: Vec<u64>, length: u64) -> Run {
    micros.sort_unstable();
    Run { renewals: micros.len() as u64, seconds: length as f64 / 1e6, micros, spent: String::new() }
}
