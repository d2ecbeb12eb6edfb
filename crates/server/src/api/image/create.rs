//! `POST /v1/images`

use axum::extract::State;
use carnet_api::Problem;
use carnet_api::image::{ImageState, ImageView, NewImage};
use carnet_api::path::IMAGES;
use carnet_core::document::PublicKey;
use carnet_image::Front;
use carnet_seal::{ImageKey, ImageManifest, Signed, Unverified, VerifyingKey};
use carnet_store::image::Image;
use carnet_store::key::KeyState;
use data_encoding::BASE64;

use super::{only_build, view};
use crate::extract::{Call, Reply, Session};
use crate::keys::NewKey;
use crate::problem::Failure;
use crate::server::Server;

/// The longest address.
const LONGEST_URL: usize = 500;

/// Announce an image
///
/// By its manifest, signed with a registered key. Its content follows in parts, unless it lies elsewhere and `url` says
/// where: then it is published at once. Announcing the same image again does nothing, and says how much has arrived.
#[utoipa::path(
    post, path = IMAGES, operation_id = "images_create", tag = "images",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = NewImage,
    responses(
        (status = 201, description = "Announced.", body = ImageView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn create(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    let new: NewImage = call.json()?;
    let url = new.url.map(checked_url).transpose()?;
    let bytes = BASE64.decode(new.manifest.trim().as_bytes());
    let bytes = bytes.map_err(|_| Failure::invalid("/manifest", "is not base64"))?;
    let manifest = verified(&server, &call.session, &bytes).await?;
    let image = image(&call.session, manifest, url, server.now());
    let add = image.clone();
    server
        .write("image.create", move |tx| {
            tx.app(&add.app)?
                .filter(|app| app.supplier == add.supplier)
                .ok_or_else(|| Failure::invalid("/manifest", format!("there is no app `{}`", add.app)))?;
            match tx.image(add.id)? {
                Some(before) if before.supplier == add.supplier && before.manifest == add.manifest => Ok(()),
                Some(_) => Err(Failure::invalid("/manifest", "another image has this id")),
                None => {
                    only_build(tx, &add)?;
                    Ok(tx.add_image(&add)?)
                }
            }
        })
        .await?;
    let id = image.id;
    let now = server.read(move |tx| tx.image(id)).await?.unwrap_or(image);
    let shown: ImageView = view(&server, now)?;
    Reply::created(&shown)
}

fn image(
    session: &Session,
    manifest: Signed<ImageManifest>,
    url: Option<String>,
    now: carnet_core::time::Time,
) -> Image {
    let length = Front::of(manifest.clone()).image_length();
    let (claims, manifest) = manifest.into_parts();
    let state = if url.is_some() { ImageState::Published } else { ImageState::Uploading };
    Image {
        id: claims.id,
        supplier: session.id(),
        app: claims.app,
        version: claims.version,
        platform: claims.platform,
        length,
        manifest,
        url,
        state: state.as_str().to_owned(),
        created: now,
        keyed: None,
    }
}

/// The manifest, if a registered key of this supplier has signed it for an app of theirs.
pub(super) async fn verified(
    server: &Server,
    session: &Session,
    bytes: &[u8],
) -> Result<Signed<ImageManifest>, Failure> {
    let wrong = |wrong: String| Failure::invalid("/manifest", wrong);
    let document = Unverified::<ImageManifest>::parse(bytes).map_err(|error| wrong(error.to_string()))?;
    let (id, supplier) = (document.key_id(), session.id());
    let row = server.read(move |tx| tx.key(&id.0)).await?;
    let row = row.filter(|row| NewKey::is_of_images(row, supplier) && row.state == KeyState::Active);
    let row = row.ok_or_else(|| {
        wrong(format!(
            "is signed by the key {id}, which is not registered: carnet supplier image-key register"
        ))
    })?;
    let public = PublicKey(row.public_key.as_slice().try_into().map_err(Failure::internal)?);
    let key = VerifyingKey::ed25519(public).map_err(Failure::internal)?;
    let key = ImageKey { supplier: session.supplier().name.clone(), key };
    document.verify_with(&key).map_err(|error| wrong(error.to_string()))
}

/// What devices fetch from must at least keep secret what they fetch.
fn checked_url(url: String) -> Result<String, Failure> {
    let plain = url.chars().all(|letter| letter.is_ascii_graphic());
    if url.starts_with("https://") && url.len() <= LONGEST_URL && plain {
        Ok(url)
    } else {
        Err(Failure::invalid(
            "/url",
            format!("must be an https address of at most {LONGEST_URL} plain characters"),
        ))
    }
}
