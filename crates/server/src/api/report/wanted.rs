//! `POST /v1/device/report-requests`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use carnet_api::path::DEVICE_REPORT_REQUESTS;
use carnet_api::{Problem, ProblemCode};
use carnet_seal::cbor;
use carnet_seal::correspondence::{CBOR, Inquiry};

use crate::admission::Client;
use crate::asker::{Said, asker};
use crate::extract::Cbor;
use crate::problem::Failure;
use crate::server::Server;

/// The answer stays below 64 KiB.
const MOST: u32 = 50;

/// Show what suppliers want of a device
///
/// The signed requests for reports and erasures that concern the device and that it has not answered, the first due
/// first. The device signs the question; it reads only, so a repeat does no harm. The requests are signed by the
/// suppliers' own keys, which the agreements name: a device believes nothing else.
#[utoipa::path(
    post, path = DEVICE_REPORT_REQUESTS, operation_id = "device_report_requests", tag = "devices",
    request_body(content = Vec<u8>, content_type = "application/cbor"),
    responses(
        (status = 200, description = "An array of request documents.", body = Vec<u8>, content_type = "application/cbor"),
        (status = 400, description = "`bad-document`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`bad-signature`, `stale`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`unknown-device`", body = Problem, content_type = "application/problem+json"),
        (status = 421, description = "`wrong-server`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-requests`: not to a device that has proved who it is", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn wanted(
    State(server): State<Server>,
    client: Client,
    Cbor(bytes): Cbor,
) -> Result<Response, Failure> {
    let inquiry = Inquiry::decode(&bytes)
        .map_err(|wrong| Failure::because(ProblemCode::BadDocument, wrong.to_string()))
        .map_err(|failure| server.admission().instead(client, failure))?;
    let Inquiry { server: at_server, device, at, signature } = inquiry;
    let said = Said { server: at_server, device, at };
    let keys = asker(&server, said, &inquiry.statement(), Some(&signature))
        .await
        .map_err(|failure| server.admission().instead(client, failure))?;
    let found = server.read(move |tx| tx.report_requests_for(keys.user, device, MOST)).await?;
    let documents: Vec<Vec<u8>> = found.into_iter().map(|request| request.document).collect();
    Ok(([(CONTENT_TYPE, CBOR)], cbor::encode(&documents)).into_response())
}
