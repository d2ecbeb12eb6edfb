//! The commands of a user, against a real server.

mod agree;
mod broken_install;
mod by_hand;
mod contract;
mod correspondence;
mod detection;
mod devices;
mod erase_installed;
mod install;
mod moves;
mod pass;
mod paying;
mod pin;
mod register;
mod run;
mod sale;
mod seats;
pub mod shop;
mod strange;
mod terminal;
mod transfer;
mod verdicts;
