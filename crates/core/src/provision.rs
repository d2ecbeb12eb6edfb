//! How an installed program gets its keys: ordered for one image, delivered under a transaction id (B6, B7).
//!
//! The order answers with nothing but the transaction id. Only when the device presents that, the key service makes the
//! license key, and what it has made goes out once the ledger has written it down.

use serde::{Deserialize, Serialize};

use crate::app::{AppId, Version};
use crate::document::PublicKey;
use crate::id::{DeviceId, ImageId, LicenseId, SupplierId, TransactionId, UserId};
use crate::time::Time;

/// A device presents the transaction id of its order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyRedemption {
    /// The order.
    pub transaction: TransactionId,
    /// What it was made for.
    pub image: ImageId,
    /// The device's key agreement key: what is delivered is sealed to it.
    pub seal_to: PublicKey,
    /// The device's pass, signed. The key service checks it by itself, whatever the server says.
    pub pass: Vec<u8>,
}

/// A license key and content keys on their way to one device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyDelivery {
    /// Who licenses.
    pub supplier: SupplierId,
    /// Which order is answered.
    pub transaction: TransactionId,
    /// What the keys open.
    pub image: ImageId,
    /// Its version.
    pub version: Version,
    /// Under which license.
    pub license: LicenseId,
    /// The keys, sealed to the device by the key service; nobody else can read them, the server included (D1).
    pub sealed: Vec<u8>,
}

/// An order of a license key, as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyTransaction {
    /// Drawn at random, so that nobody guesses it.
    pub id: TransactionId,
    /// Whose.
    pub user: UserId,
    /// For which device, and no other.
    pub device: DeviceId,
    /// For which app.
    pub app: AppId,
    /// Under which license.
    pub license: LicenseId,
    /// For which image.
    pub image: ImageId,
    /// Its version.
    pub version: Version,
    /// When it was ordered.
    pub ordered: Time,
    /// What has become of it.
    pub status: TransactionStatus,
}

/// What has become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransactionStatus {
    /// Nothing was delivered yet.
    Open,
    /// The key went out. Its device may ask again, and gets the same.
    Delivered,
    /// A later order took its place, or the device lost the software: nothing is delivered any more.
    Closed,
}

/// An image as a decision looks at it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provided {
    /// Which.
    pub id: ImageId,
    /// Of which app.
    pub app: AppId,
    /// Which version.
    pub version: Version,
    /// The key service has its content keys.
    pub keyed: bool,
}

/// What the key service has said to a redemption.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Handed {
    /// It was not asked yet.
    #[default]
    Nothing,
    /// The keys, sealed to the device. Stored there under the transaction id, so asking again gives the same bytes.
    Sealed(Vec<u8>),
    /// It does not give them out: what the device showed does not convince it.
    Refused,
}
