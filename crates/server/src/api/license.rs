//! Licenses, as their supplier sees them.

pub mod act;
pub mod list;
pub mod show;

use carnet_api::license::{License, PassView};
use carnet_core::journal::PassStatus;
use carnet_core::license::{self as domain, Holder};
use carnet_core::server::{Account, Held, Journal};
use carnet_core::time::Time;
use carnet_store::{Reading, StoreError};

/// The license as it is shown, with the passes that the journals of its user know of.
pub(crate) fn view(license: &domain::License, journals: &[Journal], now: Time) -> License {
    let passes = journals.iter().filter_map(|journal| pass(license, journal, now)).collect();
    License::at(license, passes, now)
}

/// [`view`] of one license, for whom only the license was read so far.
fn view_alone(tx: &Reading<'_>, license: &domain::License, now: Time) -> Result<License, StoreError> {
    Ok(view(license, &tx.journals_of_user(license.user)?, now))
}

/// The journal's pass, when it is one of this license (A7).
fn pass(license: &domain::License, journal: &Journal, now: Time) -> Option<PassView> {
    let active = journal.active.filter(|active| active.license == license.id)?;
    let device = journal.name.device;
    let right = license.rights.get(active.right as usize)?;
    let over = active.grace_until.or(active.expires).is_some_and(|end| end <= now);
    let status = match (right.holder, active.moved) {
        (Holder::Move(holder), Some(moved)) if holder == moved => PassStatus::Moving,
        // What the license's status takes away, the device learns at its next contact.
        _ if active.moved.is_none()
            && right.is_held_by(device)
            && !over
            && license.refuses_pass(now).is_none() =>
        {
            PassStatus::Valid
        }
        _ => PassStatus::Invalid,
    };
    let account = journal.accounts.get(&license.id);
    let outstanding = |line: fn(&Account) -> Option<Held>| account.and_then(line).map(Held::outstanding);
    Some(PassView {
        device,
        status,
        kind: active.kind,
        expires: active.expires,
        grace_until: active.grace_until,
        outstanding_uses: outstanding(|account| account.uses),
        outstanding_seconds: outstanding(|account| account.seconds),
        movement: active.moved,
    })
}
