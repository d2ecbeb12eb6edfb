//! What a supplier sells: offers, and the menu that holds them (A2, A4, A5).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::LARGEST_AMOUNT;
use crate::app::{AppId, Feature, OfferName, VersionRange};
use crate::money::Money;
use crate::report::ReportKeys;
use crate::term::{Period, Slice, Term};
use crate::time::{Length, Seconds, Time};

/// The most offers that one menu may hold.
pub const MOST_OFFERS: usize = 50;
/// The most devices that one license may allow.
pub const MOST_DEVICES: u32 = 10_000;

/// One line of an app's license menu.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Short name, unique in the menu.
    pub name: OfferName,
    /// Condition name: what a user calls this offer.
    pub condition: String,
    /// What is granted, each with its limit where it has one.
    pub features: BTreeMap<Feature, Option<u64>>,
    /// For how long or how often.
    #[serde(default)]
    pub term: Term,
    /// On how many devices at once.
    #[serde(default = "one_device")]
    pub devices: u32,
    /// The price; zero is free.
    pub fee: Money,
    /// When the price is due.
    #[serde(default)]
    pub charging: Charging,
    /// What is issued before a charge is settled.
    #[serde(default)]
    pub issuance: Issuance,
    /// How big a slice one pass carries.
    #[serde(default)]
    pub pass_term: Slice,
    /// How big a slice one temporary pass carries; needed when a temporary pass may be issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary_pass_term: Option<Slice>,
    /// Where uses are counted.
    #[serde(default)]
    pub counting: Counting,
    /// How long an expired pass still runs, with a warning. Absent: 7 days for terms with a period, else 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Seconds>,
    /// How many devices a user may declare lost in 365 days without asking anybody (D5).
    #[serde(default = "two_devices")]
    pub lost_devices_per_year: u32,
    /// Floating seats; absent: a device keeps its pass until it is given back or ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floating: Option<Floating>,
    /// What the device records for the supplier; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporting: Option<Reporting>,
    /// A trial: this offer can be agreed to only once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once_per: Option<OncePer>,
    /// Only devices that are bound to hardware may hold it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hardware_only: bool,
    /// Which versions of the program are covered.
    #[serde(default)]
    pub versions: VersionRange,
}

const fn one_device() -> u32 {
    1
}

const fn two_devices() -> u32 {
    2
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// When the price of an offer is due (A2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charging {
    /// Never.
    #[default]
    Free,
    /// Once, at the agreement.
    Once,
    /// For each pass.
    PerPass,
    /// For each period.
    PerPeriod,
}

/// What is issued before the charge is settled, and when it is refused (A4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuance {
    /// A temporary pass at purchase, rather than a full one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub temporary_at_purchase: bool,
    /// A temporary pass, rather than nothing, while a charge is refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub temporary_when_refused: bool,
}

/// Where uses are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counting {
    /// From the pass, without asking anybody.
    #[default]
    Offline,
    /// At the server, before each use.
    Online,
}

/// Floating seats: a device takes one when a program starts, keeps it while it runs, and gives it back when the last
/// program has ended. One that is killed keeps it until its pass has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floating {
    /// For how long at most a seat may be borrowed, for work without a network; absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrow: Option<Length>,
}

/// A trial's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OncePer {
    /// Each user once.
    User,
    /// Each device once.
    Device,
}

/// What a device records for the supplier, told to the user before agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reporting {
    /// How long records are kept on the device.
    pub record_retention: Length,
    /// To whom details of use are sealed; absent: only what the device counts by is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<ReportKeys>,
    /// How the details say who used a program; absent: by a pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<UserNames>,
    /// What follows when a request of the supplier is not answered in time; absent: the user is reminded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Overdue>,
    /// What follows when the contract was not kept; absent: a notice to the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violation: Option<Sanction>,
    /// Who else than the supplier opens what is sealed to these keys; absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<OpenedBy>,
}

impl Reporting {
    /// Records that are kept for so long, with the details that a supplier's keys make possible later.
    #[must_use]
    pub const fn kept_for(record_retention: Length) -> Self {
        Self { record_retention, keys: None, users: None, overdue: None, violation: None, opened_by: None }
    }
}

/// What follows when a request of the supplier is not answered in time (C4). It ends by itself with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overdue {
    /// No further pass; the one that is out runs to its end.
    RefuseRenewal,
    /// As if the supplier had suspended the license.
    Suspend,
}

/// What follows when the contract was not kept (C4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sanction {
    /// The license is suspended.
    Suspend,
    /// The license is revoked.
    Revoke,
}

/// Who opens reports and certificates besides the supplier (C4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenedBy {
    /// The licensing server, with a key that the supplier has deposited there: it judges what comes, and does what
    /// the clause names.
    Server,
}

/// How a record says who used a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserNames {
    /// Not at all.
    Hidden,
    /// By the name that the operating system has for the user.
    SystemNames,
}

impl Offer {
    /// How long an expired pass still runs: the one definition of grace. A seat that somebody else waits for has none,
    /// unless the offer says so.
    #[must_use]
    pub fn grace(&self) -> Seconds {
        let kept = self.term.period.is_some() && self.floating.is_none();
        let default = if kept { Seconds(7 * 86_400) } else { Seconds(0) };
        self.grace.unwrap_or(default)
    }

    /// How big a slice one temporary pass carries. Where the offer does not say it, a pass without settled payment
    /// lasts three days, so that it is always short and never absent.
    #[must_use]
    pub fn temporary_slice(&self) -> Slice {
        let short = Slice { period: Some(Length::days(3)), ..self.pass_term };
        self.temporary_pass_term.unwrap_or(short)
    }

    /// What is wrong with this offer, each with the field it is about; empty when it can be sold.
    #[must_use]
    pub fn problems(&self) -> Vec<OfferProblem> {
        let mut found = Findings(Vec::new());
        self.check_words(&mut found);
        self.check_term(&mut found);
        self.check_slices(&mut found);
        self.check_floating(&mut found);
        self.check_charging(&mut found);
        found.0
    }

    fn check_words(&self, found: &mut Findings) {
        let length = self.condition.trim().chars().count();
        found.when(
            !(1..=80).contains(&length),
            "condition",
            "must have 1 to 80 characters",
            "name what the user buys",
        );
        found.when(self.features.is_empty(), "features", "grants nothing", "list at least one feature");
        found.when(
            self.features.len() > 64,
            "features",
            "are more than 64",
            "group them into fewer features",
        );
        found.when(
            self.condition.chars().any(|letter| letter.is_control() || turns_direction(letter)),
            "condition",
            "holds characters that are not seen",
            "write it on one line of plain text",
        );
        let too_large = |limit: &Option<u64>| limit.is_some_and(|limit| limit > LARGEST_AMOUNT);
        found.when(
            self.features.values().any(too_large),
            "features",
            "have a limit above 10^12",
            "use a smaller limit",
        );
        let devices = (1..=MOST_DEVICES).contains(&self.devices);
        found.when(!devices, "devices", "must be 1 to 10000", "say on how many devices it may run at once");
        let kept = self.reporting.is_some_and(|reporting| reporting.record_retention.is_zero());
        found.when(kept, "reporting.record_retention", "has no length", "write a length like `90 days`");
        let lost = self.lost_devices_per_year > 366;
        found.when(lost, "lost_devices_per_year", "is more than 366", "use a smaller number");
        let backwards =
            matches!((self.versions.from, self.versions.below), (Some(from), Some(below)) if from >= below);
        found.when(backwards, "versions", "cover nothing", "make `below` later than `from`");
    }

    fn check_term(&self, found: &mut Findings) {
        found.amount("term.uses", self.term.uses);
        found.amount("term.duration", self.term.duration.map(|duration| duration.0));
        match self.term.period {
            Some(Period::Between { start, end }) => {
                found.when(
                    end <= start,
                    "term.period",
                    "ends before it starts",
                    "make `end` later than `start`",
                );
            }
            Some(Period::FromAgreement(length) | Period::FromFirstUse(length)) => {
                found.when(length.is_zero(), "term.period", "has no length", "write a length like `30 days`");
            }
            None => {}
        }
        let grace = self.grace.unwrap_or_default();
        found.when(grace > Seconds(366 * 86_400), "grace", "is longer than a year", "use at most `366 days`");
        let unlimited = self.grace.is_some_and(|grace| grace.0 > 0)
            && self.term.period.is_none()
            && self.pass_term.period.is_none();
        found.when(
            unlimited,
            "grace",
            "has no end to follow",
            "give the term or the pass term a period, or drop grace",
        );
    }

    fn check_slices(&self, found: &mut Findings) {
        self.check_slice("pass_term", &self.pass_term, found);
        if let Some(slice) = &self.temporary_pass_term {
            self.check_slice("temporary_pass_term", slice, found);
            let endless = *slice == Slice::WHOLE;
            found.when(endless, "temporary_pass_term", "has no end", "give it uses, a duration or a period");
        }
        let temporary = self.issuance.temporary_at_purchase || self.issuance.temporary_when_refused;
        found.when(
            temporary && self.temporary_pass_term.is_none(),
            "temporary_pass_term",
            "is missing",
            "say how big a temporary pass is, or issue none",
        );
    }

    fn check_slice(&self, field: &'static str, slice: &Slice, found: &mut Findings) {
        found.amount(field, slice.uses);
        found.amount(field, slice.duration.map(|duration| duration.0));
        found.when(
            slice.period.is_some_and(Length::is_zero),
            field,
            "has no length",
            "write a length like `1 day`",
        );
        found.when(
            slice.uses.is_some() && self.term.uses.is_none(),
            field,
            "cuts uses, but the term counts none",
            "add `uses` to the term, or drop it here",
        );
        found.when(
            slice.duration.is_some() && self.term.duration.is_none(),
            field,
            "cuts a duration, but the term counts none",
            "add `duration` to the term, or drop it here",
        );
    }

    fn check_floating(&self, found: &mut Findings) {
        let Some(floating) = &self.floating else { return };
        found.when(
            self.pass_term.period.is_none(),
            "floating",
            "seats would not come back from a program that was killed",
            "give the pass a short period, like `15 minutes`",
        );
        found.when(
            self.charging == Charging::PerPass,
            "charging",
            "is per pass, and a floating seat takes a pass at each start and many while it runs",
            "charge `once` or `per-period`",
        );
        found.when(
            floating.borrow.is_some_and(Length::is_zero),
            "floating.borrow",
            "has no length",
            "write a length like `7 days`, or leave it out",
        );
        let shorter = |borrow: Length, pass: Length| Time(0).plus_length(borrow) <= Time(0).plus_length(pass);
        let borrow = floating.borrow.filter(|borrow| !borrow.is_zero());
        let useless = borrow.zip(self.pass_term.period).is_some_and(|(borrow, pass)| shorter(borrow, pass));
        found.when(
            useless,
            "floating.borrow",
            "is not longer than what a pass lasts anyway",
            "make it longer, or the pass shorter",
        );
    }

    fn check_charging(&self, found: &mut Findings) {
        let priced = self.fee.minor > 0;
        let free = self.charging == Charging::Free;
        found.when(
            priced && free,
            "charging",
            "is free, but there is a fee",
            "use `once`, `per-pass` or `per-period`",
        );
        found.when(
            !priced && !free,
            "fee",
            "is zero, but a charge is asked for",
            "name a fee, or use `free`",
        );
        found.when(
            self.fee.minor > LARGEST_AMOUNT,
            "fee",
            "is larger than 10^12 minor units",
            "name a smaller fee",
        );
        found.when(
            self.charging == Charging::PerPeriod
                && self.term.period.is_none()
                && self.pass_term.period.is_none(),
            "charging",
            "is per period, but there is no period",
            "give the term or the pass term a period",
        );
        found.when(
            self.charging == Charging::PerPass && self.issuance.temporary_at_purchase,
            "issuance.temporary_at_purchase",
            "waits for a charge that comes with the first pass only",
            "drop it, or charge `once`",
        );
        found.when(
            self.counting == Counting::Online && self.term.uses.is_none(),
            "counting",
            "is online, but no uses are counted",
            "add `uses` to the term, or count offline",
        );
    }

    /// What a supplier should know before selling this, though nothing forbids it.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let endless = self.term.is_perpetual() && self.pass_term.period.is_none();
        if endless {
            vec![
                "a perpetual pass that stays offline cannot be revoked: give the pass a period if that matters",
            ]
        } else {
            Vec::new()
        }
    }
}

/// Marks that turn the direction of writing (Unicode UAX #9): a reader would see other words than were agreed.
const fn turns_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

struct Findings(Vec<OfferProblem>);

impl Findings {
    fn when(&mut self, wrong: bool, field: &'static str, what: &'static str, remedy: &'static str) {
        if wrong {
            self.0.push(OfferProblem { field, what, remedy });
        }
    }

    fn amount(&mut self, field: &'static str, value: Option<u64>) {
        self.when(value == Some(0), field, "is zero", "use at least 1, or leave it out");
        self.when(
            value.is_some_and(|value| value > LARGEST_AMOUNT),
            field,
            "is above 10^12",
            "use a smaller amount",
        );
    }
}

/// One thing that is wrong with an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[error("`{field}` {what}: {remedy}")]
pub struct OfferProblem {
    /// The field, with points between its parts.
    pub field: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// An offer as it stands in a menu: what the server signs and a user agrees to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Listed {
    /// Whose menu.
    pub app: AppId,
    /// The menu's serial when this offer last changed. An agreement names it (A10).
    pub serial: u64,
    /// The offer.
    pub offer: Offer,
}

/// All offers of one app.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Menu {
    /// +1 at each change; 0 before the first.
    pub serial: u64,
    /// In the supplier's order.
    pub offers: Vec<Listed>,
}

/// What a new menu would change (A5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuDiff {
    /// Offers that were not there.
    pub added: Vec<Offer>,
    /// Offers that stay under their name with other conditions: before, after.
    pub changed: Vec<(Offer, Offer)>,
    /// Offers that go. Licenses already agreed keep theirs.
    pub removed: Vec<Offer>,
}

impl MenuDiff {
    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl Menu {
    /// The offer of that name.
    #[must_use]
    pub fn find(&self, name: &OfferName) -> Option<&Listed> {
        self.offers.iter().find(|listed| listed.offer.name == *name)
    }

    /// What putting `offers` in the place of this menu would change.
    #[must_use]
    pub fn diff(&self, offers: &[Offer]) -> MenuDiff {
        let mut diff = MenuDiff { added: Vec::new(), changed: Vec::new(), removed: Vec::new() };
        for offer in offers {
            match self.find(&offer.name) {
                None => diff.added.push(offer.clone()),
                Some(old) if old.offer != *offer => diff.changed.push((old.offer.clone(), offer.clone())),
                Some(_) => {}
            }
        }
        let stays = |old: &&Listed| !offers.iter().any(|offer| offer.name == old.offer.name);
        diff.removed = self.offers.iter().filter(stays).map(|old| old.offer.clone()).collect();
        diff
    }

    /// The menu with these offers: unchanged ones keep their serial, so that an agreement on its way stays
    /// good; changed ones get the new serial, so that an agreement to the old words is refused (A10).
    #[must_use]
    pub fn replaced(&self, app: &AppId, offers: Vec<Offer>) -> Self {
        let serial = self.serial + 1;
        let listed = |offer: Offer| {
            let kept = self.find(&offer.name).filter(|old| old.offer == offer).map(|old| old.serial);
            Listed { app: app.clone(), serial: kept.unwrap_or(serial), offer }
        };
        Self { serial, offers: offers.into_iter().map(listed).collect() }
    }
}

/// Names that occur more than once among these offers.
#[must_use]
pub fn repeated_names(offers: &[Offer]) -> BTreeSet<OfferName> {
    let mut seen = BTreeSet::new();
    offers.iter().filter(|offer| !seen.insert(offer.name.clone())).map(|offer| offer.name.clone()).collect()
}

/// When a license to this term, agreed to at `agreed`, starts and ends, as far as that is known already.
#[must_use]
pub fn validity(term: &Term, agreed: Time, first_use: Option<Time>) -> (Time, Option<Time>) {
    match term.period {
        None => (agreed, None),
        Some(Period::Between { start, end }) => (start, Some(end)),
        Some(Period::FromAgreement(length)) => (agreed, Some(agreed.plus_length(length))),
        Some(Period::FromFirstUse(length)) => (agreed, first_use.map(|start| start.plus_length(length))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn ten_runs() -> Offer {
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

    #[test]
    fn a2_a_good_offer_has_no_problems() {
        assert_eq!(ten_runs().problems(), []);
    }

    #[test]
    fn a5_nonsense_is_named_by_field_with_a_remedy() {
        type Spoil = fn(&mut Offer);
        let table: &[(&str, Spoil)] = &[
            ("condition", |offer| offer.condition = " ".into()),
            ("condition", |offer| offer.condition = "cheap\u{202e}".into()),
            ("reporting.record_retention", |offer| {
                offer.reporting = Some(Reporting::kept_for(Length::days(0)));
            }),
            ("lost_devices_per_year", |offer| offer.lost_devices_per_year = 367),
            ("features", |offer| offer.features.clear()),
            ("devices", |offer| offer.devices = 0),
            ("devices", |offer| offer.devices = 10_001),
            ("term.uses", |offer| offer.term.uses = Some(0)),
            ("term.uses", |offer| offer.term.uses = Some(1_000_000_000_000_000_000)),
            ("term.duration", |offer| offer.term.duration = Some(Seconds(u64::MAX))),
            ("term.period", |offer| {
                offer.term.period = Some(Period::Between { start: Time(2), end: Time(1) });
            }),
            ("term.period", |offer| offer.term.period = Some(Period::FromFirstUse(Length::days(0)))),
            ("pass_term", |offer| offer.pass_term.uses = Some(0)),
            ("pass_term", |offer| offer.pass_term.duration = Some(Seconds(1))),
            ("charging", |offer| offer.fee.minor = 1),
            ("fee", |offer| offer.charging = Charging::Once),
            ("temporary_pass_term", |offer| offer.issuance.temporary_at_purchase = true),
            ("counting", |offer| {
                offer.term.uses = None;
                offer.pass_term.uses = None;
                offer.counting = Counting::Online;
            }),
            ("grace", |offer| offer.grace = Some(Seconds(1))),
            ("versions", |offer| {
                offer.versions = VersionRange { from: "2".parse().ok(), below: "1".parse().ok() };
            }),
        ];
        for (field, spoil) in table {
            let mut offer = ten_runs();
            spoil(&mut offer);
            assert!(offer.problems().iter().any(|problem| problem.field == *field), "{field}: {offer:?}");
        }
    }

    #[test]
    fn a5_a_changed_offer_gets_a_new_serial_and_the_others_keep_theirs() {
        let app: AppId = "acme/paint".parse().unwrap();
        let other = Offer { name: "other".parse().unwrap(), ..ten_runs() };
        let menu = Menu::default().replaced(&app, vec![ten_runs(), other.clone()]);
        let dearer = Offer { devices: 2, ..ten_runs() };
        assert_eq!(menu.diff(std::slice::from_ref(&dearer)).changed, [(ten_runs(), dearer.clone())]);
        assert_eq!(menu.diff(std::slice::from_ref(&dearer)).removed, std::slice::from_ref(&other));
        let menu = menu.replaced(&app, vec![dearer, other]);
        assert_eq!(menu.offers.iter().map(|listed| listed.serial).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn grace_is_seven_days_for_periods_and_nothing_else() {
        let mut offer = ten_runs();
        assert_eq!(offer.grace(), Seconds(0));
        offer.term.period = Some(Period::FromAgreement(Length::days(30)));
        assert_eq!(offer.grace(), Seconds(604_800));
    }
}
