//! The server's main stories once more with PostgreSQL behind it, and those that only a shared database has.
#![cfg(test)]

/// Which database the stories are told on; `tests/it` tells them on the other one.
const POSTGRES: bool = true;

#[path = "../it/account.rs"]
mod account;
mod away;
mod commands;
#[path = "../it/device.rs"]
mod device;
#[path = "../it/device_world.rs"]
mod device_world;
mod failover;
mod fleet;
mod full_disk;
#[path = "../it/idempotency.rs"]
mod idempotency;
#[path = "../it/isolation.rs"]
mod isolation;
#[path = "../it/judging.rs"]
mod judging;
#[path = "../it/menus.rs"]
mod menus;
mod nodes;
#[path = "../it/operations.rs"]
mod operations;
mod pooler;
#[path = "../it/process.rs"]
mod process;
#[path = "../it/reports.rs"]
mod reports;
#[path = "../it/secrets.rs"]
mod secrets;
mod shared;
#[path = "../it/shop.rs"]
mod shop;
#[path = "../it/suppliers.rs"]
mod suppliers;
mod tls;
mod wire;
#[path = "../it/world.rs"]
mod world;
