//! The commands of a user, against a real server.

mod agree;
mod moves;
mod pass;
mod register;
mod run;
mod shop;
mod strange;
mod terminal;
