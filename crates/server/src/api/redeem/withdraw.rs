//! `POST /v1/redeem-codes/withdraw`

use axum::extract::State;
use carnet_api::Problem;
use carnet_api::path::WITHDRAW_REDEEM_CODE;
use carnet_api::redeem::{RedeemCode, WithdrawRedeemCode};
use carnet_core::id::Digest;
use carnet_store::StoreError;
use carnet_store::redeem::LabelledGrant;

use super::view;
use crate::extract::{Call, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// Withdraw a redeem code
///
/// One that nobody has taken up; what was taken up is a license, which can be revoked.
#[utoipa::path(
    post, path = WITHDRAW_REDEEM_CODE, operation_id = "redeem_codes_withdraw", tag = "licenses",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = WithdrawRedeemCode,
    responses(
        (status = 200, description = "Withdrawn.", body = RedeemCode),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: there is none, or it was taken up", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn withdraw(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    let WithdrawRedeemCode { digest } = call.json()?;
    let supplier = call.session.id();
    let work = move |tx: &carnet_store::Writing<'_>| {
        tx.withdraw_grant(supplier, digest)?;
        let grant = labelled(tx, digest)?;
        Reply::ok(&view(&grant))
    };
    call.once(&server, "redeem.withdraw", work).await
}

fn labelled(tx: &carnet_store::Writing<'_>, digest: Digest) -> Result<LabelledGrant, StoreError> {
    tx.labelled_grant(digest)?.ok_or(StoreError::NotFound { what: "code" })
}
