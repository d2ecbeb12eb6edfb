//! `GET /v1/key-service`

use axum::Json;
use axum::extract::State;
use carnet_api::image::KeyServiceView;
use carnet_api::path::KEY_SERVICE;
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::Digest;

use crate::problem::Failure;
use crate::server::Server;

/// What content keys are sealed to
///
/// Suppliers seal the content keys of their images to this key before they hand them in. Whoever pins it need not trust
/// this server with them.
#[utoipa::path(
    get, path = KEY_SERVICE, operation_id = "key_service_show", tag = "images",
    responses(
        (status = 200, description = "The key.", body = KeyServiceView),
        (status = 503, description = "`unavailable`: the key service does not answer", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(State(server): State<Server>) -> Result<Json<KeyServiceView>, Failure> {
    let asked = server.ask_key_service(|service, _| {
        service.public().map_err(|error| {
            tracing::error!(%error, "the key service was not reached");
            Failure::because(ProblemCode::Unavailable, "the key service does not answer")
        })
    });
    Ok(Json(KeyServiceView { public_key: Digest(asked.await?.0) }))
}
