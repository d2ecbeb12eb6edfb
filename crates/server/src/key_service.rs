//! The key service: makes, keeps and delivers license keys (B7).
//!
//! It believes its pinned root and nobody else, the public server included. Of that it learns key sets, which the root
//! has signed; what a device may have it reads from the device's own signed request, and from a pass that the server's
//! keys have signed for that very device. By itself the public server can make it give out nothing.
//!
//! It runs inside `carnetd`, with a folder of its own, or as a process of its own (`carnetd keys serve`).

pub mod message;
pub mod socket;
pub mod vault;

use std::path::PathBuf;

use carnet_core::document::PublicKey;
use carnet_core::provision::{Handed, KeyTransaction};

pub use message::{Call, Reply};
pub use vault::{Vault, VaultFault};

/// The key service, wherever it runs.
#[derive(Debug)]
pub enum KeyService {
    /// In this process.
    Here(Box<Vault>),
    /// In another process of this machine, behind this socket.
    Apart(PathBuf),
}

/// Why the key service did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyServiceError {
    /// It does not accept what it was shown.
    #[error("the key service refuses: {0}")]
    Refused(String),
    /// It cannot be asked, or failed.
    #[error("the key service cannot be asked: {0}")]
    Away(String),
}

impl KeyService {
    /// What content keys are sealed to.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn public(&self) -> Result<PublicKey, KeyServiceError> {
        match self.ask(&Call::Public)? {
            Reply::Public(key) => Ok(key),
            other => Err(other.into()),
        }
    }

    /// Hands in the sealed content keys of an image.
    ///
    /// # Errors
    /// When it cannot be asked, or does not accept them.
    pub fn take_in(&self, key_set: &[u8], manifest: &[u8], sealed: &[u8]) -> Result<(), KeyServiceError> {
        let (key_set, manifest, sealed) = (key_set.to_vec(), manifest.to_vec(), sealed.to_vec());
        match self.ask(&Call::TakeIn { key_set, manifest, sealed })? {
            Reply::Taken => Ok(()),
            other => Err(other.into()),
        }
    }

    /// The keys of an order, sealed to its device. Whatever it refuses is an answer too: the device is to be told.
    ///
    /// # Errors
    /// When it cannot be asked; the device then asks again later.
    pub fn deliver(
        &self,
        key_set: &[u8],
        request: &[u8],
        order: &KeyTransaction,
    ) -> Result<Handed, KeyServiceError> {
        let KeyTransaction { id, license, image, .. } = order;
        let (key_set, request) = (key_set.to_vec(), request.to_vec());
        let call = Call::Deliver { key_set, request, transaction: *id, license: *license, image: *image };
        match self.ask(&call)? {
            Reply::Keys(sealed) => Ok(Handed::Sealed(sealed)),
            Reply::Refused(why) => {
                tracing::warn!(%image, %why, "the key service refused");
                Ok(Handed::Refused)
            }
            other => Err(other.into()),
        }
    }

    fn ask(&self, call: &Call) -> Result<Reply, KeyServiceError> {
        match self {
            Self::Here(vault) => Ok(vault.answer(call)),
            Self::Apart(socket) => {
                socket::ask(socket, call).map_err(|error| KeyServiceError::Away(error.to_string()))
            }
        }
    }
}

impl From<Reply> for KeyServiceError {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Refused(why) => Self::Refused(why),
            Reply::Failed(why) => Self::Away(why),
            _ => Self::Away("it answers to something else".into()),
        }
    }
}
