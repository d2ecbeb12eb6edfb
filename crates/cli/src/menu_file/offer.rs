//! One `[[offer]]` of a menu file.

use std::ops::Range;

use carnet_core::app::VersionRange;
use carnet_core::money::Money;
use carnet_core::offer::{
    Counting, Floating, Offer, OfferProblem, OncePer, OpenedBy, Overdue, Reporting, Sanction, UserNames,
};
use toml::de::{DeTable, DeValue};

use super::features::features;
use super::fields::{Fields, Findings, Wrong};
use super::problem::{Kind, Problem};
use super::{terms, values};

/// Every key that an offer may have.
const KEYS: &[&str] = &[
    "name",
    "condition",
    "fee",
    "charging",
    "term",
    "devices",
    "floating",
    "features",
    "pass",
    "temporary_pass",
    "counting",
    "grace",
    "once_per",
    "hardware_only",
    "versions",
    "reporting",
    "lost_devices_per_year",
];

const NAME_REMEDY: &str = "give it a short name that stays, like name = \"ten-runs\"";
const CONDITION_REMEDY: &str = "name what the user buys, like condition = \"Ten runs\"";
const FEE_REMEDY: &str = "write fee = \"9.00 EUR\" or fee = \"free\"";
const FEATURES_REMEDY: &str = "list what is granted, like features = [\"resize\"]";

const COUNTING: &[(&str, Counting)] = &[("offline", Counting::Offline), ("online", Counting::Online)];
const ONCE_PER: &[(&str, OncePer)] = &[("user", OncePer::User), ("device", OncePer::Device)];

/// How records say who used a program.
pub(super) const USERS: &[(&str, Option<UserNames>)] =
    &[("pseudonyms", None), ("hidden", Some(UserNames::Hidden)), ("names", Some(UserNames::SystemNames))];

pub(super) const OVERDUE: &[(&str, Option<Overdue>)] = &[
    ("remind", None),
    ("refuse-renewal", Some(Overdue::RefuseRenewal)),
    ("suspend", Some(Overdue::Suspend)),
];
pub(super) const SANCTIONS: &[(&str, Option<Sanction>)] =
    &[("notice", None), ("suspend", Some(Sanction::Suspend)), ("revoke", Some(Sanction::Revoke))];
/// Who opens reports.
pub(super) const OPENED_BY: &[(&str, Option<OpenedBy>)] =
    &[("supplier", None), ("server", Some(OpenedBy::Server))];

/// Stands for a name that cannot be read, so that everything else is looked at all the same.
const PLACEHOLDER: &str = "unnamed";

/// Reads one offer; `place` is its `[[offer]]`. What cannot be read is noted, with a harmless value in its
/// place.
pub(super) fn offer(table: &DeTable<'_>, place: &Range<usize>, findings: &mut Findings) -> Option<Offer> {
    let fields = Fields::new(table, "this offer");
    findings.broken.clear();
    fields.check_keys(KEYS, findings);
    let name = fields.required("name", NAME_REMEDY, place, findings, values::name);
    let condition = fields.required("condition", CONDITION_REMEDY, place, findings, |value| {
        values::text(value).map(str::to_owned)
    });
    let fee = fields.required("fee", FEE_REMEDY, place, findings, values::fee);
    let charging = fields.read("charging", findings, |value| values::one_of(value, values::CHARGING));
    fields.required("features", FEATURES_REMEDY, place, findings, |_| Ok(()));
    let (temporary_pass_term, issuance) = terms::temporary_pass(fields, findings);
    let offer = Offer {
        name: name.or_else(|| PLACEHOLDER.parse().ok())?,
        condition: condition.unwrap_or_default(),
        features: features(fields, findings),
        term: terms::term(fields, place, findings),
        devices: fields.read("devices", findings, devices).unwrap_or(1),
        fee: fee.unwrap_or(Money::NOTHING),
        charging: charging.unwrap_or_default(),
        issuance,
        pass_term: terms::pass(fields, findings),
        temporary_pass_term,
        counting: fields.read("counting", findings, counting).unwrap_or_default(),
        grace: fields.read("grace", findings, values::seconds),
        lost_devices_per_year: fields
            .read("lost_devices_per_year", findings, values::small_count)
            .unwrap_or(2),
        floating: floating(fields, findings),
        reporting: reporting(fields, findings),
        once_per: fields.read("once_per", findings, |value| values::one_of(value, ONCE_PER)),
        hardware_only: fields.read("hardware_only", findings, values::yes_or_no).unwrap_or_default(),
        versions: versions(fields, findings),
    };
    for problem in offer.problems() {
        note(problem, fields, place, findings);
    }
    Some(offer)
}

/// Too large a number is left to the rule of the domain, which says what is allowed.
fn devices(value: &DeValue<'_>) -> Result<u32, Wrong> {
    values::count(value).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

fn counting(value: &DeValue<'_>) -> Result<Counting, Wrong> {
    values::one_of(value, COUNTING)
}

/// `true`, or a table that says for how long seats may be borrowed.
fn floating(offer: Fields<'_, '_>, findings: &mut Findings) -> Option<Floating> {
    let remedy = "write floating = true, or floating = { borrow = \"7 days\" }";
    if offer.find("floating")?.get_ref().is_bool() {
        let floats = offer.read("floating", findings, values::yes_or_no)?;
        return floats.then_some(Floating { borrow: None });
    }
    let table = offer.read("floating", findings, |value| values::table(value, remedy))?;
    let fields = Fields::new(table, "`floating`");
    findings.breaking("floating", |findings| {
        fields.check_keys(&["borrow"], findings);
        Some(Floating { borrow: fields.read("borrow", findings, values::length) })
    })
}

fn reporting(offer: Fields<'_, '_>, findings: &mut Findings) -> Option<Reporting> {
    let remedy = "write reporting = { record_retention = \"90 days\" }, or leave it out";
    let place = offer.find("reporting")?.span();
    let table = offer.read("reporting", findings, |value| values::table(value, remedy))?;
    let fields = Fields::new(table, "`reporting`");
    fields.check_keys(&["record_retention", "users", "overdue", "violation", "opened_by"], findings);
    let users = fields.read("users", findings, |value| values::one_of(value, USERS)).flatten();
    let overdue = fields.read("overdue", findings, |value| values::one_of(value, OVERDUE)).flatten();
    let violation = fields.read("violation", findings, |value| values::one_of(value, SANCTIONS)).flatten();
    let opened_by = fields.read("opened_by", findings, |value| values::one_of(value, OPENED_BY)).flatten();
    let record_retention = fields.required("record_retention", remedy, &place, findings, values::length)?;
    // The keys are those of the machine that puts the menu up.
    Some(Reporting { record_retention, keys: None, users, overdue, violation, opened_by })
}

fn versions(offer: Fields<'_, '_>, findings: &mut Findings) -> VersionRange {
    let remedy = "write versions = { from = \"2\", below = \"3\" }, with one of them or both";
    let table = offer.read("versions", findings, |value| values::table(value, remedy));
    let Some(table) = table else { return VersionRange::default() };
    let fields = Fields::new(table, "`versions`");
    findings.breaking("versions", |findings| {
        fields.check_keys(&["from", "below"], findings);
        VersionRange {
            from: fields.read("from", findings, values::name),
            below: fields.read("below", findings, values::name),
        }
    })
}

/// A rule of the domain, its names in those of the file: the keys to show, and all that it depends on.
fn note(problem: OfferProblem, fields: Fields<'_, '_>, place: &Range<usize>, findings: &mut Findings) {
    let (path, depends): (Vec<&str>, &[&str]) = match problem.field {
        "pass_term" => (vec!["pass"], &["pass", "term"]),
        "temporary_pass_term" => (vec!["temporary_pass"], &["temporary_pass", "term"]),
        "charging" => (vec!["charging"], &["charging", "fee", "term", "pass", "floating"]),
        "floating" | "floating.borrow" => (problem.field.split('.').collect(), &["floating", "pass"]),
        "fee" => (vec!["fee"], &["fee", "charging"]),
        "counting" => (vec!["counting"], &["counting", "term"]),
        "grace" => (vec!["grace"], &["grace", "term", "pass"]),
        other => (other.split('.').collect(), &[]),
    };
    let own = path.first().copied().unwrap_or_default();
    if findings.broken.contains(own) || depends.iter().any(|key| findings.broken.contains(key)) {
        return;
    }
    // A fee without `charging` is the fee's line to mend.
    let instead = || terms::span_of(fields, &["fee"]).filter(|_| own == "charging");
    let span = terms::span_of(fields, &path).or_else(instead).unwrap_or_else(|| place.clone());
    let name = path.join(".");
    let found = Problem::new(Kind::Together, span, format!("`{name}` {}", problem.what), problem.remedy);
    findings.problems.push(found);
}
