//! Renewals per second of the ledger, in process: batches of what is queued against batches of one, and one
//! hot license against spread ones. `synchronous=FULL`, three rows written per renewal, no signatures.
//!
//! With `--open-loop RATE` it measures the latencies of renewals at a steady rate instead, beside bare syncs, and
//! says how long commits and checkpoints took.
//!
//! `cargo bench -p carnet-store -- [--licenses N] [--seconds S] [--rounds R] [--clients C] --folder FOLDER
//! [--open-loop RATE [--pages ROUND:LOG]...]`

mod open;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
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
use carnet_store::{How, Ledger, Options, Prepare, Prepared, Settled, Store, Submission, Work};
use sha2::{Digest as _, Sha256};

type Failed = Box<dyn std::error::Error>;

const SERVER: ServerId = ServerId([9; 16]);
const SUPPLIER: SupplierId = SupplierId([7; 16]);
const SLICE: u64 = 5;
const SEATS: u32 = 64;

fn main() -> Result<(), Failed> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let path = arguments.folder.join("ledger.db");
    let clock = SystemClock;
    let started = clock.boot_micros();
    let template = fill(&path, arguments.licenses)?;
    let seconds = (clock.boot_micros() - started) / 1_000_000;
    let size = std::fs::metadata(&path)?.len() >> 20;
    println!("{} licenses made in {seconds} s, {size} MiB", arguments.licenses);
    let mut next = 0;
    if let Some(rate) = arguments.open_loop {
        for _ in 0..arguments.rounds {
            for pages in &arguments.pages {
                let spread = |number| template.renewal(number % arguments.licenses);
                open::round(&path, &arguments, rate, *pages, &mut next, spread)?;
            }
        }
        return Ok(());
    }
    for round in 1..=arguments.rounds {
        for (name, batch) in [("batch 128", 128), ("batch 1", 1)] {
            let spread = |number| template.renewal(number % arguments.licenses);
            let run = run(&path, batch, &arguments, &mut next, spread)?;
            println!("round {round}: {name:<10} {run}");
        }
        let mut seats = template.seats(&path)?;
        let run = run_hot(&path, &arguments, &mut seats)?;
        println!("round {round}: one pool   {run}");
    }
    Ok(())
}

struct Arguments {
    folder: PathBuf,
    licenses: u64,
    seconds: u64,
    rounds: u32,
    clients: usize,
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
            open_loop: None,
            pages: Vec::new(),
        };
        while let Some(word) = words.next() {
            // Cargo says so by itself.
            if word == "--bench" {
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--folder" => read.folder = value.into(),
                "--licenses" => read.licenses = value.parse()?,
                "--seconds" => read.seconds = value.parse()?,
                "--rounds" => read.rounds = value.parse()?,
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
        let mut bytes = vec![0x5a; 400];
        bytes[..16].copy_from_slice(&answer.head.request.0);
        bytes[16..24].copy_from_slice(&answer.head.epoch.to_be_bytes());
        let digest = Digest(Sha256::digest(&bytes).into());
        Prepared { bytes, digest }
    }
}

fn usual_pages() -> (u64, u64) {
    let options = Options::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    (options.checkpoint_pages, options.log_pages)
}

fn open(path: &Path, batch: usize) -> Result<(Store, Ledger), Failed> {
    open_with(path, batch, usual_pages())
}

fn open_with(path: &Path, batch: usize, pages: (u64, u64)) -> Result<(Store, Ledger), Failed> {
    let mut options = Options::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    options.batch = batch;
    (options.checkpoint_pages, options.log_pages) = pages;
    let store = Store::open(path, options)?;
    let ledger = store.ledger(SERVER, Arc::new(Bytes));
    Ok((store, ledger))
}

/// What all filled devices have in common.
#[derive(Clone)]
struct Template {
    app: AppId,
    last_answer: Digest,
}

/// Spread over the whole range of keys, and different for each number.
fn id(number: u64, kind: u8) -> [u8; 16] {
    let mut id = [kind; 16];
    let spread = number.wrapping_mul(2_654_435_761) & 0xffff_ffff;
    id[..4].copy_from_slice(&(spread as u32).to_be_bytes());
    id[4..8].copy_from_slice(&(number as u32).to_be_bytes());
    id
}

fn sql_id(kind: u8) -> String {
    let tail = format!("{kind:02x}").repeat(8);
    format!("unhex(printf('%08x%08x{tail}', (n * 2654435761) & 4294967295, n))")
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
fn fill(path: &Path, licenses: u64) -> Result<Template, Failed> {
    let (store, ledger) = open(path, 128)?;
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
        tx.replace_menu(id, &menu_app, 0, &none.replaced(&menu_app, offers), created)
    })?;
    let device = DeviceId([0xd0; 16]);
    let (user, last_answer) = join(&store, &ledger, &app, device, "many")?;
    store.close();
    copy(path, licenses, user)?;
    Ok(Template { app, last_answer })
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
        signing_key: key,
        agreement_key: key,
        evidence: Evidence::Hardware,
        device_name: "d".into(),
        joins: Joins::NewUser { person, recovery: Digest([7; 32]) },
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

fn copy(path: &Path, licenses: u64, _: UserId) -> Result<(), Failed> {
    let connection = rusqlite::Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN")?;
    let numbers = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})",
        licenses - 1
    );
    let (user, device, license) = (sql_id(1), sql_id(2), sql_id(3));
    connection.execute_batch(&format!(
        "INSERT INTO device {numbers} SELECT {device}, {user}, signing_key, agreement_key, evidence, receipt, \
         registered, settled, retired, version FROM numbers, (SELECT * FROM device LIMIT 1);
         INSERT INTO license {numbers} SELECT {user}, app_id, {license}, supplier_id, base, agreed, first_use, \
         standing, CAST(substr(rights, 1, 3) || {device} || substr(rights, 20) AS BLOB), uses_total, uses_remaining, uses_held, \
         uses_moving, uses_settled, uses_forfeited, NULL, NULL, NULL, NULL, NULL, NULL, at_risk, head, \
         last_event, version FROM numbers, (SELECT * FROM license LIMIT 1);
         INSERT INTO journal {numbers} SELECT {user}, {device}, app_id, epoch, answer, slot_request, slot_body, \
         slot_answer, CAST(substr(accounts, 1, 1) || {license} || substr(accounts, 18) AS BLOB), \
         CAST(substr(active, 1, 2) || {license} || substr(active, 19) AS BLOB), former, flagged, settled, reconciled, events, \
         last_event, anchor, asides, version FROM numbers, (SELECT * FROM journal WHERE app_id <> '' LIMIT 1);
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
    ))?;
    drop(connection);
    // Or the first round would wait for all of it.
    Ok(std::fs::File::open(path)?.sync_all()?)
}

impl Template {
    /// The device's next renewal: all of its slice is used up. Each device is asked to renew only once.
    fn renewal(&self, number: u64) -> Request {
        let device = DeviceId(id(number, 2));
        let mut renew = request(device, Some(self.app.clone()), number, 1, Operation::Renew { uses: 1 });
        renew.last_answer = self.last_answer;
        let totals = Totals { uses: SLICE, ..Totals::default() };
        renew.totals = BTreeMap::from([(LicenseId(id(number, 3)), totals)]);
        renew
    }

    /// Devices of one user, all on one license of many seats.
    fn seats(&self, path: &Path) -> Result<Vec<Seat>, Failed> {
        let (store, ledger) = open(path, 128)?;
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
            signing_key: key,
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
}

impl Run {
    fn latencies(&self) -> String {
        let at =
            |share: f64| self.micros.get((self.micros.len() as f64 * share) as usize).copied().unwrap_or(0);
        let worst = self.micros.last().copied().unwrap_or(0);
        format!("p50 {:>6} µs   p99 {:>6} µs   worst {worst} µs", at(0.5), at(0.99))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>8.0}/s   {}", self.renewals as f64 / self.seconds, self.latencies())
    }
}

/// `clients` renewals are always on their way, each by another device.
fn run(
    path: &Path,
    batch: usize,
    arguments: &Arguments,
    next: &mut u64,
    renewal: impl Fn(u64) -> Request,
) -> Result<Run, Failed> {
    let (store, ledger) = open(path, batch)?;
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
        if !matches!(outcome, Ok(Settled::Answered { how: How::Decided, .. })) {
            return Err(
                format!("a renewal was not decided (more renewals than licenses?): {outcome:?}").into()
            );
        }
        now = clock.boot_micros();
        micros.push(now - started);
        submit(next);
    }
    store.close();
    Ok(summed(micros, now - start))
}

fn run_hot(path: &Path, arguments: &Arguments, seats: &mut [Seat]) -> Result<Run, Failed> {
    let (store, ledger) = open(path, 128)?;
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
    Run { renewals: micros.len() as u64, seconds: length as f64 / 1e6, micros }
}
