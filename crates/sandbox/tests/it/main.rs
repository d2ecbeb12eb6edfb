//! The sandbox behaves as the real thing does, because it is the real thing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod processes;
mod refusals;
mod runs;
