//! The `carnet` command with what is built in on demand only.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../it/carnet.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod carnet;
#[path = "../it/user/shop.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod shop;
#[path = "../../../device/tests/optional/swtpm.rs"]
mod swtpm;
mod tpm;
