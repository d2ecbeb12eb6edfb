//! The store: opening, reading, writing, closing.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use carnet_core::id::{DeviceId, Digest, ServerId};
use carnet_core::offer::Listed;
use carnet_core::time::Time;
use carnet_seam::{Clock, Crash, Random};
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;

use crate::StoreError;
use crate::cache::Cache;
use crate::checkpoint::{Checkpoints, Limits};
use crate::connection::Connection;
use crate::counters::{Counters, Counts};
use crate::database::{Database, PostgresUrl};
use crate::device::DeviceKeys;
use crate::ledger::{Done, Ledger, Prepare, Reader, Terms};
use crate::lookup::Lookups;
use crate::migrate::migrate;
use crate::place::{self, Lock};
use crate::postgres::{Flusher, Source};
use crate::readers::Readers;
use crate::relocate::refuse_relocated;
use crate::turns::Lane;
use crate::tx::{Reading, Writing};
use crate::writer::{Desk, Home, Job, Writer};

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Tells the time of decisions.
    pub clock: Arc<dyn Clock>,
    /// Gives new ids.
    pub random: Arc<dyn Random>,
    /// Points at which a test lets the process die: `ledger.decided` (before the commit) and `ledger.committed`
    /// (after it, before anybody is told).
    pub crash: Crash,
    /// Reading connections; on PostgreSQL two at least, as over one of them devices' keys are looked up.
    pub readers: usize,
    /// How long a reader waits for one of them before it is told [`StoreError::Busy`].
    pub patience: Duration,
    /// The most ledger operations that share a commit. What is there is taken, nothing is waited for. With 1, every
    /// transaction is about one user alone, as databases want it that are spread over machines by user.
    pub batch: usize,
    /// Whether rows that a batch writes alike go together in one statement, on PostgreSQL. Never with batches of one.
    pub together: bool,
    /// The most work that may wait, a quarter of it of one user; more is refused with [`StoreError::Busy`].
    pub queue: usize,
    /// The writer's page cache.
    pub cache_kib: u32,
    /// Pages (4 KiB) of the log that gather between two rounds of copying them into the database file.
    pub checkpoint_pages: u64,
    /// Pages of the log from which on it is to start over.
    pub log_pages: u64,
}

impl Options {
    /// What is good for a server.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            clock,
            random,
            crash: Crash::never(),
            readers: 4,
            patience: Duration::from_secs(10),
            batch: 128,
            together: true,
            queue: 65_536,
            cache_kib: 65_536,
            checkpoint_pages: 32,
            log_pages: 8_192,
        }
    }
}

/// The durable state of a server. Clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: Database,
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    log_pages: Arc<AtomicU64>,
    counters: Arc<Counters>,
    readers: Readers,
    /// Of a database across a connection.
    lookups: Option<Arc<Lookups>>,
    threads: Mutex<Threads>,
}

/// Connections that read.
struct Connections {
    /// For whoever wants to.
    readers: Readers,
    /// The one over which devices' keys are looked up for those who must not wait.
    lookups: Option<Readers>,
}

#[derive(Default)]
struct Threads {
    writer: Option<JoinHandle<()>>,
    /// Ends when the store is closed.
    reader: Option<JoinHandle<()>>,
    /// Too.
    lookup: Option<JoinHandle<()>>,
    /// Ends when the writer has.
    flusher: Option<JoinHandle<()>>,
    checkpointer: Option<(JoinHandle<()>, Arc<Checkpoints>)>,
    lock: Option<Lock>,
}

/// What all connections share: things that never change once they are there.
pub(crate) struct Shared {
    pub(crate) bases: Cache<Digest, Arc<Listed>>,
    pub(crate) devices: Cache<DeviceId, DeviceKeys>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self { bases: Cache::of_size(4_096), devices: Cache::of_size(32_768) }
    }
}

impl Store {
    /// Opens the database, made and brought up to date as needed. A file is taken for this server alone; a
    /// PostgreSQL database may be shared.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::NewerSchema`], [`StoreError::ReadOnly`], [`StoreError::Unreachable`],
    /// [`StoreError::Denied`], [`StoreError::Foreign`] and what the database reports.
    pub fn open(database: impl Into<Database>, options: Options) -> Result<Self, StoreError> {
        match database.into() {
            Database::File(path) => Self::open_file(&path, options),
            // Some of its sessions are waited for in a way that a thread of another runtime may not.
            Database::Postgres(url) => std::thread::scope(|scope| {
                let opened = scope.spawn(|| Self::open_postgres(&url, options)).join();
                opened.unwrap_or(Err(StoreError::Defect))
            }),
        }
    }

    fn open_file(path: &Path, options: Options) -> Result<Self, StoreError> {
        place::prepare(path)?;
        let lock = place::lock(path)?;
        let connection = Connection::Sqlite(writing_connection(path, &options)?);
        migrate(&connection, Time(options.clock.wall_micros()))?;
        refuse_relocated(&connection)?;
        let from = path.to_owned();
        let readers = Readers::open(
            options.readers.max(1),
            options.patience,
            Box::new(move || reading_connection(&from).map(Connection::Sqlite)),
        )?;
        let connections = Connections { readers, lookups: None };
        let counters = Arc::new(Counters::new(options.clock.clone()));
        let limits = Limits { round: options.checkpoint_pages.max(1), log: options.log_pages.max(1) };
        let checkpoints = Arc::new(Checkpoints::new(limits, Arc::clone(&counters), place::open(path)?));
        let checkpointer = checkpoints.start(&plain_connection(path)?, path)?;
        let home = Home::File { path: path.to_owned(), checkpoints: Arc::clone(&checkpoints) };
        let database = Database::File(path.to_owned());
        let store = Self::start(database, home, connection, options, connections, counters)?;
        {
            let mut threads = store.0.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.checkpointer = Some((checkpointer, checkpoints));
            threads.lock = Some(lock);
        }
        Ok(store)
    }

    fn open_postgres(url: &PostgresUrl, options: Options) -> Result<Self, StoreError> {
        let source = Source::new(url)?;
        let connection = Connection::Postgres(source.connect_asker()?);
        migrate(&connection, Time(options.clock.wall_micros()))?;
        // Databases that are spread over machines have no log in which one commit comes after another.
        let apart = options.batch > 1 && options.together;
        let from = source.clone();
        let for_all = Box::new(move || from.connect_settled().map(Connection::Postgres));
        let from = source.clone();
        let for_keys = Box::new(move || {
            let session = from.connect_asker()?;
            session.write_together(apart);
            Ok(Connection::Postgres(session))
        });
        let connections = Connections {
            readers: Readers::open(options.readers.saturating_sub(1).max(1), options.patience, for_all)?,
            lookups: Some(Readers::open(1, options.patience, for_keys)?),
        };
        let counters = Arc::new(Counters::new(options.clock.clone()));
        let database = Database::Postgres(url.clone());
        let (flusher, thread) =
            apart.then(|| Flusher::start(source.clone(), Arc::clone(&counters))).transpose()?.unzip();
        let home = Home::Postgres { source, flusher };
        let store = Self::start(database, home, connection, options, connections, counters)?;
        store.0.threads.lock().unwrap_or_else(PoisonError::into_inner).flusher = thread;
        Ok(store)
    }

    fn start(
        database: Database,
        home: Home,
        connection: Connection,
        options: Options,
        connections: Connections,
        counters: Arc<Counters>,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::new());
        let Connections { readers, lookups } = connections;
        let log_pages = home.log_pages();
        let writer = Arc::new(Writer::new(options.queue, Arc::clone(&counters)));
        let (reader, done) = match &home {
            Home::Postgres { source, flusher: Some(_) } => {
                let (source, shared, writer) = (source.clone(), Arc::clone(&shared), Arc::clone(&writer));
                let done = Arc::new(Done::default());
                let reader = Reader { source, shared, writer, done: Arc::clone(&done), batch: options.batch };
                (Some(reader.start()?), Some(done))
            }
            _ => (None, None),
        };
        let queue = options.queue;
        let desk = Desk::new(connection, home, options, Arc::clone(&shared), Arc::clone(&counters), done)?;
        let lookups = lookups.map(|readers| {
            let lookups = Arc::new(Lookups::new(queue));
            lookups.start(readers, Arc::clone(&shared)).map(|thread| (lookups, thread))
        });
        let (lookups, lookup) = lookups.transpose()?.unzip();
        let threads = Threads { writer: Some(writer.start(desk)?), reader, lookup, ..Threads::default() };
        let threads = Mutex::new(threads);
        Ok(Self(Arc::new(Inner { database, shared, writer, log_pages, counters, readers, lookups, threads })))
    }

    /// Reads from one snapshot.
    ///
    /// # Errors
    /// What the closure returns, and what the database reports.
    pub fn read<T>(&self, work: impl FnOnce(&Reading<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.0.readers.with(|connection| work(&Reading { connection, shared: &self.0.shared }))
    }

    /// Runs a unit of work in a transaction of its own, in turn with the ledger's batches, and waits until it
    /// is durable. Not to be called from inside another unit of work. The closure is called again where the database
    /// could not put its work in line with that of others.
    ///
    /// # Errors
    /// What the closure returns (all is rolled back then), and what the database reports.
    pub fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnMut(&Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.write_then(name, work, move |outcome| {
            // Whoever waited has gone away; the work is done all the same.
            let _ = sender.send(outcome);
        });
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Like [`Store::write`], but returns at once; `reply` is called on the writer thread.
    pub fn write_then<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnMut(&Writing<'_>) -> Result<T, StoreError> + Send + 'static,
        reply: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) {
        self.0.writer.push(Lane::Units, Job::unit(name, work, reply));
    }

    /// The ledger, deciding for this server with answers made by `prepare`.
    #[must_use]
    pub fn ledger(&self, server: ServerId, prepare: Arc<dyn Prepare>) -> Ledger {
        Ledger {
            terms: Arc::new(Terms { server, prepare }),
            writer: Arc::clone(&self.0.writer),
            shared: Arc::clone(&self.0.shared),
        }
    }

    /// What the store has counted since it was opened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            queue: self.0.writer.waiting(),
            log_pages: self.0.log_pages.load(Ordering::Relaxed),
            ..self.0.counters.counts()
        }
    }

    /// What keeps the writer from writing since its last attempt, where that is the database's and not the work's: a
    /// full disk, no permission, no connection.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreError> {
        self.0.counters.trouble()
    }

    /// Whether other servers may write to the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.0.database, Database::Postgres(_))
    }

    /// Where the database is.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// Takes nothing more, does what is queued, checkpoints, and lets go of the database. Harmless when
    /// closed already.
    pub fn close(&self) {
        self.0.close();
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Who looks devices' keys up, where that may take its time.
    pub(crate) fn lookups(&self) -> Option<&Lookups> {
        self.0.lookups.as_deref()
    }

    /// Asks a single question, for which no snapshot is needed.
    pub(crate) fn ask<T>(
        &self,
        work: impl Fn(&Reading<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0.readers.ask(|connection| work(&Reading { connection, shared: &self.0.shared }))
    }
}

impl Inner {
    fn close(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = std::mem::take(&mut *threads);
        // The last handle may be dropped by a reply, on one of these threads: it cannot wait for itself, nor for the
        // other one, which may wait for it.
        let here = std::thread::current().id();
        let ours = [&threads.writer, &threads.flusher, &threads.lookup].into_iter().flatten();
        let within = ours.map(|thread| thread.thread().id()).any(|id| id == here);
        let wait = |thread: Option<JoinHandle<()>>| {
            let ended = thread.map(JoinHandle::join);
            if matches!(ended, Some(Err(_))) {
                tracing::error!("a thread of the store ended in a panic");
            }
        };
        // First: beside a round of the checkpoint thread the writer's last checkpoint would give up at once.
        if let Some((thread, checkpoints)) = threads.checkpointer {
            checkpoints.stop();
            wait(Some(thread));
        }
        self.writer.close();
        self.readers.close();
        if let Some(lookups) = &self.lookups {
            lookups.close();
        }
        if !within {
            wait(threads.lookup);
            wait(threads.reader);
            wait(threads.writer);
            wait(threads.flusher);
        }
        drop(threads.lock);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn plain_connection(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    let connection = rusqlite::Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    settled_plans(&connection)?;
    Ok(connection)
}

/// Plans must not depend on the values bound: SQLite would look at them, and compile statements again and again.
fn settled_plans(connection: &rusqlite::Connection) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The one connection that writes.
pub(crate) fn writing_connection(path: &Path, options: &Options) -> Result<rusqlite::Connection, StoreError> {
    let connection = plain_connection(path)?;
    // The file itself may say that it is no database, so this is where that shows.
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Failed("the file system does not support write-ahead logging".into()));
    }
    // FULL: a commit is on the disk before it is told (I9). Checkpoints come from another thread, because one
    // inside a commit stops everybody for 50 to 300 ms. Erased values leave the pages too (I19).
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = FAST; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{}",
        options.cache_kib
    ))?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// A connection that can only read.
pub(crate) fn reading_connection(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    let connection = rusqlite::Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    settled_plans(&connection)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
