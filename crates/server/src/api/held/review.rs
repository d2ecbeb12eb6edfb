//! `POST /v1/devices/{device}/review`

use axum::extract::State;
use carnet_api::Problem;
use carnet_api::held::{DeviceDone, Review};
use carnet_core::document::JournalName;
use carnet_core::id::DeviceId;
use carnet_store::Work;

use crate::extract::{Call, Named, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// Let a passbook go on that went backwards more than once
///
/// Its next contact is settled: what it had out is gone, and it goes on from there.
#[utoipa::path(
    post, path = "/v1/devices/{device}/review", operation_id = "devices_review", tag = "licenses",
    security(("supplier_token" = [])),
    params(
        ("device" = String, Path, description = "The device's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = Review,
    responses(
        (status = 200, description = "It may go on.", body = DeviceDone),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: none of this supplier's waits there", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn review(
    State(server): State<Server>,
    Named(device): Named<DeviceId>,
    call: Call,
) -> Result<Reply, Failure> {
    if let Some(kept) = call.kept(&server).await? {
        return Ok(kept);
    }
    let Review { app } = call.json()?;
    let (supplier, by) = (call.session.id(), format!("token {}", call.session.label()));
    let journal = JournalName { device, app: Some(app) };
    server.settle(Work::Review { supplier, journal, by }).await?;
    let done = DeviceDone { device, outcome: "reviewed".into() };
    call.once(&server, "device.reviewed", move |_| Reply::ok(&done)).await
}
