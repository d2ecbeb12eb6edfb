//! The manager on a disk that fails, over a network that loses things, with a server that decides as the real one.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod faults;
mod keys;
mod menu;
mod moves;
mod repair;
mod world;
