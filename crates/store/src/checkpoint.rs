//! Checkpoints: what the write-ahead log holds goes to the database file.
//!
//! A second thread copies the bulk while the writer goes on. It can never copy the very last pages, because the
//! writer keeps adding some, and the log starts over only when all is copied: so the writer copies the short
//! rest between two batches.

use std::path::Path;
use std::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::StoreError;

pub(crate) struct Checkpoints {
    every: u64,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rows: u64,
    wanted: bool,
    bulk_done: bool,
    stopped: bool,
}

impl Checkpoints {
    pub(crate) fn new(every: u64) -> Self {
        Self { every, state: Mutex::default(), wake: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread. It opens its own connection to where `like` points.
    pub(crate) fn start(
        self: &Arc<Self>,
        like: &Connection,
        path: &Path,
    ) -> Result<JoinHandle<()>, StoreError> {
        let own = Connection::open_with_flags(
            like.path().map_or(path, Path::new),
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        own.execute_batch("PRAGMA synchronous = FULL")?;
        let checkpoints = Arc::clone(self);
        std::thread::Builder::new()
            .name("carnet-checkpoint".into())
            .spawn(move || checkpoints.run(&own))
            .map_err(StoreError::failed)
    }

    fn run(&self, connection: &Connection) {
        while self.wait() {
            checkpoint(connection, "PASSIVE");
            let mut state = self.state();
            (state.wanted, state.bulk_done) = (false, true);
        }
    }

    fn wait(&self) -> bool {
        let mut state = self.state();
        while !state.wanted && !state.stopped {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped
    }

    /// The writer has committed so many rows. True when the bulk has been copied and it should do the rest.
    pub(crate) fn committed(&self, rows: u64) -> bool {
        let mut state = self.state();
        state.rows += rows;
        if state.bulk_done {
            (state.rows, state.bulk_done) = (0, false);
            return true;
        }
        if state.rows >= self.every && !state.wanted {
            state.wanted = true;
            self.wake.notify_one();
        }
        false
    }

    pub(crate) fn stop(&self) {
        self.state().stopped = true;
        self.wake.notify_one();
    }
}

/// Copies what can be copied; whatever stays is copied by the next one, and no commit depends on it.
pub(crate) fn checkpoint(connection: &Connection, mode: &str) {
    let done = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    match done {
        Ok((busy, pages, copied)) => tracing::debug!(mode, busy, pages, copied, "checkpoint"),
        Err(error) => tracing::warn!(mode, %error, "checkpoint failed, the next one tries again"),
    }
}
