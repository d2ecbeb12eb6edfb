//! Images: built, spoilt, opened.

#![expect(
    clippy::unwrap_used,
    reason = "tests; the test-only relaxation of clippy.toml does not reach helpers"
)]

mod failing;
mod forge;
mod hostile;
mod installing;
mod integrity;
mod property;
mod reuse;
mod round_trip;
mod world;
