//! Commits that are made durable together, apart from the thread that decides.
//!
//! A commit waits for the disk, and for another server that follows, while the processor has nothing to do. So batches of the
//! ledger commit without waiting (`synchronous_commit = off`), and a second session makes a tiny commit that does wait:
//! the log is written in order, so when that one is durable, all before it are. Only then anybody is told (I9). One such
//! wait serves all batches that have come together meanwhile.
//!
//! That reasoning holds for one running server process. A session that has lived from before the batch until after the wait shows
//! that this server has not crashed in between; that both sessions speak with the same process shows in when it started. Where
//! there is no such session, batches wait for their own commits.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_executor::block_on;
use tokio_postgres::{Client, Error, Statement};

use super::mover::Background;
use super::pooler::Backend;
use super::source::{Made, Source};
use crate::StoreError;
use crate::counters::Counters;
use crate::sql::statements;

statements! {
    /// When this process of the database server has started, in microseconds: tells it from any other.
    INSTANCE = "SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::BIGINT";
    /// A record of no meaning, whose commit waits until the log is durable up to it.
    WAIT = "SELECT pg_backend_pid()::BIGINT FROM pg_logical_emit_message(true, 'carnet', '')";
}

/// How many batches may wait beside those that are being made durable: the one that decides must not run away from the disk.
const AHEAD: usize = 4;

/// How long it takes from one attempt to get a session to the next, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A process of the database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instance(i64);

impl Instance {
    pub(super) async fn of(client: &Client) -> Result<Self, Error> {
        let row = client.query_one(INSTANCE, &[]).await?;
        row.try_get(0).map(Self)
    }
}

/// A batch that was committed and may not be durable yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise {
    /// The session that was there before it was committed.
    pub(crate) witness: Seen,
    /// When the commit began.
    pub(crate) since: u64,
    /// How many rows it wrote.
    pub(crate) rows: u64,
}

/// Called with whether a batch is durable; if not, nobody can tell.
pub(crate) type Tell = Box<dyn FnOnce(bool) + Send>;

/// Names one session that waits, among all that there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen(u64);

/// The session that waits.
struct Witness {
    seen: Seen,
    client: Client,
    wait: Statement,
    instance: Instance,
    backend: Backend,
    /// Without it, nobody moves the bytes of this session.
    _background: Arc<Background>,
}

impl Witness {
    fn new(source: &Source, seen: Seen) -> Result<Self, StoreError> {
        let Made { client, backend, background } = source.make()?;
        let prepared = || Ok((block_on(Instance::of(&client))?, block_on(client.prepare(WAIT))?));
        let (instance, wait) = prepared().map_err(|error: Error| super::failed(&error))?;
        let witness = Self { seen, client, wait, instance, backend, _background: background };
        // Not everybody may, everywhere: that is to show before anything depends on it.
        witness.wait()?;
        Ok(witness)
    }

    /// Until everything that was committed before is durable, in the very session that was there before.
    fn wait(&self) -> Result<(), StoreError> {
        let waited = block_on(self.client.query_one(&self.wait, &[]));
        let waited = waited.and_then(|row| row.try_get(0)).map_err(|error| super::failed(&error))?;
        self.backend.is(waited)
    }

    fn is_good(&self) -> bool {
        !self.client.is_closed()
    }
}

/// Makes what was promised durable, and tells.
pub(crate) struct Flusher {
    promises: SyncSender<(Promise, Tell)>,
    witness: Arc<Mutex<Option<Arc<Witness>>>>,
}

impl Flusher {
    pub(crate) fn start(
        source: Source,
        counters: Arc<Counters>,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (promises, promised) = sync_channel(AHEAD);
        let witness = Arc::new(Mutex::new(seek(&source, Seen(0))));
        let worker = Worker { source, counters, promised, witness: Arc::clone(&witness) };
        let thread = std::thread::Builder::new()
            .name("carnet-flush".into())
            .spawn(move || worker.work())
            .map_err(StoreError::failed)?;
        Ok((Self { promises, witness }, thread))
    }

    /// The session that can make durable what will be committed there from now on.
    pub(crate) fn witness(&self, instance: Instance) -> Option<Seen> {
        let witness = lock(&self.witness);
        let ours = witness.as_ref().filter(|witness| witness.instance == instance && witness.is_good());
        ours.map(|witness| witness.seen)
    }

    /// Hands over; waits where too much was handed over before.
    pub(crate) fn hand(&self, promise: Promise, tell: Tell) {
        if let Err(SendError((_, tell))) = self.promises.send((promise, tell)) {
            tell(false);
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seek(source: &Source, seen: Seen) -> Option<Arc<Witness>> {
    match Witness::new(source, seen) {
        Ok(witness) => Some(Arc::new(witness)),
        Err(error) => {
            tracing::warn!(%error, "commits wait for the disk one by one: no session for waiting together");
            None
        }
    }
}

struct Worker {
    source: Source,
    counters: Arc<Counters>,
    promised: Receiver<(Promise, Tell)>,
    witness: Arc<Mutex<Option<Arc<Witness>>>>,
}

impl Worker {
    fn work(self) {
        let (mut again, mut seen) = (AGAIN.0, Seen(0));
        loop {
            match self.promised.recv_timeout(again) {
                Ok(first) => {
                    self.keep(std::iter::once(first).chain(self.promised.try_iter()).collect());
                    again = AGAIN.0;
                }
                Err(RecvTimeoutError::Timeout) if self.has_witness() => again = AGAIN.0,
                // Also where it was lost while nobody needed it.
                Err(RecvTimeoutError::Timeout) => {
                    seen = Seen(seen.0 + 1);
                    let found = seek(&self.source, seen);
                    *lock(&self.witness) = found;
                    again = (again * 2).min(AGAIN.1);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn has_witness(&self) -> bool {
        lock(&self.witness).as_ref().is_some_and(|witness| witness.is_good())
    }

    /// All of these were committed before the wait begins.
    fn keep(&self, promises: Vec<(Promise, Tell)>) {
        let witness = lock(&self.witness).clone();
        let durable = witness.and_then(|witness| match witness.wait() {
            Ok(()) => Some(witness.seen),
            Err(error) => {
                tracing::error!(%error, "the session that waits for the disk was lost");
                *lock(&self.witness) = None;
                None
            }
        });
        for (Promise { witness, since, rows }, tell) in promises {
            // Also one that was committed before this session was there: its server may have crashed in between.
            let durable = durable == Some(witness);
            if durable {
                self.counters.durable(since, rows);
            }
            tell(durable);
        }
    }
}
