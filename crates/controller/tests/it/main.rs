//! The controller as a program meets it, against a server in memory: named by requirement and invariant.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod calendar;
mod clock;
mod contact;
mod copies;
mod duration;
mod ending;
mod instances;
mod keys;
mod online;
mod start;
mod storage;
mod threads;
mod uses;
mod world;
