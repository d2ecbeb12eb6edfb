//! Identities in a TPM, against a real implementation of TPM 2.0 in software.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod identity;
mod swtpm;
