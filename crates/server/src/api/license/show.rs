//! `GET /v1/licenses/{license}`

use axum::Json;
use axum::extract::State;
use carnet_api::license::License;
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::LicenseId;

use super::view_alone;
use crate::extract::{Named, Session};
use crate::problem::Failure;
use crate::server::Server;

/// Show a license
///
/// What was agreed, what remains, and the passes that are out.
#[utoipa::path(
    get, path = "/v1/licenses/{license}", operation_id = "licenses_show", tag = "licenses",
    security(("supplier_token" = [])),
    params(("license" = String, Path, description = "The license's id.", example = "lic_a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7")),
    responses(
        (status = 200, description = "The license.", body = License),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(
    State(server): State<Server>,
    session: Session,
    Named(license): Named<LicenseId>,
) -> Result<Json<License>, Failure> {
    let (supplier, now) = (session.id(), server.now());
    let found = server
        .read(move |tx| {
            let found = tx.license(supplier, license)?;
            found.map(|license| view_alone(tx, &license, now)).transpose()
        })
        .await?;
    found.map(Json).ok_or_else(|| Failure::new(ProblemCode::NotFound))
}
