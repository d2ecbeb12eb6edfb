//! `POST /v1/image-keys`

use axum::extract::State;
use carnet_api::image::{ImageKeyView, NewImageKey};
use carnet_api::path::IMAGE_KEYS;
use carnet_api::{Problem, ProblemCode};
use carnet_core::document::PublicKey;
use carnet_seal::VerifyingKey;
use carnet_store::StoreError;

use super::view;
use crate::extract::{Call, Reply};
use crate::keys::NewKey;
use crate::problem::Failure;
use crate::server::Server;

/// The most keys of one supplier: the old one, the new one, and a few mistakes.
const MOST: usize = 8;

/// Register a key that signs images
///
/// The supplier makes the key on its own machine and sends the public half. Devices learn it from the key set.
#[utoipa::path(
    post, path = IMAGE_KEYS, operation_id = "image_keys_create", tag = "images",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = NewImageKey,
    responses(
        (status = 201, description = "Registered.", body = ImageKeyView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn create(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    if let Some(kept) = call.kept(&server).await? {
        return Ok(kept);
    }
    let new: NewImageKey = call.json()?;
    let public = PublicKey(new.public_key.0);
    let key = VerifyingKey::ed25519(public).map_err(|_| invalid("is no Ed25519 public key"))?;
    let (supplier, now) = (call.session.id(), server.now());
    let (id, key) = (key.id(), NewKey::of_images(supplier, (key.id(), public), now));
    let adding = server.keys().adding().await;
    if !server.keys().current().has_room() {
        return Err(Failure::because(ProblemCode::Unavailable, "the key set is full"));
    }
    let add = move |tx: &carnet_store::Writing<'_>| {
        if tx.keys()?.iter().filter(|row| NewKey::is_of_images(row, supplier)).count() >= MOST {
            return Err(invalid("is one too many: no more than 8 are kept for a supplier"));
        }
        key.add(tx).map_err(|error| match error {
            StoreError::Exists { .. } => invalid("is registered already"),
            other => other.into(),
        })
    };
    let published = server.write("image-key.create", add).await?;
    server.keys().publish(&published, now).map_err(Failure::internal)?;
    drop(adding);
    let row = server.read(move |tx| tx.key(&id.0)).await?;
    let row = row.ok_or_else(|| Failure::internal("a key that was just added is not there"))?;
    let shown: ImageKeyView = view(&row, server.keys());
    call.once(&server, "image-key.created", move |_| Reply::created(&shown)).await
}

fn invalid(what: &str) -> Failure {
    Failure::invalid("/public_key", what)
}
