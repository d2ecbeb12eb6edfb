//! The store's tests: one binary, told by noun, every story on both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers end the test, as its body does")]
#![expect(clippy::duplicate_mod, reason = "the same stories on each database")]

mod dialect;
mod postgres;
mod schema;
mod sqlite;

/// Which database a story is told on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A schema of a PostgreSQL database.
    Postgres,
}
