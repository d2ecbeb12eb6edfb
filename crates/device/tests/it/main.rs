//! What the device's storage promises, by invariant.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod damage;
mod faults;
mod foreign;
mod identity;
mod many_processes;
mod medium;
mod processes;
mod story;
mod world;
