//! What is on sale (B3).

pub mod list;
