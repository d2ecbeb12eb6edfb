//! Running the server.

pub mod health;
pub mod openapi;
pub mod ready;
