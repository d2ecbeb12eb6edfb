//! `POST /v1/licenses/{license}/suspend`, `…/reinstate`, `…/revoke` and `…/end`

use axum::extract::State;
use carnet_api::act::{Act as Why, checked_reason};
use carnet_api::license::License;
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::LicenseId;
use carnet_core::license::{Act, Standing};
use carnet_store::{LedgerError, Work};

use super::view_alone;
use crate::extract::{Call, Named, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// Suspend a license
///
/// No pass is issued and nothing is moved until it is reinstated; a pass that is out ends at its device's next
/// contact. Suspending it again changes nothing.
#[utoipa::path(
    post, path = "/v1/licenses/{license}/suspend", operation_id = "licenses_suspend", tag = "licenses",
    security(("supplier_token" = [])),
    params(
        ("license" = String, Path, description = "The license's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = Option<Why>,
    responses(
        (status = 200, description = "The license as it is now.", body = License),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not-applicable`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn suspend(server: State<Server>, license: Named<LicenseId>, call: Call) -> Result<Reply, Failure> {
    act(server, license, call, Act::Suspend, Standing::Suspended).await
}

/// Reinstate a license
///
/// A suspended license is good again.
#[utoipa::path(
    post, path = "/v1/licenses/{license}/reinstate", operation_id = "licenses_reinstate", tag = "licenses",
    security(("supplier_token" = [])),
    params(
        ("license" = String, Path, description = "The license's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = Option<Why>,
    responses(
        (status = 200, description = "The license as it is now.", body = License),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not-applicable`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn reinstate(
    server: State<Server>,
    license: Named<LicenseId>,
    call: Call,
) -> Result<Reply, Failure> {
    act(server, license, call, Act::Reinstate, Standing::Active).await
}

/// Revoke a license
///
/// For ever: no pass is issued again. A perpetual pass that stays offline cannot be reached.
#[utoipa::path(
    post, path = "/v1/licenses/{license}/revoke", operation_id = "licenses_revoke", tag = "licenses",
    security(("supplier_token" = [])),
    params(
        ("license" = String, Path, description = "The license's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = Option<Why>,
    responses(
        (status = 200, description = "The license as it is now.", body = License),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not-applicable`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn revoke(server: State<Server>, license: Named<LicenseId>, call: Call) -> Result<Reply, Failure> {
    act(server, license, call, Act::Revoke, Standing::Revoked).await
}

/// End a license
///
/// For ever, as agreed by both sides: the contract is over, and no pass is issued again.
#[utoipa::path(
    post, path = "/v1/licenses/{license}/end", operation_id = "licenses_end", tag = "licenses",
    security(("supplier_token" = [])),
    params(
        ("license" = String, Path, description = "The license's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = Option<Why>,
    responses(
        (status = 200, description = "The license as it is now.", body = License),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not-applicable`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn end(server: State<Server>, license: Named<LicenseId>, call: Call) -> Result<Reply, Failure> {
    act(server, license, call, Act::End, Standing::Ended).await
}

async fn act(
    State(server): State<Server>,
    Named(license): Named<LicenseId>,
    call: Call,
    act: Act,
    wanted: Standing,
) -> Result<Reply, Failure> {
    if let Some(kept) = call.kept(&server).await? {
        return Ok(kept);
    }
    let reason = reason(&call)?;
    let (supplier, by) = (call.session.id(), format!("token {}", call.session.label()));
    match server.settle(Work::Act { supplier, license, act, by, reason }).await {
        Ok(_) => {}
        // It is so already: an earlier attempt whose answer was lost, or somebody else was faster.
        Err(LedgerError::NotApplicable(why)) if why.standing == wanted => {}
        Err(error) => return Err(error.into()),
    }
    let now = server.now();
    let show = move |tx: &carnet_store::Writing<'_>| {
        let found = tx.license(supplier, license)?.ok_or_else(|| Failure::new(ProblemCode::NotFound))?;
        Reply::ok(&view_alone(tx, &found, now)?)
    };
    call.once(&server, "license.acted", show).await
}

/// The supplier's own words, checked before anything is done.
fn reason(call: &Call) -> Result<Option<String>, Failure> {
    let Why { reason } = call.json_or_nothing()?;
    reason.as_deref().map(checked_reason).transpose().map_err(|wrong| Failure::invalid("/reason", wrong))
}
