//! `GET /v1/apps`

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use carnet_api::Problem;
use carnet_api::app::App;
use carnet_api::page::{Page, PageQuery};
use carnet_api::path::APPS;

use super::view;
use crate::extract::{Query, Session};
use crate::pages;
use crate::problem::Failure;
use crate::server::Server;

/// List the apps
///
/// The supplier's own, by id.
#[utoipa::path(
    get, path = APPS, operation_id = "apps_list", tag = "apps",
    security(("supplier_token" = [])),
    params(PageQuery),
    responses(
        (status = 200, description = "A page of them.", body = Page<App>),
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
    let after = pages::after(query.cursor.as_deref(), |text| text.parse().ok())?;
    let supplier = session.id();
    let mut apps = server
        .read(move |tx| {
            let apps = tx.apps_of(supplier, after.as_ref(), limit + 1)?;
            apps.into_iter().map(|app| view(tx, app)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let more = apps.len() > limit as usize;
    apps.truncate(limit as usize);
    let next = apps.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(pages::page(apps, next, &uri))
}
