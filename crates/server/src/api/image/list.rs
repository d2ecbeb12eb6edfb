//! `GET /v1/images`

use axum::Json;
use axum::extract::State;
use carnet_api::Problem;
use carnet_api::image::{ImageQuery, ImageState, ImageView};
use carnet_api::path::IMAGES;

use super::view;
use crate::extract::Query;
use crate::problem::Failure;
use crate::server::Server;

/// More versions than anybody installs.
pub(super) const MOST: u32 = 200;

/// List the images of an app
///
/// Those that are published, newest first, at most 200. For anybody: without a license they are of no use.
#[utoipa::path(
    get, path = IMAGES, operation_id = "images_list", tag = "images",
    params(ImageQuery),
    responses(
        (status = 200, description = "The images; none for an app that is not known.", body = Vec<ImageView>),
        (status = 400, description = "`bad-query`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(
    State(server): State<Server>,
    Query(query): Query<ImageQuery>,
) -> Result<Json<Vec<ImageView>>, Failure> {
    let state = ImageState::Published.as_str();
    let images = server.read(move |tx| tx.images(&query.app, state, MOST)).await?;
    let shown: Result<_, _> = images.into_iter().map(|image| view(&server, image)).collect();
    Ok(Json(shown?))
}
