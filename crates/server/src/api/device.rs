//! What devices ask.

mod checked;
pub mod submit;
