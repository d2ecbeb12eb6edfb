//! `GET /v1/apps/{supplier}/{name}` and `GET /v1/apps/{supplier}/{name}/{part}`

use axum::Json;
use axum::extract::State;
use carnet_api::app::{App, AppPartPath, AppPath};
use carnet_api::{Problem, ProblemCode};

use super::view;
use crate::extract::{AppName, Session};
use crate::problem::Failure;
use crate::server::Server;

/// Show an app
#[utoipa::path(
    get, path = "/v1/apps/{supplier}/{name}", operation_id = "apps_show", tag = "apps",
    security(("supplier_token" = [])),
    params(AppPath),
    responses(
        (status = 200, description = "The app.", body = App),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(
    State(server): State<Server>,
    session: Session,
    AppName(app): AppName,
) -> Result<Json<App>, Failure> {
    let supplier = session.id();
    let found = server
        .read(move |tx| {
            let own = tx.app(&app)?.filter(|app| app.supplier == supplier);
            own.map(|app| view(tx, app)).transpose()
        })
        .await?;
    found.map(Json).ok_or_else(|| Failure::new(ProblemCode::NotFound))
}

/// Show an app that is a part of another
#[utoipa::path(
    get, path = "/v1/apps/{supplier}/{name}/{part}", operation_id = "apps_show_part", tag = "apps",
    security(("supplier_token" = [])),
    params(AppPartPath),
    responses(
        (status = 200, description = "The app.", body = App),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show_part(server: State<Server>, session: Session, app: AppName) -> Result<Json<App>, Failure> {
    show(server, session, app).await
}
