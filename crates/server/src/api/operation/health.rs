//! `GET /healthz`

use axum::Json;
use carnet_api::path::HEALTHZ;

/// The process lives
///
/// Says nothing about the database; a process that does not answer this should be started again.
#[utoipa::path(
    get, path = HEALTHZ, operation_id = "health_show", tag = "operations",
    responses((status = 200, description = "It lives.", body = String, content_type = "application/json")),
)]
pub async fn health() -> Json<&'static str> {
    Json("ok")
}
