//! The licensing server: HTTP in front, keys in the middle, the ledger behind.
//!
//! Reading order: [`server`] (what a running server is), [`api`] (its endpoints, one to a file), [`extract`] and
//! [`layers`] (what every request goes through), [`problem`] (what is told when something goes wrong), [`keys`]
//! (what signs), [`command`] (what `carnetd` can be told to do).
//!
//! Nothing decides here: what a device asks is decided by `carnet-core` inside the store's ledger, and what
//! is decided is signed here after it was stored.

pub mod admission;
pub mod api;
pub mod asker;
pub mod attempts;
pub mod command;
pub mod config;
pub mod data;
pub mod deposit;
pub mod extract;
pub mod ids;
pub mod image_store;
pub mod invitation;
pub mod judging;
pub mod key_service;
pub mod keys;
pub mod layers;
pub mod listen;
pub mod log;
pub mod metrics;
mod pages;
pub mod problem;
pub mod rounds;
pub mod server;
pub mod tls;
