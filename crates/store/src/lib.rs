//! Durable state: the ledger, and everything else the server keeps.
//!
//! One SQLite file (WAL, `synchronous=FULL`), one writer thread, a few reading connections. The SQL is written so
//! that PostgreSQL can stand beside it: by hand, `?n` parameters, columns of BIGINT, TEXT and BLOB only.
//!
//! * [`Store::open`] takes the database, alone; [`Store::close`] drains, checkpoints and lets go.
//! * [`Store::read`] runs a closure over one snapshot ([`Reading`]); [`Store::write`] runs one in a transaction of
//!   its own ([`Writing`]), between the ledger's batches. What both offer is in the modules named by noun
//!   ([`supplier`], [`app`], [`menu`], [`user`], [`license`], …).
//! * [`Store::ledger`] gives the handle for whatever devices and suppliers do to licenses ([`ledger`]).
//! * [`backup`] makes one file of a database in use, and a database of such a file.
//! * [`erase`] removes what is personal of a user from a database, in use or not.
//! * [`check`] derives every invariant again from the database.

pub mod app;
pub mod attempt;
pub mod backup;
mod cache;
pub mod charge;
pub mod check;
mod checkpoint;
pub mod code;
mod connection;
pub mod counters;
pub mod database;
pub mod device;
pub mod erase;
pub mod error;
pub mod event;
pub mod idempotency;
pub mod image;
pub mod journal;
pub mod key;
mod key_transaction;
pub mod ledger;
pub mod license;
mod lookup;
pub mod menu;
mod migrate;
mod movement;
mod packed;
mod place;
mod postgres;
mod posting;
mod readers;
pub mod redeem;
mod relocate;
pub mod report;
mod room;
mod row;
pub mod setting;
mod sql;
pub mod store;
pub mod supplier;
mod turns;
mod tx;
pub mod user;
pub mod user_code;
mod value;
mod writer;

pub use check::{Finding, Report, check_ledger};
pub use counters::{Buckets, Counts};
pub use database::{Database, PostgresUrl};
pub use error::StoreError;
pub use ledger::{How, Ledger, LedgerError, Prepare, Prepared, Reply, Sale, Settled, Submission, Work};
pub use relocate::{Relocated, relocate};
pub use store::{Options, Store};
pub use tx::{Reading, Writing};
