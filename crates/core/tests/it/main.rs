//! The rules as stories: a server over maps, devices over plain states, the product's decisions.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod desk;
mod joining;
mod judging;
mod losing;
mod moves;
mod paying;
mod providing;
mod redeeming;
mod seats;
mod selling;
mod steps;
mod transfer;
mod using;

use std::collections::BTreeMap;

use carnet_core::app::VersionRange;
use carnet_core::offer::{Charging, Counting, Issuance, Offer};
use carnet_core::term::{Slice, Term};

/// Ten runs, one at a time, for nothing.
fn ten_runs() -> Offer {
    Offer {
        name: "ten-runs".parse().unwrap(),
        condition: "Ten runs".into(),
        features: BTreeMap::from([("resize".parse().unwrap(), None)]),
        term: Term { uses: Some(10), ..Term::PERPETUAL },
        devices: 1,
        fee: "0 EUR".parse().unwrap(),
        charging: Charging::Free,
        issuance: Issuance::default(),
        pass_term: Slice { uses: Some(1), ..Slice::WHOLE },
        temporary_pass_term: None,
        counting: Counting::Offline,
        grace: None,
        lost_devices_per_year: 2,
        floating: None,
        reporting: None,
        once_per: None,
        hardware_only: false,
        versions: VersionRange::default(),
    }
}

/// The same under another name.
fn named(name: &str, offer: Offer) -> Offer {
    Offer { name: name.parse().unwrap(), ..offer }
}
