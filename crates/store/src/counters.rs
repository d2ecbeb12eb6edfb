//! What the store counts about itself, for whoever runs the server.
//!
//! Plain atomic numbers: the writer must never wait for somebody who looks at them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use carnet_seam::Clock;

use crate::StoreError;

/// Upper bounds of durations, in microseconds: from a sync on a good disk to one that stalls.
const MICROS: [u64; 12] =
    [200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 300_000, 1_000_000, 5_000_000];
/// Upper bounds of how many operations share a commit.
const OPERATIONS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// What the store has counted since it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Ledger operations per batch.
    pub batches: Buckets,
    /// Durations of what comes before a commit: loading, deciding and writing rows, in microseconds.
    pub work: Buckets,
    /// Durations of commits, ledger batches and units of work alike, in microseconds.
    pub commits: Buckets,
    /// Durations of the checkpoint thread's rounds, in microseconds.
    pub rounds: Buckets,
    /// Durations of what the writer itself copied of the log, while everybody waited, in microseconds.
    pub rests: Buckets,
    /// Rows written by what was committed.
    pub rows: u64,
    /// Transactions that were decided again as a whole, because somebody else had changed what they looked at.
    pub again: u64,
    /// Batches that were run one by one, because something in them failed.
    pub alone: u64,
    /// Jobs that were refused, because too much was waiting.
    pub refused: u64,
    /// Jobs that wait for the writer just now.
    pub queue: u64,
    /// Pages in the log after the last commit.
    pub log_pages: u64,
}

/// How many values were seen, up to each bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets {
    /// A bound and how many values were at most so large, for each bound in order.
    pub up_to: Vec<(u64, u64)>,
    /// How many values were seen.
    pub count: u64,
    /// What they add up to.
    pub sum: u64,
}

#[derive(Debug)]
pub(crate) struct Counters {
    clock: Arc<dyn Clock>,
    batches: Histogram<8>,
    work: Histogram<12>,
    commits: Histogram<12>,
    rounds: Histogram<12>,
    rests: Histogram<12>,
    rows: AtomicU64,
    again: AtomicU64,
    alone: AtomicU64,
    refused: AtomicU64,
    trouble: Mutex<Option<StoreError>>,
}

impl Counters {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let durations = || Histogram::new(&MICROS);
        let batches = Histogram::new(&OPERATIONS);
        let count = || AtomicU64::new(0);
        let (rows, again, alone, refused) = (count(), count(), count(), count());
        let (work, commits, rounds, rests) = (durations(), durations(), durations(), durations());
        let trouble = Mutex::new(None);
        Self { clock, batches, work, commits, rounds, rests, rows, again, alone, refused, trouble }
    }

    pub(crate) fn batch(&self, operations: usize) {
        self.batches.add(u64::try_from(operations).unwrap_or(u64::MAX));
    }

    pub(crate) fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        self.timed(&self.work, work)
    }

    /// Only what succeeds has written rows; how long it took is worth knowing of both.
    pub(crate) fn commit<T, E>(&self, rows: u64, commit: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let done = self.timed(&self.commits, commit);
        if done.is_ok() {
            self.rows.fetch_add(rows, Ordering::Relaxed);
        }
        done
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.boot_micros()
    }

    /// A commit that began then is durable now.
    pub(crate) fn durable(&self, since: u64, rows: u64) {
        self.commits.add(self.now().saturating_sub(since));
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn round<T>(&self, copy: impl FnOnce() -> T) -> T {
        self.timed(&self.rounds, copy)
    }

    pub(crate) fn rest<T>(&self, copy: impl FnOnce() -> T) -> T {
        self.timed(&self.rests, copy)
    }

    pub(crate) fn again(&self) {
        self.again.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn alone(&self) {
        self.alone.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was written.
    pub(crate) fn wrote(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Nothing could be written; kept where it is the database's fault.
    pub(crate) fn could_not(&self, error: &StoreError) {
        use StoreError::{Denied, DiskFull, Pooled, ReadOnly, Unreachable};
        if matches!(error, DiskFull | Pooled | ReadOnly { .. } | Denied { .. } | Unreachable { .. }) {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
    }

    pub(crate) fn trouble(&self) -> Option<StoreError> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn timed<const N: usize, T>(&self, histogram: &Histogram<N>, work: impl FnOnce() -> T) -> T {
        let began = self.clock.boot_micros();
        let done = work();
        histogram.add(self.clock.boot_micros().saturating_sub(began));
        done
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            batches: self.batches.buckets(),
            work: self.work.buckets(),
            commits: self.commits.buckets(),
            rounds: self.rounds.buckets(),
            rests: self.rests.buckets(),
            rows: self.rows.load(Ordering::Relaxed),
            again: self.again.load(Ordering::Relaxed),
            alone: self.alone.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            queue: 0,
            log_pages: 0,
        }
    }
}

/// Values up to each of `N` bounds, and beyond.
#[derive(Debug)]
struct Histogram<const N: usize> {
    bounds: &'static [u64; N],
    within: [AtomicU64; N],
    count: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: &'static [u64; N]) -> Self {
        let within = std::array::from_fn(|_| AtomicU64::new(0));
        Self { bounds, within, count: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    fn add(&self, value: u64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        if let Some(bucket) = bucket.and_then(|at| self.within.get(at)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    fn buckets(&self) -> Buckets {
        let mut below = 0;
        let up_to = self.bounds.iter().zip(&self.within).map(|(bound, within)| {
            below += within.load(Ordering::Relaxed);
            (*bound, below)
        });
        let up_to: Vec<_> = up_to.collect();
        // A value that is being added while we look must not make a bucket larger than the whole.
        let count = self.count.load(Ordering::Relaxed).max(below);
        Buckets { up_to, count, sum: self.sum.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_up_to_its_bound_and_at_every_larger_one() {
        let histogram = Histogram::new(&[1, 10, 100]);
        for value in [0, 1, 2, 10, 11, 100, 101, 5_000] {
            histogram.add(value);
        }
        let seen = histogram.buckets();
        assert_eq!(seen, Buckets { up_to: vec![(1, 2), (10, 4), (100, 6)], count: 8, sum: 5_225 });
    }
}
