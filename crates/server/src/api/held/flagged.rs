//! `GET /v1/devices/flagged`

use axum::Json;
use axum::extract::State;
use carnet_api::Problem;
use carnet_api::held::FlaggedDevice;
use carnet_api::path::FLAGGED;
use carnet_core::server::Journal;

use crate::extract::Session;
use crate::problem::Failure;
use crate::server::Server;

/// The most that are shown.
const MOST: u32 = 200;

/// List the passbooks that wait for review
///
/// One that went backwards is settled by itself the first time in a year; further times somebody looks first. What
/// was seen is among the events. The longest waiting comes first, at most 200.
#[utoipa::path(
    get, path = FLAGGED, operation_id = "devices_flagged", tag = "licenses",
    security(("supplier_token" = [])),
    responses(
        (status = 200, description = "Those that wait.", body = Vec<FlaggedDevice>),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn flagged(
    State(server): State<Server>,
    session: Session,
) -> Result<Json<Vec<FlaggedDevice>>, Failure> {
    let supplier = session.id();
    let journals = server.read(move |tx| tx.flagged_journals(supplier, MOST)).await?;
    Ok(Json(journals.into_iter().filter_map(view).collect()))
}

fn view(journal: Journal) -> Option<FlaggedDevice> {
    Some(FlaggedDevice { device: journal.name.device, app: journal.name.app?, since: journal.flagged? })
}
