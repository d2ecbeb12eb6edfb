//! `GET /metrics`, where the operator wants it: never beside what the world may ask. Health and readiness are told there too,
//! for monitors that do not come from outside.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use carnet_api::ProblemCode;
use carnet_api::path::{HEALTHZ, METRICS, READYZ};
use carnet_core::id::Digest;

use crate::api::operation::{health, ready};
use crate::config::secret::Secret;
use crate::ids::sha256;
use crate::layers;
use crate::problem::Failure;
use crate::server::Server;

/// The page, for those who show the token where there is one. Nothing in it names a user, a device or a supplier.
pub fn service(server: &Server, token: Option<&Secret>) -> Router {
    let wanted = token.map(|token| digest(token.text()));
    let page = move |State(server): State<Server>, headers: HeaderMap| async move {
        if wanted.is_some_and(|wanted| shown(&headers) != Some(wanted)) {
            let what = "this is not what `metrics-token` says";
            return Failure::because(ProblemCode::Unauthorized, what).into_response();
        }
        render(&server).await
    };
    let routes = Router::new()
        .route(METRICS, get(page))
        .route(HEALTHZ, get(health::health))
        .route(READYZ, get(ready::ready));
    layers::around(routes, server)
}

async fn render(server: &Server) -> Response {
    server.measure();
    // While the database is away the last number stands: that it is away is told by others.
    if let Ok(flagged) = server.read(|tx| tx.count_flagged()).await {
        server.metrics().flagged(flagged);
    }
    let text = server.metrics().render(&server.store().counts());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Compared by digest: how long that takes says nothing about the token.
fn shown(headers: &HeaderMap) -> Option<Digest> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| digest(token.trim()))
}

fn digest(token: &str) -> Digest {
    sha256(&[token.as_bytes()])
}
