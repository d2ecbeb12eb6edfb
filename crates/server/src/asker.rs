//! A device that asks something beside its journals: it signs a text, and is known by it.

use carnet_api::ProblemCode;
use carnet_core::id::{DeviceId, ServerId};
use carnet_core::license::LEEWAY;
use carnet_core::time::Time;
use carnet_seal::VerifyingKey;
use carnet_store::device::DeviceKeys;

use crate::problem::Failure;
use crate::server::Server;

/// Who says that it asks, whom, and when.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    /// The server that is asked.
    pub server: ServerId,
    /// Who asks.
    pub device: DeviceId,
    /// When, by the device's clock.
    pub at: Time,
}

/// The device, when it has signed the statement just now, for this server.
///
/// # Errors
/// [`ProblemCode::WrongServer`], [`ProblemCode::UnknownDevice`], [`ProblemCode::BadSignature`], [`ProblemCode::Stale`].
pub async fn asker(
    server: &Server,
    said: Said,
    statement: &[u8],
    signature: Option<&[u8; 64]>,
) -> Result<DeviceKeys, Failure> {
    if said.server != server.keys().server() {
        return Err(Failure::new(ProblemCode::WrongServer));
    }
    let keys = server.device_keys(said.device).await?;
    let keys = keys.ok_or_else(|| Failure::new(ProblemCode::UnknownDevice))?;
    let signature = signature.ok_or_else(|| Failure::new(ProblemCode::BadSignature))?;
    VerifyingKey::of_device(keys.signing_key)?.verify(statement, signature)?;
    let now = server.now();
    let apart = now.since(said.at).max(said.at.since(now));
    if apart > LEEWAY { Err(Failure::new(ProblemCode::Stale)) } else { Ok(keys) }
}
