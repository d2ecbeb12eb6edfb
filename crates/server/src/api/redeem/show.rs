//! `POST /v1/redeem`

use axum::Json as Body;
use axum::extract::State;
use carnet_api::menu::MenuView;
use carnet_api::path::REDEEM;
use carnet_api::redeem::{RedeemQuery, RedeemTerms};
use carnet_api::{Problem, ProblemCode};
use carnet_core::offer::{Listed, Menu};
use carnet_core::server::Grant;
use carnet_seal::code::{CodeKind, CodeText, digest_of};

use crate::admission::Client;
use crate::attempts::{self, Subject};
use crate::extract::Json;
use crate::problem::Failure;
use crate::server::Server;

/// Show what a redeem code is good for
///
/// Nothing is taken up by looking. Whoever sends many wrong codes has to wait.
#[utoipa::path(
    post, path = REDEEM, operation_id = "redeem_show", tag = "devices",
    request_body = RedeemQuery,
    responses(
        (status = 200, description = "The terms.", body = RedeemTerms),
        (status = 404, description = "`bad-code`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`code-used`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-attempts`, `too-many-requests`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(
    State(server): State<Server>,
    client: Client,
    Json(query): Json<RedeemQuery>,
) -> Result<Body<RedeemTerms>, Failure> {
    server.admission().admit(client)?;
    attempts::may_try(&server, Subject::Client(client)).await?;
    let now = server.now();
    let secret = CodeText::read(&query.code, CodeKind::Redeem)
        .map_err(|wrong| Failure::because(ProblemCode::BadCode, wrong))?;
    let digest = digest_of(secret);
    let grant = server.read(move |tx| tx.grant(digest)).await?;
    let good = |grant: &Grant| !grant.withdrawn && grant.expires.is_none_or(|end| now < end);
    let Some(grant) = grant.filter(good) else {
        attempts::note(&server, Subject::Client(client)).await?;
        return Err(Failure::new(ProblemCode::BadCode));
    };
    if grant.used.is_some() {
        return Err(Failure::new(ProblemCode::CodeUsed));
    }
    terms(&grant).map(Body)
}

fn terms(grant: &Grant) -> Result<RedeemTerms, Failure> {
    let listed = Listed::clone(&grant.listed);
    let app = listed.app.clone();
    let menu = Menu { serial: listed.serial, offers: vec![listed] };
    let listed = MenuView::new(app.clone(), &menu).offers.pop();
    let listed = listed.ok_or_else(|| Failure::internal("a menu of one offer has none"))?;
    Ok(RedeemTerms { app, listed, expires: grant.expires })
}
