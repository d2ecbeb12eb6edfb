//! `GET /openapi.json`

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use carnet_api::path::OPENAPI;

use crate::api::document_text;
use crate::problem::Failure;

/// This document
#[utoipa::path(
    get, path = OPENAPI, operation_id = "openapi_show", tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json")),
)]
pub async fn openapi() -> Result<Response, Failure> {
    let text = document_text().map_err(Failure::internal)?;
    Ok(([(CONTENT_TYPE, carnet_api::JSON)], text).into_response())
}
