//! Who the server is.

pub mod show;
