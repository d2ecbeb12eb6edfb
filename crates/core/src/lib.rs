//! Carnet's domain: what is sold, what is held, and the pure decisions about both.
//!
//! Nothing in here knows a clock, a random source, a file, a database, a network or a signature. Ids,
//! random values and `now` come in as arguments, so that the server, the devices and the model check run
//! the very same functions.
//!
//! Reading order: [`offer`] (what a supplier sells), [`license`] (what a user has), [`document`] (what
//! travels), [`server`] and [`device`] (the two decisions), [`report`] (what is judged when a contract is looked into).

pub mod app;
pub mod charge;
pub mod component;
pub mod device;
pub mod device_key;
pub mod document;
pub mod id;
pub mod journal;
pub mod license;
pub mod money;
pub mod offer;
pub mod provision;
pub mod report;
pub mod server;
pub mod term;
pub mod time;
pub mod transfer;

/// The largest number of uses, seconds or minor units of money that anything in Carnet may name.
///
/// Sums of many such amounts stay far inside 64 bits, so ledger arithmetic cannot wrap, and every amount
/// is exact in JSON numbers.
pub const LARGEST_AMOUNT: u64 = 1_000_000_000_000;
