//! The commands of a user, against a real server.

mod agree;
mod pass;
mod register;
mod run;
pub mod shop;
mod strange;
mod terminal;
