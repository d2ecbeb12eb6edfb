//! `GET /readyz`

use axum::Json;
use axum::extract::State;
use carnet_api::path::READYZ;
use carnet_api::server::Readiness;
use carnet_api::{Problem, ProblemCode};

use crate::problem::Failure;
use crate::server::Server;

/// The server can do its work
///
/// Fails while the server is about to stop, so that nothing new is sent to it.
#[utoipa::path(
    get, path = READYZ, operation_id = "readiness_show", tag = "operations",
    responses(
        (status = 200, description = "Ready.", body = Readiness),
        (status = 503, description = "Not ready; the detail says what is missing.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn ready(State(server): State<Server>) -> Result<Json<Readiness>, Failure> {
    let draining = server.is_draining();
    let database = server.read(|tx| tx.setting("").map(drop)).await.is_ok();
    let keys = server.now() < server.keys().current().expires();
    let missing = [
        (draining, "the server is about to stop"),
        (!database, "the database does not answer"),
        (!keys, "the key set has ended"),
    ];
    match missing.iter().find(|(fails, _)| *fails) {
        Some((_, what)) => Err(Failure::because(ProblemCode::Unavailable, what)),
        None => Ok(Json(Readiness { ready: true, database, keys, draining })),
    }
}
