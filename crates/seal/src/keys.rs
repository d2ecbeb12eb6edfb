//! Keys: who may sign what, and how a device knows.
//!
//! A program is opened with a [`RootPin`]. The root key signs the [`KeySet`]; a [`KeyRing`] is a key set
//! whose signature was checked, and checks whatever the server signs. What a device signs is checked with a
//! [`DeviceKey`], the key that the server has registered for it.

mod public;
mod purpose;
mod ring;
mod secret;
mod set;

pub use public::{Algorithm, CoseKey, KeyId, VerifyingKey, device_of, low_s};
pub use purpose::Purpose;
pub use ring::{DeviceKey, Issued, Issuer, KeyRing};
pub use secret::{AgreementKey, OpensCodes, Signer, SignerFault, SigningKey};
pub use set::{KeyEntry, KeySet, RootPin, server_id};
