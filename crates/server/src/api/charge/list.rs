//! `GET /v1/charges`

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use carnet_api::Problem;
use carnet_api::page::Page;
use carnet_api::path::CHARGES;
use carnet_api::redeem::{ChargeQuery, ChargeView};
use carnet_core::charge::ChargeStatus;

use crate::extract::{Query, Session};
use crate::pages;
use crate::problem::Failure;
use crate::server::Server;

/// List the charges
///
/// For licenses of the supplier's own apps, in the order in which they became due. A page may be shorter than asked
/// for and still have a next one.
#[utoipa::path(
    get, path = CHARGES, operation_id = "charges_list", tag = "licenses",
    security(("supplier_token" = [])),
    params(ChargeQuery),
    responses(
        (status = 200, description = "A page of them.", body = Page<ChargeView>),
        (status = 400, description = "`bad-query`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(
    State(server): State<Server>,
    OriginalUri(uri): OriginalUri,
    session: Session,
    Query(query): Query<ChargeQuery>,
) -> Result<Response, Failure> {
    let limit = pages::limit(query.limit)?;
    let after = pages::after(query.cursor.as_deref(), |text| text.parse().ok())?;
    let status = query.status.as_deref().map(status).transpose()?;
    let supplier = session.id();
    let page = server.read(move |tx| tx.charges_of(supplier, status, after, limit)).await?;
    let views: Vec<ChargeView> = page.items.iter().map(ChargeView::from).collect();
    Ok(pages::page(views, page.next.map(|next| next.to_string()), &uri))
}

fn status(code: &str) -> Result<ChargeStatus, Failure> {
    let all = [ChargeStatus::Pending, ChargeStatus::Settled, ChargeStatus::Failed, ChargeStatus::Refunded];
    let known = all.into_iter().find(|status| status.code() == code);
    known.ok_or_else(|| pages::bad_filter("status", format!("`{code}` is not the status of a charge")))
}
