//! `POST /v1/redeem-codes`

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use carnet_api::path::REDEEM_CODES;
use carnet_api::redeem::{MOST_CODES, NewRedeemCodes, RedeemCode};
use carnet_api::{FieldError, Problem, ProblemCode};
use carnet_core::server::Grant;
use carnet_store::StoreError;
use carnet_store::redeem::LabelledGrant;

use super::view;
use crate::extract::{Call, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// Make redeem codes
///
/// For an offer as it stands in the menu now; later menus do not change what a code is good for. The supplier draws
/// the codes, so a repeat makes none twice.
#[utoipa::path(
    post, path = REDEEM_CODES, operation_id = "redeem_codes_create", tag = "licenses",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = NewRedeemCodes,
    responses(
        (status = 201, description = "Made.", body = Vec<RedeemCode>),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: the app or the offer", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn create(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    let new: NewRedeemCodes = call.json()?;
    let now = server.now();
    check(&new, now)?;
    let supplier = call.session.id();
    let make = move |tx: &carnet_store::Writing<'_>| {
        let not_found = || Failure::new(ProblemCode::NotFound);
        let app = tx.menu(&new.app)?.filter(|app| app.supplier == supplier).ok_or_else(not_found)?;
        let listed = Arc::new(app.menu.find(&new.offer).cloned().ok_or_else(not_found)?);
        let mut made = Vec::with_capacity(new.digests.len());
        for digest in new.digests.iter().copied() {
            let (listed, expires) = (Arc::clone(&listed), new.expires);
            let grant = Grant { digest, supplier, listed, made: now, expires, used: None, withdrawn: false };
            tx.add_grant(&grant, new.label.trim()).map_err(taken)?;
            made.push(view(&LabelledGrant { grant, label: new.label.trim().to_owned() }));
        }
        Reply::created(&made)
    };
    call.once(&server, "redeem.create", make).await
}

fn check(new: &NewRedeemCodes, now: carnet_core::time::Time) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    if new.digests.is_empty() || new.digests.len() > MOST_CODES {
        wrong.push(FieldError::new("/digests", format!("must be 1 to {MOST_CODES}")));
    }
    if new.digests.iter().collect::<BTreeSet<_>>().len() != new.digests.len() {
        wrong.push(FieldError::new("/digests", "must differ from each other"));
    }
    if new.label.chars().count() > 120 || new.label.chars().any(char::is_control) {
        wrong.push(FieldError::new("/label", "must be one line of at most 120 characters"));
    }
    if new.expires.is_some_and(|end| end <= now) {
        wrong.push(FieldError::new("/expires", "must be in the future"));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::of_fields(wrong))
}

fn taken(error: StoreError) -> Failure {
    match error {
        StoreError::Exists { .. } => Failure::invalid("/digests", "one of them is in use for something else"),
        other => other.into(),
    }
}
