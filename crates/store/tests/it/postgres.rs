//! The stories on PostgreSQL, and those that only a database of several servers has.

/// For [`world`].
pub const KIND: crate::Kind = crate::Kind::Postgres;

#[path = "checker.rs"]
mod checker;
#[path = "cold.rs"]
mod cold;
#[path = "ending.rs"]
mod ending;
#[path = "faults.rs"]
mod faults;
#[path = "flood.rs"]
mod flood;
#[path = "flush.rs"]
mod flush;
#[path = "hot.rs"]
mod hot;
#[path = "life.rs"]
mod life;
#[path = "people.rs"]
mod people;
#[path = "pooled.rs"]
mod pooled;
#[path = "property.rs"]
mod property;
#[path = "remote.rs"]
mod remote;
#[path = "repeat.rs"]
mod repeat;
#[path = "shared.rs"]
mod shared;
#[path = "world.rs"]
mod world;
