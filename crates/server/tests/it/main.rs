//! The server as its callers meet it: the routes in process, and the real binary where processes matter.
#![cfg(test)]

/// Which database the stories are told on; `tests/postgres` tells them on the other one.
const POSTGRES: bool = false;

mod account;
mod backup;
mod config;
mod dashboard;
mod device;
mod device_world;
mod doctor;
mod erase;
mod idempotency;
mod image_world;
mod images;
mod invitations;
mod isolation;
mod judging;
mod key_machine;
mod keys;
mod limits;
mod menus;
mod metrics;
mod openapi;
mod operations;
mod problems;
mod process;
mod provision;
mod relocate;
mod reports;
mod secrets;
mod shop;
mod suppliers;
mod tls;
mod tokens;
mod tpm;
mod world;
