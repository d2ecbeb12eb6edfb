//! `POST /v1/account`

use axum::Json as Body;
use axum::extract::State;
use carnet_api::account::{Account, AccountApp, AccountQuery, DeviceView};
use carnet_api::path::ACCOUNT;
use carnet_api::report::Notice;
use carnet_api::{Problem, ProblemCode};
use carnet_core::document::Purpose;
use carnet_core::id::{DeviceId, LicenseId};
use carnet_core::license::License;
use carnet_core::time::Time;
use carnet_store::Reading;
use carnet_store::device::{DeviceKeys, NamedDevice};
use carnet_store::report::KeptReport;
use carnet_store::user::AccountView;
use data_encoding::BASE64URL_NOPAD;

use crate::admission::Client;
use crate::api::account::transfers::transfers;
use crate::api::license;
use crate::api::report::reasons;
use crate::asker::{Said, asker};
use crate::extract::Json;
use crate::problem::Failure;
use crate::server::Server;

/// Older ones have been read.
const MOST_NOTICES: u32 = 20;

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
        asking(&server, &query).await.map_err(|failure| server.admission().instead(client, failure))?;
    let read = move |tx: &Reading<'_>| {
        let codes = tx.codes_of(device.user)?;
        let recovery = codes.iter().any(|code| code.purpose == Purpose::Recovery);
        Ok((tx.account_view(device.user)?, tx.report_notices(device.user, MOST_NOTICES)?, recovery))
    };
    let (found, notices, recovery_code) = server.read(read).await?;
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
        recovery_code,
        transfers: transfers(&found, only, now),
        notices: notices
            .iter()
            .filter(|told| only.is_none_or(|only| only == told.license))
            .filter_map(notice)
            .collect(),
    }))
}

/// The device that has signed the question, just now, for this server.
async fn asking(server: &Server, query: &AccountQuery) -> Result<DeviceKeys, Failure> {
    let AccountQuery { server: at_server, device, at, signature } = query;
    let statement = AccountQuery::statement(*at_server, *device, *at);
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok();
    let signature = signature.and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
    let said = Said { server: *at_server, device: *device, at: *at };
    asker(server, said, statement.as_bytes(), signature.as_ref()).await
}

fn notice(report: &KeptReport) -> Option<Notice> {
    let judged = report.verdict.as_ref()?;
    let (app, reasons) = (report.app.clone(), reasons(judged));
    Some(Notice { app, license: report.license, at: judged.at, reasons })
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
        license.rights.iter().any(|right| right.is_held_by(device.id) && !right.has_run_out(now))
    };
    let mut apps: Vec<_> = view.licenses.iter().filter(holds).map(|license| license.app.clone()).collect();
    apps.sort();
    apps.dedup();
    DeviceView {
        id: device.id,
        name: known.name.clone(),
        maker: known.maker.clone(),
        evidence: device.evidence,
        registered: device.registered,
        last_contact: view.contacts.get(&device.id).copied(),
        retired: device.is_over(now),
        lost: device.lost,
        until: device.until,
        holds: apps,
    }
}
