//! What a transfer would do, told before it is confirmed. The server decides; this only reads the account.

use std::collections::BTreeSet;

use carnet_api::account::Account;
use carnet_api::license::License;
use carnet_api::transfer::TransferStep;
use carnet_core::app::AppId;
use carnet_core::id::DeviceId;
use carnet_core::journal::PassStatus;
use carnet_core::time::Time;
use carnet_core::transfer::{Transfer, Which};

/// What would become of one app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecast {
    /// The source is this device: it gives back now, and nothing is lost.
    FromHere,
    /// At once, without waiting for the source. So much of what its pass still has is lost.
    AtOnce {
        /// Uses.
        uses: u64,
        /// Seconds of running.
        seconds: u64,
        /// It is one of those that the offer allows in a year.
        counts: bool,
    },
    /// When the source has given it back, or its pass has run out.
    Waits {
        /// Then; none: that pass has no end.
        until: Option<Time>,
    },
    /// The source has nothing of it.
    NotThere,
}

/// The apps that a device has, or that wait for it.
#[must_use]
pub fn apps_of(account: &Account, device: DeviceId) -> BTreeSet<AppId> {
    let held = account.devices.iter().filter(|known| known.id == device);
    let held = held.flat_map(|known| known.holds.iter().cloned());
    let kept = account.transfers.iter();
    let kept = kept.filter(|view| view.device == device && view.step != TransferStep::GiveBack);
    held.chain(kept.map(|view| view.app.clone())).collect()
}

/// What a transfer would do, app by app.
#[must_use]
pub fn forecast(account: &Account, transfer: &Transfer) -> Vec<(AppId, Forecast)> {
    let has = apps_of(account, transfer.from);
    let apps = match &transfer.apps {
        Which::All => has.clone(),
        Which::Named(apps) => apps.clone(),
    };
    let of =
        |app: &AppId| if has.contains(app) { of_app(account, transfer, app) } else { Forecast::NotThere };
    apps.into_iter().map(|app| (app.clone(), of(&app))).collect()
}

fn of_app(account: &Account, transfer: &Transfer, app: &AppId) -> Forecast {
    let licenses = account.apps.iter().filter(|of_app| of_app.app == *app);
    let licenses: Vec<&License> = licenses.flat_map(|of_app| &of_app.licenses).collect();
    let here = |license: &&&License| {
        license.passes.iter().any(|pass| pass.device == transfer.from && pass.status == PassStatus::Valid)
    };
    let running: Vec<&License> = licenses.iter().filter(here).copied().collect();
    let passes = running.iter().flat_map(|license| &license.passes);
    let passes = passes.filter(|pass| pass.device == transfer.from);
    if running.is_empty() {
        return Forecast::AtOnce { uses: 0, seconds: 0, counts: false };
    }
    if transfer.from == account.device {
        return Forecast::FromHere;
    }
    if transfer.wait || running.iter().any(|license| license.self_service_left == 0) {
        let ends: Option<Vec<Time>> = passes.map(|pass| pass.grace_until.or(pass.expires)).collect();
        return Forecast::Waits { until: ends.and_then(|ends| ends.into_iter().max()) };
    }
    let (uses, seconds) = passes.fold((0, 0), |(uses, seconds), pass| {
        (uses + pass.outstanding_uses.unwrap_or(0), seconds + pass.outstanding_seconds.unwrap_or(0))
    });
    Forecast::AtOnce { uses, seconds, counts: true }
}
