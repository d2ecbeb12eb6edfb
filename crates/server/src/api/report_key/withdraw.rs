//! `POST /v1/report-key/withdraw`

use axum::extract::State;
use carnet_api::Problem;
use carnet_api::path::REPORT_KEY_WITHDRAW;
use carnet_api::report::DepositView;

use crate::deposit;
use crate::extract::{Call, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// Withdraw the report keys that are deposited
///
/// They are erased. What has come and was not judged waits for the supplier. A backup that was made before still has
/// them, as it has the server's own keys: encrypted.
#[utoipa::path(
    post, path = REPORT_KEY_WITHDRAW, operation_id = "report_key_withdraw", tag = "reports",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    responses(
        (status = 200, description = "None are left.", body = DepositView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn withdraw(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    let supplier = call.session.id();
    let erase = move |tx: &carnet_store::Writing<'_>| {
        deposit::erase(tx, supplier)?;
        Reply::ok(&DepositView { keys: Vec::new() })
    };
    call.once(&server, "report-key.withdrawn", erase).await
}
