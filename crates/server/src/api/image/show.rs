//! `GET /v1/images/{image}`

use axum::Json;
use axum::extract::State;
use carnet_api::Problem;
use carnet_api::image::ImageView;
use carnet_core::id::ImageId;

use super::{own, view};
use crate::extract::{Named, Session};
use crate::problem::Failure;
use crate::server::Server;

/// Show an image
///
/// To its supplier, whatever its state: how much has arrived, for instance.
#[utoipa::path(
    get, path = "/v1/images/{image}", operation_id = "images_show", tag = "images",
    security(("supplier_token" = [])),
    params(("image" = String, Path, description = "The image's id.", example = "img_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")),
    responses(
        (status = 200, description = "The image.", body = ImageView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(
    State(server): State<Server>,
    session: Session,
    Named(image): Named<ImageId>,
) -> Result<Json<ImageView>, Failure> {
    let found = own(&server, session.id(), image).await?;
    Ok(Json(view(&server, found)?))
}
