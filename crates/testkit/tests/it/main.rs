//! The files in memory behave like the machine's, and lose what a machine may lose.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contract;
mod power;
