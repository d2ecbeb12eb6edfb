//! `POST /v1/device/reports`

use aws_lc_rs::digest::{Context, SHA256};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use carnet_api::path::DEVICE_REPORTS;
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::{Digest, UserId};
use carnet_core::time::Time;
use carnet_seal::cbor;
use carnet_seal::correspondence::{CBOR, CodePart, PART};
use carnet_seal::sealed::LARGEST;
use carnet_store::Writing;
use carnet_store::event::{ReportStep, Reported};
use carnet_store::report::{KeptReport, ReportState, RequestState};

use super::{ARRIVES_WITHIN, KEPT, MOST_WAITING, note};
use crate::admission::Client;
use crate::asker::{Said, asker};
use crate::extract::Cbor;
use crate::problem::Failure;
use crate::server::Server;

/// Hand in a usage report or an erasure certificate
///
/// In parts of 128 KiB, each signed by the device. The answer is how many bytes have arrived: there the next part
/// begins. A code that is here already is not stored twice. It is sealed to its supplier; the server keeps it for
/// 400 days and can read nothing of it, unless the agreement says that it does (`opened_by`).
#[utoipa::path(
    post, path = DEVICE_REPORTS, operation_id = "device_reports", tag = "devices",
    request_body(content = Vec<u8>, content_type = "application/cbor"),
    responses(
        (status = 200, description = "A number: the bytes that have arrived.", body = Vec<u8>, content_type = "application/cbor"),
        (status = 400, description = "`bad-document`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`bad-signature`, `stale`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`unknown-device`; `not-found`: its user has no such license", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too-large`", body = Problem, content_type = "application/problem+json"),
        (status = 421, description = "`wrong-server`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`: the part does not fit, or too much waits already", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-requests`: not to a device that has proved who it is", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn hand_in(
    State(server): State<Server>,
    client: Client,
    Cbor(bytes): Cbor,
) -> Result<Response, Failure> {
    let part = CodePart::decode(&bytes)
        .map_err(|wrong| Failure::because(ProblemCode::BadDocument, wrong.to_string()))
        .map_err(|failure| server.admission().instead(client, failure))?;
    let said = Said { server: part.server, device: part.device, at: part.at };
    let keys = asker(&server, said, &part.statement(), Some(&part.signature))
        .await
        .map_err(|failure| server.admission().instead(client, failure))?;
    if !(1..=LARGEST as u64).contains(&part.length) || part.bytes.len() > PART {
        return Err(Failure::because(ProblemCode::TooLarge, "a code has at most 64 MiB, a part 128 KiB"));
    }
    let (user, now) = (keys.user, server.now());
    let (report, new) = server.write("report.part", move |tx| take(tx, user, &part, now)).await?;
    if new {
        let wanted = report.wanted;
        let by = format!("device {}", report.device);
        let reported = Reported {
            step: ReportStep::Received,
            wanted,
            code: Some(report.digest),
            due: None,
            verdict: None,
            by,
        };
        note(&server, report.supplier, (user, report.license), reported).await?;
        server.judging().add(user, report.digest);
    }
    Ok(([(CONTENT_TYPE, CBOR)], cbor::encode(&report.arrived)).into_response())
}

/// Takes a part in, if it is the next one. Returns how far the code has come, and whether that was the last part.
fn take(tx: &Writing<'_>, user: UserId, part: &CodePart, now: Time) -> Result<(KeptReport, bool), Failure> {
    let found = tx.report(user, part.digest)?;
    let mut report = match found {
        Some(report) => report,
        None => begin(tx, user, part, now)?,
    };
    let same = report.length == part.length && report.license == part.license && report.device == part.device;
    if !same {
        return Err(invalid("the digest is that of another code"));
    }
    let next = report.state == ReportState::Arriving && part.offset == report.arrived;
    if !next || part.bytes.is_empty() {
        return Ok((report, false));
    }
    let end = report.arrived.saturating_add(part.bytes.len() as u64);
    let last = end == report.length;
    if end > report.length || (!last && part.bytes.len() != PART) {
        return Err(invalid("all parts but the last have 128 KiB, and all of them as much as was said"));
    }
    let state = if last { ReportState::Waiting } else { ReportState::Arriving };
    tx.add_report_part(&report, &part.bytes, state)?;
    (report.arrived, report.state) = (end, state);
    if last {
        if digest(tx, &report)? != report.digest {
            return Err(invalid("the bytes that came are not those that were announced"));
        }
        if let Some(nonce) = report.nonce {
            tx.set_report_request(user, nonce, RequestState::Answered, now)?;
        }
    }
    Ok((report, last))
}

fn begin(tx: &Writing<'_>, user: UserId, part: &CodePart, now: Time) -> Result<KeptReport, Failure> {
    tx.forget_reports(now.minus(KEPT), now.minus(ARRIVES_WITHIN))?;
    let (waiting, bytes) = tx.reports_waiting(user)?;
    if waiting >= MOST_WAITING.0 || bytes.saturating_add(part.length) > MOST_WAITING.1 {
        return Err(invalid(
            "more codes wait for suppliers than are kept for one user: carry it another way",
        ));
    }
    let licenses = tx.licenses_of_user(user)?;
    let license = licenses.into_iter().find(|license| license.id == part.license);
    let license = license.ok_or_else(super::not_found)?;
    let report = KeptReport {
        user,
        digest: part.digest,
        supplier: license.supplier,
        license: license.id,
        app: license.app,
        device: part.device,
        wanted: part.wanted,
        nonce: part.nonce,
        length: part.length,
        arrived: 0,
        state: ReportState::Arriving,
        verdict: None,
        received: now,
    };
    tx.add_report(&report)?;
    Ok(report)
}

/// Over all parts, one after the other: a code may be larger than what is wanted in memory at once (I18).
fn digest(tx: &Writing<'_>, report: &KeptReport) -> Result<Digest, Failure> {
    let (mut context, mut begins) = (Context::new(&SHA256), 0);
    while begins < report.length {
        let part = tx.report_part(report.user, report.digest, begins)?;
        let part = part.ok_or_else(|| Failure::internal("a part of a report is missing"))?;
        context.update(&part);
        begins += part.len() as u64;
    }
    let mut digest = [0; 32];
    digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Ok(Digest(digest))
}

fn invalid(what: &str) -> Failure {
    Failure::invalid("", what)
}
