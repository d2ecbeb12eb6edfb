//! `GET /v1/licenses`

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use carnet_api::Problem;
use carnet_api::license::{License, LicenseQuery};
use carnet_api::page::Page;
use carnet_api::path::LICENSES;
use carnet_core::license::Status;
use carnet_store::license::LicenseFilter;

use super::view_alone;
use crate::extract::{Query, Session};
use crate::pages;
use crate::problem::Failure;
use crate::server::Server;

/// List the licenses
///
/// For the supplier's own apps, in the order in which they were agreed to. A page may be shorter than asked
/// for and still have a next one.
#[utoipa::path(
    get, path = LICENSES, operation_id = "licenses_list", tag = "licenses",
    security(("supplier_token" = [])),
    params(LicenseQuery),
    responses(
        (status = 200, description = "A page of them.", body = Page<License>),
        (status = 400, description = "`bad-query`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(
    State(server): State<Server>,
    OriginalUri(uri): OriginalUri,
    session: Session,
    Query(query): Query<LicenseQuery>,
) -> Result<Response, Failure> {
    let limit = pages::limit(query.limit)?;
    let after = pages::after(query.cursor.as_deref(), |text| text.parse().ok())?;
    let filter = filter(&query)?;
    let (supplier, now) = (session.id(), server.now());
    let (licenses, next) = server
        .read(move |tx| {
            let page = tx.licenses_of(supplier, &filter, after, limit, now)?;
            let views = page.items.iter().map(|license| view_alone(tx, license, now));
            Ok((views.collect::<Result<Vec<License>, _>>()?, page.next))
        })
        .await?;
    Ok(pages::page(licenses, next.map(|next| next.to_string()), &uri))
}

fn filter(query: &LicenseQuery) -> Result<LicenseFilter, Failure> {
    let app = query.app.as_deref().map(str::parse).transpose();
    let status = query.status.as_deref().map(|code| {
        let known = serde_json::from_value::<Status>(code.into());
        known.map_err(|_| pages::bad_filter("status", format!("`{code}` is not the status of a license")))
    });
    Ok(LicenseFilter {
        app: app.map_err(|error| pages::bad_filter("app", error))?,
        status: status.transpose()?,
        ..LicenseFilter::default()
    })
}
