//! `GET /v1/redeem-codes`

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use carnet_api::Problem;
use carnet_api::page::{Page, PageQuery};
use carnet_api::path::REDEEM_CODES;
use carnet_api::redeem::RedeemCode;

use super::view;
use crate::extract::{Query, Session};
use crate::pages;
use crate::problem::Failure;
use crate::server::Server;

/// List the redeem codes
///
/// In the order in which they were made; the codes themselves are known to nobody here.
#[utoipa::path(
    get, path = REDEEM_CODES, operation_id = "redeem_codes_list", tag = "licenses",
    security(("supplier_token" = [])),
    params(PageQuery),
    responses(
        (status = 200, description = "A page of them.", body = Page<RedeemCode>),
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
    let after = pages::after(query.cursor.as_deref(), pages::time_and_id)?;
    let supplier = session.id();
    let page = server.read(move |tx| tx.grants_of(supplier, after, limit)).await?;
    let views: Vec<RedeemCode> = page.items.iter().map(view).collect();
    Ok(pages::page(views, page.next.map(pages::cursor_of), &uri))
}
