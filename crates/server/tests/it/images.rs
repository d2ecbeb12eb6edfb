//! B5: images come to the server in parts, are checked as a whole, and are had by anybody.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use carnet_image::{Front, Trust, Wanted};
use carnet_seal::keys::RootPin;
use carnet_seal::{KeyRing, Signer, SigningKey};
use serde_json::{Value, json};

use crate::image_world::{
    PART, acme, act, announce, image, image_with, manifest, part, register, signer, upload,
};
use crate::world::{Supplier, World, ten_runs};

async fn ring(world: &World) -> KeyRing {
    let set = world.get("/v1/key-set").await;
    KeyRing::open(&set.body, &RootPin::of_first_root(world.server.keys().root()), 0).unwrap()
}

async fn published(world: &World) -> Value {
    world.get("/v1/images?app=acme/paint").await.json()
}

#[tokio::test]
async fn b5_an_image_is_sent_in_parts_published_and_fetched_by_ranges() {
    let world = World::new();
    let (acme, image) = (acme(&world).await, image(&world));
    let announced = announce(&acme, &image).await;
    assert_eq!(announced.status, StatusCode::CREATED, "{}", announced.text());
    let id = announced.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(announced.json()["length"], image.len());

    // Cut after the first part: asked again, the server says where to go on.
    assert_eq!(part(&acme, &id, 0, &image[..PART]).await.status, StatusCode::OK);
    assert_eq!(announce(&acme, &image).await.json()["arrived"], PART);
    for wrong in [0, PART - 1, PART + 1, 9_999_999] {
        let refused = part(&acme, &id, wrong, b"x").await;
        assert_eq!((refused.code().as_str(), refused.pointers()), ("invalid", vec!["/offset".to_owned()]));
    }
    assert_eq!(act(&acme, &id, "publish").await.code(), "invalid");
    assert_eq!(published(&world).await, json!([]));
    assert_eq!(world.get(&format!("/v1/images/{id}/content")).await.code(), "not-found");
    for (number, bytes) in image.chunks(PART).enumerate().skip(1) {
        assert_eq!(part(&acme, &id, number * PART, bytes).await.status, StatusCode::OK);
    }
    assert_eq!(part(&acme, &id, image.len(), b"more").await.code(), "invalid");
    let done = act(&acme, &id, "publish").await;
    assert_eq!((done.status, done.json()["state"].clone()), (StatusCode::OK, json!("published")));
    assert_eq!(act(&acme, &id, "publish").await.status, StatusCode::OK, "a repeat does nothing");

    let whole = world.get(&format!("/v1/images/{id}/content")).await;
    assert_eq!((whole.status, whole.body == image), (StatusCode::OK, true));
    let asked = Request::get(format!("/v1/images/{id}/content")).header("range", "bytes=1000-300999");
    let range = world.send(asked.body(Body::empty()).unwrap()).await;
    assert_eq!(range.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(range.headers["content-range"], format!("bytes 1000-300999/{}", image.len()));
    assert!(range.body == image[1_000..301_000]);
    let beyond = Request::get(format!("/v1/images/{id}/content")).header("range", "bytes=9999999-");
    let beyond = world.send(beyond.body(Body::empty()).unwrap()).await;
    assert_eq!(beyond.code(), "bad-header");

    // A device knows the key from the key set, and needs nothing else.
    let listed = published(&world).await;
    assert_eq!((listed[0]["id"].clone(), listed[0]["version"].clone()), (json!(id), json!("2.0.450")));
    let ring = ring(&world).await;
    let front = Front::open(&whole.body, Trust::Server(&ring, world.now())).unwrap();
    Wanted { app: "acme/paint".parse().ok(), ..Wanted::default() }.check(front.manifest()).unwrap();

    assert_eq!(act(&acme, &id, "withdraw").await.json()["state"], "withdrawn");
    assert_eq!(act(&acme, &id, "withdraw").await.status, StatusCode::OK);
    assert_eq!(world.get(&format!("/v1/images/{id}/content")).await.code(), "not-found");
    assert_eq!(published(&world).await, json!([]));
    assert_eq!(act(&acme, &id, "publish").await.code(), "not-found");
    let left = std::fs::read_dir(world.folder.data().join("images")).unwrap().count();
    assert_eq!(left, 0, "its bytes are gone");
}

#[tokio::test]
async fn b5_an_upload_and_what_is_published_survive_a_restart() {
    let world = World::new();
    let bytes = image(&world);
    let (token, id) = {
        let acme = acme(&world).await;
        let id = announce(&acme, &bytes).await.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(part(&acme, &id, 0, &bytes[..PART]).await.status, StatusCode::OK);
        (acme.token.clone(), id)
    };
    let world = world.restart();
    let acme = Supplier { world: &world, token, name: "acme".into() };
    assert_eq!(acme.get(&format!("/v1/images/{id}")).await.json()["arrived"], PART);
    for (number, rest) in bytes.chunks(PART).enumerate().skip(1) {
        assert_eq!(part(&acme, &id, number * PART, rest).await.status, StatusCode::OK);
    }
    assert_eq!(act(&acme, &id, "publish").await.status, StatusCode::OK);
    let key = signer().key_id();
    let keys: BTreeSet<_> =
        ring(&world).await.set().claims().keys.iter().map(|entry| entry.key.id()).collect();
    assert!(keys.contains(&key));
}

#[tokio::test]
async fn b5_an_image_that_is_not_what_was_signed_is_never_published() {
    let world = World::new();
    let (acme, image) = (acme(&world).await, image(&world));
    let id = announce(&acme, &image).await.json()["id"].as_str().unwrap().to_owned();
    let mut damaged = image.clone();
    *damaged.last_mut().unwrap() ^= 1;
    upload(&acme, &id, &damaged).await;
    let refused = act(&acme, &id, "publish").await;
    assert_eq!(refused.code(), "invalid");
    assert!(refused.text().contains("frame"), "{}", refused.text());
    assert_eq!(published(&world).await, json!([]));
}

/// Devices that have installed a version would never notice that it has become another one.
#[tokio::test]
async fn b5_a_version_is_one_build_until_that_is_withdrawn() {
    let world = World::new();
    let acme = acme(&world).await;
    let (one, other) = (image(&world), image(&world));
    let mut ids = Vec::new();
    for build in [&one, &other] {
        let id = announce(&acme, build).await.json()["id"].as_str().unwrap().to_owned();
        upload(&acme, &id, build).await;
        ids.push(id);
    }
    assert_eq!(act(&acme, &ids[0], "publish").await.status, StatusCode::OK);
    assert_eq!(act(&acme, &ids[0], "publish").await.status, StatusCode::OK, "again, after a lost answer");
    for refused in [act(&acme, &ids[1], "publish").await, announce(&acme, &image(&world)).await] {
        assert_eq!((refused.code().as_str(), refused.pointers()), ("invalid", vec!["/manifest".to_owned()]));
        assert!(refused.text().contains(&ids[0]), "it names the other one: {}", refused.text());
    }
    assert_eq!(act(&acme, &ids[0], "withdraw").await.status, StatusCode::OK);
    assert_eq!(act(&acme, &ids[1], "publish").await.status, StatusCode::OK);
    assert_eq!(published(&world).await[0]["id"], ids[1]);
}

#[tokio::test]
async fn i14_only_a_registered_key_of_the_supplier_announces_and_only_for_its_own_apps() {
    let world = World::new();
    let (acme, image) = (acme(&world).await, image(&world));
    let umbra = world.supplier("umbra").await;
    umbra.app("paint", &[ten_runs()]).await;
    let refused = announce(&umbra, &image).await;
    assert_eq!((refused.code().as_str(), refused.pointers()), ("invalid", vec!["/manifest".to_owned()]));
    // Registering the same public key for another supplier takes it from nobody.
    assert_eq!(register(&umbra, &signer()).await.code(), "invalid");
    let other = SigningKey::from_seed(&[9; 32]);
    assert_eq!(register(&umbra, &other).await.status, StatusCode::CREATED);
    let stolen = image_with(&world, "acme/paint", &other, 450_000);
    assert_eq!(announce(&umbra, &stolen).await.code(), "invalid");
    let unknown = image_with(&world, "acme/draw", &signer(), 450_000);
    assert_eq!(announce(&acme, &unknown).await.code(), "invalid");
    assert_eq!(acme.post("/v1/images", &json!({"manifest": "?"})).await.code(), "invalid");

    // What belongs to another supplier looks like what does not exist (I15).
    let id = announce(&acme, &image).await.json()["id"].as_str().unwrap().to_owned();
    let nothing = "img_00000000000000000000000000000000";
    for of in [id.as_str(), nothing] {
        assert_eq!(umbra.get(&format!("/v1/images/{of}")).await.code(), "not-found");
        assert_eq!(part(&umbra, of, 0, b"x").await.code(), "not-found");
        assert_eq!(act(&umbra, of, "publish").await.code(), "not-found");
        assert_eq!(act(&umbra, of, "withdraw").await.code(), "not-found");
    }
}

#[tokio::test]
async fn b5_an_image_on_a_server_of_the_suppliers_own_is_listed_with_its_address() {
    let world = World::new();
    let (acme, image) = (acme(&world).await, image(&world));
    for bad in ["http://downloads.acme.example/x", "https://a b", "file:///etc/passwd"] {
        let refused = acme.post("/v1/images", &json!({"manifest": manifest(&image), "url": bad})).await;
        assert_eq!(refused.pointers(), ["/url"], "{bad}");
    }
    let url = "https://downloads.acme.example/paint-2.0.0.cimg";
    let announced = acme.post("/v1/images", &json!({"manifest": manifest(&image), "url": url})).await;
    assert_eq!(announced.json()["state"], "published");
    let listed = published(&world).await;
    assert_eq!(listed[0]["url"], url);
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/v1/images/{id}/content")).await.code(), "not-found");
    assert_eq!(part(&acme, id, 0, b"x").await.code(), "invalid");
}

#[tokio::test]
async fn image_keys_are_listed_and_no_more_than_a_few_are_kept() {
    let world = World::new();
    let acme = acme(&world).await;
    assert_eq!(register(&acme, &signer()).await.code(), "invalid", "registered already");
    for seed in 20..27 {
        assert_eq!(register(&acme, &SigningKey::from_seed(&[seed; 32])).await.status, StatusCode::CREATED);
    }
    assert_eq!(register(&acme, &SigningKey::from_seed(&[30; 32])).await.code(), "invalid");
    let listed = acme.get("/v1/image-keys").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 8);
    let first = signer().key_id().to_string();
    assert!(listed.as_array().unwrap().iter().any(|listed| listed["key"] == first));
    let no_key = acme.post("/v1/image-keys", &json!({"public_key": "00".repeat(32)})).await;
    assert_eq!(no_key.pointers(), ["/public_key"]);
    assert_eq!(world.supplier("umbra").await.get("/v1/image-keys").await.json(), json!([]));
}
