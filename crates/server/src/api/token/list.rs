//! `GET /v1/tokens`

use axum::Json;
use axum::extract::State;
use carnet_api::Problem;
use carnet_api::path::TOKENS;
use carnet_api::token::TokenView;

use super::view;
use crate::extract::Session;
use crate::problem::Failure;
use crate::server::Server;

/// List the tokens
///
/// Of the supplier, oldest first, revoked ones included; the tokens themselves are known to nobody here.
#[utoipa::path(
    get, path = TOKENS, operation_id = "tokens_list", tag = "suppliers",
    security(("supplier_token" = [])),
    responses(
        (status = 200, description = "All of them.", body = Vec<TokenView>),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(State(server): State<Server>, session: Session) -> Result<Json<Vec<TokenView>>, Failure> {
    let supplier = session.id();
    let tokens = server.read(move |tx| tx.tokens(supplier)).await?;
    Ok(Json(tokens.iter().map(|token| view(token, &session)).collect()))
}
