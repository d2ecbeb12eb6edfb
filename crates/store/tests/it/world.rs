//! A small world: a server's store, a supplier with an app, devices that keep what they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use carnet_core::app::{AppId, OfferName};
use carnet_core::document::{
    Agreed, Agreement, Answer, Body, Brought, Effect, Evidence, Head, Joins, JournalName, Operation, Person,
    PortablePass, PublicKey, Reason, Receipt, Registration, Request, Totals,
};
use carnet_core::id::{DeviceId, Digest, LicenseId, RequestId, ServerId, SupplierId, UserId};
use carnet_core::offer::{Counting, Floating, Offer};
use carnet_core::server::{Beside, Proof};
use carnet_core::term::{Slice, Term};
use carnet_core::time::{Length, Time};
use carnet_seam::Crash;
use carnet_store::supplier::Supplier;
use carnet_store::{
    Database, How, Ledger, LedgerError, Options, Prepare, Prepared, Report, Settled, Store, StoreError,
    Submission, Work,
};
use carnet_testkit::postgres::Schema;
use carnet_testkit::{FakeClock, SeededRandom};
use sha2::{Digest as _, Sha256};

use super::KIND;
use crate::Kind;
use crate::dialect::spell;

pub const SERVER: ServerId = ServerId([9; 16]);
pub const SUPPLIER: SupplierId = SupplierId([7; 16]);
pub const SEED: u64 = 7;
pub const NOW: i64 = 1_800_000_000_000_000;

/// A place of its own for each test, removed when the test has passed.
pub enum Place {
    Folder(Folder),
    Schema(Schema),
}

pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("store-{}-{:?}-{}", std::process::id(), KIND, NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn database(&self) -> PathBuf {
        self.0.join("data").join("carnet.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

impl Place {
    pub fn new() -> Self {
        match KIND {
            Kind::Sqlite => Self::Folder(Folder::new()),
            Kind::Postgres => Self::Schema(Schema::new()),
        }
    }

    pub fn database(&self) -> Database {
        match self {
            Self::Folder(folder) => Database::File(folder.database()),
            Self::Schema(schema) => Database::Postgres(schema.url().parse().unwrap()),
        }
    }

    /// Runs statements that no part of the store would run; returns the first value, or how many rows were
    /// changed. Written as SQLite spells them.
    pub fn sql(&self, statement: &str) -> String {
        let text = spell(KIND, statement);
        match self {
            Self::Folder(folder) => sqlite(&folder.database(), &text),
            Self::Schema(schema) => schema.sql(&text),
        }
    }

    /// A copy that nothing is forbidden in.
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        match (self, &copy) {
            (Self::Schema(from), Self::Schema(to)) => from.copy_to(to),
            (Self::Folder(from), Self::Folder(to)) => {
                std::fs::create_dir_all(to.database().parent().unwrap()).unwrap();
                std::fs::copy(from.database(), to.database()).unwrap();
            }
            _ => panic!("there is one kind here"),
        }
        copy
    }

    /// Becomes again what the copy is.
    pub fn restore(&self, copy: &Self) {
        match (copy, self) {
            (Self::Schema(from), Self::Schema(to)) => to.restore(from),
            (Self::Folder(from), Self::Folder(to)) => {
                std::fs::copy(from.database(), to.database()).unwrap();
            }
            _ => panic!("there is one kind here"),
        }
    }
}

fn sqlite(path: &Path, text: &str) -> String {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    if !text.starts_with("SELECT") {
        connection.execute_batch(text).unwrap();
        return connection.changes().to_string();
    }
    connection
        .query_row(text, [], |row| {
            Ok(match row.get_ref(0)? {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => panic!("{other:?}"),
            })
        })
        .unwrap()
}

/// Answers as JSON, with the supplier whose key would sign.
pub struct FakePrepare;

impl Prepare for FakePrepare {
    fn prepare(&self, answer: &Answer, supplier: Option<SupplierId>) -> Prepared {
        if answer.head.request == POISON {
            panic!("this request is poisoned");
        }
        let bytes = serde_json::to_vec(&(answer, supplier)).unwrap();
        let digest = digest(&bytes);
        Prepared { bytes, digest }
    }
}

/// Preparing the answer to this request panics.
pub const POISON: RequestId = RequestId([0xee; 16]);

pub fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

pub fn read_answer(payload: &[u8]) -> Answer {
    serde_json::from_slice::<(Answer, Option<SupplierId>)>(payload).unwrap().0
}

pub struct World {
    pub store: Store,
    pub ledger: Ledger,
    pub clock: FakeClock,
    pub place: Place,
}

pub fn options(clock: &FakeClock) -> Options {
    Options::new(Arc::new(clock.clone()), Arc::new(SeededRandom::new(SEED)))
}

pub fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

pub fn offer(name: &str, uses: Option<u64>, slice: Option<u64>, devices: u32) -> Offer {
    Offer {
        name: name.parse().unwrap(),
        condition: name.to_owned(),
        features: BTreeMap::from([("resize".parse().unwrap(), None)]),
        term: Term { uses, ..Term::PERPETUAL },
        devices,
        fee: "0 EUR".parse().unwrap(),
        charging: Default::default(),
        issuance: Default::default(),
        pass_term: Slice { uses: slice, ..Slice::WHOLE },
        temporary_pass_term: None,
        counting: Counting::Offline,
        grace: None,
        lost_devices_per_year: 2,
        floating: None,
        reporting: None,
        once_per: None,
        hardware_only: false,
        versions: Default::default(),
    }
}

/// Sixteen floating seats.
pub const SEATS: u32 = 16;

fn seats() -> Offer {
    let pass_term = Slice { period: Some("15 minutes".parse().unwrap()), ..Slice::WHOLE };
    let floating = Some(Floating { borrow: Some(Length::days(7)) });
    Offer { pass_term, floating, ..offer("seats", None, None, SEATS) }
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    pub fn with(adjust: impl FnOnce(&mut Options)) -> Self {
        let (place, clock) = (Place::new(), FakeClock::at(NOW));
        let mut options = options(&clock);
        adjust(&mut options);
        let store = Store::open(place.database(), options).unwrap();
        let ledger = store.ledger(SERVER, Arc::new(FakePrepare));
        let world = Self { store, ledger, clock, place };
        world.furnish();
        world
    }

    fn furnish(&self) {
        let offers = vec![
            offer("ten-runs", Some(10), Some(3), 1),
            offer("pool", Some(1_000), Some(5), 64),
            offer("forever", None, None, 2),
            seats(),
        ];
        self.store
            .write("test.furnish", move |tx| {
                let (id, now) = (SUPPLIER, Time(NOW));
                let name = "acme".parse().unwrap();
                tx.add_supplier(&Supplier { id, name, title: "Acme".into(), created: now })?;
                tx.add_app(&app(), id, "Paint", now)?;
                let menu = tx.menu(&app())?.unwrap().menu.replaced(&app(), offers.clone());
                tx.replace_menu(id, &app(), 0, &menu, now)
            })
            .unwrap();
    }

    /// The same database after a restart.
    pub fn reopen(self) -> Self {
        let Self { store, ledger, clock, place } = self;
        store.close();
        drop((store, ledger));
        Self::on(place, clock)
    }

    /// A server that takes this place up.
    pub fn on(place: Place, clock: FakeClock) -> Self {
        let store = Store::open(place.database(), options(&clock)).unwrap();
        let ledger = store.ledger(SERVER, Arc::new(FakePrepare));
        Self { store, ledger, clock, place }
    }

    pub fn submit(&self, request: &Request, proof: Option<Proof>) -> Result<Settled, LedgerError> {
        self.ledger.settle(work(request, proof, None))
    }

    /// Statements that no part of the store would run, see [`Place::sql`].
    pub fn sql(&self, statement: &str) -> String {
        self.place.sql(statement)
    }

    /// Every insertion into this table for this device fails, until [`World::heal`].
    pub fn fail_insert(&self, table: &str, device: DeviceId) {
        self.trigger(
            table,
            device,
            "INSERT",
            "new",
            "RAISE(ABORT, 'chosen to fail')",
            "RAISE 'chosen to fail'",
        );
    }

    /// Every update in this table for this device finds no row, as after a change by somebody else.
    pub fn ignore_update(&self, table: &str, device: DeviceId) {
        self.trigger(table, device, "UPDATE", "old", "RAISE(IGNORE)", "RETURN NULL");
    }

    fn trigger(&self, table: &str, device: DeviceId, event: &str, row: &str, here: &str, there: &str) {
        let marked: String = device.0.iter().map(|byte| format!("{byte:02x}")).collect();
        match &self.place {
            Place::Folder(folder) => sqlite(
                &folder.database(),
                &format!(
                    "CREATE TRIGGER fail BEFORE {event} ON {table} WHEN {row}.device_id = x'{marked}' \
                     BEGIN SELECT {here}; END"
                ),
            ),
            Place::Schema(schema) => schema.sql(&format!(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {there}; END $$; \
                 CREATE TRIGGER fail BEFORE {event} ON {table} FOR EACH ROW \
                 WHEN ({row}.device_id = '\\x{marked}') EXECUTE FUNCTION fail()"
            )),
        };
    }

    pub fn heal(&self, table: &str) {
        match &self.place {
            Place::Folder(folder) => sqlite(&folder.database(), "DROP TRIGGER fail"),
            Place::Schema(schema) => schema.sql(&format!("DROP TRIGGER fail ON {table}; DROP FUNCTION fail")),
        };
    }

    /// Keeps the writer busy until the guard goes, so that whatever is submitted meanwhile is one batch.
    pub fn hold(&self) -> mpsc::Sender<()> {
        let (release, held) = mpsc::channel();
        let (started, running) = mpsc::channel();
        let wait = move |_: &carnet_store::Writing<'_>| {
            started.send(()).unwrap();
            // Ends when the guard is dropped.
            let _ = held.recv();
            Ok(())
        };
        self.store.write_then("test.hold", wait, |_| ());
        running.recv().unwrap();
        release
    }

    pub fn check(&self) -> Report {
        self.store.check().unwrap()
    }

    pub fn assert_clean(&self) {
        let report = self.check();
        assert!(report.is_clean(), "{:#?}", report.findings);
    }

    pub fn license(&self, id: LicenseId) -> carnet_core::license::License {
        self.store.read(|tx| tx.license(SUPPLIER, id)).unwrap().unwrap()
    }
}

pub fn work(request: &Request, proof: Option<Proof>, receipt: Option<Proof>) -> Work {
    let body = digest(&serde_json::to_vec(request).unwrap());
    let request = request.clone();
    let proof = proof.map_or(Beside::Nothing, |proof| Beside::Checked(Box::new(proof)));
    Work::Request(Box::new(Submission {
        request,
        body,
        proof,
        receipt,
        code: None,
        agreement_document: None,
        handed: carnet_core::provision::Handed::Nothing,
    }))
}

/// A device that keeps what a journal keeps.
#[derive(Clone)]
pub struct Phone {
    pub id: DeviceId,
    pub user: UserId,
    pub epoch: u64,
    pub last_answer: Digest,
    pub totals: BTreeMap<LicenseId, Totals>,
    pub receipt: Proof,
    pub proof: Option<Proof>,
    asked: u64,
}

pub fn registration(id: DeviceId) -> Request {
    let registration = Registration {
        signing_key: PublicKey([id.0[0]; 32]).into(),
        agreement_key: PublicKey([id.0[0]; 32]),
        evidence: Evidence::Hardware,
        device_name: "canary-phone".into(),
        device_maker: None,
        joins: Joins::NewUser {
            person: Person {
                name: "canary-name".into(),
                email: "canary@example.org".into(),
                address: None,
                telephone: None,
                payment_reference: None,
            },
            recovery: digest(&id.0),
        },
    };
    Request {
        server: SERVER,
        journal: JournalName { device: id, app: None },
        id: request_id(id, 0),
        epoch: 0,
        last_answer: Digest([0; 32]),
        head: Digest([1; 32]),
        at: Time(NOW),
        totals: BTreeMap::new(),
        portables: BTreeSet::new(),
        operation: Operation::Register(Box::new(registration)),
    }
}

pub fn device_id(number: u32) -> DeviceId {
    let mut id = [3; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    DeviceId(id)
}

fn request_id(device: DeviceId, asked: u64) -> RequestId {
    let mut id = device.0;
    id[8..].copy_from_slice(&asked.to_be_bytes());
    RequestId(id)
}

impl Phone {
    /// Registers a new user's first device.
    pub fn register(world: &World, number: u32) -> Self {
        let id = device_id(number);
        let payload = answered(world.submit(&registration(id), None).unwrap());
        let receipt = Proof { digest: digest(&payload), answer: read_answer(&payload) };
        Self::from_receipt(id, receipt)
    }

    /// Another device of the same user, told of by a receipt (there is no joining yet).
    pub fn sibling(&self, number: u32) -> Self {
        let id = device_id(number);
        let key = PublicKey([number as u8; 32]);
        let effect = Effect::Registered {
            signing_key: key.into(),
            agreement_key: key,
            evidence: Evidence::Hardware,
            only: None,
            until: None,
        };
        let head =
            Head { journal: JournalName { device: id, app: None }, ..self.receipt.answer.head.clone() };
        let answer = Answer { head, body: Body::Receipt(Box::new(Receipt { effect })) };
        let digest = digest(&serde_json::to_vec(&answer).unwrap());
        Self::from_receipt(id, Proof { digest, answer })
    }

    fn from_receipt(id: DeviceId, receipt: Proof) -> Self {
        let (user, last_answer) = (receipt.answer.head.user, receipt.digest);
        Self { id, user, epoch: 0, last_answer, totals: BTreeMap::new(), receipt, proof: None, asked: 0 }
    }

    pub fn journal(&self) -> JournalName {
        JournalName { device: self.id, app: Some(app()) }
    }

    /// The next request, with an id that was never used.
    pub fn request(&mut self, operation: Operation) -> Request {
        self.asked += 1;
        Request {
            server: SERVER,
            journal: self.journal(),
            id: request_id(self.id, self.asked),
            epoch: self.epoch,
            last_answer: self.last_answer,
            head: Digest([2; 32]),
            at: Time(NOW),
            totals: self.totals.clone(),
            portables: BTreeSet::new(),
            operation,
        }
    }

    pub fn work(&self, request: &Request) -> Work {
        work(request, self.proof.clone(), Some(self.receipt.clone()))
    }

    pub fn receive(&mut self, payload: &[u8]) -> Body {
        let answer = read_answer(payload);
        (self.epoch, self.last_answer) = (answer.head.epoch, digest(payload));
        if let Some(resume) = &answer.head.resume {
            for (license, totals) in &resume.totals {
                let own = self.totals.entry(*license).or_default();
                (own.uses, own.seconds) = (own.uses.max(totals.uses), own.seconds.max(totals.seconds));
            }
        }
        self.proof = Some(Proof { digest: digest(payload), answer: answer.clone() });
        answer.body
    }

    pub fn ask(&mut self, world: &World, operation: Operation) -> Body {
        let request = self.request(operation);
        let payload = answered(world.ledger.settle(self.work(&request)).unwrap());
        self.receive(&payload)
    }

    pub fn agree(&mut self, world: &World, name: &str) -> Body {
        let operation = self.agreement(world, name);
        self.ask(world, operation)
    }

    pub fn agreement(&self, world: &World, name: &str) -> Operation {
        let name: OfferName = name.parse().unwrap();
        let menu = world.store.read(|tx| tx.menu(&app())).unwrap().unwrap().menu;
        let listed = menu.find(&name).unwrap().clone();
        let agreement = Agreement { server: SERVER, user: self.user, device: self.id, at: Time(NOW), listed };
        Operation::Agree(Box::new(Agreed { agreement, document: b"signed agreement".to_vec() }))
    }

    pub fn renew(&mut self, world: &World) -> Body {
        self.ask(world, Operation::Renew { uses: 1 })
    }

    pub fn import(&mut self, world: &World, portable: &PortablePass) -> Body {
        let brought = Brought { portable: portable.clone(), document: b"signed pass".to_vec() };
        self.ask(world, Operation::Import(Box::new(brought)))
    }

    /// Counts uses, as a running program would.
    pub fn use_up(&mut self, license: LicenseId, uses: u64) {
        self.totals.entry(license).or_default().uses += uses;
    }
}

pub fn answered(settled: Settled) -> Vec<u8> {
    match settled {
        Settled::Answered { payload, .. } => payload,
        other => panic!("no answer: {other:?}"),
    }
}

pub fn how(settled: &Settled) -> How {
    match settled {
        Settled::Answered { how, .. } => *how,
        other => panic!("no answer: {other:?}"),
    }
}

pub fn pass_of(body: &Body) -> &carnet_core::document::Pass {
    match body {
        Body::Pass(pass) => pass,
        other => panic!("no pass: {other:?}"),
    }
}

pub fn reason_of(body: &Body) -> Reason {
    match body {
        Body::Refusal(refusal) => refusal.reason,
        other => panic!("no refusal: {other:?}"),
    }
}

pub fn not_found<T>(outcome: Result<T, LedgerError>) -> bool {
    matches!(outcome, Err(LedgerError::Store(StoreError::NotFound { .. })))
}

pub fn crash_at(point: &str, nth: u32) -> impl FnOnce(&mut Options) {
    let crash = Crash::unwinding(point, nth);
    move |options| options.crash = crash
}
