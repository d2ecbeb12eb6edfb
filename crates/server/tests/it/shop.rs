//! B1, I15: shops register users with a token that is good for that and for nothing else.

use axum::http::{Method, StatusCode};
use carnet_core::document::Body;
use carnet_core::document::{Joins, Operation, Person, Reason, Registration, Secret};
use carnet_seal::code::digest_of;
use serde_json::{Value, json};

use crate::device_world::Device;
use crate::world::{Answer, Supplier, World};

pub fn sale(codes: &[Secret]) -> Value {
    let codes: Vec<_> = codes.iter().map(|code| digest_of(*code)).collect();
    json!({
        "name": "Canary Wharf", "email": "canary@example.org", "telephone": "901820",
        "codes": codes, "days": 90,
    })
}

pub async fn sell(supplier: &Supplier<'_>, sale: &Value) -> Answer {
    supplier.post("/v1/shop/sales", sale).await
}

fn joining(device: &Device, code: Secret) -> Operation {
    let Operation::Register(registration) = device.registration() else { unreachable!() };
    Operation::Register(Box::new(Registration {
        joins: Joins::By(code),
        device_maker: Some("Analytical Engines".into()),
        ..*registration
    }))
}

pub async fn joins(world: &World, code: Secret) -> (Device, Result<(), Reason>) {
    let mut device = Device::new(world);
    let answer = device.ask(world, None, joining(&device, code)).await;
    let joined = match answer.body {
        Body::Receipt(_) => Ok(()),
        Body::Refusal(refusal) => Err(refusal.reason),
        other => panic!("{other:?}"),
    };
    (device, joined)
}

#[tokio::test]
async fn b1_devices_join_by_the_codes_of_a_sale_until_its_time_is_over() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let codes = [Secret([1; 16]), Secret([2; 16])];
    let sold = sell(&supplier, &sale(&codes)).await;
    assert_eq!(sold.status, StatusCode::CREATED, "{}", sold.text());
    let user = sold.json()["user"].as_str().unwrap().to_owned();
    let (device, joined) = joins(&world, codes[0]).await;
    assert_eq!((joined, device.user.unwrap().to_string()), (Ok(()), user.clone()));
    assert_eq!(joins(&world, codes[0]).await.1, Err(Reason::CodeUsed), "each is good once");
    let query = serde_json::to_value(device.account_query(world.now())).unwrap();
    let account = world.post("/v1/account", &query).await.json();
    assert_eq!(account["devices"][0]["maker"], "Analytical Engines", "{account}");
    assert_eq!(account["recovery_code"], false);
    let kept = world.server.store().read(|tx| tx.account(device.user.unwrap())).unwrap().unwrap();
    assert_eq!(kept.person.map(|person: Person| person.name), Some("Canary Wharf".into()));

    // The same again, an hour later: nothing doubles, and nothing lasts longer.
    world.clock.pass(std::time::Duration::from_secs(3_600));
    let again = sell(&supplier, &sale(&codes)).await;
    assert_eq!(
        (again.json()["user"].clone(), again.json()["until"].clone()),
        (user.into(), sold.json()["until"].clone())
    );
    let events = supplier.get("/v1/events").await.json();
    assert_eq!(events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == "sold").count(), 1);
    world.clock.pass(std::time::Duration::from_secs(90 * 86_400));
    assert_eq!(joins(&world, codes[1]).await.1, Err(Reason::BadCode), "its time is over");
    let file = || carnet_store::Database::File(world.folder.data().join("carnet.db"));
    let shared = world.folder.url().map(|url| carnet_store::Database::Postgres(url.parse().unwrap()));
    let found = carnet_store::check_ledger(shared.unwrap_or_else(file)).unwrap();
    assert!(found.findings.is_empty(), "{:?}", found.findings);
}

#[tokio::test]
async fn b1_i15_a_shops_token_sells_and_sees_nothing() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let token = "carnet_sup_a-token-of-a-shop";
    let hash = carnet_server::ids::sha256(&[token.as_bytes()]);
    let made = supplier
        .post("/v1/tokens", &json!({"label": "counter", "scopes": ["shop"], "token_hash": hash}))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let shop = Supplier { world: &world, token: token.into(), name: "acme".into() };
    assert_eq!(sell(&shop, &sale(&[Secret([1; 16])])).await.status, StatusCode::CREATED);
    for path in ["/v1/licenses", "/v1/events", "/v1/redeem-codes", "/v1/charges", "/v1/tokens", "/v1/reports"]
    {
        assert_eq!(shop.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    // Another supplier's codes are nobody else's to sell with.
    let other = world.supplier("other").await;
    let taken = sell(&other, &sale(&[Secret([1; 16])])).await;
    assert_eq!((taken.code(), taken.pointers()), ("invalid".into(), vec!["/codes".into()]));
    let nobody = world.post("/v1/shop/sales", &sale(&[Secret([2; 16])])).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert_eq!(shop.call(Method::GET, "/v1/shop/sales", None).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn b1_what_cannot_be_sold_says_why() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    let good = sale(&[Secret([1; 16])]);
    for (field, value) in [
        ("/name", json!("")),
        ("/name", json!("two\nlines")),
        ("/email", json!("nowhere")),
        ("/address", json!("x".repeat(501))),
        ("/codes", json!([])),
        ("/codes", json!([digest_of(Secret([1; 16])), digest_of(Secret([1; 16]))])),
        ("/days", json!(0)),
        ("/days", json!(367)),
    ] {
        let mut bad = good.clone();
        bad[&field[1..]] = value.clone();
        let answer = sell(&supplier, &bad).await;
        assert_eq!((answer.code(), answer.pointers()), ("invalid".into(), vec![field.to_owned()]), "{value}");
    }
    assert_eq!(supplier.get("/v1/events").await.json()["data"], json!([]), "nobody was registered");
}
