//! What problems mean.

pub mod show;
