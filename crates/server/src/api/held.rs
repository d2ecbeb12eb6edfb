//! Devices, as suppliers of what they hold see them.

pub mod flagged;
pub mod free;
pub mod review;
