//! Menus.

mod checked;
pub mod show;
pub mod update;
