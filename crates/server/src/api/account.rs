//! A user's account.

pub mod show;
mod transfers;
