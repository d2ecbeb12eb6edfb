//! `PUT /v1/report-key`

use axum::extract::State;
use carnet_api::Problem;
use carnet_api::path::REPORT_KEY;
use carnet_api::report::{DepositView, NewDeposit};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::deposit;
use crate::extract::{Call, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// Deposit a report key
///
/// The half that opens, so that the server judges reports and certificates by itself, under agreements that say so
/// (`opened_by`). It is encrypted like the server's own keys and never shown again. Codes that wait are judged too.
#[utoipa::path(
    put, path = REPORT_KEY, operation_id = "report_key_deposit", tag = "reports",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = NewDeposit,
    responses(
        (status = 200, description = "Which keys are deposited now.", body = DepositView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn deposit(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    let new: NewDeposit = call.json()?;
    let digits = Zeroizing::new(new.opens);
    let mut seed = Zeroizing::new([0; 32]);
    // The decoder demands that the output fits exactly.
    if digits.len() != 64 || HEXLOWER.decode_mut(digits.as_bytes(), &mut *seed).is_err() {
        return Err(invalid("must be 64 hexadecimal digits"));
    }
    let supplier = call.session.id();
    let row = deposit::sealed(&server, &seed).map_err(Failure::internal)?;
    let keep = move |tx: &carnet_store::Writing<'_>| {
        if !deposit::keep(tx, supplier, &row)? {
            return Err(invalid("is one too many: withdraw the keys that are deposited first"));
        }
        Reply::ok(&DepositView { keys: deposit::public_halves(tx, supplier)? })
    };
    let reply = call.once(&server, "report-key.deposited", keep).await?;
    server.judging().look();
    Ok(reply)
}

fn invalid(what: &str) -> Failure {
    Failure::invalid("/opens", what)
}
