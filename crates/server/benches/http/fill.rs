//! A database with many licenses, made by the ledger itself: every event, chain and answer is genuine, so that the
//! ledger check at the end has the last word on all of it.
//!
//! What makes it quick: large batches, ids in the order in which they are made, and no signatures. The ledger
//! never sees those, and answers are signed from what it has stored when they are needed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use carnet_core::document::{
    Agreed, Agreement, Evidence, Joins, Operation, Person, PublicKey, Registration, Request,
};
use carnet_core::id::Digest;
use carnet_core::offer::{Listed, Menu};
use carnet_core::server::{Beside, Proof};
use carnet_core::time::Time;
use carnet_seal::ToBeSigned;
use carnet_seam::fs::{read_file, replace_file};
use carnet_seam::{Clock, RealFs, SystemClock, SystemRandom};
use carnet_server::data::{self, database};
use carnet_server::keys::Keys;
use carnet_store::{
    How, Ledger, LedgerError, Options, PostgresUrl, Prepare, Settled, Store, Submission, Work, relocate,
};

use crate::Failed;
use crate::offers::{self, MANY, POOL, SEATS};
use crate::population::{AGREEMENT_KEY, Names, Population, key, request, seat_receipt, user};
use carnet_testkit::load::table::line;
use carnet_testkit::postgres::psql;

/// So many devices are on their way at a time; the batches are as large.
const CHUNK: usize = 8_192;

/// The folder's population, made unless it is there.
pub fn open(
    folder: &Path,
    url: Option<String>,
    licenses: u64,
    proofs: bool,
    names: Names,
) -> Result<Population, Failed> {
    let (data, reference) = (folder.join("data"), folder.join("reference"));
    let (fs, mark) = (RealFs::default(), folder.join("filled"));
    let told = read_file(&fs, &mark, 64)?.and_then(|bytes| String::from_utf8(bytes).ok());
    match told.map(|text| text.trim().parse::<u64>()).transpose()? {
        Some(filled) if filled == licenses => {}
        Some(filled) => return Err(format!("{} holds {filled} licenses", folder.display()).into()),
        None => {
            let began = SystemClock.boot_micros();
            fill(&data, &reference, licenses, names)?;
            replace_file(&fs, &mark, format!("{licenses}\n").as_bytes())?;
            let seconds = (SystemClock.boot_micros() - began) / 1_000_000;
            let size = std::fs::metadata(database(&data))?.len() >> 20;
            line("fill", format!("{licenses} licenses in {seconds} s, {size} MiB"), "–", "–");
        }
    }
    let (store, keys) = opened(&data)?;
    store.close();
    if let Some(url) = &url {
        move_copy(&data, &folder.join("moved.db"), &url.parse()?)?;
        // As it is some time later: the log goes on in files that are there, and does not have to make each of them first.
        psql(url, "CHECKPOINT");
    }
    Ok(Population { data, reference, url, keys, licenses, app: offers::app()?, proofs, names })
}

/// A file is filled sooner than a cluster: a copy of it moves there, as an operator would do it.
fn move_copy(data: &Path, copy: &Path, url: &PostgresUrl) -> Result<(), Failed> {
    let began = SystemClock.boot_micros();
    std::fs::copy(database(data), copy)?;
    let options = Options::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    relocate(copy, url, &options)?;
    std::fs::remove_file(copy)?;
    line("move to PostgreSQL", format!("{} s", (SystemClock.boot_micros() - began) / 1_000_000), "–", "–");
    Ok(())
}

fn fill(data: &Path, reference: &Path, licenses: u64, names: Names) -> Result<(), Failed> {
    let fs = RealFs::default();
    data::prepare(&fs, data)?;
    let now = Time(SystemClock.wall_micros());
    let (store, keys) = opened(data)?;
    data::write_root_hash(&fs, data, keys.root())?;
    offers::furnish(&store, &keys, now)?;
    store.close();
    copy(data, reference)?;
    let (store, keys) = opened(data)?;
    join_all(&store, &keys, licenses, names)?;
    store.close();
    copy_devices(data, reference)
}

/// The data folder of a server that is stopped, once more.
pub fn copy(data: &Path, to: &Path) -> Result<(), Failed> {
    data::prepare(&RealFs::default(), to)?;
    for file in std::fs::read_dir(data)? {
        let from = file?.path();
        if let Some(name) = from.file_name() {
            std::fs::copy(&from, to.join(name))?;
        }
    }
    Ok(())
}

/// The store in this folder, and the keys.
pub fn opened(data: &Path) -> Result<(Store, Arc<Keys>), Failed> {
    let mut options = Options::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    (options.batch, options.cache_kib, options.log_pages) = (CHUNK, 262_144, 131_072);
    let store = Store::open(&database(data), options)?;
    let now = Time(SystemClock.wall_micros());
    let keys = Keys::open(&store, &RealFs::default(), data, &SystemRandom, now)?;
    Ok((store, Arc::new(keys)))
}

/// The reference server checks the same signatures, so it looks the same devices up.
fn copy_devices(data: &Path, reference: &Path) -> Result<(), Failed> {
    let connection = rusqlite::Connection::open(database(reference))?;
    let full: PathBuf = database(data);
    connection.execute("ATTACH ?1 AS filled", [full.to_string_lossy()])?;
    connection.execute_batch(
        "PRAGMA synchronous = OFF; INSERT INTO device SELECT * FROM filled.device ORDER BY device_id; \
         DETACH filled; PRAGMA wal_checkpoint(TRUNCATE);",
    )?;
    Ok(())
}

fn join_all(store: &Store, keys: &Arc<Keys>, licenses: u64, names: Names) -> Result<(), Failed> {
    let ledger = store.ledger(keys.server(), keys.clone());
    let joining = Joining { ledger, keys, menu: offers::menu(store)?, names };
    let (sender, made) = mpsc::sync_channel(2);
    std::thread::scope(|scope| {
        // Keys take as long as everything else: they are made beside it. The last one is the owner of the pool.
        scope.spawn(move || {
            let numbers: Vec<u64> = (0..=licenses).collect();
            let chunks = numbers.chunks(CHUNK).map(<[u64]>::to_vec);
            for chunk in chunks {
                let keys = chunk.iter().map(|number| Ok((*number, key(*number)?.public())));
                if sender.send(keys.collect::<Result<Vec<_>, Failed>>()).is_err() {
                    return;
                }
            }
        });
        for chunk in made {
            joining.chunk(chunk?, licenses)?;
        }
        joining.seats(licenses)
    })
}

struct Joining<'a> {
    ledger: Ledger,
    keys: &'a Keys,
    menu: Arc<Menu>,
    names: Names,
}

impl Joining<'_> {
    /// These devices register, and then agree.
    fn chunk(&self, chunk: Vec<(u64, PublicKey)>, owner: u64) -> Result<(), Failed> {
        let server = self.keys.server();
        let named = |number: u64, key: PublicKey, mut request: Request| {
            request.journal.device = self.names.of(number, key);
            request
        };
        let registrations = chunk.iter().map(|(number, key)| {
            let operation = Operation::Register(Box::new(registration(*key)));
            let register = request(server, *number, None, 0, operation);
            work(*number, named(*number, *key, register), None)
        });
        let receipts = self.settle(registrations.collect())?;
        let (many, pool) = (self.listed(MANY)?, self.listed(POOL)?);
        let app = offers::app()?;
        let agreements = chunk.iter().zip(receipts).map(|((number, key), receipt)| {
            let listed = if *number == owner { &pool } else { &many };
            let (user, device, listed) = (user(*number), self.names.of(*number, *key), listed.clone());
            let agreement = Agreement { server, user, device, at: Time(0), listed };
            let agreed = Agreed { agreement, document: vec![0; 300] };
            let operation = Operation::Agree(Box::new(agreed));
            let agree = request(server, *number, Some(app.clone()), 0, operation);
            work(*number, named(*number, *key, Request { last_answer: receipt, ..agree }), None)
        });
        self.settle(agreements.collect()).map(drop)
    }

    /// Further devices of the owner of the pool, each with a pass from it.
    fn seats(&self, owner: u64) -> Result<(), Failed> {
        let server = self.keys.server();
        let app = offers::app()?;
        let renewals = (owner + 1..owner + SEATS).map(|number| -> Result<Work, Failed> {
            let answer = seat_receipt(server, owner, number)?;
            let digest = self.keys.prepare(&answer, None).digest;
            let renew = request(server, number, Some(app.clone()), 0, Operation::Renew { uses: 1 });
            Ok(work(number, Request { last_answer: digest, ..renew }, Some(Proof { digest, answer })))
        });
        self.settle(renewals.collect::<Result<_, _>>()?).map(drop)
    }

    fn listed(&self, name: &str) -> Result<Listed, Failed> {
        Ok(self.menu.find(&name.parse()?).ok_or("the offer is not there")?.clone())
    }

    /// The digests of the answers, in the order of the works.
    fn settle(&self, works: Vec<Work>) -> Result<Vec<Digest>, Failed> {
        let (sender, answers) = mpsc::channel();
        let count = works.len();
        for (at, work) in works.into_iter().enumerate() {
            let sender = sender.clone();
            let reply = move |outcome: Result<Settled, LedgerError>| {
                // Whoever waited has failed already.
                let _ = sender.send((at, outcome));
            };
            self.ledger.submit(work, Box::new(reply));
        }
        let mut digests = vec![Digest([0; 32]); count];
        for (at, outcome) in answers.iter().take(count) {
            match outcome? {
                Settled::Answered { payload, how: How::Decided } => {
                    digests[at] = ToBeSigned::from_bytes(payload)?.body_hash();
                }
                other => return Err(format!("not decided: {other:?}").into()),
            }
        }
        Ok(digests)
    }
}

fn registration(signing_key: PublicKey) -> Registration {
    Registration {
        signing_key: signing_key.into(),
        agreement_key: AGREEMENT_KEY,
        evidence: Evidence::Hardware,
        device_name: "workstation".into(),
        device_maker: None,
        joins: Joins::NewUser {
            person: Person {
                name: "A person".into(),
                email: "person@example.org".into(),
                address: None,
                telephone: None,
                payment_reference: None,
            },
            recovery: Digest(signing_key.0),
        },
    }
}

/// A user's id is the first half of the digest of the registration, so the digest is made to fit.
fn work(number: u64, request: Request, receipt: Option<Proof>) -> Work {
    let mut body = [0; 32];
    body[..16].copy_from_slice(&user(number).0);
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
