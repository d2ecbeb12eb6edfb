//! What is due, and what has become of it.

pub mod act;
pub mod list;
