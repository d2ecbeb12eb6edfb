//! `POST /v1/charges/{charge}/settle`, `…/fail` and `…/refund`: the manual gateway

use axum::extract::State;
use carnet_api::Problem;
use carnet_api::redeem::{ChargeNote, ChargeView};
use carnet_core::charge::ChargeAct;
use carnet_core::id::ChargeId;
use carnet_store::{Settled, Work};

use crate::extract::{Call, Named, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// The longest note, in characters.
const LONGEST_NOTE: usize = 200;

/// Say that a charge was paid
///
/// The license is good again when nothing else is owed. A charge that failed can still be paid.
#[utoipa::path(
    post, path = "/v1/charges/{charge}/settle", operation_id = "charges_settle", tag = "licenses",
    security(("supplier_token" = [])),
    params(
        ("charge" = String, Path, description = "The charge's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = ChargeNote,
    responses(
        (status = 200, description = "The charge as it is now.", body = ChargeView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not-applicable`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn settle(server: State<Server>, charge: Named<ChargeId>, call: Call) -> Result<Reply, Failure> {
    act(server, charge, call, ChargeAct::Settle).await
}

/// Say that a charge could not be made
///
/// Nothing is issued any more until it is paid, except temporary passes where the offer says so.
#[utoipa::path(
    post, path = "/v1/charges/{charge}/fail", operation_id = "charges_fail", tag = "licenses",
    security(("supplier_token" = [])),
    params(
        ("charge" = String, Path, description = "The charge's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = ChargeNote,
    responses(
        (status = 200, description = "The charge as it is now.", body = ChargeView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not-applicable`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn fail(server: State<Server>, charge: Named<ChargeId>, call: Call) -> Result<Reply, Failure> {
    act(server, charge, call, ChargeAct::Fail).await
}

/// Say that a charge was paid back
///
/// Only what was paid can be paid back. The license itself goes on: revoke it where it shall not.
#[utoipa::path(
    post, path = "/v1/charges/{charge}/refund", operation_id = "charges_refund", tag = "licenses",
    security(("supplier_token" = [])),
    params(
        ("charge" = String, Path, description = "The charge's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = ChargeNote,
    responses(
        (status = 200, description = "The charge as it is now.", body = ChargeView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not-applicable`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn refund(server: State<Server>, charge: Named<ChargeId>, call: Call) -> Result<Reply, Failure> {
    act(server, charge, call, ChargeAct::Refund).await
}

async fn act(
    State(server): State<Server>,
    Named(charge): Named<ChargeId>,
    call: Call,
    act: ChargeAct,
) -> Result<Reply, Failure> {
    if let Some(kept) = call.kept(&server).await? {
        return Ok(kept);
    }
    let ChargeNote { note } = call.json()?;
    check_note(&note)?;
    let (supplier, by) = (call.session.id(), format!("token {}", call.session.label()));
    let work = Work::Charge { supplier, charge, act, by, note: note.trim().to_owned() };
    let charge = match server.settle(work).await? {
        Settled::Charged(charge) => charge,
        other => return Err(Failure::internal(format!("a charge was settled as {other:?}"))),
    };
    call.once(&server, "charge.acted", move |_| Reply::ok(&ChargeView::from(&charge))).await
}

fn check_note(note: &str) -> Result<(), Failure> {
    let good = note.chars().count() <= LONGEST_NOTE && !note.chars().any(char::is_control);
    if good {
        return Ok(());
    }
    let wrong = format!("must be one line of at most {LONGEST_NOTE} characters");
    Err(Failure::invalid("/note", wrong))
}
