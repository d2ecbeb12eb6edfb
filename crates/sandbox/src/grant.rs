//! What a license allows, in the words of a test.

use std::time::Duration;

use carnet_controller::{Offer, Time};
use carnet_core::app::{Version, VersionRange};
use carnet_core::offer::Counting;
use carnet_core::term::Period;
use carnet_core::time::{Length, Seconds};
use carnet_testkit::server::offer;

/// What a license allows, and for how long. Without a limit it is perpetual.
///
/// ```
/// use std::time::Duration;
/// use carnet_sandbox::Grant;
///
/// let grant = Grant::new("A month of resizing").feature("resize").limit("layers", 16).days(30);
/// let slices = Grant::new("Ten hours").feature("resize").run_time(Duration::from_secs(36_000))
///     .run_time_per_pass(Duration::from_secs(3_600));
/// # let _ = (grant, slices);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Grant(Offer);

impl Grant {
    /// Nothing yet, under this condition.
    pub fn new(condition: &str) -> Self {
        let mut offer = offer(&name_for(condition), &[]);
        condition.clone_into(&mut offer.condition);
        Self(offer)
    }

    /// Grants a feature.
    ///
    /// # Panics
    /// When it is no name of a feature.
    pub fn feature(mut self, name: &str) -> Self {
        self.0.features.insert(named(name), None);
        self
    }

    /// Grants a feature with a limit, as in 16 layers.
    ///
    /// # Panics
    /// When it is no name of a feature.
    pub fn limit(mut self, name: &str, limit: u64) -> Self {
        self.0.features.insert(named(name), Some(limit));
        self
    }

    /// So many uses; each start is one.
    pub fn uses(mut self, uses: u64) -> Self {
        self.0.term.uses = Some(uses);
        self
    }

    /// So many of them in one pass. Otherwise all.
    pub fn uses_per_pass(mut self, uses: u64) -> Self {
        self.0.pass_term.uses = Some(uses);
        self
    }

    /// So much time of running.
    pub fn run_time(mut self, length: Duration) -> Self {
        self.0.term.duration = Some(Seconds(length.as_secs()));
        self
    }

    /// So much of it in one pass. Otherwise all.
    pub fn run_time_per_pass(mut self, length: Duration) -> Self {
        self.0.pass_term.duration = Some(Seconds(length.as_secs()));
        self
    }

    /// So many days from the agreement. With seven days of grace, unless [`Grant::grace`] says otherwise.
    pub fn days(mut self, days: u32) -> Self {
        self.0.term.period = Some(Period::FromAgreement(Length::days(days)));
        self
    }

    /// Up to this moment, the same for everybody, as in `"2027-01-01T00:00:00Z".parse()?`. A sandbox begins on
    /// 2026-09-21. Grace as with [`Grant::days`].
    pub fn until(mut self, end: Time) -> Self {
        self.0.term.period = Some(Period::Between { start: Time::EPOCH, end });
        self
    }

    /// So many of them in one pass. Otherwise all.
    pub fn days_per_pass(mut self, days: u32) -> Self {
        self.0.pass_term.period = Some(Length::days(days));
        self
    }

    /// How long an expired pass still runs, with a warning.
    pub fn grace(mut self, length: Duration) -> Self {
        self.0.grace = Some(Seconds(length.as_secs()));
        self
    }

    /// The server is asked before each use.
    pub fn counted_online(mut self) -> Self {
        self.0.counting = Counting::Online;
        self
    }

    /// Covers the versions below this one.
    pub fn versions_below(mut self, below: Version) -> Self {
        self.0.versions = VersionRange { from: None, below: Some(below) };
        self
    }

    /// As it stands in a menu.
    ///
    /// # Panics
    /// When a server would refuse it, with what is wrong.
    #[must_use]
    #[expect(clippy::panic, reason = "a test with a bad offer has failed")]
    pub fn into_offer(self) -> Offer {
        match self.0.problems().as_slice() {
            [] => self.0,
            [first, ..] => panic!("no server has such an offer: {first}"),
        }
    }
}

#[expect(clippy::panic, reason = "a test with a bad name has failed")]
fn named(name: &str) -> carnet_controller::Feature {
    name.parse().unwrap_or_else(|wrong| panic!("`{name}` is no feature: {wrong}"))
}

/// `Ten runs` → `ten-runs`.
fn name_for(condition: &str) -> String {
    let plain = |sign: char| if sign.is_ascii_alphanumeric() { sign.to_ascii_lowercase() } else { ' ' };
    let words: String = condition.chars().map(plain).collect();
    let name = words.split_whitespace().collect::<Vec<_>>().join("-");
    if name.parse::<carnet_core::app::OfferName>().is_ok() { name } else { "granted".to_owned() }
}
