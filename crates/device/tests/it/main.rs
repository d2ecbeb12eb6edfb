//! What the device's storage promises, by invariant.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod damage;
mod erase;
mod faults;
mod foreign;
mod identity;
mod keys;
mod many_processes;
mod medium;
mod past;
mod processes;
mod races;
mod report;
mod slim;
mod story;
mod world;
mod wrapped;
