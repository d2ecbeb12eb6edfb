//! How long and how often: the term of an offer and what its passes carry.

use std::ops::Range;

use carnet_core::offer::Issuance;
use carnet_core::term::{Period, Slice, Term};
use toml::Spanned;
use toml::de::DeValue;

use super::fields::{Fields, Findings, Wrong};
use super::values;

/// Written for a term without any limit. A term that is merely forgotten must not sell for ever.
pub(super) const PERPETUAL: &str = "perpetual";

const TERM_REMEDY: &str =
    "write term = \"perpetual\", or limits like term = { uses = 10, period = \"30 days\" }";
const PERIOD_REMEDY: &str = "write \"30 days\" (from the agreement), { from_first_use = \"30 days\" } or { start = 2027-01-01, end = 2028-01-01 }";
const SLICE_REMEDY: &str = "write how much one pass carries, like { uses = 1 } or { period = \"1 day\" }";

const LIMITS: &[&str] = &["uses", "duration", "period"];
const TEMPORARY: &[&str] = &["uses", "duration", "period", "at_purchase", "when_refused"];

/// The `term` of an offer; without end where it is wrong.
pub(super) fn term(offer: Fields<'_, '_>, place: &Range<usize>, findings: &mut Findings) -> Term {
    let table = offer.required("term", TERM_REMEDY, place, findings, |value| match value {
        DeValue::Table(table) if table.is_empty() => Err(Wrong::new("limits nothing", TERM_REMEDY)),
        DeValue::Table(table) => Ok(Some(table)),
        DeValue::String(word) if word == PERPETUAL => Ok(None),
        DeValue::String(_) => Err(Wrong::new("is a text that means nothing here", TERM_REMEDY)),
        other => Err(values::wrong_type(other, "a table", TERM_REMEDY)),
    });
    let Some(Some(table)) = table else { return Term::PERPETUAL };
    let fields = Fields::new(table, "`term`");
    findings.breaking("term", |findings| {
        fields.check_keys(LIMITS, findings);
        Term {
            uses: fields.read("uses", findings, values::count),
            duration: fields.read("duration", findings, values::seconds),
            period: period(fields, findings),
        }
    })
}

fn period(term: Fields<'_, '_>, findings: &mut Findings) -> Option<Period> {
    let value = term.find("period")?;
    let DeValue::Table(table) = value.get_ref() else {
        let length = |value: &_| match value {
            DeValue::String(_) => values::length(value),
            other => Err(values::wrong_type(other, "a length of time or a table", PERIOD_REMEDY)),
        };
        return term.read("period", findings, length).map(Period::FromAgreement);
    };
    let fields = Fields::new(table, "`period`");
    let before = findings.problems.len();
    fields.check_keys(&["from_first_use", "start", "end"], findings);
    if findings.problems.len() > before {
        return None;
    }
    let given = |key| fields.find(key).is_some();
    match (given("from_first_use"), given("start"), given("end")) {
        (true, false, false) => {
            fields.read("from_first_use", findings, values::length).map(Period::FromFirstUse)
        }
        (false, true, true) => {
            let start = fields.read("start", findings, values::date);
            let end = fields.read("end", findings, values::date);
            Some(Period::Between { start: start?, end: end? })
        }
        _ => {
            findings.value(value.span(), "`period` has none of its three forms", PERIOD_REMEDY);
            None
        }
    }
}

/// The `pass` of an offer.
pub(super) fn pass(offer: Fields<'_, '_>, findings: &mut Findings) -> Slice {
    let Some(fields) = table(offer, "pass", findings) else { return Slice::WHOLE };
    findings.breaking("pass", |findings| slice(fields, LIMITS, findings))
}

/// The `temporary_pass` of an offer: how much one carries, and when one is issued (A4).
pub(super) fn temporary_pass(offer: Fields<'_, '_>, findings: &mut Findings) -> (Option<Slice>, Issuance) {
    let Some(fields) = table(offer, "temporary_pass", findings) else { return (None, Issuance::default()) };
    findings.breaking("temporary_pass", |findings| {
        let slice = slice(fields, TEMPORARY, findings);
        let mut flag = |key| fields.read(key, findings, values::yes_or_no).unwrap_or_default();
        let issuance = Issuance {
            temporary_at_purchase: flag("at_purchase"),
            temporary_when_refused: flag("when_refused"),
        };
        (Some(slice), issuance)
    })
}

fn table<'t, 'i>(
    offer: Fields<'t, 'i>,
    key: &'static str,
    findings: &mut Findings,
) -> Option<Fields<'t, 'i>> {
    let table = offer.read(key, findings, |value| values::table(value, SLICE_REMEDY))?;
    Some(Fields::new(table, if key == "pass" { "`pass`" } else { "`temporary_pass`" }))
}

fn slice(fields: Fields<'_, '_>, known: &[&str], findings: &mut Findings) -> Slice {
    fields.check_keys(known, findings);
    Slice {
        uses: fields.read("uses", findings, values::count),
        duration: fields.read("duration", findings, values::seconds),
        period: fields.read("period", findings, values::length),
    }
}

/// Where a key of the domain's offer stands in the file.
pub(super) fn span_of(offer: Fields<'_, '_>, path: &[&str]) -> Option<Range<usize>> {
    let (key, inner) = path.split_first()?;
    let value = offer.find(key)?;
    let deeper = match (inner.first(), value.get_ref()) {
        (Some(key), DeValue::Table(table)) => table.get(*key).map(Spanned::span),
        _ => None,
    };
    Some(deeper.unwrap_or_else(|| value.span()))
}
