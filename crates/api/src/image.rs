//! Installation images: which keys sign them, how they come to the server, and who may have them (B5).

use carnet_core::app::{AppId, Platform, Version};
use carnet_core::id::{Digest, ImageId};
use carnet_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The content type of an image, whole or in parts.
pub const IMAGE: &str = "application/octet-stream";

/// A key that is going to sign images. The secret half stays on the supplier's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImageKey {
    /// The Ed25519 public key: 64 hexadecimal digits.
    #[schema(value_type = String, min_length = 64, max_length = 64)]
    pub public_key: Digest,
}

/// A key that signs images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageKeyView {
    /// Its short name, by which images name it.
    #[schema(example = "c8248277922771bb")]
    pub key: String,
    /// The public key.
    #[schema(value_type = String)]
    pub public_key: Digest,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub registered: Time,
    /// Whether images that it has signed are refused.
    pub revoked: bool,
    /// Whether devices learn it from the key set. Where the root key is kept away from the server, its operator has to
    /// publish a new key set first.
    pub published: bool,
}

/// An image that is to be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImage {
    /// Its signed manifest, in base64.
    pub manifest: String,
    /// Where it can be had, when it does not come to this server: an `https` address that answers to ranges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://downloads.example.org/paint-2.4.0.cimg")]
    pub url: Option<String>,
}

/// How far an image has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImageState {
    /// It is on its way to the server.
    Uploading,
    /// Everybody can have it.
    Published,
    /// Nobody gets it any more.
    Withdrawn,
}

impl ImageState {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Published => "published",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageView {
    /// This build.
    #[schema(value_type = String, example = "img_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")]
    pub id: ImageId,
    /// Of which app.
    #[schema(value_type = String, example = "acme/paint")]
    pub app: AppId,
    /// Which version.
    #[schema(value_type = String, example = "2.4.0")]
    pub version: Version,
    /// For which machines.
    #[schema(value_type = String, example = "linux-x86_64")]
    pub platform: Platform,
    /// Its length in bytes.
    pub length: u64,
    /// How many bytes have come to the server; the next part begins here.
    pub arrived: u64,
    /// How far it has come.
    pub state: ImageState,
    /// Where it can be had; absent: here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether the key service has its content keys; without them nobody can install it.
    pub keyed: bool,
    /// When it was announced.
    #[schema(value_type = String, format = DateTime)]
    pub created: Time,
}

/// What content keys are sealed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyServiceView {
    /// The X25519 public key of the key service: 64 hexadecimal digits.
    #[schema(value_type = String)]
    pub public_key: Digest,
}

/// Content keys of an image on their way to the key service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImageKeys {
    /// The keys, sealed to the key service, in base64.
    pub sealed: String,
}

/// Whose images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImageQuery {
    /// Of which app.
    #[param(value_type = String, example = "acme/paint")]
    pub app: AppId,
}

/// Where a part belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Offset {
    /// The byte at which it begins: as many as have arrived.
    pub offset: u64,
}
