//! `GET /v1/image-keys`

use axum::Json;
use axum::extract::State;
use carnet_api::Problem;
use carnet_api::image::ImageKeyView;
use carnet_api::path::IMAGE_KEYS;

use super::view;
use crate::extract::Session;
use crate::keys::NewKey;
use crate::problem::Failure;
use crate::server::Server;

/// List the keys that sign images
///
/// Of the supplier, oldest first, revoked ones included.
#[utoipa::path(
    get, path = IMAGE_KEYS, operation_id = "image_keys_list", tag = "images",
    security(("supplier_token" = [])),
    responses(
        (status = 200, description = "All of them.", body = Vec<ImageKeyView>),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(
    State(server): State<Server>,
    session: Session,
) -> Result<Json<Vec<ImageKeyView>>, Failure> {
    let supplier = session.id();
    let keys = server.read(|tx| tx.keys()).await?;
    let own = keys.iter().filter(|row| NewKey::is_of_images(row, supplier));
    Ok(Json(own.map(|row| view(row, server.keys())).collect()))
}
