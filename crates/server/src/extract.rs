//! What handlers take from a request: who asks, and what.

mod body;
mod call;
mod cbor;
mod client;
mod document;
mod json;
mod named;
pub mod scope;
mod session;

pub use call::{Call, Reply};
pub use cbor::Cbor;
pub use document::Document;
pub use json::{Json, pointer_of, read as read_json, spoken};
pub use named::{AppName, Named, Query};
pub use session::Session;
