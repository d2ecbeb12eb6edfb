//! Installation images: a program's files, compressed, encrypted by feature, listed in a signed manifest.
//!
//! What an image is good for without its keys is nothing; where it comes from does not matter, because the manifest
//! is signed and everything else is named by hash from there (B5, D1). Time, random and files come in as arguments.
//!
//! Reading order: [`build`] (a folder becomes an image), [`front`] (its form, and who must have signed it), [`table`]
//! and [`list`] (what the manifest names), [`read`] and [`seek`] (its content), [`extract`] (an image becomes a folder),
//! [`reuse`] (what an upgrade need not fetch), [`fetch`] (the rest), [`install`] (all of it, and switched at once), [`integrity`] (whether it is still so),
//! [`contents`] (what of it can go).

pub mod build;
pub mod contents;
pub mod delivery;
pub mod error;
pub mod extract;
pub mod fetch;
mod frame;
pub mod front;
mod hpke;
pub mod install;
pub mod integrity;
pub mod keys;
pub mod license_key;
pub mod list;
mod lister;
pub mod path;
pub mod read;
pub mod reuse;
pub mod sealed_keys;
pub mod seek;
pub mod select;
pub mod source;
mod spool;
mod stream;
pub mod table;
mod walk;

pub use build::{Built, Recipe, Workshop, build};
pub use delivery::Recipient;
pub use error::{BuildError, ImageError};
pub use extract::Extraction;
pub use fetch::{Fetch, FetchError, Ranges};
pub use front::{Front, Trust, Wanted};
pub use install::{Order, Place};
pub use keys::{ContentKey, ContentKeys};
pub use license_key::{Generating, LicenseKey};
pub use path::EntryPath;
pub use reuse::{Installed, Reuse};
pub use sealed_keys::SealedKeys;
pub use seek::FileReader;
pub use select::Patterns;
pub use source::Source;
