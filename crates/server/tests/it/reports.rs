//! C4, C5: requests and sealed codes at the server, which carries both and can make or read neither.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use carnet_core::app::AppId;
use carnet_core::id::{Digest, LicenseId, RequestId};
use carnet_core::offer::{Offer, Reporting};
use carnet_core::report::{ReportRequest, Wanted};
use carnet_core::time::{Length, Seconds};
use carnet_seal::correspondence::{CBOR, CodePart, Inquiry, PART};
use carnet_seal::report::{ReportSecrets, attachment};
use carnet_seal::{cbor, sign};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::device_world::Device;
use crate::world::{Answer, Supplier, World, ten_runs};

pub fn secrets() -> ReportSecrets {
    ReportSecrets::from_seeds(&[7; 64])
}

fn offer() -> Value {
    let mut offer: Offer = serde_json::from_value(ten_runs()).unwrap();
    let keys = Some(secrets().public());
    offer.reporting = Some(Reporting { keys, ..Reporting::kept_for(Length::days(30)) });
    serde_json::to_value(offer).unwrap()
}

/// A supplier whose app a device has a license for.
async fn contract(world: &World) -> (Supplier<'_>, Device, LicenseId) {
    let supplier = world.supplier("acme").await;
    let app: AppId = supplier.app("paint", &[offer()]).await.parse().unwrap();
    let mut device = Device::registered(world).await;
    let license = device.buy(world, &app).await.license;
    (supplier, device, license)
}

async fn post(world: &World, path: &str, body: Vec<u8>) -> Answer {
    let request = Request::post(path).header("content-type", CBOR);
    world.send(request.body(Body::from(body)).unwrap()).await
}

pub fn parts(world: &World, device: &Device, license: LicenseId, code: &[u8]) -> Vec<CodePart> {
    let named = attachment(code);
    let part = |(number, bytes): (usize, &[u8])| CodePart {
        server: device.server,
        device: device.id,
        at: world.now(),
        license,
        wanted: Wanted::Usage,
        nonce: None,
        length: named.length,
        digest: named.digest,
        offset: (number * PART) as u64,
        bytes: bytes.to_vec(),
        signature: [0; 64],
    };
    code.chunks(PART).enumerate().map(part).collect()
}

pub async fn hand_in(world: &World, device: &Device, mut part: CodePart) -> Answer {
    part.signature = device.key.sign(&part.statement());
    post(world, "/v1/device/reports", part.encode()).await
}

pub fn arrived(answer: &Answer) -> u64 {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    cbor::decode(&answer.body).unwrap()
}

pub async fn listed(supplier: &Supplier<'_>) -> Vec<Value> {
    supplier.get("/v1/reports").await.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn c5_d2_a_code_comes_in_parts_that_may_be_repeated_and_is_stored_once() {
    let world = World::new();
    let (supplier, device, license) = contract(&world).await;
    let code: Vec<u8> = (0..PART + 1_000).map(|at| (at % 251) as u8).collect();
    let parts = parts(&world, &device, license, &code);
    assert_eq!(arrived(&hand_in(&world, &device, parts[0].clone()).await), PART as u64);
    assert_eq!(listed(&supplier).await, Vec::<Value>::new(), "half a code is none");
    // A lost answer, and the whole thing once more.
    for _ in 0..2 {
        assert_eq!(arrived(&hand_in(&world, &device, parts[0].clone()).await), PART as u64);
    }
    assert_eq!(arrived(&hand_in(&world, &device, parts[1].clone()).await), code.len() as u64);
    for part in &parts {
        assert_eq!(arrived(&hand_in(&world, &device, part.clone()).await), code.len() as u64);
    }
    let found = listed(&supplier).await;
    assert_eq!(
        (found.len(), &found[0]["state"], &found[0]["length"]),
        (1, &"waiting".into(), &code.len().into())
    );
    let id = found[0]["id"].as_str().unwrap();
    let mut fetched = Vec::new();
    while fetched.len() < code.len() {
        let part = supplier.get(&format!("/v1/reports/{id}/content?offset={}", fetched.len())).await;
        assert_eq!(part.status, StatusCode::OK);
        fetched.extend_from_slice(&part.body);
    }
    assert_eq!(fetched, code);
    let events = supplier.get("/v1/events").await.json();
    let received =
        events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == "report-received");
    assert_eq!(received.count(), 1, "{events}");
}

#[tokio::test]
async fn c4_i14_codes_that_nobody_can_stand_for_are_not_taken() {
    let world = World::new();
    let (supplier, device, license) = contract(&world).await;
    let good = parts(&world, &device, license, b"sealed").remove(0);
    let code = |answer: Answer| (answer.status.as_u16(), answer.code());
    let changed = |change: &dyn Fn(&mut CodePart)| {
        let mut part = good.clone();
        change(&mut part);
        part
    };
    let stranger = Device::registered(&world).await;
    let table = [
        ("an hour old", changed(&|part| part.at = part.at.minus(Seconds(3_600))), (401, "stale")),
        ("for another server", changed(&|part| part.server.0[0] ^= 1), (421, "wrong-server")),
        ("no license of its user", changed(&|part| part.license.0[0] ^= 1), (404, "not-found")),
        ("another digest", changed(&|part| part.digest.0[0] ^= 1), (422, "invalid")),
        ("longer than said", changed(&|part| part.length = 3), (422, "invalid")),
        ("100 MB", changed(&|part| part.length = 100 << 20), (413, "too-large")),
        ("nothing", changed(&|part| part.length = 0), (413, "too-large")),
        ("half a part", changed(&|part| part.length = 1_000), (422, "invalid")),
    ];
    for (what, part, expected) in table {
        let answer = code(hand_in(&world, &device, part).await);
        assert_eq!((answer.0, answer.1.as_str()), expected, "{what}");
    }
    let foreign = CodePart { device: stranger.id, ..good.clone() };
    assert_eq!(code(hand_in(&world, &stranger, foreign).await).0, 404, "a license of somebody else");
    let mut unsigned = good.clone();
    unsigned.signature = stranger.key.sign(&unsigned.statement());
    assert_eq!(
        code(post(&world, "/v1/device/reports", unsigned.encode()).await),
        (401, "bad-signature".into())
    );
    let letter = post(&world, "/v1/device/reports", b"Dear supplier".to_vec()).await;
    assert_eq!(code(letter), (400, "bad-document".into()));
    assert_eq!(listed(&supplier).await, Vec::<Value>::new(), "nothing of it is kept");
    assert_eq!(arrived(&hand_in(&world, &device, good).await), 6);
}

#[tokio::test]
async fn c5_a_user_cannot_fill_the_server_and_nothing_is_kept_for_ever() {
    let world = World::new();
    let (supplier, device, license) = contract(&world).await;
    for number in 0..100_u8 {
        let part = parts(&world, &device, license, &[number]).remove(0);
        assert_eq!(arrived(&hand_in(&world, &device, part).await), 1);
    }
    let one_more = parts(&world, &device, license, b"one more").remove(0);
    let refused = hand_in(&world, &device, one_more.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "invalid".into()));
    let id = listed(&supplier).await[0]["id"].as_str().unwrap().to_owned();
    let content = format!("/v1/reports/{id}/content?offset=0");
    assert_eq!(supplier.get(&content).await.status, StatusCode::OK);
    world.clock.pass(std::time::Duration::from_secs(401 * 86_400));
    let later = CodePart { at: world.now(), ..one_more };
    assert_eq!(arrived(&hand_in(&world, &device, later).await), 8);
    assert_eq!(supplier.get(&content).await.status, StatusCode::NOT_FOUND, "its time is over");
}

pub fn request(world: &World, device: &Device, license: LicenseId, supplier: &str) -> ReportRequest {
    let secrets = secrets();
    ReportRequest {
        server: device.server,
        supplier: supplier.parse().unwrap(),
        app: "acme/paint".parse().unwrap(),
        user: device.user.unwrap(),
        license,
        device: None,
        nonce: RequestId([9; 16]),
        at: world.now(),
        due: world.now().plus(Seconds(86_400)),
        wanted: Wanted::Usage,
        keys: secrets.public(),
    }
}

pub async fn ask(supplier: &Supplier<'_>, request: &ReportRequest, key: &ReportSecrets) -> Answer {
    let document = BASE64.encode(sign(request.clone(), &key.asks).unwrap().bytes());
    supplier.post("/v1/report-requests", &json!({ "document": document })).await
}

async fn wanted(world: &World, device: &Device) -> Vec<Vec<u8>> {
    let (server, at) = (device.server, world.now());
    let mut inquiry = Inquiry { server, device: device.id, at, signature: [0; 64] };
    inquiry.signature = device.key.sign(&inquiry.statement());
    let answer = post(world, "/v1/device/report-requests", inquiry.encode()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    cbor::decode(&answer.body).unwrap()
}

#[tokio::test]
async fn c4_a_request_is_carried_only_when_the_agreed_keys_have_signed_it() {
    let world = World::new();
    let (supplier, device, license) = contract(&world).await;
    let id = supplier.get("/v1/supplier").await.json()["id"].as_str().unwrap().to_owned();
    let good = request(&world, &device, license, &id);
    let thief = ReportSecrets::from_seeds(&[8; 64]);
    assert_eq!(ask(&supplier, &good, &thief).await.code(), "invalid", "the server cannot ask in its name");
    let other = ReportRequest { app: "acme/clock".parse().unwrap(), ..good.clone() };
    assert_eq!(ask(&supplier, &other, &secrets()).await.code(), "invalid");
    let stranger = world.supplier("other").await;
    assert_eq!(ask(&stranger, &good, &secrets()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(wanted(&world, &device).await, Vec::<Vec<u8>>::new());
    for _ in 0..2 {
        assert_eq!(ask(&supplier, &good, &secrets()).await.status, StatusCode::CREATED);
    }
    assert_eq!(wanted(&world, &device).await.len(), 1, "the same request once more is one");
    assert_eq!(wanted(&world, &Device::registered(&world).await).await, Vec::<Vec<u8>>::new());
    let events = supplier.get("/v1/events").await.json();
    let requested =
        events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == "report-requested");
    assert_eq!(requested.count(), 1, "{events}");
}

#[tokio::test]
async fn c4_i15_verdicts_are_kept_with_their_evidence_and_another_supplier_sees_none() {
    let world = World::new();
    let (supplier, device, license) = contract(&world).await;
    let digest = Digest([3; 32]);
    let id = format!("rep_{}", "03".repeat(16));
    let verdict = json!({
        "digest": digest, "length": 6, "license": license, "device": device.id, "wanted": "usage",
        "closes": true, "verdict": "violation", "notice": true,
        "reasons": [{"code": "rollback", "message": "3 records, 9 were known"}],
    });
    let path = format!("/v1/reports/{id}/verdict");
    let stranger = world.supplier("other").await;
    assert_eq!(stranger.post(&path, &verdict).await.status, StatusCode::NOT_FOUND);
    assert_eq!(supplier.post(&path, &verdict).await.status, StatusCode::OK);
    let mut wrong = verdict.clone();
    wrong["verdict"] = "fine".into();
    assert_eq!(supplier.post(&path, &wrong).await.code(), "invalid");
    let found = listed(&supplier).await;
    assert_eq!(found[0]["verdict"]["reasons"][0]["code"], "rollback");
    assert_eq!(listed(&stranger).await, Vec::<Value>::new());
    let told =
        world.post("/v1/account", &serde_json::to_value(device.account_query(world.now())).unwrap()).await;
    assert_eq!(told.json()["notices"][0]["reasons"][0]["message"], "3 records, 9 were known");
    let event = supplier.get("/v1/events").await.json()["data"][0].clone();
    assert_eq!(
        (&event["kind"], &event["stated_reason"]),
        (&"report-judged".into(), &"violation rollback".into())
    );
}

/// A verdict of the supplier on what a device has handed in as the answer to a request.
async fn judge(supplier: &Supplier<'_>, device: &Device, license: LicenseId, code: &[u8], nonce: RequestId) {
    let named = attachment(code);
    let id = carnet_store::report::id_of(named.digest);
    let verdict = json!({
        "digest": named.digest, "length": named.length, "license": license, "device": device.id,
        "wanted": "usage", "nonce": nonce, "closes": true, "verdict": "within-contract",
    });
    let answer = supplier.post(&format!("/v1/reports/{id}/verdict"), &verdict).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test]
async fn c4_a_request_to_all_devices_names_those_that_have_not_answered_and_closes_with_the_last() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let mut two = offer();
    two["devices"] = 2.into();
    two["pass_term"] = json!({"uses": 1});
    let app: AppId = supplier.app("paint", &[two]).await.parse().unwrap();
    let codes = [carnet_core::document::Secret([1; 16]), carnet_core::document::Secret([2; 16])];
    crate::shop::sell(&supplier, &crate::shop::sale(&codes)).await;
    let (mut desk, _) = crate::shop::joins(&world, codes[0]).await;
    let (mut laptop, _) = crate::shop::joins(&world, codes[1]).await;
    let license = desk.buy(&world, &app).await.license;
    let renewed = laptop.ask(&world, Some(&app), carnet_core::document::Operation::Renew { uses: 1 }).await;
    assert!(matches!(renewed.body, carnet_core::document::Body::Pass(_)), "{renewed:?}");

    let id = supplier.get("/v1/supplier").await.json()["id"].as_str().unwrap().to_owned();
    let asked = request(&world, &desk, license, &id);
    assert_eq!(ask(&supplier, &asked, &secrets()).await.status, StatusCode::CREATED);
    let shown = async || {
        let first = supplier.get("/v1/report-requests").await.json()["data"][0].clone();
        let missing = first["missing"].as_array().cloned().unwrap_or_default();
        (first["state"].as_str().unwrap().to_owned(), missing)
    };
    let ids = |devices: &[&Device]| -> Vec<Value> {
        devices.iter().map(|device| serde_json::to_value(device.id).unwrap()).collect()
    };
    let (state, mut missing) = shown().await;
    let mut both = ids(&[&desk, &laptop]);
    missing.sort_by_key(ToString::to_string);
    both.sort_by_key(ToString::to_string);
    assert_eq!((state.as_str(), missing), ("open", both));

    for (device, code, after) in [
        (&desk, &b"of the desk"[..], ("answered", ids(&[&laptop]))),
        (&laptop, &b"of the laptop"[..], ("closed", Vec::new())),
    ] {
        assert_eq!(wanted(&world, device).await.len(), 1, "it is still asked");
        let part = CodePart { nonce: Some(asked.nonce), ..parts(&world, device, license, code).remove(0) };
        assert_eq!(arrived(&hand_in(&world, device, part).await), code.len() as u64);
        judge(&supplier, device, license, code, asked.nonce).await;
        assert_eq!(wanted(&world, device).await.len(), 0, "once is enough");
        let (state, missing) = shown().await;
        assert_eq!((state.as_str(), missing), after);
    }
}
