//! The store's tests: one binary, told by noun.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers end the test, as its body does")]

mod checker;
mod checkpoints;
mod cold;
mod faults;
mod hot;
mod life;
mod people;
mod property;
mod repeat;
mod world;
