//! `GET /v1/events`

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use carnet_api::Problem;
use carnet_api::event::{Event, EventQuery, Facts};
use carnet_api::page::Page;
use carnet_api::path::EVENTS;
use carnet_core::charge::ChargeStatus;
use carnet_core::id::LicenseId;
use carnet_core::license::Act;
use carnet_core::server::EventKind;
use carnet_store::event::{self as stored, What};

use crate::api::report::kind_of;
use crate::extract::{Query, Session};
use crate::pages;
use crate::problem::Failure;
use crate::server::Server;

/// List what happened
///
/// To the supplier's own licenses and apps, newest first. A device that went backwards, or two that go on from
/// one passbook, show here as `settled` or `flagged`, with both sides as evidence.
#[utoipa::path(
    get, path = EVENTS, operation_id = "events_list", tag = "licenses",
    security(("supplier_token" = [])),
    params(EventQuery),
    responses(
        (status = 200, description = "A page of it.", body = Page<Event>),
        (status = 400, description = "`bad-query`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: there is no such license", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn list(
    State(server): State<Server>,
    OriginalUri(uri): OriginalUri,
    session: Session,
    Query(query): Query<EventQuery>,
) -> Result<Response, Failure> {
    let limit = pages::limit(query.limit)?;
    let before = pages::after(query.cursor.as_deref(), |text| text.parse::<i64>().ok())?;
    let license = query.license.as_deref().map(str::parse::<LicenseId>).transpose();
    let license = license.map_err(|error| pages::bad_filter("license", error))?;
    let supplier = session.id();
    let page = server
        .read(move |tx| match license {
            Some(license) => tx.events_of_license(supplier, license, before, limit),
            None => tx.events_of(supplier, before, limit),
        })
        .await?;
    let events = page.items.iter().map(view).collect::<Vec<_>>();
    Ok(pages::page(events, page.next.map(|next| next.to_string()), &uri))
}

/// An event as its supplier sees it: without the user.
fn view(event: &stored::Event) -> Event {
    let journal = event.entry.as_ref().map(|entry| &entry.journal);
    let plain = |kind| Facts { kind, reason: None, movement: None, evidence: None, changed: None };
    let (facts, by, of) = match &event.what {
        What::Decided(kind) => (Facts::from(kind), None, None),
        What::Acted(acted) => (plain(past_tense(acted.act)), Some(acted.by.clone()), None),
        What::Reviewed(reviewed) => (plain("reviewed"), Some(reviewed.by.clone()), None),
        What::Charged(charged) => (plain(charged_as(charged.after)), Some(charged.by.clone()), None),
        What::Freed(freed) => (plain("device-freed"), Some(freed.by.clone()), None),
        What::Reported(reported) => (plain(kind_of(reported.step)), Some(reported.by.clone()), None),
        What::Sold(sold) => (plain("sold"), Some(sold.by.clone()), None),
        What::Along(share) => (Facts::of_share(share.replaced.as_ref()), None, Some(share.of)),
    };
    let replaced = match &event.what {
        What::Along(share) => share.replaced.as_ref().map(|replaced| replaced.device),
        What::Decided(EventKind::DeviceReplaced { device, .. }) => Some(*device),
        _ => None,
    };
    let stated_reason = match &event.what {
        What::Acted(acted) => acted.reason.clone(),
        What::Reported(reported) => reported.verdict.clone(),
        _ => None,
    };
    Event {
        seq: event.seq,
        at: event.at,
        kind: facts.kind.to_owned(),
        license: event.license,
        app: journal.and_then(|journal| journal.app.clone()),
        // The one before: what there is now may not be known to the supplier yet.
        device: replaced.or(journal.map(|journal| journal.device)),
        reason: facts.reason,
        movement: facts.movement,
        evidence: facts.evidence,
        changed: facts.changed.map(|changed| changed.to_string()),
        by,
        stated_reason,
        of,
        postings: event.postings.clone(),
    }
}

const fn charged_as(status: ChargeStatus) -> &'static str {
    match status {
        ChargeStatus::Pending => "charge-pending",
        ChargeStatus::Settled => "charge-settled",
        ChargeStatus::Failed => "charge-failed",
        ChargeStatus::Refunded => "charge-refunded",
    }
}

const fn past_tense(act: Act) -> &'static str {
    match act {
        Act::Suspend => "suspended",
        Act::Reinstate => "reinstated",
        Act::Revoke => "revoked",
        Act::End => "ended",
    }
}
