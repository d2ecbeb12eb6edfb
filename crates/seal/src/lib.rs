//! Signed documents: what devices, servers and suppliers can prove to each other.
//!
//! Everything that is signed is deterministic CBOR ([`cbor`]) in one kind of envelope ([`envelope`]), and is
//! checked with keys that are trusted for exactly that purpose ([`keys`]). Nothing in here knows a clock, a
//! random source, a file or a network: seeds and the time come in as arguments.
//!
//! Reading order: [`kind`] (which documents exist), [`envelope`] (their form), [`keys`] (who may sign what),
//! [`document`] and [`image`] (the two together), [`message`] and [`product`] (what travels around them), [`armor`] (the same as
//! text), [`report`] (contract management, with [`sealed`], [`detail`] and [`correspondence`]). The encodings of the domain's own types are in `codec`.
//!
//! ```
//! use carnet_core::document::{Agreement, Answer};
//! use carnet_seal::{SealError, Unverified};
//! # fn nothing_is_trusted_before_it_is_checked(bytes: &[u8]) -> Result<(), SealError> {
//! let document = Unverified::<Answer>::parse(bytes)?;
//! println!("said to be signed by {}", document.key_id());
//! # Ok(())
//! # }
//! # assert_eq!(nothing_is_trusted_before_it_is_checked(b"{}"), Err(SealError::NotSigned));
//! ```

pub mod armor;
pub mod cbor;
pub mod code;
mod codec;
pub mod correspondence;
pub mod detail;
pub mod document;
pub mod envelope;
mod error;
pub mod hpke;
pub mod image;
pub mod keys;
pub mod kind;
pub mod message;
pub mod product;
pub mod report;
pub mod sealed;

pub use document::OfferClaims;
pub use envelope::{Document, Signed, ToBeSigned, Unverified, body_hash, sign};
pub use error::SealError;
pub use hpke::NotOpened;
pub use image::{ContentHash, ImageKey, ImageManifest};
pub use keys::{KeyId, KeyRing, Signer, SignerFault, SigningKey, VerifyingKey};
pub use kind::Kind;
pub use message::RequestMessage;
pub use product::{ProductString, ServerUrl};
