//! Offers as a menu file that reads back as the same offers.

use carnet_core::app::{AppId, VersionRange};
use carnet_core::money::Money;
use carnet_core::offer::{Charging, Counting, Floating, Offer, OncePer, Reporting};
use carnet_core::term::{Period, Slice, Term};
use carnet_core::time::{Seconds, Time, length_in_words};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::offer::{OPENED_BY, OVERDUE, SANCTIONS, USERS};
use super::terms::PERPETUAL;
use super::values::{CHARGING, FREE, seconds_in_text};

/// The menu file of these offers. What has its usual value is left out.
#[must_use]
pub fn print(app: &AppId, offers: &[Offer]) -> String {
    let mut document = DocumentMut::new();
    document["app"] = value(app.as_str());
    // An empty menu says so: a file without offers is more likely a mistake.
    document["offer"] = if offers.is_empty() {
        value(Array::new())
    } else {
        Item::ArrayOfTables(offers.iter().map(table).collect::<ArrayOfTables>())
    };
    document.to_string()
}

fn table(offer: &Offer) -> Table {
    let mut table = Table::new();
    table["name"] = value(offer.name.as_str());
    table["condition"] = value(offer.condition.as_str());
    table["fee"] = value(fee(offer.fee));
    let charging = CHARGING.iter().find(|(_, charging)| *charging == offer.charging);
    set(&mut table, "charging", charging.filter(|_| offer.charging != Charging::Free).map(|(word, _)| *word));
    table["term"] = value(term(&offer.term));
    set(&mut table, "devices", (offer.devices != 1).then(|| i64::from(offer.devices)));
    if let Some(floating) = offer.floating {
        table["floating"] = self::floating(floating);
    }
    table["features"] = value(features(offer));
    set(&mut table, "pass", (offer.pass_term != Slice::WHOLE).then(|| slice(&offer.pass_term)));
    set(&mut table, "temporary_pass", temporary(offer));
    set(&mut table, "counting", (offer.counting == Counting::Online).then_some("online"));
    set(&mut table, "grace", offer.grace.map(seconds_in_text));
    set(&mut table, "once_per", offer.once_per.map(once_per));
    set(&mut table, "hardware_only", offer.hardware_only.then_some(true));
    set(&mut table, "versions", versions(offer.versions));
    set(&mut table, "reporting", offer.reporting.map(reporting));
    let lost = i64::from(offer.lost_devices_per_year);
    set(&mut table, "lost_devices_per_year", (lost != 2).then_some(lost));
    table
}

fn set(table: &mut Table, key: &str, given: Option<impl Into<Value>>) {
    if let Some(given) = given {
        table[key] = value(given);
    }
}

fn fee(fee: Money) -> String {
    if fee == Money::NOTHING { FREE.into() } else { fee.to_string() }
}

fn term(term: &Term) -> Value {
    if term.is_perpetual() {
        return PERPETUAL.into();
    }
    let mut table = counted(term.uses, term.duration);
    match term.period {
        None => {}
        Some(Period::FromAgreement(length)) => {
            table.insert("period", length_in_words(length).into());
        }
        Some(Period::FromFirstUse(length)) => {
            let form = InlineTable::from_iter([("from_first_use", length_in_words(length))]);
            table.insert("period", form.into());
        }
        Some(Period::Between { start, end }) => {
            let form = InlineTable::from_iter([("start", date(start)), ("end", date(end))]);
            table.insert("period", form.into());
        }
    }
    table.into()
}

/// A date where it is midnight, as suppliers write it, else a time.
fn date(time: Time) -> Value {
    let text = carnet_core::term::day(time);
    text.parse::<toml_edit::Datetime>().map_or_else(|_| text.into(), Value::from)
}

fn counted(uses: Option<u64>, duration: Option<Seconds>) -> InlineTable {
    let mut table = InlineTable::new();
    if let Some(uses) = uses {
        table.insert("uses", i64::try_from(uses).unwrap_or(i64::MAX).into());
    }
    if let Some(duration) = duration {
        table.insert("duration", seconds_in_text(duration).into());
    }
    table
}

fn slice(slice: &Slice) -> InlineTable {
    let mut table = counted(slice.uses, slice.duration);
    if let Some(period) = slice.period {
        table.insert("period", length_in_words(period).into());
    }
    table
}

fn temporary(offer: &Offer) -> Option<InlineTable> {
    let flags = [
        ("at_purchase", offer.issuance.temporary_at_purchase),
        ("when_refused", offer.issuance.temporary_when_refused),
    ];
    let is_set = |(_, set): &(&str, bool)| *set;
    if offer.temporary_pass_term.is_none() && !flags.iter().any(is_set) {
        return None;
    }
    let mut table = offer.temporary_pass_term.as_ref().map(slice).unwrap_or_default();
    table.extend(flags.into_iter().filter(is_set));
    Some(table)
}

fn features(offer: &Offer) -> Array {
    let feature = |(name, limit): (&_, &Option<u64>)| match limit {
        Some(limit) => format!("{name}:{limit}"),
        None => format!("{name}"),
    };
    offer.features.iter().map(feature).collect()
}

const fn once_per(once: OncePer) -> &'static str {
    match once {
        OncePer::User => "user",
        OncePer::Device => "device",
    }
}

fn versions(range: VersionRange) -> Option<InlineTable> {
    let ends = [("from", range.from), ("below", range.below)];
    let given = ends.into_iter().filter_map(|(key, end)| Some((key, end?.to_string())));
    let table: InlineTable = given.collect();
    (!table.is_empty()).then_some(table)
}

/// Without keys: those of the machine that puts the menu up go in.
fn floating(floating: Floating) -> Item {
    match floating.borrow {
        None => value(true),
        Some(most) => value(InlineTable::from_iter([("borrow", length_in_words(most))])),
    }
}

fn reporting(clause: Reporting) -> InlineTable {
    let kept = length_in_words(clause.record_retention);
    let mut table = InlineTable::from_iter([("record_retention", kept)]);
    let users = USERS.iter().find(|(_, users)| clause.users.is_some() && *users == clause.users);
    table.extend(users.map(|(word, _)| ("users", *word)));
    let overdue = OVERDUE.iter().find(|(_, rule)| clause.overdue.is_some() && *rule == clause.overdue);
    table.extend(overdue.map(|(word, _)| ("overdue", *word)));
    let violation =
        SANCTIONS.iter().find(|(_, rule)| clause.violation.is_some() && *rule == clause.violation);
    table.extend(violation.map(|(word, _)| ("violation", *word)));
    let opened_by =
        OPENED_BY.iter().find(|(_, rule)| clause.opened_by.is_some() && *rule == clause.opened_by);
    table.extend(opened_by.map(|(word, _)| ("opened_by", *word)));
    table
}
