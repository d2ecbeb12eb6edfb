//! The stories on SQLite, and those that only a file has.

/// For [`world`].
pub const KIND: crate::Kind = crate::Kind::Sqlite;

#[path = "checker.rs"]
mod checker;
#[path = "checkpoints.rs"]
mod checkpoints;
#[path = "cold.rs"]
mod cold;
#[path = "faults.rs"]
mod faults;
#[path = "file.rs"]
mod file;
#[path = "flood.rs"]
mod flood;
#[path = "hot.rs"]
mod hot;
#[path = "life.rs"]
mod life;
#[path = "people.rs"]
mod people;
#[path = "property.rs"]
mod property;
#[path = "repeat.rs"]
mod repeat;
#[path = "world.rs"]
mod world;
