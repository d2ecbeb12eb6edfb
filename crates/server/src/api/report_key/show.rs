//! `GET /v1/report-key`

use axum::Json;
use axum::extract::State;
use carnet_api::Problem;
use carnet_api::path::REPORT_KEY;
use carnet_api::report::DepositView;

use crate::deposit;
use crate::extract::Session;
use crate::problem::Failure;
use crate::server::Server;

/// Show which report keys are deposited
///
/// Their public halves.
#[utoipa::path(
    get, path = REPORT_KEY, operation_id = "report_key_show", tag = "reports",
    security(("supplier_token" = [])),
    responses(
        (status = 200, description = "All of them.", body = DepositView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(State(server): State<Server>, session: Session) -> Result<Json<DepositView>, Failure> {
    let supplier = session.id();
    let keys = server.read(move |tx| deposit::public_halves(tx, supplier)).await?;
    Ok(Json(DepositView { keys }))
}
