//! `GET /metrics`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use carnet_api::path::METRICS;

use crate::server::Server;

/// Metrics
///
/// In the Prometheus text format. Nothing in it names a user, a device or a supplier.
#[utoipa::path(
    get, path = METRICS, operation_id = "metrics_show", tag = "operations",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")),
)]
pub async fn metrics(State(server): State<Server>) -> Response {
    server.measure();
    let text = server.metrics().render(&server.store().counts());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
