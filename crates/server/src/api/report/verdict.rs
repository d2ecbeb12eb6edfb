//! `POST /v1/reports/{report}/verdict`

use axum::extract::State;
use carnet_api::report::{LONGEST_REASON, MOST_REASONS, NewVerdict, ReportView};
use carnet_api::{FieldError, Problem};
use carnet_core::id::ReportId;
use carnet_core::time::Time;
use carnet_store::Writing;
use carnet_store::report::{Judged, KeptReport, ReportState, id_of};

use super::{not_found, note_verdict, settle_request, view};
use crate::extract::{Call, Named, Reply};
use crate::problem::Failure;
use crate::server::Server;

const VERDICTS: [&str; 4] = ["within-contract", "erasure-confirmed", "violation", "ask-again"];

/// Say what a code was judged to be
///
/// The server cannot read codes: it keeps what it is told, with the reasons, and puts it into the license's events.
/// Also of a code that came another way. The last word counts.
#[utoipa::path(
    post, path = "/v1/reports/{report}/verdict", operation_id = "reports_verdict", tag = "reports",
    security(("supplier_token" = [])),
    params(
        ("report" = String, Path, description = "The report's id: `rep_` and the first 32 digits of its digest."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = NewVerdict,
    responses(
        (status = 200, description = "It is kept.", body = ReportView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: there is no such license", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn verdict(
    State(server): State<Server>,
    Named(id): Named<ReportId>,
    call: Call,
) -> Result<Reply, Failure> {
    if let Some(kept) = call.kept(&server).await? {
        return Ok(kept);
    }
    let new: NewVerdict = call.json()?;
    check(id, &new)?;
    let (supplier, now) = (call.session.id(), server.now());
    let license = new.license;
    let license = server.read(move |tx| tx.license(supplier, license)).await?.ok_or_else(not_found)?;
    let by = format!("token {}", call.session.label());
    let of = KeptReport {
        user: license.user,
        digest: new.digest,
        supplier,
        license: license.id,
        app: license.app,
        device: new.device,
        wanted: new.wanted,
        nonce: new.nonce,
        length: new.length,
        arrived: 0,
        state: ReportState::Elsewhere,
        verdict: None,
        received: now,
    };
    let reasons = serde_json::to_string(&new.reasons).map_err(Failure::internal)?;
    let (verdict, notice) = (new.verdict.clone(), new.notice);
    let judged = Judged { verdict, reasons, notice, at: now, by: by.clone() };
    let (closes, about) = (new.closes, of.clone());
    let kept = server.write("report.judge", move |tx| keep(tx, &of, &judged, closes, now)).await?;
    note_verdict(&server, &about, &new.verdict, &new.reasons, by).await?;
    let shown: ReportView = view(&kept);
    call.once(&server, "report.judged", move |_| Reply::ok(&shown)).await
}

fn keep(
    tx: &Writing<'_>,
    report: &KeptReport,
    judged: &Judged,
    closes: bool,
    now: Time,
) -> Result<KeptReport, Failure> {
    match tx.report(report.user, report.digest)? {
        None => tx.add_report(report)?,
        Some(known) if known.supplier != report.supplier => return Err(not_found()),
        Some(_) => {}
    }
    tx.judge_report(report.user, report.digest, judged)?;
    settle_request(tx, report, closes, now)?;
    tx.report(report.user, report.digest)?.ok_or_else(not_found)
}

fn check(id: ReportId, new: &NewVerdict) -> Result<(), Failure> {
    let mut errors = Vec::new();
    if id_of(new.digest) != id {
        errors.push(FieldError::new("/digest", "is not that of the report in the path"));
    }
    if !VERDICTS.contains(&new.verdict.as_str()) {
        errors.push(FieldError::new("/verdict", format!("must be one of {}", VERDICTS.join(", "))));
    }
    if new.length == 0 || i64::try_from(new.length).is_err() {
        errors.push(FieldError::new("/length", "must be the number of the code's bytes"));
    }
    let long = new.reasons.iter().any(|reason| reason.message.chars().count() > LONGEST_REASON);
    if new.reasons.len() > MOST_REASONS || long {
        let what = format!("has at most {MOST_REASONS} reasons of {LONGEST_REASON} characters");
        errors.push(FieldError::new("/reasons", what));
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::of_fields(errors))
}
