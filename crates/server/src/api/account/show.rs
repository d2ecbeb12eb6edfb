//! `POST /v1/account`

use axum::Json as Body;
use axum::extract::State;
use carnet_api::account::{Account, AccountApp, AccountQuery, DeviceView};
use carnet_api::path::ACCOUNT;
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::{DeviceId, LicenseId};
use carnet_core::license::{LEEWAY, License};
use carnet_core::time::Time;
use carnet_seal::VerifyingKey;
use carnet_store::device::{DeviceKeys, NamedDevice};
use carnet_store::user::AccountView;
use data_encoding::BASE64URL_NOPAD;

use crate::admission::Client;
use crate::api::license;
use crate::extract::Json;
use crate::problem::Failure;
use crate::server::Server;

/// Show the account of a device's user
///
/// Per app: what was agreed, what remains, the status that follows the payments actually made, and the pass of
/// each device. The device signs the question; it reads only, so a repeat does no harm.
#[utoipa::path(
    post, path = ACCOUNT, operation_id = "account_show", tag = "devices",
    request_body = AccountQuery,
    responses(
        (status = 200, description = "The account.", body = Account),
        (status = 401, description = "`bad-signature`, `stale`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`unknown-device`", body = Problem, content_type = "application/problem+json"),
        (status = 421, description = "`wrong-server`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-requests`: not to a device that has proved who it is", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn show(
    State(server): State<Server>,
    client: Client,
    Json(query): Json<AccountQuery>,
) -> Result<Body<Account>, Failure> {
    let now = server.now();
    let device =
        asker(&server, &query, now).map_err(|failure| server.admission().instead(client, failure))?;
    let found = server.read(move |tx| tx.account_view(device.user)).await?;
    let found = found.ok_or_else(|| Failure::new(ProblemCode::UnknownDevice))?;
    let own = found.devices.iter().find(|known| known.device.id == device.id);
    let only = own.and_then(|known| known.device.only);
    Ok(Body(Account {
        server: server.keys().server(),
        user: device.user,
        device: device.id,
        at: now,
        apps: apps(&found, only, now),
        devices: devices(&found, device.id, only.is_some(), now),
    }))
}

/// The device that has signed the question, just now, for this server.
fn asker(server: &Server, query: &AccountQuery, now: Time) -> Result<DeviceKeys, Failure> {
    if query.server != server.keys().server() {
        return Err(Failure::new(ProblemCode::WrongServer));
    }
    let keys = server.store().device_keys(query.device)?;
    let keys = keys.ok_or_else(|| Failure::new(ProblemCode::UnknownDevice))?;
    let signature = BASE64URL_NOPAD.decode(query.signature.as_bytes()).ok();
    let signature = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
    let signature = signature.ok_or_else(|| Failure::new(ProblemCode::BadSignature))?;
    let statement = AccountQuery::statement(query.server, query.device, query.at);
    VerifyingKey::ed25519(keys.signing_key)?.verify(statement.as_bytes(), &signature)?;
    let apart = now.since(query.at).max(query.at.since(now));
    if apart > LEEWAY { Err(Failure::new(ProblemCode::Stale)) } else { Ok(keys) }
}

/// All licenses by app, in the order in which they are used (A23).
fn apps(view: &AccountView, only: Option<LicenseId>, now: Time) -> Vec<AccountApp> {
    let may_see = |license: &&License| only.is_none_or(|only| only == license.id);
    let mut licenses: Vec<_> = view.licenses.iter().filter(may_see).collect();
    licenses.sort_by_key(|license| (license.app.clone(), license.order()));
    let mut apps: Vec<AccountApp> = Vec::new();
    for license in licenses {
        let shown = license::view(license, &view.journals, now);
        match apps.last_mut().filter(|last| last.app == license.app) {
            Some(app) => app.licenses.push(shown),
            None => apps.push(AccountApp { app: license.app.clone(), licenses: vec![shown] }),
        }
    }
    apps
}

/// The user's devices, those in use first; a guest sees itself only.
fn devices(view: &AccountView, asker: DeviceId, guest: bool, now: Time) -> Vec<DeviceView> {
    let may_see = |known: &&NamedDevice| !guest || known.device.id == asker;
    let mut devices: Vec<DeviceView> =
        view.devices.iter().filter(may_see).map(|known| device_view(view, known, now)).collect();
    devices.sort_by_key(|device| (device.retired, device.registered, device.id));
    devices
}

fn device_view(view: &AccountView, known: &NamedDevice, now: Time) -> DeviceView {
    let device = &known.device;
    let holds = |license: &&License| {
        license.rights.iter().any(|right| right.is_held_by(device.id) && !right.is_free(now))
    };
    let mut apps: Vec<_> = view.licenses.iter().filter(holds).map(|license| license.app.clone()).collect();
    apps.sort();
    apps.dedup();
    DeviceView {
        id: device.id,
        name: known.name.clone(),
        evidence: device.evidence,
        registered: device.registered,
        retired: device.is_over(now),
        lost: device.lost,
        until: device.until,
        holds: apps,
    }
}
