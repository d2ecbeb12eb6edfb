//! The keys that sign a supplier's installation images.

pub mod create;
pub mod list;

use carnet_api::image::ImageKeyView;
use carnet_core::id::Digest;
use carnet_seal::KeyId;
use carnet_store::key::{KeyState, ServerKey};

use crate::keys::Keys;

fn view(row: &ServerKey, keys: &Keys) -> ImageKeyView {
    let id = KeyId(row.id.as_slice().try_into().unwrap_or_default());
    let set = keys.current();
    ImageKeyView {
        key: id.to_string(),
        public_key: Digest(row.public_key.as_slice().try_into().unwrap_or_default()),
        registered: row.created,
        revoked: row.state == KeyState::Revoked,
        published: set.names(id),
    }
}
