//! The server's public keys.

pub mod show;
