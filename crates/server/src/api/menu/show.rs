//! `GET /v1/menu/{supplier}/{name}` and `GET /v1/menu/{supplier}/{name}/{part}`

use axum::Json;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use carnet_api::app::{AppPartPath, AppPath};
use carnet_api::header::etag_of_serial;
use carnet_api::menu::MenuView;
use carnet_api::{Problem, ProblemCode};

use crate::admission::Client;
use crate::extract::AppName;
use crate::problem::Failure;
use crate::server::Server;

/// Show the menu of an app
///
/// For anybody: it is what the supplier offers to everybody. The `ETag` is the serial.
#[utoipa::path(
    get, path = "/v1/menu/{supplier}/{name}", operation_id = "menu_show", tag = "apps",
    params(AppPath),
    responses(
        (status = 200, description = "The menu.", body = MenuView),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-requests`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(
    State(server): State<Server>,
    client: Client,
    AppName(app): AppName,
) -> Result<Response, Failure> {
    server.admission().admit(client)?;
    let asked = app.clone();
    let found = server.read(move |tx| tx.menu(&asked)).await?;
    let found = found.ok_or_else(|| Failure::new(ProblemCode::NotFound))?;
    let etag = [(ETAG, etag_of_serial(found.menu.serial))];
    Ok((etag, Json(MenuView::new(app, &found.menu))).into_response())
}

/// Show the menu of an app that is a part of another
#[utoipa::path(
    get, path = "/v1/menu/{supplier}/{name}/{part}", operation_id = "menu_show_part", tag = "apps",
    params(AppPartPath),
    responses(
        (status = 200, description = "The menu.", body = MenuView),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-requests`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show_part(server: State<Server>, client: Client, app: AppName) -> Result<Response, Failure> {
    show(server, client, app).await
}
