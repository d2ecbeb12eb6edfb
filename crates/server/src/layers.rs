//! What every request goes through, whatever its route.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use carnet_api::{ProblemCode, header::REQUEST_ID};
use carnet_seam::random;
use data_encoding::BASE32_NOPAD;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument;

use crate::problem::{Failure, Sever, render};
use crate::server::Server;

/// How long a request may take, its body included.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Names one request in the log, in the answer and in problems. Always ours: a client's own could forge log
/// lines of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Puts all layers around the routes; the first to see a request stands last.
pub fn around(routes: Router<Server>, server: &Server) -> Router {
    let inner = ServiceBuilder::new()
        .layer(from_fn(render))
        .layer(CatchPanicLayer::custom(blank))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, TIME_LIMIT));
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let headers = ServiceBuilder::new()
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(header(header::CACHE_CONTROL, "no-store"));
    routes
        .layer(inner)
        .layer(from_fn_with_state(server.clone(), follow))
        .layer(headers)
        .with_state(server.clone())
}

/// Gives the request its id, a span in the log and a place in the metrics. Bodies, queries and headers are
/// never logged (I17).
async fn follow(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let id = RequestId(fresh_id(&server));
    request.extensions_mut().insert(id.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id = %id.0, %method, route);
    let began = server.clock().boot_micros();
    let mut response = async {
        let response = next.run(request).await;
        let micros = server.clock().boot_micros().saturating_sub(began);
        let status = response.status().as_u16();
        let code = response.extensions().get::<ProblemCode>().copied();
        let severed = response.extensions().get::<Sever>().is_some();
        let problem = code.map(ProblemCode::as_str);
        match status {
            // The usual case is counted, and logged only for those who ask for it.
            ..=399 => tracing::debug!(status, micros, "answered"),
            400..=499 => tracing::info!(status, micros, problem, "refused"),
            _ => tracing::warn!(status, micros, problem, severed, "failed"),
        }
        server.metrics().request(&method, &route, status, micros, code);
        response
    }
    .instrument(span)
    .await;
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
    }
    response
}

fn fresh_id(server: &Server) -> String {
    // Without random bytes nothing that matters is done anyway; the id is for reading logs only.
    let bytes = random::bytes::<10>(server.random()).unwrap_or_default();
    BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
}

/// A panic is a defect: its text goes to the log through the panic hook, the caller gets a blank 500.
fn blank(_: Box<dyn Any + Send + 'static>) -> Response {
    Failure::new(ProblemCode::Internal).into_response()
}
