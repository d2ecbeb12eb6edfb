//! Licensed programs on devices whose keys a TPM keeps.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../../../device/tests/optional/swtpm.rs"]
mod swtpm;
mod tpm;
