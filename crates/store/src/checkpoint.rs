//! Checkpoints: what the write-ahead log holds goes to the database file.
//!
//! A sync has to wait for whatever else the disk was given before it, so a checkpoint of many pages makes every
//! commit beside it slow. A second thread therefore copies little and often: a round as soon as some pages have
//! gathered. The log starts over only when all of it is copied, and the writer keeps adding to it: so once the log
//! is long and what is left is short, the writer itself copies that between two batches.
//!
//! SQLite waits for the database file only when the whole log is copied, and then for all that was copied since the last
//! time: with 8,192 pages that is 30 ms, and it would be the writer who waits. So the second thread waits for the disk after
//! each of its rounds.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::StoreError;
use crate::counters::Counters;

/// When to copy; all in pages of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// So many have gathered: time for a round.
    pub(crate) round: u64,
    /// The log has so many: time to start it over.
    pub(crate) log: u64,
}

/// A log of so many times its limit is copied by the writer at any price, so that it does not grow for ever.
const AT_ANY_PRICE: u64 = 8;

pub(crate) struct Checkpoints {
    limits: Limits,
    counters: Arc<Counters>,
    /// The database file. Closing it lets go of all locks that SQLite has on it in this process, so whoever has a
    /// connection that needs them has this as well, and for longer.
    file: File,
    /// Pages in the log after the last commit.
    log: Arc<AtomicU64>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    progress: Progress,
    stopped: bool,
}

/// Where log and copy stand, in pages.
#[derive(Debug)]
struct Progress {
    log: u64,
    copied: u64,
    /// With so many in the log the next round is due.
    round_at: u64,
    /// With so many in the log the writer is to copy the rest.
    rest_at: u64,
}

impl Checkpoints {
    pub(crate) fn new(limits: Limits, counters: Arc<Counters>, file: File) -> Self {
        let progress = Progress { log: 0, copied: 0, round_at: limits.round, rest_at: limits.log };
        let state = Mutex::new(State { progress, stopped: false });
        Self { limits, counters, file, log: Arc::default(), state, wake: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns from this connection, the writer's, how long the log is after each commit.
    pub(crate) fn watch(self: &Arc<Self>, connection: &mut Connection) -> Result<(), StoreError> {
        let checkpoints = Arc::clone(self);
        let hook = move |_: &mut Wal, pages: i32| {
            checkpoints.log.store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        Ok(connection.wal_hook(Some(hook))?)
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
            let copied = self.counters.round(|| {
                let copied = checkpoint(connection, "PASSIVE");
                if let Err(error) = self.file.sync_data() {
                    // SQLite will be told as well, before the log starts over.
                    tracing::warn!(%error, "the database file could not be made durable");
                }
                copied
            });
            self.state().progress.round_done(copied, self.limits);
        }
    }

    fn wait(&self) -> bool {
        let mut state = self.state();
        while !state.progress.round_due() && !state.stopped {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped
    }

    /// The writer has committed: a round may be due, or the rest short enough for the writer to copy it.
    pub(crate) fn committed(&self, connection: &Connection) {
        let log = self.log.load(Ordering::Relaxed);
        let mut state = self.state();
        let added = state.progress.committed(log, self.limits);
        if state.progress.rest_due(added, self.limits) {
            drop(state);
            let copied = self.counters.rest(|| checkpoint(connection, "PASSIVE"));
            self.state().progress.rest_done(copied, self.limits);
        } else if state.progress.round_due() {
            self.wake.notify_one();
        }
    }

    /// Pages in the log after the last commit.
    pub(crate) fn log_pages(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.log)
    }

    pub(crate) fn stop(&self) {
        self.state().stopped = true;
        self.wake.notify_one();
    }
}

impl Progress {
    /// The log has so many pages now. Returns how many the commit has added.
    fn committed(&mut self, log: u64, limits: Limits) -> u64 {
        if log < self.log {
            // It has started over.
            *self = Self { log: 0, copied: 0, round_at: limits.round, rest_at: limits.log };
        }
        let added = log - self.log;
        self.log = log;
        added
    }

    const fn round_due(&self) -> bool {
        self.log >= self.round_at
    }

    /// The rest is short when it is no more than what a commit or two have added since the last round.
    fn rest_due(&self, added: u64, limits: Limits) -> bool {
        let left = self.log.saturating_sub(self.copied);
        let short = left <= limits.round.max(2 * added);
        self.log >= self.rest_at && (short || self.log >= AT_ANY_PRICE * limits.log)
    }

    /// A reader that has been at it for long keeps later pages from being copied, however often that is tried: the
    /// more is left behind, the longer to the next attempt.
    fn round_done(&mut self, done: Option<Copied>, limits: Limits) {
        let Copied { log, copied } = self.seen(done);
        let left = log.saturating_sub(copied);
        self.round_at = log + limits.round.max(left);
        if left > limits.round {
            self.rest_at = self.rest_at.max(self.round_at);
        }
    }

    /// The next commit starts the log over, unless a reader still uses it: then it is tried again later.
    fn rest_done(&mut self, done: Option<Copied>, limits: Limits) {
        let Copied { log, copied } = self.seen(done);
        self.rest_at = self.log + limits.round.max(log.saturating_sub(copied));
    }

    /// When another checkpoint was running, or this one failed, nothing new is known.
    fn seen(&mut self, done: Option<Copied>) -> Copied {
        let seen = done.unwrap_or(Copied { log: self.log, copied: self.copied });
        self.copied = seen.copied.min(self.log);
        seen
    }
}

/// What a checkpoint has seen and done, in pages since the log last started over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) log: u64,
    pub(crate) copied: u64,
}

/// Copies what can be copied; whatever stays is copied by the next one, and no commit depends on it. None: nothing
/// could be done just now.
pub(crate) fn checkpoint(connection: &Connection, mode: &str) -> Option<Copied> {
    let done = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})")).and_then(|mut run| {
        run.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
    });
    match done {
        Ok((busy, log, copied)) => {
            tracing::trace!(mode, busy, log, copied, "checkpoint");
            let (log, copied) = (u64::try_from(log).ok()?, u64::try_from(copied).ok()?);
            (busy == 0).then_some(Copied { log, copied })
        }
        Err(error) => {
            tracing::warn!(mode, %error, "checkpoint failed, the next one tries again");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { round: 10, log: 100 };

    fn progress() -> Progress {
        Progress { log: 0, copied: 0, round_at: LIMITS.round, rest_at: LIMITS.log }
    }

    fn all(log: u64) -> Option<Copied> {
        Some(Copied { log, copied: log })
    }

    #[test]
    fn a_round_is_due_after_some_pages_and_again_after_as_many_more() {
        let mut progress = progress();
        progress.committed(9, LIMITS);
        assert!(!progress.round_due());
        progress.committed(10, LIMITS);
        assert!(progress.round_due());
        progress.round_done(all(10), LIMITS);
        progress.committed(19, LIMITS);
        assert!(!progress.round_due());
        progress.committed(20, LIMITS);
        assert!(progress.round_due());
    }

    #[test]
    fn the_writer_copies_only_a_short_rest_of_a_long_log() {
        let mut progress = progress();
        progress.committed(95, LIMITS);
        progress.round_done(all(70), LIMITS);
        let added = progress.committed(101, LIMITS);
        assert!(!progress.rest_due(added, LIMITS), "31 pages are no short rest");
        progress.round_done(all(101), LIMITS);
        let added = progress.committed(105, LIMITS);
        assert!(progress.rest_due(added, LIMITS));
        progress.rest_done(all(105), LIMITS);
        // The next commit has started the log over.
        progress.committed(4, LIMITS);
        assert_eq!((progress.log, progress.copied, progress.rest_at), (4, 0, LIMITS.log));
    }

    #[test]
    fn a_reader_in_the_way_makes_attempts_rare_and_a_log_far_too_long_ends_the_patience() {
        let mut progress = progress();
        let (mut rounds, mut rests) = (0, 0);
        for log in 1..=10_000 {
            let added = progress.committed(log, LIMITS);
            let stuck = Some(Copied { log, copied: 5 });
            if progress.rest_due(added, LIMITS) {
                rests += 1;
                progress.rest_done(stuck, LIMITS);
            } else if progress.round_due() {
                rounds += 1;
                progress.round_done(stuck, LIMITS);
            }
        }
        assert!((5..20).contains(&rounds), "{rounds}");
        assert!((1..10).contains(&rests), "{rests}");
    }
}
