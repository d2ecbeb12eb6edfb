//! How often somebody may ask who has not proved who it is, and how often codes may be guessed.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body as Bytes;
use axum::http::{Request, StatusCode};
use carnet_core::app::AppId;
use carnet_core::document::{Body, Joins, Operation, Reason, Redemption, Secret};
use carnet_core::id::Digest;
use carnet_seal::code::{CodeKind, CodeText, digest_of};
use carnet_server::admission::{Peer, Policy};
use carnet_server::attempts::{self, Subject};
use serde_json::json;

use crate::device_world::{Device, shop};
use crate::world::{Answer, World};

const OFFICE: &str = "203.0.113.9";
const ELSEWHERE: &str = "198.51.100.1";

fn strict(requests_per_minute: u32, wrong_codes_per_hour: u32) -> World {
    World::with(Policy { requests_per_minute, wrong_codes_per_hour, ..Policy::default() })
}

/// A request as it arrives from this address.
async fn from(world: &World, address: &str, mut request: Request<Bytes>) -> Answer {
    request.extensions_mut().insert(Peer(address.parse::<IpAddr>().unwrap()));
    world.send(request).await
}

async fn get(world: &World, address: &str, path: &str) -> Answer {
    from(world, address, Request::get(path).body(Bytes::empty()).unwrap()).await
}

async fn post(world: &World, address: &str, path: &str, body: serde_json::Value) -> Answer {
    let request = Request::post(path).header("content-type", "application/json");
    from(world, address, request.body(Bytes::from(body.to_string())).unwrap()).await
}

async fn document(world: &World, address: &str, bytes: Vec<u8>) -> Answer {
    let request = Request::post("/v1/device").header("content-type", "application/cose");
    from(world, address, request.body(Bytes::from(bytes)).unwrap()).await
}

/// Which problem it is and how many seconds to wait.
fn refused(answer: &Answer) -> (StatusCode, String, u64) {
    let wait = answer.headers.get("retry-after").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    (answer.status, answer.code(), wait)
}

fn too_many(code: &str, seconds: u64) -> (StatusCode, String, u64) {
    (StatusCode::TOO_MANY_REQUESTS, code.to_owned(), seconds)
}

/// A request to join a user by a code that nobody has made.
fn guess(world: &World, number: u8) -> Vec<u8> {
    let stranger = Device::new(world);
    let Operation::Register(mut registration) = stranger.registration() else { panic!() };
    registration.joins = Joins::By(Secret([number; 16]));
    stranger.message(&stranger.request(world, None, Operation::Register(registration)))
}

async fn register(world: &World, address: &str, code: &str) -> Answer {
    let new = json!({"setup_code": code, "name": "acme", "display_name": "Acme"});
    post(world, address, "/v1/suppliers", new).await
}

#[tokio::test]
async fn an_address_without_a_proof_is_answered_so_often_in_a_minute() {
    let world = strict(6, 0);
    shop(&world).await;
    for _ in 0..6 {
        assert_eq!(get(&world, OFFICE, "/v1/menu/acme/paint").await.status, StatusCode::OK);
    }
    for path in ["/v1/menu/acme/paint", "/v1/apps"] {
        assert_eq!(refused(&get(&world, OFFICE, path).await), too_many("too-many-requests", 10), "{path}");
    }
    // Nobody else waits, and what costs nothing and is needed to begin is not counted.
    assert_eq!(get(&world, ELSEWHERE, "/v1/menu/acme/paint").await.status, StatusCode::OK);
    for path in ["/v1/key-set", "/v1/server", "/healthz", "/readyz", "/problems/stale"] {
        assert_eq!(get(&world, OFFICE, path).await.status, StatusCode::OK, "{path}");
    }
    world.clock.pass(Duration::from_secs(10));
    assert_eq!(get(&world, OFFICE, "/v1/menu/acme/paint").await.status, StatusCode::OK);
}

#[tokio::test]
async fn i8_a_fleet_behind_one_address_goes_on_whatever_else_comes_from_there() {
    let world = strict(6, 3);
    let (supplier, app) = shop(&world).await;
    let mut fleet = Vec::new();
    for _ in 0..4 {
        let mut device = Device::registered(&world).await;
        device.buy(&world, &app).await;
        fleet.push(device);
        world.clock.pass(Duration::from_secs(60));
    }
    // Somebody behind the same address asks and guesses until nothing is left.
    for number in 0..20 {
        get(&world, OFFICE, "/v1/menu/acme/paint").await;
        document(&world, OFFICE, guess(&world, number)).await;
    }
    assert_eq!(refused(&document(&world, OFFICE, vec![1, 2, 3]).await).1, "too-many-requests");
    for round in 0..5 {
        for device in &mut fleet {
            let request = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
            let answer = document(&world, OFFICE, device.message(&request)).await;
            assert_eq!(answer.status, StatusCode::OK, "round {round}: {}", answer.text());
            device.receive(&world, &request, &answer.body);
            let query = serde_json::to_value(device.account_query(world.now())).unwrap();
            assert_eq!(post(&world, OFFICE, "/v1/account", query).await.status, StatusCode::OK);
        }
        let mut request = Request::get("/v1/licenses");
        request = request.header("authorization", format!("Bearer {}", supplier.token));
        let listed = from(&world, OFFICE, request.body(Bytes::empty()).unwrap()).await;
        assert_eq!(listed.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn wrong_codes_of_an_address_are_counted_together_and_a_restart_forgives_none() {
    let world = strict(0, 4);
    let code = world.code();
    assert_eq!(refused(&register(&world, OFFICE, "carnet_setup_guessed").await).1, "wrong-setup-code");
    let redeem = CodeText { kind: CodeKind::Redeem, secret: Secret([7; 16]) }.to_string();
    let looked = post(&world, OFFICE, "/v1/redeem", json!({"code": redeem})).await;
    assert_eq!(refused(&looked).1, "bad-code");
    for number in 0..2 {
        let answer = document(&world, OFFICE, guess(&world, number)).await;
        assert_eq!(answer.headers["content-type"], "application/cose", "a signed refusal: {}", answer.text());
    }
    let world = world.restart();
    let waits = too_many("too-many-attempts", 900);
    // A right code is not found out either while its turn has not come.
    assert_eq!(refused(&register(&world, OFFICE, &code).await), waits);
    assert_eq!(refused(&post(&world, OFFICE, "/v1/redeem", json!({"code": redeem})).await), waits);
    assert_eq!(refused(&document(&world, OFFICE, guess(&world, 9)).await), waits);
    // Those who wait cost nothing: they do not push their own end away.
    world.clock.pass(Duration::from_secs(899));
    assert_eq!(refused(&document(&world, OFFICE, guess(&world, 9)).await), too_many("too-many-attempts", 1));
    world.clock.pass(Duration::from_secs(1));
    let code = world.code();
    assert_eq!(register(&world, OFFICE, &code).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_address_elsewhere_does_not_wait_and_what_was_counted_is_forgotten() {
    let world = strict(0, 2);
    for _ in 0..2 {
        register(&world, OFFICE, "carnet_setup_guessed").await;
    }
    assert_eq!(refused(&register(&world, OFFICE, "carnet_setup_guessed").await).1, "too-many-attempts");
    let code = world.code();
    assert_eq!(register(&world, ELSEWHERE, &code).await.status, StatusCode::CREATED);

    let rows = || {
        let path = world.folder.data().join("carnet.db");
        let database = rusqlite::Connection::open(path).unwrap();
        database.query_row("SELECT count(*) FROM attempt", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(rows(), 1);
    world.clock.pass(Duration::from_secs(3_600));
    register(&world, ELSEWHERE, "carnet_setup_guessed").await;
    assert_eq!(rows(), 1, "the first address is forgotten, the second is counted");
}

#[tokio::test]
async fn redeem_codes_that_a_device_guesses_are_counted_for_its_user_wherever_it_asks() {
    let world = strict(0, 3);
    let (supplier, app) = shop(&world).await;
    let digest = digest_of(Secret([77; 16]));
    made(&supplier, &app, digest).await;
    let mut device = Device::registered(&world).await;
    for (number, address) in [(1, OFFICE), (2, ELSEWHERE), (3, OFFICE)] {
        let answer = redeem(&world, address, &mut device, &app, Secret([number; 16])).await;
        assert_eq!(answer.unwrap(), Some(Reason::BadCode));
    }
    let waits = redeem(&world, "192.0.2.44", &mut device, &app, Secret([77; 16])).await.unwrap_err();
    assert_eq!(refused(&waits), too_many("too-many-attempts", 1_200));
    // Others of the same address redeem, and so does this one when its time has come: nobody is stuck (I8).
    world.clock.pass(Duration::from_secs(1_200));
    assert_eq!(redeem(&world, OFFICE, &mut device, &app, Secret([77; 16])).await.unwrap(), None);
}

#[tokio::test]
async fn a_known_device_redeems_though_its_address_has_guessed() {
    let world = strict(6, 2);
    let (supplier, app) = shop(&world).await;
    made(&supplier, &app, digest_of(Secret([77; 16]))).await;
    let mut device = Device::registered(&world).await;
    for number in 0..9 {
        document(&world, OFFICE, guess(&world, number)).await;
    }
    assert_eq!(redeem(&world, OFFICE, &mut device, &app, Secret([77; 16])).await.unwrap(), None);
}

#[tokio::test]
async fn limits_of_zero_limit_nothing() {
    let world = strict(0, 0);
    for number in 0..100 {
        assert_eq!(document(&world, OFFICE, guess(&world, number)).await.status, StatusCode::OK);
    }
    let user = Subject::User(carnet_core::id::UserId([1; 16]));
    attempts::note(&world.server, user).await.unwrap();
    assert_eq!(attempts::may_try(&world.server, user).await, Ok(()));
}

async fn made(supplier: &crate::world::Supplier<'_>, app: &AppId, digest: Digest) {
    let new = json!({"app": app, "offer": "ten-runs", "label": "shop", "digests": [digest]});
    let answer = supplier.post("/v1/redeem-codes", &new).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

/// What a signed refusal says; none: the code was taken.
async fn redeem(
    world: &World,
    address: &str,
    device: &mut Device,
    app: &AppId,
    code: Secret,
) -> Result<Option<Reason>, Answer> {
    let listed = world.server.store().read(|tx| tx.menu(app)).unwrap().unwrap().menu.offers[0].clone();
    let Operation::Agree(agreed) = device.agreement(world, &listed) else { panic!() };
    let redemption = Redemption { agreed: *agreed, code };
    let request = device.request(world, Some(app), Operation::Redeem(Box::new(redemption)));
    let answer = document(world, address, device.message(&request)).await;
    if answer.status != StatusCode::OK {
        return Err(answer);
    }
    Ok(match device.receive(world, &request, &answer.body).body {
        Body::Refusal(refusal) => Some(refusal.reason),
        _ => None,
    })
}
