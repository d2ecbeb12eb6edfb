//! `POST /v1/devices/{device}/free`

use axum::extract::State;
use carnet_api::Problem;
use carnet_api::held::DeviceDone;
use carnet_core::id::DeviceId;
use carnet_store::Work;

use crate::extract::{Call, Named, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// Free what a device holds
///
/// For a user who has lost more devices in a year than the offer allows. Only the supplier's own licenses are freed;
/// what was counted out to the device is gone, and what it may still run offline is counted as at risk.
#[utoipa::path(
    post, path = "/v1/devices/{device}/free", operation_id = "devices_free", tag = "licenses",
    security(("supplier_token" = [])),
    params(
        ("device" = String, Path, description = "The device's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    responses(
        (status = 200, description = "It holds nothing of this supplier's any more.", body = DeviceDone),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: it holds nothing of this supplier's", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn free(
    State(server): State<Server>,
    Named(device): Named<DeviceId>,
    call: Call,
) -> Result<Reply, Failure> {
    if let Some(kept) = call.kept(&server).await? {
        return Ok(kept);
    }
    let (supplier, by) = (call.session.id(), format!("token {}", call.session.label()));
    server.settle(Work::FreeDevice { supplier, device, by }).await?;
    let done = DeviceDone { device, outcome: "freed".into() };
    call.once(&server, "device.freed", move |_| Reply::ok(&done)).await
}
