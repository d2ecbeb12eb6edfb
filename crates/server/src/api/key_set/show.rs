//! `GET /v1/key-set`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use carnet_api::path::KEY_SET;

use crate::problem::Failure;
use crate::server::Server;

/// The server's keys
///
/// A document signed by the root. Who has pinned the root needs no trust in the way it came.
#[utoipa::path(
    get, path = KEY_SET, operation_id = "key_set_show", tag = "devices",
    responses((status = 200, description = "The signed key set.", body = Vec<u8>, content_type = "application/cose")),
)]
pub async fn show(State(server): State<Server>) -> Result<Response, Failure> {
    server.fresh_keys().await?;
    let document = server.keys().current().document().to_vec();
    Ok(([(CONTENT_TYPE, carnet_api::COSE)], document).into_response())
}
