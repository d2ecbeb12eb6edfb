//! `GET /v1/supplier`

use axum::Json;
use carnet_api::Problem;
use carnet_api::path::SUPPLIER;
use carnet_api::supplier::Supplier;

use super::view;
use crate::extract::Session;

/// The supplier that the token belongs to
#[utoipa::path(
    get, path = SUPPLIER, operation_id = "supplier_show", tag = "suppliers",
    security(("supplier_token" = [])),
    responses(
        (status = 200, description = "Who asks.", body = Supplier),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(session: Session) -> Json<Supplier> {
    Json(view(session.supplier()))
}
