//! What is said to the key service, and what it says.

use carnet_core::document::PublicKey;
use carnet_core::id::{ImageId, LicenseId, TransactionId};
use carnet_seal::choice;

/// What is asked of the key service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// What content keys are to be sealed to.
    Public,
    /// A supplier hands in the content keys of an image.
    TakeIn {
        /// The server's newest key set.
        key_set: Vec<u8>,
        /// The image's signed manifest.
        manifest: Vec<u8>,
        /// The keys, sealed to the key service.
        sealed: Vec<u8>,
    },
    /// A device presents the transaction id of its order.
    Deliver {
        /// The server's newest key set.
        key_set: Vec<u8>,
        /// The device's signed request.
        request: Vec<u8>,
        /// The order.
        transaction: TransactionId,
        /// The license that it is under.
        license: LicenseId,
        /// The image that it is for.
        image: ImageId,
    },
}

/// What the key service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// This.
    Public(PublicKey),
    /// The keys are kept.
    Taken,
    /// The keys, sealed to the device.
    Keys(Vec<u8>),
    /// No, and why.
    Refused(String),
    /// It could not be done now.
    Failed(String),
}

choice! {
    Call {
        0 => Public,
        1 => TakeIn { key_set, manifest, sealed },
        2 => Deliver { key_set, request, transaction, license, image },
    }
    Reply { 0 => Public(key), 1 => Taken, 2 => Keys(sealed), 3 => Refused(why), 4 => Failed(why) }
}
