//! The one thread that writes: ledger batches, and units of work between them.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::document::JournalName;
use carnet_core::server::AppView;

use crate::StoreError;
use crate::checkpoint::{Checkpoints, checkpoint};
use crate::connection::Connection;
use crate::counters::Counters;
use crate::error::ORDER;
use crate::ledger::{Ahead, Done, LedgerError, Op};
use crate::postgres::{Commit, Flusher, Promise, Seen, Source, Tell};
use crate::store::{Options, Shared, writing_connection};
use crate::turns::{Lane, Turns};
use crate::tx::{Reading, Writing};

/// How often a unit of work is run again when the database could not put it in line with others.
const ATTEMPTS: u32 = 3;

/// The number of no event.
const UNKNOWN: i64 = -1;

/// The longest time to wait for what is being read ahead.
const READING: Duration = Duration::from_millis(20);
/// How many journals are worth being read at once, and how long to wait for so many while the writer is busy.
const FEW: usize = 16;
const GATHERING: Duration = Duration::from_micros(300);

type Unit = Box<dyn FnOnce(Result<&mut Desk, StoreError>) + Send>;

/// What waits for the writer.
pub(crate) enum Job {
    /// Shares its commit with others.
    Ledger(Box<Op>),
    /// Has a transaction of its own. Called with nothing to write to when it must be refused.
    Unit(Unit),
}

impl Job {
    pub(crate) fn unit<T: Send + 'static>(
        name: &'static str,
        work: impl FnMut(&Writing<'_>) -> Result<T, StoreError> + Send + 'static,
        reply: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) -> Self {
        Self::Unit(Box::new(move |desk| reply(desk.and_then(|desk| desk.unit(name, work)))))
    }

    /// The journal of a device's request.
    fn journal(&self) -> Option<JournalName> {
        match self {
            Self::Ledger(op) => op.journal().cloned(),
            Self::Unit(_) => None,
        }
    }

    fn refuse(self, error: StoreError) {
        match self {
            Self::Ledger(op) => (op.reply)(Err(LedgerError::Store(error))),
            Self::Unit(unit) => unit(Err(error)),
        }
    }
}

/// The queue in front of the writer thread.
pub(crate) struct Writer {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Wakes whoever reads ahead.
    wanted: Condvar,
    /// Wakes the writer when something was read ahead.
    read: Condvar,
    counters: Arc<Counters>,
}

struct Queue {
    jobs: Turns<(u64, Job)>,
    /// Number of the next job.
    next: u64,
    waiting: bool,
    closed: bool,
    ahead: Desired,
}

/// What is to be read ahead, and what was read.
#[derive(Default)]
struct Desired {
    /// Journals that queued requests are about, by the numbers of their jobs. None: nobody reads ahead.
    journals: Option<VecDeque<(u64, JournalName)>>,
    /// Somebody is reading just now.
    reading: bool,
    /// For how many requests it was read since the writer was last here.
    count: usize,
    rows: Option<Ahead>,
}

impl Queue {
    fn journals_wanted(&self) -> usize {
        self.ahead.journals.as_ref().map_or(0, VecDeque::len)
    }
}

impl Writer {
    pub(crate) fn new(limit: usize, counters: Arc<Counters>) -> Self {
        let (jobs, ahead) = (Turns::of(limit), Desired::default());
        let queue = Queue { jobs, next: 0, waiting: false, closed: false, ahead };
        let (wake, wanted, read) = (Condvar::new(), Condvar::new(), Condvar::new());
        Self { queue: Mutex::new(queue), wake, wanted, read, counters }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job, or refuses it at once.
    pub(crate) fn push(&self, lane: Lane, job: Job) {
        let mut queue = self.queue();
        let number = queue.next;
        let journal = queue.ahead.journals.is_some().then(|| job.journal()).flatten();
        let refused = if queue.closed {
            Err((job, StoreError::Closed))
        } else {
            queue.jobs.push(lane, (number, job)).map_err(|(_, job)| (job, StoreError::Busy))
        };
        queue.next += 1;
        if refused.is_ok() && queue.waiting {
            self.wake.notify_one();
        } else if refused.is_ok()
            && let (Some(journal), Some(journals)) = (journal, &mut queue.ahead.journals)
        {
            journals.push_back((number, journal));
            if journals.len() == 1 || journals.len() == FEW {
                self.wanted.notify_one();
            }
        }
        drop(queue);
        if let Err((job, error)) = refused {
            if error == StoreError::Busy {
                self.counters.refused();
            }
            job.refuse(error);
        }
    }

    /// How much waits.
    pub(crate) fn waiting(&self) -> u64 {
        u64::try_from(self.queue().jobs.len()).unwrap_or(u64::MAX)
    }

    /// Takes nothing more; what is queued will still be done.
    pub(crate) fn close(&self) {
        self.queue().closed = true;
        self.wake.notify_one();
        self.wanted.notify_one();
    }

    /// What is there, up to `most`, and what was read ahead for it; waits only when nothing is there. None when closed and done.
    fn take(&self, most: usize) -> Option<(Vec<Job>, Option<Ahead>)> {
        let mut queue = self.queue();
        while queue.jobs.len() == 0 {
            if queue.closed {
                return None;
            }
            queue.waiting = true;
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.waiting = false;
        }
        if queue.ahead.reading {
            // It would have to be read here otherwise, which takes as long.
            let reading = |queue: &mut Queue| queue.ahead.reading;
            let waited = self.read.wait_timeout_while(queue, READING, reading);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let taken = queue.jobs.take(most);
        if let Some(journals) = &mut queue.ahead.journals {
            let numbers: BTreeSet<u64> = taken.iter().map(|(number, _)| *number).collect();
            journals.retain(|(number, _)| !numbers.contains(number));
            if !journals.is_empty() {
                self.wanted.notify_one();
            }
        }
        queue.ahead.count = 0;
        Some((taken.into_iter().map(|(_, job)| job).collect(), queue.ahead.rows.take()))
    }

    /// From now on what is queued is to be read ahead.
    pub(crate) fn read_ahead(&self) {
        self.queue().ahead.journals = Some(VecDeque::new());
    }

    /// The journals of requests that wait while the writer is busy, as many as one batch may have; waits for them. None when closed.
    pub(crate) fn wanted(&self, most: usize) -> Option<Vec<JournalName>> {
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            if (1..FEW).contains(&queue.journals_wanted()) {
                // A few at a time would cost more questions than it saves.
                let few = |queue: &mut Queue| (1..FEW).contains(&queue.journals_wanted()) && !queue.closed;
                let gathered = self.wanted.wait_timeout_while(queue, GATHERING, few);
                queue = gathered.unwrap_or_else(PoisonError::into_inner).0;
            }
            let room = most.saturating_sub(queue.ahead.count);
            let journals = queue.ahead.journals.get_or_insert_default();
            let some: Vec<JournalName> =
                journals.drain(..room.min(journals.len())).map(|(_, journal)| journal).collect();
            if !some.is_empty() {
                queue.ahead.count += some.len();
                queue.ahead.reading = true;
                return Some(some);
            }
            queue = self.wanted.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What was wanted is there, or could not be read.
    pub(crate) fn has_read(&self, rows: Option<Ahead>) {
        let mut queue = self.queue();
        queue.ahead.rows = Ahead::both(queue.ahead.rows.take(), rows);
        queue.ahead.reading = false;
        self.read.notify_one();
    }

    pub(crate) fn start(self: &Arc<Self>, mut desk: Desk) -> Result<JoinHandle<()>, StoreError> {
        let writer = Arc::clone(self);
        std::thread::Builder::new()
            .name("carnet-writer".into())
            .spawn(move || {
                while let Some((jobs, ahead)) = writer.take(desk.options.batch.max(1)) {
                    desk.ahead = ahead;
                    desk.work_off(jobs);
                }
                if let Connection::Sqlite(connection) = &desk.connection {
                    checkpoint(connection, "TRUNCATE");
                }
            })
            .map_err(StoreError::failed)
    }
}

/// Where the writer's connection comes from, and what comes with it.
pub(crate) enum Home {
    File { path: PathBuf, checkpoints: Arc<Checkpoints> },
    Postgres { source: Source, flusher: Option<Flusher> },
}

impl Home {
    /// Pages in the log of a database that has one to look after.
    pub(crate) fn log_pages(&self) -> Arc<AtomicU64> {
        match self {
            Self::File { checkpoints, .. } => checkpoints.log_pages(),
            Self::Postgres { .. } => Arc::default(),
        }
    }
}

/// The writer thread's belongings.
pub(crate) struct Desk {
    pub(crate) connection: Connection,
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Options,
    pub(crate) menus: HashMap<AppId, Option<AppView>>,
    /// The number of the last committed event.
    pub(crate) last_event: i64,
    home: Home,
    pub(crate) counters: Arc<Counters>,
    /// What was read ahead for the next batch.
    pub(crate) ahead: Option<Ahead>,
    /// For whoever reads ahead; none where nobody does.
    pub(crate) done: Option<Arc<Done>>,
    /// Nobody else has decided anything between the last transaction and this one.
    pub(crate) undisturbed: bool,
    /// The last transaction's commit, where it may not be durable yet.
    promised: Option<Promise>,
    /// A commit has failed and the database could not be opened again, or a crash point was reached.
    dead: bool,
}

/// When a transaction has come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    /// When its commit returns.
    AtOnce,
    /// When somebody else says so, where there is somebody: [`Desk::told`].
    Promised,
}

/// Why a transaction did not come about.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It never began, or the database went away: nothing that was to be in it is to blame.
    NotBegun(StoreError),
    /// It was rolled back.
    RolledBack(StoreError),
    /// The commit failed, or the process "died": nobody can tell.
    Unknown,
}

impl Desk {
    pub(crate) fn new(
        mut connection: Connection,
        home: Home,
        options: Options,
        shared: Arc<Shared>,
        counters: Arc<Counters>,
        done: Option<Arc<Done>>,
    ) -> Result<Self, StoreError> {
        if let (Home::File { checkpoints, .. }, Connection::Sqlite(sqlite)) = (&home, &mut connection) {
            checkpoints.watch(sqlite)?;
        }
        let last_event = Reading { connection: &connection, shared: &shared }.last_event()?;
        let menus = HashMap::new();
        Ok(Self {
            connection,
            shared,
            options,
            menus,
            last_event,
            home,
            counters,
            ahead: None,
            done,
            undisturbed: false,
            promised: None,
            dead: false,
        })
    }

    /// Neighbouring ledger operations become a batch; units of work stay alone.
    fn work_off(&mut self, jobs: Vec<Job>) {
        let mut batch = Vec::with_capacity(jobs.len());
        for job in jobs {
            match job {
                job if self.dead => job.refuse(StoreError::Closed),
                Job::Ledger(op) => batch.push(*op),
                Job::Unit(unit) => {
                    self.settle(std::mem::take(&mut batch));
                    unit(Ok(self));
                }
            }
        }
        self.settle(batch);
    }

    fn settle(&mut self, batch: Vec<Op>) {
        if !batch.is_empty() {
            self.counters.batch(batch.len());
            self.settle_batch(batch);
        }
    }

    /// What the database could not put in line with the work of others is run again as a whole, from its first read on.
    fn unit<T>(
        &mut self,
        name: &'static str,
        mut work: impl FnMut(&Writing<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        for _ in 1..ATTEMPTS {
            match self.unit_once(name, &mut work) {
                Err(error) if error.is_of_order() => self.counters.again(),
                done => return done,
            }
        }
        self.unit_once(name, &mut work)
    }

    fn unit_once<T>(
        &mut self,
        name: &'static str,
        work: &mut impl FnMut(&Writing<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.dead {
            return Err(StoreError::Closed);
        }
        let mut menus_changed = false;
        let outcome = self.transaction(Durable::AtOnce, |desk| {
            let tx = Writing::over(&desk.connection, &desk.shared);
            let done = work(&tx)?;
            menus_changed = tx.menus_changed.get();
            Ok((done, 1))
        });
        if menus_changed {
            self.menus.clear();
        }
        self.anything_done();
        outcome.map_err(|failure| match failure {
            Failure::NotBegun(error) | Failure::RolledBack(error) => {
                tracing::debug!(name, %error, "unit of work rolled back");
                error
            }
            Failure::Unknown => StoreError::Unknown,
        })
    }

    /// Runs `work` in a transaction; it returns how many rows it wrote. A panic in it is rolled back and
    /// becomes an error: one poisoned request must not stop the server.
    pub(crate) fn transaction<T>(
        &mut self,
        durable: Durable,
        work: impl FnOnce(&mut Self) -> Result<(T, u64), StoreError>,
    ) -> Result<T, Failure> {
        let done = self.transaction_unseen(durable, work);
        if let Err(Failure::NotBegun(error) | Failure::RolledBack(error)) = &done {
            self.counters.could_not(error);
        }
        done
    }

    fn transaction_unseen<T>(
        &mut self,
        durable: Durable,
        work: impl FnOnce(&mut Self) -> Result<(T, u64), StoreError>,
    ) -> Result<T, Failure> {
        let witness = self.begin(durable).map_err(Failure::NotBegun)?;
        let counters = Arc::clone(&self.counters);
        let work = |desk: &mut Self| {
            let done = work(desk)?;
            desk.connection.flush()?;
            Ok(done)
        };
        let done = counters.work(|| catch_unwind(AssertUnwindSafe(|| work(self)))).unwrap_or_else(|_| {
            tracing::error!("a unit of work ended in a panic and was rolled back");
            Err(StoreError::Defect)
        });
        let (done, rows) = match done {
            Ok(done) => done,
            Err(error) => return Err(self.roll_back(error)),
        };
        if self.options.crash.point("ledger.decided").is_err() {
            return Err(self.die());
        }
        let since = counters.now();
        self.promised = witness.map(|witness| Promise { witness, since, rows });
        let committed =
            if witness.is_some() { self.commit() } else { counters.commit(rows, || self.commit()) };
        if let Err(error) = committed {
            return Err(self.not_committed(error));
        }
        if rows > 0 {
            self.counters.wrote();
        }
        if self.options.crash.point("ledger.committed").is_err() {
            return Err(self.die());
        }
        if let (Home::File { checkpoints, .. }, Connection::Sqlite(sqlite)) = (&self.home, &self.connection) {
            checkpoints.committed(sqlite);
        }
        Ok(done)
    }

    /// On PostgreSQL others may have written since: what was cached of things that change is forgotten, and a
    /// connection that was lost meanwhile is made again. Returns who will make the commit durable, if the commit itself will not.
    fn begin(&mut self, durable: Durable) -> Result<Option<Seen>, StoreError> {
        self.promised = None;
        if let Connection::Sqlite(sqlite) = &self.connection {
            sqlite_run(sqlite, "BEGIN IMMEDIATE")?;
            return Ok(None);
        }
        self.menus.clear();
        let (last_event, witness) = match self.take_seat(durable) {
            // Also where the database at the other end has become one that only reads: another has taken its place.
            Err(error) if error.is_of_connection() => {
                self.connect_again()?;
                self.take_seat(durable)?
            }
            seated => seated?,
        };
        self.undisturbed = last_event == self.last_event;
        if let Some(done) = self.done.as_ref().filter(|_| !self.undisturbed) {
            done.disturbed();
        }
        self.last_event = last_event;
        Ok(witness)
    }

    /// Returns the number of the last event.
    fn take_seat(&self, durable: Durable) -> Result<(i64, Option<Seen>), StoreError> {
        let Connection::Postgres(session) = &self.connection else { return Err(StoreError::Closed) };
        if session.is_closed() {
            return Err(StoreError::Unreachable { why: "the connection was lost".into() });
        }
        let witness = match (durable, &self.home) {
            (Durable::Promised, Home::Postgres { flusher: Some(flusher), .. }) => {
                flusher.witness(session.instance()?)
            }
            _ => None,
        };
        // A statement about many users has no place in a database that is spread over machines by user.
        session.write_together(self.options.together && self.options.batch > 1);
        let commit = if witness.is_some() { Commit::Goes } else { Commit::Waits };
        let seated = session.begin_writing(commit, durable == Durable::Promised);
        if seated.is_err() {
            // Somebody else has kept the seat for too long, for one.
            session.roll_back()?;
        }
        seated.map(|last_event| (last_event, witness))
    }

    /// Whatever was read ahead may be out of date.
    pub(crate) fn anything_done(&self) {
        if let Some(done) = &self.done {
            done.note(None);
        }
    }

    /// Has somebody told about the last transaction when it is durable: at once, or by whoever makes it so.
    pub(crate) fn told(&mut self, tell: Tell) {
        match (self.promised.take(), &self.home) {
            (Some(promise), Home::Postgres { flusher: Some(flusher), .. }) => flusher.hand(promise, tell),
            _ => tell(true),
        }
    }

    fn connect_again(&mut self) -> Result<(), StoreError> {
        let Home::Postgres { source, .. } = &self.home else { return Err(StoreError::Closed) };
        self.connection = Connection::Postgres(source.connect_asker()?);
        // Where the database has crashed, what was committed and not told is gone, and others may have decided as much instead.
        self.last_event = UNKNOWN;
        self.anything_done();
        tracing::info!("connected to the database again");
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        match &self.connection {
            Connection::Sqlite(sqlite) => Ok(sqlite_run(sqlite, "COMMIT")?),
            Connection::Postgres(session) => session.commit(),
        }
    }

    fn roll_back(&mut self, error: StoreError) -> Failure {
        let error = match &self.connection {
            Connection::Postgres(session) if session.is_disordered() => StoreError::Conflict { what: ORDER },
            _ => error,
        };
        match &self.connection {
            // SQLite has rolled back by itself after some errors, a full disk among them.
            Connection::Sqlite(sqlite) if sqlite.is_autocommit() => Failure::RolledBack(error),
            Connection::Sqlite(sqlite) => match sqlite_run(sqlite, "ROLLBACK") {
                Ok(()) => Failure::RolledBack(error),
                Err(second) => self.start_over(&second.into()),
            },
            // Without a connection there is no transaction any more, and nobody in it to blame.
            Connection::Postgres(session) => match session.roll_back() {
                Ok(()) if !matches!(error, StoreError::Unreachable { .. } | StoreError::Pooled) => {
                    Failure::RolledBack(error)
                }
                // With no room for more of its log, the database says so and ends.
                Err(second) if error != StoreError::DiskFull => Failure::NotBegun(second),
                Ok(()) | Err(_) => Failure::NotBegun(error),
            },
        }
    }

    fn not_committed(&mut self, error: StoreError) -> Failure {
        match &self.connection {
            Connection::Sqlite(_) => self.start_over(&error),
            Connection::Postgres(_) if error == StoreError::Unknown => {
                tracing::error!("the connection to the database was lost during a commit");
                Failure::Unknown
            }
            Connection::Postgres(_) => self.roll_back(error),
        }
    }

    /// A commit failed, and nobody can tell what of it is on the disk. A new connection sees what is.
    fn start_over(&mut self, error: &StoreError) -> Failure {
        tracing::error!(%error, "a commit failed; opening the database again");
        match self.open_again() {
            Ok(()) => self.menus.clear(),
            Err(error) => {
                tracing::error!(%error, "the database cannot be opened again; restart the server");
                self.dead = true;
            }
        }
        Failure::Unknown
    }

    fn open_again(&mut self) -> Result<(), StoreError> {
        let Home::File { path, checkpoints } = &self.home else { return Err(StoreError::Closed) };
        let mut sqlite = writing_connection(path, &self.options)?;
        checkpoints.watch(&mut sqlite)?;
        let connection = Connection::Sqlite(sqlite);
        self.last_event = Reading { connection: &connection, shared: &self.shared }.last_event()?;
        self.connection = connection;
        Ok(())
    }

    /// A test lets the process die here: nothing more is done or told.
    fn die(&mut self) -> Failure {
        self.dead = true;
        // What a killed process leaves behind, too: nothing of the open transaction.
        let _ = match &self.connection {
            Connection::Sqlite(sqlite) if sqlite.is_autocommit() => Ok(()),
            Connection::Sqlite(sqlite) => sqlite_run(sqlite, "ROLLBACK").map_err(StoreError::from),
            Connection::Postgres(session) => session.roll_back(),
        };
        Failure::Unknown
    }
}

fn sqlite_run(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
