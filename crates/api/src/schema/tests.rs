use std::collections::BTreeSet;

use carnet_core::{document, journal, license, offer, term};
use serde_json::{Value, json};
use utoipa::PartialSchema;

fn document_of<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).unwrap()
}

fn fields_of<T: PartialSchema>() -> BTreeSet<String> {
    document_of::<T>()["properties"].as_object().unwrap().keys().cloned().collect()
}

fn values_of<T: PartialSchema>() -> Vec<Value> {
    document_of::<T>()["enum"].as_array().unwrap().clone()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

fn reporting() -> Value {
    let (seal_to, asks) = ("5e".repeat(32), "a5".repeat(32));
    json!({
        "record_retention": "P1Y", "keys": {"seal_to": seal_to, "asks": asks}, "users": "hidden",
        "overdue": "refuse-renewal", "violation": "revoke", "opened_by": "server",
    })
}

/// An offer with nothing left out.
fn full_offer() -> Value {
    json!({
        "name": "ten-runs", "condition": "Ten runs", "features": {"resize": null, "export.pdf": 3},
        "term": {"period": {"from_agreement": "P30D"}, "duration": 60, "uses": 10},
        "devices": 2, "fee": "49.00 EUR", "charging": "once",
        "issuance": {"temporary_at_purchase": true, "temporary_when_refused": true},
        "pass_term": {"uses": 1, "duration": 30, "period": "P1D"},
        "temporary_pass_term": {"uses": 1}, "counting": "offline", "grace": 60,
        "lost_devices_per_year": 2, "reporting": reporting(), "floating": {"borrow": "P7D"},
        "once_per": "user",
        "hardware_only": true, "versions": {"from": "2.0.0", "below": "3.0.0"},
    })
}

#[test]
fn an_offer_has_exactly_the_fields_that_the_domain_reads_and_writes() {
    let offer: offer::Offer = serde_json::from_value(full_offer()).unwrap();
    let written = serde_json::to_value(&offer).unwrap();
    for (described, written) in [
        (fields_of::<super::Offer>(), &written),
        (fields_of::<super::Term>(), &written["term"]),
        (fields_of::<super::Slice>(), &written["pass_term"]),
        (fields_of::<super::Issuance>(), &written["issuance"]),
        (fields_of::<super::Floating>(), &written["floating"]),
        (fields_of::<super::Reporting>(), &written["reporting"]),
        (fields_of::<super::ReportKeys>(), &written["reporting"]["keys"]),
        (fields_of::<super::VersionRange>(), &written["versions"]),
    ] {
        assert_eq!(described, keys(written));
    }
}

#[test]
fn what_an_offer_requires_is_what_the_domain_cannot_do_without() {
    let described = document_of::<super::Offer>();
    let required: BTreeSet<&str> =
        described["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for field in fields_of::<super::Offer>() {
        let mut without = full_offer();
        without.as_object_mut().unwrap().remove(&field);
        let reads = serde_json::from_value::<offer::Offer>(without).is_ok();
        assert_eq!(required.contains(field.as_str()), !reads, "{field}");
    }
}

#[test]
fn every_period_is_described() {
    let described = document_of::<super::Period>();
    let names: BTreeSet<String> =
        described["oneOf"].as_array().unwrap().iter().flat_map(|one| keys(&one["properties"])).collect();
    for period in [
        json!({"between": {"start": "2027-01-01T00:00:00Z", "end": "2028-01-01T00:00:00Z"}}),
        json!({"from_agreement": "P30D"}),
        json!({"from_first_use": "P30D"}),
    ] {
        serde_json::from_value::<term::Period>(period.clone()).unwrap();
        assert!(keys(&period).is_subset(&names), "{period}");
    }
    assert_eq!(names.len(), 3);
}

#[test]
fn every_value_that_is_described_can_be_read() {
    fn read<T: serde::de::DeserializeOwned>(values: Vec<Value>) {
        for value in values {
            serde_json::from_value::<T>(value).unwrap();
        }
    }
    read::<offer::Charging>(values_of::<super::Charging>());
    read::<offer::Counting>(values_of::<super::Counting>());
    read::<offer::OncePer>(values_of::<super::OncePer>());
    read::<offer::UserNames>(values_of::<super::UserNames>());
    read::<offer::Overdue>(values_of::<super::Overdue>());
    read::<offer::Sanction>(values_of::<super::Sanction>());
    read::<offer::OpenedBy>(values_of::<super::OpenedBy>());
    read::<license::Status>(values_of::<super::Status>());
    read::<journal::PassStatus>(values_of::<super::PassStatus>());
    read::<document::PassKind>(values_of::<super::PassKind>());
    read::<license::Line>(values_of::<super::Line>());
    read::<license::Bucket>(values_of::<super::Bucket>());
}

#[test]
fn a_posting_has_the_fields_that_are_described() {
    let posting = license::Posting {
        license: carnet_core::id::LicenseId([7; 16]),
        line: license::Line::Uses,
        from: license::Bucket::Remaining,
        to: license::Bucket::Held,
        amount: 1,
    };
    assert_eq!(fields_of::<super::Posting>(), keys(&serde_json::to_value(posting).unwrap()));
}
