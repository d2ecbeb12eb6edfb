//! Tokens that are good for one thing each.

use carnet_core::id::Digest;
use serde_json::{Value, json};

use crate::device_world::{Device, shop};
use crate::world::{Supplier, World};

fn hash(token: &str) -> Digest {
    carnet_server::ids::sha256(&[token.as_bytes()])
}

/// A further token of that supplier.
async fn further<'w>(of: &Supplier<'w>, token: &str, scopes: &[&str]) -> Supplier<'w> {
    let token = format!("carnet_sup_{token}");
    let new = json!({"label": "a program", "scopes": scopes, "token_hash": hash(&token)});
    let made = of.post("/v1/tokens", &new).await;
    assert_eq!(made.status, 201, "{}", made.text());
    Supplier { world: of.world, token, name: of.name.clone() }
}

#[tokio::test]
async fn a_token_is_good_for_its_scopes_only() {
    let world = World::new();
    let (owner, app) = shop(&world).await;
    let license = Device::registered(&world).await.buy(&world, &app).await.license;
    let (shop, books) =
        (further(&owner, "shop", &["codes"]).await, further(&owner, "books", &["charges", "read"]).await);
    assert_eq!(shop.get("/v1/redeem-codes").await.status, 200);
    assert_eq!(shop.get("/v1/supplier").await.json()["name"], "acme");
    let suspend = format!("/v1/licenses/{license}/suspend");
    for path in ["/v1/licenses", "/v1/events", "/v1/tokens", "/v1/apps", "/v1/charges"] {
        let answer = shop.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "out-of-scope"), "{path}");
    }
    assert_eq!(books.get("/v1/licenses").await.status, 200);
    assert_eq!(books.get("/v1/charges").await.status, 200);
    for (who, path) in [(&shop, suspend.as_str()), (&books, &suspend), (&books, "/v1/redeem-codes")] {
        assert_eq!(who.post(path, &json!({"reason": "x"})).await.code(), "out-of-scope", "{path}");
    }
    assert_eq!(books.get("/v1/tokens").await.code(), "out-of-scope");
    // Nobody gives away more than they have: making tokens needs a token that is good for everything.
    let new = json!({"label": "more", "scopes": ["supplier"], "token_hash": hash("x")});
    assert_eq!(books.post("/v1/tokens", &new).await.code(), "out-of-scope");
    assert_eq!(owner.get(&format!("/v1/licenses/{license}")).await.json()["validity"]["status"], "active");
}

#[tokio::test]
async fn a_revoked_token_is_no_token_and_the_last_one_that_can_make_others_stays() {
    let world = World::new();
    let (owner, _) = shop(&world).await;
    let shop = further(&owner, "shop", &["codes"]).await;
    let revoke = |token: &str| json!({"token_hash": hash(token)});
    let last = owner.post("/v1/tokens/revoke", &revoke(&owner.token)).await;
    assert_eq!((last.status.as_u16(), last.code().as_str()), (409, "not-applicable"));
    assert_eq!(owner.post("/v1/tokens/revoke", &revoke(&shop.token)).await.json()["label"], "a program");
    assert_eq!(shop.get("/v1/redeem-codes").await.code(), "unauthorized");
    assert_eq!(owner.post("/v1/tokens/revoke", &revoke(&shop.token)).await.code(), "not-found");
    // A token of everything takes over from the first.
    let next = further(&owner, "next", &["supplier"]).await;
    assert_eq!(next.post("/v1/tokens/revoke", &revoke(&owner.token)).await.status, 200);
    assert_eq!(owner.get("/v1/apps").await.code(), "unauthorized");
    let listed = next.get("/v1/tokens").await.json();
    let listed = listed.as_array().unwrap();
    let with = |of: fn(&Value) -> bool| listed.iter().filter(|token| of(token)).count();
    assert_eq!(
        (listed.len(), with(|token| token["revoked"].is_string()), with(|token| token["this"] == true)),
        (3, 2, 1)
    );
    // Another supplier's are not there at all.
    let stranger = world.supplier("other").await;
    assert_eq!(stranger.post("/v1/tokens/revoke", &revoke(&next.token)).await.code(), "not-found");
    assert_eq!(stranger.get("/v1/tokens").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_that_cannot_be_is_refused_with_what_is_wrong() {
    let world = World::new();
    let (owner, _) = shop(&world).await;
    for (new, pointer) in [
        (json!({"label": " ", "scopes": ["read"], "token_hash": hash("a")}), "/label"),
        (json!({"label": "two\nlines", "scopes": ["read"], "token_hash": hash("a")}), "/label"),
        (json!({"label": "x", "scopes": [], "token_hash": hash("a")}), "/scopes"),
        (json!({"label": "x", "scopes": ["read"], "token_hash": hash(&owner.token)}), "/token_hash"),
    ] {
        let answer = owner.post("/v1/tokens", &new).await;
        assert_eq!(
            (answer.code().as_str(), answer.pointers()),
            ("invalid", vec![pointer.to_owned()]),
            "{new}"
        );
    }
    let unknown =
        owner.post("/v1/tokens", &json!({"label": "x", "scopes": ["all"], "token_hash": hash("a")})).await;
    assert!(unknown.status.is_client_error(), "{}", unknown.text());
    assert_eq!(owner.get("/v1/tokens").await.json().as_array().unwrap().len(), 1);
}
