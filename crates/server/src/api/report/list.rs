//! `GET /v1/reports`

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use carnet_api::Problem;
use carnet_api::page::{Page, PageQuery};
use carnet_api::path::REPORTS;
use carnet_api::report::ReportView;

use super::view;
use crate::extract::{Query, Session};
use crate::pages;
use crate::problem::Failure;
use crate::server::Server;

/// List usage reports and erasure certificates
///
/// Those that have come and what they were judged to be, newest first.
#[utoipa::path(
    get, path = REPORTS, operation_id = "reports_list", tag = "reports",
    security(("supplier_token" = [])),
    params(PageQuery),
    responses(
        (status = 200, description = "A page of them.", body = Page<ReportView>),
        (status = 400, description = "`bad-query`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(
    State(server): State<Server>,
    OriginalUri(uri): OriginalUri,
    session: Session,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let limit = pages::limit(query.limit)?;
    let before = pages::after(query.cursor.as_deref(), pages::time_and_id)?;
    let supplier = session.id();
    let page = server.read(move |tx| tx.reports_of(supplier, before, limit)).await?;
    let views: Vec<ReportView> = page.items.iter().map(view).collect();
    Ok(pages::page(views, page.next.map(pages::cursor_of), &uri))
}
