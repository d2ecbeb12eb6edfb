//! Fakes of everything impure, and faults on purpose. For tests only, never part of a release.
//!
//! * [`disk`] – files in memory, with failing operations, dying processes and power losses;
//! * [`clock`] – a clock that a test sets;
//! * [`random`] – random bytes from a seed that is printed.

pub mod clock;
pub mod disk;
pub mod random;

pub use clock::FakeClock;
pub use disk::{Fault, Loss, MemDisk, MemFs};
pub use random::SeededRandom;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock even when a test that held it has failed: its state is only looked at.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
