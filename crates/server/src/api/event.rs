//! Events.

pub mod list;
