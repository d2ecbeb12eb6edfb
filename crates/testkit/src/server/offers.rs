//! An offer to start from.

use std::collections::BTreeMap;

use carnet_core::app::VersionRange;
use carnet_core::money::Money;
use carnet_core::offer::{Charging, Counting, Issuance, Offer};
use carnet_core::term::{Slice, Term};

/// A free offer without end for one device, with these features. Tests change what they are about.
///
/// # Panics
/// When a name is none.
#[must_use]
#[expect(clippy::expect_used, reason = "a test with a bad name has failed")]
pub fn offer(name: &str, features: &[&str]) -> Offer {
    let feature = |name: &&str| (name.parse().expect("a feature"), None);
    Offer {
        name: name.parse().expect("the name of an offer"),
        condition: name.to_owned(),
        features: features.iter().map(feature).collect::<BTreeMap<_, _>>(),
        term: Term::PERPETUAL,
        devices: 1,
        fee: Money::NOTHING,
        charging: Charging::Free,
        issuance: Issuance::default(),
        pass_term: Slice::WHOLE,
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
