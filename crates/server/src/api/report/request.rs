//! `GET` and `POST /v1/report-requests`

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use carnet_api::Problem;
use carnet_api::page::{Page, PageQuery};
use carnet_api::path::REPORT_REQUESTS;
use carnet_api::report::{NewReportRequest, ReportRequestView};
use carnet_core::id::{DeviceId, SupplierId};
use carnet_core::license::License;
use carnet_core::report::ReportRequest;
use carnet_seal::Unverified;
use carnet_store::StoreError;
use carnet_store::event::{ReportStep, Reported};
use carnet_store::report::{KeptRequest, RequestState};
use data_encoding::BASE64;

use super::{missing, not_found, note};
use crate::extract::{Call, Query, Reply, Session};
use crate::pages;
use crate::problem::Failure;
use crate::server::Server;

/// Ask for a report or an erasure
///
/// The request is signed on the supplier's own machine, by a key that the agreement names; the server only carries it
/// to the devices that it concerns, at their next contact. The same request once more changes nothing.
#[utoipa::path(
    post, path = REPORT_REQUESTS, operation_id = "report_requests_create", tag = "reports",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = NewReportRequest,
    responses(
        (status = 201, description = "It is on its way.", body = ReportRequestView),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: there is no such license", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn create(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    if let Some(kept) = call.kept(&server).await? {
        return Ok(kept);
    }
    let new: NewReportRequest = call.json()?;
    let document = BASE64.decode(new.document.as_bytes()).map_err(|_| invalid("is not base64"))?;
    let parsed =
        Unverified::<ReportRequest>::parse(&document).map_err(|wrong| invalid(&wrong.to_string()))?;
    let claims = parsed.claims_unchecked().map_err(|wrong| invalid(&wrong.to_string()))?;
    let (supplier, id) = (call.session.id(), claims.license);
    let license = server.read(move |tx| tx.license(supplier, id)).await?.ok_or_else(not_found)?;
    check(&server, &parsed, &claims, &license, supplier)?;
    let kept = KeptRequest {
        user: license.user,
        nonce: claims.nonce,
        supplier,
        license: license.id,
        app: license.app,
        device: claims.device,
        wanted: claims.wanted,
        made: claims.at,
        due: claims.due,
        document,
        state: RequestState::Open,
    };
    let row = kept.clone();
    let new = server.write("report-request.create", move |tx| Ok(tx.add_report_request(&row)?)).await?;
    if new {
        let by = format!("token {}", call.session.label());
        let (step, wanted) = (ReportStep::Requested, kept.wanted);
        let reported = Reported { step, wanted, code: None, due: None, verdict: None, by };
        note(&server, supplier, (kept.user, kept.license), reported).await?;
    }
    let asked = kept.clone();
    let missing = server.read(move |tx| missing(tx, &asked)).await?;
    let shown = view(&kept, missing);
    call.once(&server, "report-request.created", move |_| Reply::created(&shown)).await
}

/// A device would refuse it otherwise, and its user would never hear of it.
fn check(
    server: &Server,
    parsed: &Unverified<ReportRequest>,
    claims: &ReportRequest,
    license: &License,
    supplier: SupplierId,
) -> Result<(), Failure> {
    let keys = license.offer().reporting.and_then(|clause| clause.keys);
    let keys = keys.ok_or_else(|| invalid("is about a license whose agreement names no keys for reports"))?;
    parsed.verify(&keys).map_err(|_| invalid("is not signed by the keys that the agreement names"))?;
    let ours = claims.server == server.keys().server()
        && claims.supplier == supplier
        && claims.user == license.user
        && claims.app == license.app;
    if ours { Ok(()) } else { Err(invalid("is about something else than its license")) }
}

fn invalid(what: &str) -> Failure {
    Failure::invalid("/document", what)
}

/// List requests for reports and erasures
///
/// Newest first, with what has become of them.
#[utoipa::path(
    get, path = REPORT_REQUESTS, operation_id = "report_requests_list", tag = "reports",
    security(("supplier_token" = [])),
    params(PageQuery),
    responses(
        (status = 200, description = "A page of them.", body = Page<ReportRequestView>),
        (status = 400, description = "`bad-query`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(
    State(server): State<Server>,
    OriginalUri(uri): OriginalUri,
    session: Session,
    Query(query): Query<PageQuery>,
) -> Result<Response, Failure> {
    let limit = pages::limit(query.limit)?;
    let before = pages::after(query.cursor.as_deref(), pages::time_and_id)?;
    let supplier = session.id();
    let page = server.read(move |tx| {
        let page = tx.report_requests_of(supplier, before, limit)?;
        let shown = |request: &KeptRequest| Ok(view(request, missing(tx, request)?));
        let views = page.items.iter().map(shown).collect::<Result<Vec<_>, StoreError>>()?;
        Ok((views, page.next))
    });
    let (views, next) = page.await?;
    Ok(pages::page(views, next.map(pages::cursor_of), &uri))
}

fn view(request: &KeptRequest, missing: Vec<DeviceId>) -> ReportRequestView {
    ReportRequestView {
        nonce: request.nonce,
        license: request.license,
        app: request.app.clone(),
        user: request.user,
        device: request.device,
        wanted: request.wanted,
        made: request.made,
        due: request.due,
        state: request.state.as_str().to_owned(),
        missing,
        document: BASE64.encode(&request.document),
    }
}
