//! Apps, licenses and events.

use carnet_api::app::App;
use carnet_api::license::{License, PassView};
use carnet_api::page::Page;
use carnet_core::document::{PassKind, Reason};
use carnet_core::id::{DeviceId, Digest, LicenseId, SupplierId, UserId};
use carnet_core::journal::PassStatus;
use carnet_core::license::{self as domain, Balance, Holder, Right, Standing};
use carnet_core::offer::Listed;
use carnet_core::time::Time;

use crate::carnet::Carnet;
use crate::fake::{Fake, Says, json};
use crate::menu::ten_runs;

fn app() -> App {
    App {
        id: "acme/paint".parse().unwrap(),
        display_name: "Acme Paint".into(),
        registered: Time::EPOCH,
        menu_serial: 0,
        offers: 0,
    }
}

fn license(number: u8, standing: Standing) -> License {
    let listed = Listed { app: "acme/paint".parse().unwrap(), serial: 3, offer: ten_runs() };
    let held = Right::new(1, Holder::Device { device: DeviceId([8; 16]), until: None });
    let (id, user, supplier) = (LicenseId([number; 16]), UserId([9; 16]), SupplierId([7; 16]));
    let mut domain = domain::License::new(id, user, supplier, listed, DeviceId([8; 16]), Time::EPOCH);
    domain.standing = standing;
    domain.rights = vec![held];
    domain.uses = Some(Balance { total: 10, remaining: 9, held: 1, ..Balance::EMPTY });
    let pass = PassView {
        device: DeviceId([8; 16]),
        status: PassStatus::Valid,
        kind: PassKind::Full,
        expires: None,
        grace_until: None,
        movement: None,
        outstanding_uses: None,
        outstanding_seconds: None,
    };
    License::at(&domain, vec![pass], Time::EPOCH)
}

fn page<T>(data: Vec<T>, next: Option<&str>) -> Page<T> {
    Page { data, next_cursor: next.map(str::to_owned) }
}

#[test]
fn a1_apps_are_added_and_listed() {
    let fake = Fake::new(vec![json(&app()), json(&page(vec![app()], None)), json(&page(vec![app()], None))]);
    let carnet = Carnet::new();
    let added =
        carnet.run_at(&fake.url, &["supplier", "app", "add", "acme/paint", "--display-name", "Acme Paint"]);
    assert!(added.code == 0 && added.out.contains("carnet supplier menu set acme/paint"), "{added:?}");
    let list = carnet.run_at(&fake.url, &["supplier", "app", "list"]);
    assert_eq!(list.out.lines().next(), Some("APP         NAME        OFFERS  MENU SERIAL  REGISTERED"));
    assert!(list.out.contains("acme/paint  Acme Paint  0       0            1970-01-01\n"), "{list:?}");
    let list = carnet.run_at(&fake.url, &["supplier", "app", "list", "--json"]).json();
    assert_eq!(list["data"][0]["id"], "acme/paint");
    let seen = fake.seen();
    assert_eq!(seen[0].line, "POST /v1/apps");
    assert_eq!(seen[0].body, r#"{"id":"acme/paint","display_name":"Acme Paint"}"#);
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
}

#[test]
fn a7_licenses_are_listed_page_by_page_with_what_remains() {
    let pages = [
        page(vec![license(1, Standing::Active)], Some("x=1")),
        page(vec![license(2, Standing::Suspended)], None),
    ];
    let fake = Fake::new(pages.iter().map(json).collect());
    let arguments = ["supplier", "licenses", "--app", "acme/paint", "--status", "active", "--limit", "250"];
    let list = Carnet::new().run_at(&fake.url, &arguments);
    assert_eq!(list.code, 0, "{list:?}");
    let lines: Vec<_> = list.out.lines().collect();
    assert!(lines[0].starts_with("LICENSE ") && lines.len() == 3, "{list:?}");
    assert!(
        lines[1].contains("good") && lines[1].contains("9 uses") && lines[1].contains("1 of 1"),
        "{list:?}"
    );
    assert!(lines[2].contains("suspended by the supplier") && lines[2].ends_with('–'), "{list:?}");
    let seen = fake.seen();
    assert_eq!(seen[0].line, "GET /v1/licenses?limit=200&app=acme%2Fpaint&status=active");
    assert_eq!(seen[1].line, "GET /v1/licenses?limit=200&cursor=x%3D1&app=acme%2Fpaint&status=active");
}

#[test]
fn a_list_that_goes_on_says_so() {
    let fake = Fake::new(vec![json(&page(vec![license(1, Standing::Active)], Some("2")))]);
    let list = Carnet::new().run_at(&fake.url, &["supplier", "licenses", "--limit", "1"]);
    assert_eq!((list.code, list.err.as_str()), (0, "There are more: raise --limit.\n"));
}

#[test]
fn a7_a_license_is_shown_with_what_was_agreed_and_what_remains() {
    let fake = Fake::new(vec![json(&license(1, Standing::Active)), json(&license(1, Standing::Active))]);
    let id = LicenseId([1; 16]).to_string();
    let carnet = Carnet::new();
    let shown = carnet.run_at(&fake.url, &["supplier", "license", "show", &id]);
    for line in [
        "Status        good (active)",
        "Uses left     9 uses",
        "Time left     –",
        "  Condition     Ten runs",
        "  Each pass     1 use at a time",
        "dev_08080808080808080808080808080808  valid   full  –        –",
    ] {
        assert!(shown.out.contains(line), "{line}\n{}", shown.out);
    }
    let json = carnet.run_at(&fake.url, &["supplier", "license", "show", &id, "--json"]).json();
    assert_eq!(json["validity"]["status"], "active");
    assert_eq!(fake.seen()[0].line, format!("GET /v1/licenses/{id}"));
}

#[test]
fn a_license_is_suspended_reinstated_and_revoked_only_after_a_yes() {
    let standings = [Standing::Suspended, Standing::Active, Standing::Revoked, Standing::Ended];
    let answers = standings.map(|now| json(&license(1, now)));
    let fake = Fake::new(Vec::from(answers));
    let carnet = Carnet::new();
    let id = LicenseId([1; 16]).to_string();
    let act = |act: &str, more: &[&str]| {
        carnet.run_at(&fake.url, &[&["supplier", "license", act, &id], more].concat())
    };
    assert_eq!(act("suspend", &[]).out, format!("{id} is now: suspended by the supplier\n"));
    assert_eq!(act("reinstate", &[]).out, format!("{id} is now: good\n"));
    assert_eq!(act("revoke", &["--json"]).failed(), (2, "needs-answer".into()));
    assert_eq!(fake.seen().len(), 2, "nothing is revoked without a yes");
    assert_eq!(act("revoke", &["--yes"]).out, format!("{id} is now: revoked by the supplier\n"));
    assert_eq!(fake.seen()[2].line, format!("POST /v1/licenses/{id}/revoke"));
    assert_eq!(act("end", &["--json"]).failed(), (2, "needs-answer".into()));
    assert_eq!(act("end", &["--yes"]).out, format!("{id} is now: contract ended\n"));
    assert_eq!(fake.seen()[3].line, format!("POST /v1/licenses/{id}/end"));
    assert!(fake.seen().iter().all(|seen| seen.body.is_empty()), "no reason, no body");
}

#[test]
fn d2_what_changes_something_carries_a_key_and_is_sent_once_more_when_its_answer_is_lost() {
    let half = || Says::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec());
    let answer = || json(&license(1, Standing::Suspended));
    let fake = Fake::new(vec![half(), answer(), answer(), json(&license(1, Standing::Suspended))]);
    let carnet = Carnet::new();
    let id = LicenseId([1; 16]).to_string();
    for act in ["suspend", "suspend", "show"] {
        assert_eq!(carnet.run_at(&fake.url, &["supplier", "license", act, &id]).code, 0);
    }
    let seen = fake.seen();
    let key = |at: usize| seen[at].header("idempotency-key");
    assert!(key(0).is_some_and(|key| key.len() == 32) && key(0) == key(1), "{seen:?}");
    assert!(key(2).is_some() && key(2) != key(0), "the same said once more is meant once more");
    assert_eq!(key(3), None, "reading needs none");
}

#[test]
fn a_reason_in_the_suppliers_words_goes_along_and_is_shown_with_the_event() {
    let event = serde_json::json!({
        "seq": 8, "at": Time::EPOCH, "kind": "suspended", "license": LicenseId([1; 16]),
        "by": "token first", "stated_reason": "chargeback of 3 May", "postings": [],
    });
    let fake = Fake::new(vec![json(&license(1, Standing::Suspended)), json(&page(vec![event], None))]);
    let carnet = Carnet::new();
    let id = LicenseId([1; 16]).to_string();
    let suspend = |reason: &str| {
        carnet.run_at(&fake.url, &["supplier", "license", "suspend", &id, "--reason", reason, "--json"])
    };
    for wrong in ["", "two\nlines", &"x".repeat(201)] {
        assert_eq!(suspend(wrong).failed(), (2, "usage".into()));
    }
    assert_eq!(suspend("chargeback of 3 May").code, 0);
    assert_eq!(fake.seen()[0].body, r#"{"reason":"chargeback of 3 May"}"#);
    let events = carnet.run_at(&fake.url, &["supplier", "events"]).out;
    assert!(events.contains("by token first; because: chargeback of 3 May"), "{events}");
}

#[test]
fn b2_d5_events_say_what_of_a_machine_had_changed() {
    let changed = "3 of 5 changed: board, disk, network adapter";
    let event = serde_json::json!({
        "seq": 8, "at": Time::EPOCH, "kind": "device-replaced", "license": LicenseId([1; 16]),
        "device": DeviceId([8; 16]), "changed": changed, "of": 7, "postings": [],
    });
    let fake = Fake::new(vec![json(&page(vec![event], None))]);
    let shown = Carnet::new().run_at(&fake.url, &["supplier", "events"]);
    let remarks = format!("{changed}; along with event 7");
    assert!(shown.out.contains("device-replaced") && shown.out.contains(&remarks), "{shown:?}");
}

#[test]
fn d3_events_show_that_there_is_evidence_and_json_shows_all_of_it() {
    let digest = Digest([5; 32]);
    let event = serde_json::json!({
        "seq": 7,
        "at": Time::EPOCH,
        "kind": "flagged",
        "license": LicenseId([1; 16]),
        "app": "acme/paint",
        "device": DeviceId([8; 16]),
        "reason": Reason::ForkOrRollback,
        "by": "token first",
        "evidence": {
            "quoted_epoch": 3, "expected_epoch": 5, "quoted_answer": digest, "expected_answer": digest,
            "journal_head": digest,
        },
        "postings": [],
    });
    let fake = Fake::new(vec![json(&page(vec![event.clone()], None)), json(&page(vec![event], None))]);
    let carnet = Carnet::new();
    let id = LicenseId([1; 16]).to_string();
    let shown = carnet.run_at(&fake.url, &["supplier", "events", "--license", &id]);
    assert!(shown.out.contains("flagged") && shown.out.contains("by token first"), "{shown:?}");
    assert!(
        shown.out.contains(Reason::ForkOrRollback.in_words())
            && shown.out.contains("quoted epoch 3, expected was 5"),
        "{shown:?}"
    );
    let json = carnet.run_at(&fake.url, &["supplier", "events", "--json"]).json();
    assert_eq!(json["data"][0]["evidence"]["journal_head"], digest.to_string());
    assert_eq!(fake.seen()[0].line, format!("GET /v1/events?limit=50&license={id}"));
}
