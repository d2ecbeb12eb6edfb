//! `POST /v1/tokens`

use axum::extract::State;
use carnet_api::Problem;
use carnet_api::path::TOKENS;
use carnet_api::token::{LONGEST_LABEL, NewToken, TokenView};
use carnet_store::StoreError;
use carnet_store::supplier::Token;

use super::view;
use crate::extract::{Call, Reply, scope};
use crate::problem::Failure;
use crate::server::Server;

/// Make a token
///
/// For one program, good for what that program does. The supplier makes the token (`carnet_sup_` and 32 random bytes as
/// base64url) and sends its hash.
#[utoipa::path(
    post, path = TOKENS, operation_id = "tokens_create", tag = "suppliers",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = NewToken,
    responses(
        (status = 201, description = "Made.", body = TokenView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn create(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    let new: NewToken = call.json()?;
    check(&new)?;
    let (session, now) = (call.session.clone(), server.now());
    let make = move |tx: &carnet_store::Writing<'_>| {
        let token = Token {
            hash: new.token_hash,
            supplier: session.id(),
            label: new.label.trim().to_owned(),
            scopes: scope::write(&new.scopes),
            created: now,
            revoked: None,
        };
        tx.add_token(&token).map_err(|error| match error {
            StoreError::Exists { .. } => {
                Failure::invalid("/token_hash", "is known already: make a new token")
            }
            other => other.into(),
        })?;
        Reply::created(&view(&token, &session))
    };
    call.once(&server, "token.create", make).await
}

fn check(new: &NewToken) -> Result<(), Failure> {
    let label = new.label.trim();
    if !(1..=LONGEST_LABEL).contains(&label.chars().count()) || label.chars().any(char::is_control) {
        let what = format!(
            "must be one line of 1 to {LONGEST_LABEL} characters: name the program that uses the token"
        );
        return Err(Failure::invalid("/label", what));
    }
    if new.scopes.is_empty() {
        return Err(Failure::invalid("/scopes", "must name what the token is good for"));
    }
    Ok(())
}
