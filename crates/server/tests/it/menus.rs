//! Apps and their menus (A1, A2, A5).

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Supplier, World, ten_runs};

const MENU: &str = "/v1/menu/acme/paint";

async fn with_app(world: &World) -> Supplier<'_> {
    let supplier = world.supplier("acme").await;
    supplier.app("paint", &[ten_runs()]).await;
    supplier
}

fn offers(offers: &[Value]) -> Value {
    json!({ "offers": offers })
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut menu = offers(&[ten_runs()]);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    menu.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(field.into(), value);
    menu
}

#[tokio::test]
async fn a1_apps_of_two_and_three_parts_are_registered_listed_and_shown() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    for id in ["acme/paint", "acme/paint/brushes", "acme/paint/menu", "acme/menu"] {
        let answer = supplier.post("/v1/apps", &json!({"id": id, "display_name": " Paint "})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let shown = supplier.get(&format!("/v1/apps/{id}")).await.json();
        assert_eq!(shown, answer.json());
        assert_eq!((&shown["id"], &shown["display_name"]), (&json!(id), &json!("Paint")));
    }
    let again = supplier.post("/v1/apps", &json!({"id": "acme/paint", "display_name": "Paint"})).await;
    assert_eq!(again.code(), "name-taken");
    let foreign = supplier.post("/v1/apps", &json!({"id": "other/paint", "display_name": "Paint"})).await;
    assert_eq!((foreign.code().as_str(), foreign.pointers()), ("invalid", vec!["/id".into()]));
}

#[tokio::test]
async fn a_list_is_read_page_by_page_with_links() {
    let world = World::new();
    let supplier = world.supplier("acme").await;
    for at in 0..5 {
        let new = json!({"id": format!("acme/app-{at}"), "display_name": "An app"});
        supplier.post("/v1/apps", &new).await;
    }
    let (mut path, mut seen) = ("/v1/apps?limit=2".to_owned(), Vec::new());
    loop {
        let page = supplier.get(&path).await;
        let json = page.json();
        seen.extend(
            json["data"].as_array().unwrap().iter().map(|app| app["id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = json["next_cursor"].as_str() else { break };
        let link = page.headers["link"].to_str().unwrap();
        assert_eq!(link, format!("</v1/apps?limit=2&cursor={cursor}>; rel=\"next\""));
        path = link[1..link.find('>').unwrap()].to_owned();
    }
    assert_eq!(seen, ["acme/app-0", "acme/app-1", "acme/app-2", "acme/app-3", "acme/app-4"]);
    for query in ["limit=0", "limit=201", "limit=-1", "limit=x", "cursor=%21", "cursor=YQ", "offset=3"] {
        assert_eq!(supplier.get(&format!("/v1/apps?{query}")).await.code(), "bad-query", "{query}");
    }
}

#[tokio::test]
async fn a5_a_menu_is_read_by_anybody_and_changed_under_its_serial() {
    let world = World::new();
    let supplier = with_app(&world).await;
    let menu = world.get(MENU).await;
    assert_eq!(menu.headers["etag"], "\"1\"");
    let json = menu.json();
    assert_eq!(json["offers"][0]["term_in_words"], "10 uses");
    assert_eq!(json["offers"][0]["pass_term_in_words"], "1 use at a time");

    let mut more = ten_runs();
    more["name"] = json!("more");
    more["term"]["uses"] = json!(100);
    let two = offers(&[ten_runs(), more]);
    let dry = supplier.put(&format!("{MENU}?dry_run=true"), &two).await.json();
    assert_eq!((&dry["dry_run"], &dry["serial"]), (&json!(true), &json!(1)));
    assert_eq!(dry["diff"]["added"][0]["name"], "more");
    assert_eq!(world.get(MENU).await.json(), json);

    let stale = supplier.call_with(Method::PUT, MENU, Some(&two), &[("if-match", "\"0\"")]).await;
    assert_eq!((stale.status, stale.code().as_str()), (StatusCode::PRECONDITION_FAILED, "menu-changed"));
    let done = supplier.call_with(Method::PUT, MENU, Some(&two), &[("if-match", "\"1\"")]).await.json();
    assert_eq!((&done["serial"], &done["diff"]["added"][0]["name"]), (&json!(2), &json!("more")));
    // The unchanged offer keeps its serial, so that an agreement on its way stays good (A10).
    let menu = world.get(MENU).await.json();
    assert_eq!((&menu["offers"][0]["serial"], &menu["offers"][1]["serial"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn a5_the_same_menu_again_changes_nothing_and_another_order_does() {
    let world = World::new();
    let supplier = with_app(&world).await;
    let mut other = ten_runs();
    other["name"] = json!("other");
    let same = supplier.put(MENU, &offers(&[ten_runs()])).await.json();
    assert_eq!((&same["serial"], &same["diff"]["reordered"]), (&json!(1), &json!(false)));
    supplier.put(MENU, &offers(&[ten_runs(), other.clone()])).await;
    let turned = supplier.put(MENU, &offers(&[other, ten_runs()])).await.json();
    assert_eq!((&turned["serial"], &turned["diff"]["reordered"]), (&json!(3), &json!(true)));
}

#[tokio::test]
async fn a5_every_nonsense_in_a_menu_is_named_with_its_place() {
    let world = World::new();
    let supplier = with_app(&world).await;
    let between = |start, end| json!({"between": {"start": start, "end": end}});
    let table = [
        ("/offers/0/term/uses", json!(0)),
        ("/offers/0/term/uses", json!(-1)),
        ("/offers/0/term/uses", json!(1.5)),
        ("/offers/0/term/uses", json!(1_000_000_000_000_000_000_u64)),
        ("/offers/0/term/uses", json!("ten")),
        ("/offers/0/term/duration", json!(0)),
        ("/offers/0/term/period", between("2027-01-02T00:00:00Z", "2027-01-01T00:00:00Z")),
        ("/offers/0/term/period/between/end", between("2027-01-02T00:00:00Z", "soon")),
        ("/offers/0/term/period/from_agreement", json!({"from_agreement": "-3 days"})),
        ("/offers/0/pass_term", json!({"uses": 0})),
        ("/offers/0/fee", json!("1 XYZ")),
        ("/offers/0/fee", json!("-1 EUR")),
        ("/offers/0/fee", json!("1000000000000000000 EUR")),
        ("/offers/0/fee", json!("1.234 EUR")),
        ("/offers/0/devices", json!(0)),
        ("/offers/0/devices", json!(-1)),
        ("/offers/0/devices", json!(1_000_000_000_000_000_000_u64)),
        ("/offers/0/charging", json!("sometimes")),
        ("/offers/0/features", json!({})),
        ("/offers/0/name", json!("Ten Runs")),
        ("/offers/0/condition", json!("")),
        ("/offers/0/versions", json!({"from": "2", "below": "1"})),
        ("/offers/0/surprise", json!(1)),
    ];
    for (pointer, value) in table {
        // What is put in at the last part is put in at the place itself or, for what is inside, above it.
        let place = match pointer.split('/').nth(4) {
            Some("period") => "/offers/0/term/period",
            _ => pointer,
        };
        let answer = supplier.put(MENU, &changed(place, value.clone())).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "invalid"), "{pointer}: {value}");
        assert!(
            answer.pointers().iter().any(|found| found == pointer),
            "{pointer}: {value}: {}",
            answer.text()
        );
        assert!(!answer.text().contains("u64") && !answer.text().contains("u32"), "{}", answer.text());
    }
    let json = world.get(MENU).await.json();
    assert_eq!(json["serial"], 1, "nothing of it was written");
}

#[tokio::test]
async fn a5_all_mistakes_of_a_menu_are_named_at_once() {
    let world = World::new();
    let supplier = with_app(&world).await;
    let mut first = ten_runs();
    first["fee"] = json!("1 XYZ");
    let mut second = ten_runs();
    second["term"]["uses"] = json!(-1);
    let answer = supplier.put(MENU, &offers(&[first, ten_runs(), second])).await;
    assert_eq!(answer.pointers(), ["/offers/0/fee", "/offers/2/term/uses"]);
    let answer = supplier.put(MENU, &offers(&[ten_runs(), ten_runs()])).await;
    assert_eq!(answer.pointers(), ["/offers/1/name"]);
    let many: Vec<Value> = (0..51)
        .map(|at| {
            let mut offer = ten_runs();
            offer["name"] = json!(format!("offer-{at}"));
            offer
        })
        .collect();
    assert_eq!(supplier.put(MENU, &offers(&many)).await.pointers(), ["/offers"]);
}

#[tokio::test]
async fn a9_a_menu_that_no_refusal_could_carry_is_refused_when_it_is_written() {
    let world = World::new();
    let supplier = with_app(&world).await;
    let features: serde_json::Map<String, Value> =
        (0..64).map(|at| (format!("a-feature-with-a-long-name-number-{at:04}"), Value::Null)).collect();
    let long: Vec<Value> = (0..40)
        .map(|at| {
            let mut offer = ten_runs();
            offer["name"] = json!(format!("offer-{at}"));
            offer["features"] = Value::Object(features.clone());
            offer
        })
        .collect();
    let answer = supplier.put(MENU, &offers(&long)).await;
    assert_eq!((answer.code().as_str(), answer.pointers()), ("invalid", vec!["/offers".into()]));
    assert_eq!(supplier.put(MENU, &offers(&long[..8])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_endless_offer_is_sold_with_a_warning() {
    let world = World::new();
    let supplier = with_app(&world).await;
    let mut endless = ten_runs();
    endless["term"] = json!({});
    endless["pass_term"] = json!({});
    let answer = supplier.put(MENU, &offers(&[endless])).await.json();
    assert_eq!(answer["warnings"][0]["offer"], "ten-runs");
}
