//! What devices ask.

#[doc(hidden)]
pub mod checked;
pub mod submit;
