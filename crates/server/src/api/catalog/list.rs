//! `GET /v1/catalog`

use axum::Json;
use axum::extract::State;
use carnet_api::Problem;
use carnet_api::catalog::{CatalogQuery, Installable, OnSale};
use carnet_api::path::CATALOG;
use carnet_core::app::AppId;
use carnet_store::app::App;
use carnet_store::image::PUBLISHED;
use carnet_store::{Reading, StoreError};

use crate::extract::Query;
use crate::problem::Failure;
use crate::server::Server;

/// More apps than anybody reads through.
const MOST: usize = 500;
/// The versions of one app that are shown.
const MOST_VERSIONS: u32 = 50;
/// So many apps are looked at in one go.
const PAGE: u32 = 200;

/// List what is on sale
///
/// Every app with an offer on its menu, by id, at most 500. For anybody.
#[utoipa::path(
    get, path = CATALOG, operation_id = "catalog_list", tag = "apps",
    params(CatalogQuery),
    responses(
        (status = 200, description = "What there is.", body = Vec<OnSale>),
        (status = 400, description = "`bad-query`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(
    State(server): State<Server>,
    Query(query): Query<CatalogQuery>,
) -> Result<Json<Vec<OnSale>>, Failure> {
    let wanted = move |app: &AppId| query.supplier.as_ref().is_none_or(|name| app.supplier() == *name);
    Ok(Json(server.read(move |tx| on_sale(tx, &wanted)).await?))
}

fn on_sale(tx: &Reading<'_>, wanted: &dyn Fn(&AppId) -> bool) -> Result<Vec<OnSale>, StoreError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let apps = tx.catalog(after.as_ref(), PAGE)?;
        let Some(last) = apps.last().map(|app| app.id.clone()) else { return Ok(found) };
        for app in apps.into_iter().filter(|app| wanted(&app.id)) {
            found.extend(shown(tx, app)?);
            if found.len() == MOST {
                return Ok(found);
            }
        }
        after = Some(last);
    }
}

fn shown(tx: &Reading<'_>, app: App) -> Result<Option<OnSale>, StoreError> {
    let menu = tx.menu(&app.id)?.map(|view| view.menu);
    let offers = menu.iter().flat_map(|menu| &menu.offers);
    let offers: Vec<String> = offers.map(|listed| listed.offer.name.to_string()).collect();
    if offers.is_empty() {
        return Ok(None);
    }
    let images =
        tx.images(&app.id, PUBLISHED, MOST_VERSIONS)?.into_iter().filter(|image| image.keyed.is_some());
    let versions = images.map(|image| Installable {
        version: image.version,
        platform: image.platform,
        length: image.length,
    });
    Ok(Some(OnSale { versions: versions.collect(), app: app.id, display_name: app.title, offers }))
}
