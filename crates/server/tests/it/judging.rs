//! C4: verdicts without a person, with a key that the supplier has deposited and under agreements that say so.

use axum::http::StatusCode;
use carnet_core::app::AppId;
use carnet_core::id::{Digest, LicenseId, PassId, RequestId};
use carnet_core::offer::{Offer, OpenedBy, Reporting, Sanction};
use carnet_core::report::{Erased, ErasureCertificate, Mark, ReportRequest, Statement, Thing, Wanted};
use carnet_core::time::Length;
use carnet_seal::correspondence::CodePart;
use carnet_seal::report::attachment;
use carnet_seal::sealed::{self, Carried};
use carnet_seal::{cbor, sign};
use carnet_server::judging;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::device_world::Device;
use crate::reports::{arrived, ask, hand_in, listed, parts, request, secrets};
use crate::world::{Supplier, World, ten_runs};

/// What the supplier deposits: the half that opens.
fn opens() -> Value {
    json!({ "opens": HEXLOWER.encode(&[7; 32]) })
}

fn offer(opened_by: Option<OpenedBy>) -> Value {
    let mut offer: Offer = serde_json::from_value(ten_runs()).unwrap();
    let (keys, violation) = (Some(secrets().public()), Some(Sanction::Suspend));
    offer.reporting = Some(Reporting { keys, violation, opened_by, ..Reporting::kept_for(Length::days(30)) });
    serde_json::to_value(offer).unwrap()
}

/// A supplier whose app a device has a license for, under a clause that names the server or does not.
async fn contract(world: &World, opened_by: Option<OpenedBy>) -> (Supplier<'_>, Device, LicenseId) {
    let supplier = world.supplier("acme").await;
    let app: AppId = supplier.app("paint", &[offer(opened_by)]).await.parse().unwrap();
    let mut device = Device::registered(world).await;
    let license = device.buy(world, &app).await.license;
    (supplier, device, license)
}

/// The certificate of an erasure of which this was left over.
fn certificate(
    world: &World,
    device: &Device,
    license: LicenseId,
    nonce: Option<RequestId>,
    kept: Option<&str>,
) -> Vec<u8> {
    let digest = Digest([1; 32]);
    let thing = |what, kept: Option<&str>| Erased { what, size: 7, digest, kept: kept.map(Into::into) };
    let list = cbor::encode(&vec![
        thing(Thing::File("bin/paint".into()), kept),
        thing(Thing::Pass(PassId([2; 16])), None),
    ]);
    let says = Statement {
        server: device.server,
        device: device.id,
        device_key: device.key.public().into(),
        device_name: "desk".into(),
        user: device.user.unwrap(),
        app: "acme/paint".parse().unwrap(),
        license: Some(license),
        pass: None,
        at: world.now(),
        nonce,
        epoch: 1,
        head: Mark { sequence: 9, chain: digest },
        totals: device.totals.clone(),
        changed: None,
    };
    let signed = sign(ErasureCertificate { says, list: attachment(&list) }, &device.key).unwrap();
    sealed::seal(Carried::Certificate, signed.bytes(), &list, secrets().public().seal_to, [5; 32]).unwrap()
}

async fn deliver(world: &World, device: &Device, license: LicenseId, nonce: Option<RequestId>, code: &[u8]) {
    let part = parts(world, device, license, code).remove(0);
    let part = CodePart { wanted: Wanted::Erasure, nonce, ..part };
    assert_eq!(arrived(&hand_in(world, device, part).await), code.len() as u64);
}

async fn deposit(supplier: &Supplier<'_>) {
    let answer = supplier.put("/v1/report-key", &opens()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["keys"], json!([Digest(secrets().public().seal_to.0)]));
}

async fn erasure_request(
    world: &World,
    supplier: &Supplier<'_>,
    device: &Device,
    license: LicenseId,
) -> Option<RequestId> {
    let id = supplier.get("/v1/supplier").await.json()["id"].as_str().unwrap().to_owned();
    let wanted = ReportRequest { wanted: Wanted::Erasure, ..request(world, device, license, &id) };
    assert_eq!(ask(supplier, &wanted, &secrets()).await.status, StatusCode::CREATED);
    Some(wanted.nonce)
}

async fn status(supplier: &Supplier<'_>, license: LicenseId) -> Value {
    supplier.get(&format!("/v1/licenses/{license}")).await.json()["validity"]["status"].clone()
}

#[tokio::test]
async fn c3_c4_a_confirmed_erasure_that_was_asked_for_ends_the_license_without_a_person() {
    let world = World::new();
    let (supplier, device, license) = contract(&world, Some(OpenedBy::Server)).await;
    deposit(&supplier).await;
    let nonce = erasure_request(&world, &supplier, &device, license).await;
    let code = certificate(&world, &device, license, nonce, None);
    deliver(&world, &device, license, nonce, &code).await;
    judging::queued(&world.server).await;
    let found = listed(&supplier).await;
    assert_eq!(
        (&found[0]["state"], &found[0]["verdict"]["verdict"]),
        (&"judged".into(), &"erasure-confirmed".into())
    );
    assert_eq!(found[0]["verdict"]["by"], "the server, with the deposited key");
    assert_eq!(status(&supplier, license).await, "ended");
    assert_eq!(supplier.get("/v1/report-requests").await.json()["data"][0]["state"], "closed");
    let events = supplier.get("/v1/events").await.json();
    let judged = events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == "report-judged");
    assert_eq!(judged.count(), 1, "{events}");
    // The same answer to a request that is settled proves nothing.
    let again = certificate(&world, &device, license, nonce, Some("busy"));
    deliver(&world, &device, license, nonce, &again).await;
    judging::queued(&world.server).await;
    let found = listed(&supplier).await;
    let last = found.iter().find(|report| report["length"] == again.len()).unwrap();
    assert_eq!(last["verdict"]["verdict"], "ask-again", "{found:?}");
}

#[tokio::test]
async fn c4_a_violation_is_kept_with_its_reasons_and_what_the_clause_names_is_done() {
    let world = World::new();
    let (supplier, device, license) = contract(&world, Some(OpenedBy::Server)).await;
    deposit(&supplier).await;
    let code = certificate(&world, &device, license, None, Some("permission denied"));
    deliver(&world, &device, license, None, &code).await;
    judging::queued(&world.server).await;
    let verdict = listed(&supplier).await[0]["verdict"].clone();
    assert_eq!((&verdict["verdict"], &verdict["notice"]), (&"violation".into(), &true.into()), "{verdict}");
    assert_eq!(verdict["reasons"][0]["code"], "not-erased");
    assert_eq!(status(&supplier, license).await, "suspended");
    let told =
        world.post("/v1/account", &serde_json::to_value(device.account_query(world.now())).unwrap()).await;
    assert!(told.json()["notices"][0]["reasons"][0]["message"].as_str().unwrap().contains("bin/paint"));
    // The evidence stays, and the supplier can open it too.
    let id = listed(&supplier).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(supplier.get(&format!("/v1/reports/{id}/content?offset=0")).await.body, code);
}

#[tokio::test]
async fn c4_nothing_ends_because_somebody_has_erased_it_unasked() {
    let world = World::new();
    let (supplier, device, license) = contract(&world, Some(OpenedBy::Server)).await;
    deposit(&supplier).await;
    let code = certificate(&world, &device, license, None, None);
    deliver(&world, &device, license, None, &code).await;
    judging::queued(&world.server).await;
    assert_eq!(listed(&supplier).await[0]["verdict"]["verdict"], "erasure-confirmed");
    assert_eq!(status(&supplier, license).await, "active");
}

#[tokio::test]
async fn c4_i15_without_the_key_the_clause_or_the_right_supplier_nothing_is_opened() {
    for (what, opened_by) in [
        ("no key", Some(OpenedBy::Server)),
        ("withdrawn", Some(OpenedBy::Server)),
        ("another supplier's", Some(OpenedBy::Server)),
        ("not agreed", None),
    ] {
        let world = World::new();
        let (supplier, device, license) = contract(&world, opened_by).await;
        match what {
            "withdrawn" => {
                deposit(&supplier).await;
                let answer = supplier.post("/v1/report-key/withdraw", &json!({})).await;
                assert_eq!(answer.json()["keys"], json!([]), "{}", answer.text());
                assert_eq!(supplier.get("/v1/report-key").await.json()["keys"], json!([]));
            }
            "another supplier's" => {
                let other = world.supplier("other").await;
                deposit(&other).await;
                assert_eq!(
                    supplier.get("/v1/report-key").await.json()["keys"],
                    json!([]),
                    "a key of its own"
                );
            }
            "not agreed" => deposit(&supplier).await,
            _ => {}
        }
        let code = certificate(&world, &device, license, None, Some("busy"));
        deliver(&world, &device, license, None, &code).await;
        world.server.judging().look();
        judging::queued(&world.server).await;
        let found = listed(&supplier).await;
        assert_eq!((&found[0]["state"], &found[0]["verdict"]), (&"waiting".into(), &Value::Null), "{what}");
        assert_eq!(status(&supplier, license).await, "active", "{what}");
        if what != "not agreed" {
            // Once the key is there, what waits is judged.
            deposit(&supplier).await;
            judging::queued(&world.server).await;
            assert_eq!(listed(&supplier).await[0]["state"], "judged", "{what}");
        }
    }
}

#[tokio::test]
async fn c4_d2_what_came_before_the_server_died_is_judged_after_its_restart_and_once() {
    let world = World::new();
    let (supplier, device, license) = contract(&world, Some(OpenedBy::Server)).await;
    deposit(&supplier).await;
    let (token, name) = (supplier.token.clone(), supplier.name.clone());
    let code = certificate(&world, &device, license, None, Some("busy"));
    deliver(&world, &device, license, None, &code).await;
    let world = world.restart();
    let supplier = Supplier { world: &world, token, name };
    assert_eq!(listed(&supplier).await[0]["state"], "waiting");
    for _ in 0..2 {
        world.server.judging().look();
        judging::queued(&world.server).await;
    }
    assert_eq!(listed(&supplier).await[0]["verdict"]["verdict"], "violation");
    assert_eq!(status(&supplier, license).await, "suspended");
    let events = supplier.get("/v1/events").await.json();
    for kind in ["report-judged", "suspended"] {
        let found = events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == kind);
        assert_eq!(found.count(), 1, "{kind}: {events}");
    }
}

#[tokio::test]
async fn c4_a_damaged_code_stays_for_its_supplier_to_see() {
    let world = World::new();
    let (supplier, device, license) = contract(&world, Some(OpenedBy::Server)).await;
    deposit(&supplier).await;
    let mut code = certificate(&world, &device, license, None, None);
    *code.last_mut().unwrap() ^= 1;
    deliver(&world, &device, license, None, &code).await;
    judging::queued(&world.server).await;
    assert_eq!(listed(&supplier).await[0]["state"], "waiting");
}

#[tokio::test]
async fn c4_what_is_no_key_is_not_taken_and_only_the_supplier_itself_deposits() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    for opens in ["", "07", &"7g".repeat(32), &"07".repeat(33)] {
        let answer = supplier.put("/v1/report-key", &json!({ "opens": opens })).await;
        assert_eq!((answer.code(), answer.pointers()), ("invalid".into(), vec!["/opens".into()]), "{opens}");
    }
    for number in 0..17_u8 {
        let opens = json!({ "opens": HEXLOWER.encode(&[number; 32]) });
        let answer = supplier.put("/v1/report-key", &opens).await;
        assert_eq!(answer.status == StatusCode::OK, number < 16, "{number}: {}", answer.text());
    }
    let keys = supplier.get("/v1/report-key").await.json()["keys"].as_array().unwrap().len();
    assert_eq!(keys, 16);
}

/// The half that opens is encrypted in the database, and gone from it when it is withdrawn.
#[tokio::test]
async fn i17_a_deposited_key_is_nowhere_in_the_clear_and_leaves_with_its_withdrawal() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let seed: [u8; 32] = std::array::from_fn(|at| b"a canary that opens reports 5521"[at]);
    let taken = supplier.put("/v1/report-key", &json!({ "opens": HEXLOWER.encode(&seed) })).await;
    assert_eq!(taken.status, StatusCode::OK);
    let shown = supplier.get("/v1/report-key").await;
    let id = supplier.get("/v1/supplier").await.json()["id"].as_str().unwrap().to_owned();
    let kept = |world: &World| {
        let name = format!("report-key/{id}");
        world.server.store().read(move |tx| tx.setting(&name)).unwrap()
    };
    let row = kept(&world).unwrap();
    assert_eq!(row.len(), 92);
    for text in [row.as_slice(), &taken.body, &shown.body] {
        for canary in [seed.to_vec(), HEXLOWER.encode(&seed).into_bytes()] {
            assert!(!text.windows(canary.len()).any(|window| window == canary));
        }
    }
    let listed = format!("{:?}", carnet_api::report::NewDeposit { opens: HEXLOWER.encode(&seed) });
    assert!(!listed.contains(&HEXLOWER.encode(&seed)), "{listed}");
    supplier.post("/v1/report-key/withdraw", &json!({})).await;
    assert_eq!(kept(&world), None);
    supplier.post("/v1/report-key/withdraw", &json!({})).await;
}

/// As if the process had died when the license was suspended and the verdict was not written yet.
#[tokio::test]
async fn c4_d2_a_death_between_the_act_and_the_verdict_leaves_both_done_once() {
    let world = World::new();
    let (supplier, device, license) = contract(&world, Some(OpenedBy::Server)).await;
    deposit(&supplier).await;
    let code = certificate(&world, &device, license, None, Some("busy"));
    deliver(&world, &device, license, None, &code).await;
    let acted = supplier.post(&format!("/v1/licenses/{license}/suspend"), &json!({})).await;
    assert_eq!(acted.status, StatusCode::OK, "{}", acted.text());
    judging::queued(&world.server).await;
    assert_eq!(listed(&supplier).await[0]["verdict"]["verdict"], "violation");
    let events = supplier.get("/v1/events").await.json();
    let suspended = events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == "suspended");
    assert_eq!(suspended.count(), 1, "{events}");
    // A license that is over for good is judged all the same, and stays over.
    let ended = supplier.post(&format!("/v1/licenses/{license}/end"), &json!({})).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.text());
    let code = certificate(&world, &device, license, None, Some("still busy"));
    deliver(&world, &device, license, None, &code).await;
    judging::queued(&world.server).await;
    let found = listed(&supplier).await;
    assert!(found.iter().all(|report| report["state"] == "judged"), "{found:?}");
    assert_eq!(status(&supplier, license).await, "ended");
}
