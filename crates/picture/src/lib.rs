//! Documents as QR pictures (A18, D4): shown on a screen or printed, photographed, read back.
//!
//! ```text
//! CARNET1:<base45 of a part>
//! part = type, number (from 1), of how many   1 byte each
//!        SHA-256 of the whole, its first 4 bytes
//!        bytes
//! ```
//!
//! Base45 (RFC 9285) fills the alphanumeric mode of QR codes, error correction is M, and nothing is compressed:
//! keys and signatures do not get smaller. What is larger than one picture comes in numbered parts, each
//! of which says which whole it belongs to. They are read in any order, each any number of times.
//!
//! Nothing is believed because it stood in a picture: whoever gets the bytes checks their signatures.
//!
//! ```
//! use carnet_picture::{draw, read};
//! use carnet_seal::armor::Carried;
//!
//! let pictures = draw(Carried::Request, &[7; 2_000])?;
//! let files: Vec<_> = pictures.iter().rev().map(|one| (one.part.to_string(), one.png())).collect();
//! assert_eq!((files.len(), read(&files)?), (3, (Carried::Request, vec![7; 2_000])));
//! # Ok::<(), carnet_picture::PictureError>(())
//! ```
//!
//! A crate of its own, because licensed programs must not carry image libraries.

mod draw;
mod error;
mod part;
mod read;

pub use draw::{Picture, draw};
pub use error::PictureError;
pub use part::Part;
pub use read::{is_png, parts_in, read};
