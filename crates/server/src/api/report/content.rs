//! `GET /v1/reports/{report}/content`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use carnet_api::Problem;
use carnet_api::image::IMAGE as BYTES;
use carnet_api::report::PartQuery;
use carnet_core::id::ReportId;

use super::not_found;
use crate::extract::{Named, Query, Session};
use crate::problem::Failure;
use crate::server::Server;

/// Get a part of a code
///
/// As it came: sealed. The part that begins at the offset; the next one begins where it ends.
#[utoipa::path(
    get, path = "/v1/reports/{report}/content", operation_id = "reports_content", tag = "reports",
    security(("supplier_token" = [])),
    params(("report" = String, Path, description = "The report's id."), PartQuery),
    responses(
        (status = 200, description = "The part.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "`bad-query`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: there is none, its bytes are not here, or no part begins there", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn content(
    State(server): State<Server>,
    // Before the query is read: who has no token learns nothing.
    session: Session,
    Named(id): Named<ReportId>,
    Query(at): Query<PartQuery>,
) -> Result<Response, Failure> {
    let supplier = session.id();
    let part = server
        .read(move |tx| {
            let Some(report) = tx.report_of(supplier, id)? else { return Ok(None) };
            tx.report_part(report.user, report.digest, at.offset)
        })
        .await?;
    let part = part.ok_or_else(not_found)?;
    Ok(([(CONTENT_TYPE, BYTES)], part).into_response())
}
