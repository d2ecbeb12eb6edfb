//! The `carnet` command as people and scripts meet it: real processes, a fake server, menus as data files.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod carnet;
mod cases;
mod fake;
mod image;
mod install;
mod looks;
mod menu;
mod menus;
mod process;
mod register;
mod server;
mod supplier;
mod terminal;
mod user;
