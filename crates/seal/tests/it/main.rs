//! Documents as their readers meet them: good ones, and every way to spoil them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, outside of the test functions")]

mod codecs;
mod corpus;
#[path = "../../../../fuzz/src/lib.rs"]
mod decoders;
mod envelopes;
mod esp256;
mod images;
mod reports;
mod requests;
mod samples;
#[path = "../../../testkit/src/tpm_key.rs"]
mod tpm_key;
mod trust;
mod vectors;
