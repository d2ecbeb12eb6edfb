//! `POST /v1/tokens/revoke`

use axum::extract::State;
use carnet_api::path::REVOKE_TOKEN;
use carnet_api::token::{RevokeToken, Scope, TokenView};
use carnet_api::{Problem, ProblemCode};
use carnet_store::supplier::Token;

use super::view;
use crate::extract::{Call, Reply, scope};
use crate::problem::Failure;
use crate::server::Server;

/// Revoke a token
///
/// It is good for nothing from now on. The last one that is good for everything stays: without it nobody could make another.
#[utoipa::path(
    post, path = REVOKE_TOKEN, operation_id = "tokens_revoke", tag = "suppliers",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = RevokeToken,
    responses(
        (status = 200, description = "Revoked.", body = TokenView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: there is no such good token", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not-applicable`: it is the last one", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn revoke(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    let RevokeToken { token_hash } = call.json()?;
    let (session, now) = (call.session.clone(), server.now());
    let work = move |tx: &carnet_store::Writing<'_>| {
        let tokens = tx.tokens(session.id())?;
        let good_for_all =
            |token: &&Token| token.revoked.is_none() && scope::read(&token.scopes).contains(&Scope::Supplier);
        if tokens.iter().filter(good_for_all).all(|token| token.hash == token_hash)
            && tokens.iter().any(|token| token.hash == token_hash)
        {
            let what = "it is the last token that is good for everything: make another one before";
            return Err(Failure::because(ProblemCode::NotApplicable, what));
        }
        tx.revoke_token(session.id(), &token_hash, now)?;
        let found = tokens.into_iter().find(|token| token.hash == token_hash);
        let found = found.ok_or_else(|| Failure::new(ProblemCode::NotFound))?;
        Reply::ok(&view(&Token { revoked: Some(now), ..found }, &session))
    };
    call.once(&server, "token.revoke", work).await
}
