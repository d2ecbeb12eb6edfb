//! Fakes of everything impure, and faults on purpose. For tests only, never part of a release.
//!
//! * [`customer`] – a user who registers a device and agrees to offers;
//! * [`disk`] – files in memory, with failing operations, dying processes and power losses;
//! * [`clock`] – a clock that a test sets;
//! * [`history`] – what was asked and answered, checked against the invariants; `load` puts load on a server;
//! * [`postgres`] – a PostgreSQL cluster, with a schema for each test;
//! * [`random`] – random bytes from a seed that is printed;
//! * [`server`] – a licensing server in memory, with mishaps on the way to it;
//! * [`pooler`] – a pooler in front of a database;
//! * [`small_disk`] – a disk that can be filled;
//! * [`tpm_key`] – a device's key that signs another way each time.

pub mod clock;
pub mod customer;
pub mod disk;
pub mod history;
#[cfg(feature = "load")]
pub mod load;
pub mod pooler;
pub mod postgres;
pub mod random;
pub mod server;
pub mod small_disk;
pub mod tpm_key;

pub use clock::FakeClock;
pub use disk::{Fault, Loss, MemDisk, MemFs};
pub use random::SeededRandom;
pub use server::{FakeServer, Mishap};
pub use tpm_key::TpmKey;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a lock even when a test that held it has failed: its state is only looked at.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
