//! Contract management (C4): the server carries requests to devices and keeps sealed codes for suppliers. It can sign no
//! request, and reads no code unless the agreement says so and the supplier has deposited the key; what else it knows
//! of them is what the two sides say.

pub mod content;
pub mod hand_in;
pub mod list;
pub mod request;
pub mod verdict;
pub mod wanted;

use carnet_api::ProblemCode;
use carnet_api::report::{ReasonView, ReportView, VerdictView};
use carnet_core::id::{DeviceId, LicenseId, SupplierId, UserId};
use carnet_core::time::{Seconds, Time};
use carnet_store::event::{ReportStep, Reported};
use carnet_store::report::{Judged, KeptReport, KeptRequest, RequestState};
use carnet_store::{Reading, StoreError, Work, Writing};

use crate::problem::Failure;
use crate::server::Server;

const DAY: u64 = 86_400;
/// So long the bytes of a code are kept, whether its supplier has fetched them or not.
const KEPT: Seconds = Seconds(400 * DAY);
/// So long a code may take to come as a whole.
const ARRIVES_WITHIN: Seconds = Seconds(7 * DAY);
/// Codes of one user that may wait for suppliers, and their bytes.
const MOST_WAITING: (u64, u64) = (100, 256 << 20);

/// What the supplier is shown of a code.
pub(crate) fn view(report: &KeptReport) -> ReportView {
    ReportView {
        id: report.id(),
        digest: report.digest,
        license: report.license,
        app: report.app.clone(),
        user: report.user,
        device: report.device,
        wanted: report.wanted,
        nonce: report.nonce,
        length: report.length,
        state: report.state.as_str().to_owned(),
        received: report.received,
        verdict: report.verdict.as_ref().map(verdict_view),
    }
}

fn verdict_view(judged: &Judged) -> VerdictView {
    VerdictView {
        verdict: judged.verdict.clone(),
        reasons: reasons(judged),
        notice: judged.notice,
        at: judged.at,
        by: judged.by.clone(),
    }
}

/// The reasons as they were stored.
pub(crate) fn reasons(judged: &Judged) -> Vec<ReasonView> {
    serde_json::from_str(&judged.reasons).unwrap_or_default()
}

/// Which of the devices that hold the license have not answered a request to all of them that is not settled yet.
pub(crate) fn missing(tx: &Reading<'_>, request: &KeptRequest) -> Result<Vec<DeviceId>, StoreError> {
    if request.device.is_some() || request.state == RequestState::Closed {
        return Ok(Vec::new());
    }
    let Some(license) = tx.license(request.supplier, request.license)? else { return Ok(Vec::new()) };
    let answered = tx.answered_by(request.user, request.nonce)?;
    let holders = license.rights.iter().filter_map(|right| right.holder.device());
    Ok(holders.filter(|device| !answered.contains(device)).collect())
}

/// Settles the request that a code answers, or opens it again. One to all devices stays where it is until the last
/// one that holds the license has answered.
pub(crate) fn settle_request(
    tx: &Writing<'_>,
    report: &KeptReport,
    closes: bool,
    now: Time,
) -> Result<(), StoreError> {
    let Some(nonce) = report.nonce else { return Ok(()) };
    if !closes {
        return tx.set_report_request(report.user, nonce, RequestState::Open, now).map(drop);
    }
    let request = tx.report_request(report.user, nonce)?;
    if request.is_some_and(|request| missing(tx, &request).is_ok_and(|missing| missing.is_empty())) {
        tx.set_report_request(report.user, nonce, RequestState::Closed, now)?;
    }
    Ok(())
}

/// Writes into the books of a license what has happened about a report, and until when the first open request is due
/// from now on.
pub(crate) async fn note(
    server: &Server,
    supplier: SupplierId,
    (user, license): (UserId, LicenseId),
    reported: Reported,
) -> Result<(), Failure> {
    let due = server.read(move |tx| tx.first_report_due(user, license)).await?;
    let reported = Reported { due, ..reported };
    server.settle(Work::Report { supplier, license, reported }).await?;
    Ok(())
}

/// Writes a verdict into the books of a license.
pub(crate) async fn note_verdict(
    server: &Server,
    report: &KeptReport,
    verdict: &str,
    reasons: &[ReasonView],
    by: String,
) -> Result<(), Failure> {
    let codes = reasons.iter().map(|reason| reason.code.as_str());
    let said: Vec<&str> = std::iter::once(verdict).chain(codes).collect();
    let (step, code) = (ReportStep::Judged, Some(report.digest));
    let verdict = Some(said.join(" "));
    let reported = Reported { step, wanted: report.wanted, code, due: None, verdict, by };
    note(server, report.supplier, (report.user, report.license), reported).await
}

/// As events say it.
pub(crate) const fn kind_of(step: ReportStep) -> &'static str {
    match step {
        ReportStep::Requested => "report-requested",
        ReportStep::Received => "report-received",
        ReportStep::Judged => "report-judged",
        ReportStep::Withdrawn => "report-withdrawn",
    }
}

fn not_found() -> Failure {
    Failure::new(ProblemCode::NotFound)
}
