//! What of a user's transfers is not finished yet.

use carnet_api::transfer::{TransferStep, TransferView};
use carnet_core::id::LicenseId;
use carnet_core::license::{Holder, License, Right};
use carnet_core::time::Time;
use carnet_store::user::AccountView;

/// What each device is still to do, or waits for.
pub fn transfers(view: &AccountView, only: Option<LicenseId>, now: Time) -> Vec<TransferView> {
    if only.is_some() {
        return Vec::new();
    }
    let of_rights = view
        .licenses
        .iter()
        .flat_map(|license| license.rights.iter().filter_map(move |right| kept(license, right, now)));
    let of_journals = view.journals.iter().filter_map(|journal| {
        let (gone, app) = (journal.gone.as_ref()?, journal.name.app.clone()?);
        let (device, other) = (journal.name.device, Some(gone.to));
        Some(TransferView { app, device, step: TransferStep::GiveBack, other, until: None })
    });
    let mut all: Vec<TransferView> = of_rights.chain(of_journals).collect();
    all.sort_by(|one, other| (&one.app, one.step, one.device).cmp(&(&other.app, other.step, other.device)));
    all
}

fn kept(license: &License, right: &Right, now: Time) -> Option<TransferView> {
    let app = license.app.clone();
    match right.holder {
        Holder::Leaving { device, until, to } if !right.has_run_out(now) => {
            Some(TransferView { app, device: to, step: TransferStep::Wait, other: Some(device), until })
        }
        Holder::Leaving { device, to, .. } => Some(TransferView {
            app,
            device: to,
            step: TransferStep::Fetch,
            other: Some(device),
            until: None,
        }),
        Holder::Promised(to) => {
            Some(TransferView { app, device: to, step: TransferStep::Fetch, other: None, until: None })
        }
        Holder::Free | Holder::Device { .. } | Holder::Move(_) => None,
    }
}
