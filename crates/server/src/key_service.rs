//! The key service: makes, keeps and delivers license keys (B7).
//!
//! It believes its pinned root and nobody else, the public server included. Of that it learns key sets, which the root
//! has signed; what a device may have it reads from the device's own signed request, and from a pass that the server's
//! keys have signed for that very device. By itself the public server can make it give out nothing.
//!
//! It runs inside `carnetd`, with a folder of its own, or as a process of its own (`carnetd keys serve`), on this machine or
//! another one.

pub mod machine;
pub mod message;
pub mod pair;
mod patient;
pub mod pinned;
pub mod socket;
pub mod vault;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use carnet_core::document::PublicKey;
use carnet_core::provision::{Handed, KeyTransaction};
use carnet_seam::Fs;

pub use machine::Machine;
pub use message::{Call, Reply};
pub use pair::{Half, PairError};
pub use vault::{Vault, VaultFault};

/// The key service, wherever it runs.
#[derive(Debug)]
pub enum KeyService {
    /// In this process.
    Here(Box<Vault>),
    /// In another process.
    Apart(Apart),
}

/// Where a key service of its own listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On this machine, behind this socket.
    Socket(PathBuf),
    /// On another one.
    Machine {
        /// As in `keys.example.org:8475`.
        address: String,
        /// This side's half of what `carnetd keys pair` has made.
        pair: PathBuf,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Machine { address, .. } => write!(f, "tls://{address}"),
        }
    }
}

/// A key service in another process.
#[derive(Debug)]
pub struct Apart {
    way: Way,
    missed: AtomicU64,
}

#[derive(Debug)]
enum Way {
    Socket(PathBuf),
    Machine(Box<Machine>),
}

impl Apart {
    /// The one that listens there. Nobody is asked yet.
    ///
    /// # Errors
    /// [`PairError`], which says what to do.
    pub fn at(place: &Place, fs: &dyn Fs) -> Result<Self, PairError> {
        let way = match place {
            Place::Socket(path) => Way::Socket(path.clone()),
            Place::Machine { address, pair } => {
                Way::Machine(Box::new(Machine::new(address.clone(), Half::load(fs, pair)?)?))
            }
        };
        Ok(Self { way, missed: AtomicU64::new(0) })
    }

    fn ask(&self, call: &Call) -> io::Result<Reply> {
        let asked = match &self.way {
            Way::Socket(path) => socket::ask(path, call),
            Way::Machine(machine) => machine.ask(call),
        };
        if asked.is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
        asked
    }
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

    /// How many calls got no reply.
    #[must_use]
    pub fn missed(&self) -> u64 {
        match self {
            Self::Here(_) => 0,
            Self::Apart(apart) => apart.missed.load(Ordering::Relaxed),
        }
    }

    fn ask(&self, call: &Call) -> Result<Reply, KeyServiceError> {
        match self {
            Self::Here(vault) => Ok(vault.answer(call)),
            Self::Apart(apart) => apart.ask(call).map_err(|error| KeyServiceError::Away(error.to_string())),
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
