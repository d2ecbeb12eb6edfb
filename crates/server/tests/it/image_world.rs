//! Images of a supplier, made and sent.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use carnet_core::time::Time;
use carnet_image::{Patterns, Recipe, Workshop, build};
use carnet_seal::SigningKey;
use carnet_seam::RealFs;
use carnet_testkit::SeededRandom;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::json;

use crate::world::{Answer, Supplier, World, ten_runs};

/// The bytes of one part.
pub const PART: usize = 200_000;

pub fn signer() -> SigningKey {
    SigningKey::from_seed(&[6; 32])
}

/// An image of some 450 kB, in three parts.
pub fn image(world: &World) -> Vec<u8> {
    image_with(world, "acme/paint", &signer(), 450_000)
}

/// An image with so many bytes of noise; each number is a version of its own.
pub fn image_with(world: &World, app: &str, signer: &SigningKey, length: usize) -> Vec<u8> {
    let (program, to) = (world.folder.data().join("program"), world.folder.data().join("paint.cimg"));
    std::fs::create_dir_all(&program).unwrap();
    let mut noise = vec![0; length];
    carnet_seam::Random::fill(&SeededRandom::new(3), &mut noise).unwrap();
    write(&program.join("paint"), &noise);
    let recipe = Recipe {
        folder: &program,
        app: app.parse().unwrap(),
        version: format!("2.0.{}", length / 1_000).parse().unwrap(),
        platform: "any".parse().unwrap(),
        built: Time(0),
        patterns: Patterns::default().with(&"core".parse().unwrap(), "**").unwrap(),
        sealed: BTreeSet::new(),
        level: 1,
    };
    let mut workshop = Workshop {
        files: &RealFs::default(),
        random: world.random.as_ref(),
        signer,
        progress: &mut |_, _| {},
    };
    build(&recipe, &mut workshop, &to).unwrap();
    std::fs::read(to).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test lays out a folder")]
fn write(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

pub fn manifest(image: &[u8]) -> String {
    let length = u32::from_be_bytes(image[12..16].try_into().unwrap()) as usize;
    BASE64.encode(&image[16..16 + length])
}

pub async fn register(supplier: &Supplier<'_>, key: &SigningKey) -> Answer {
    supplier.post("/v1/image-keys", &json!({"public_key": HEXLOWER.encode(&key.public().0)})).await
}

pub async fn announce(supplier: &Supplier<'_>, image: &[u8]) -> Answer {
    supplier.post("/v1/images", &json!({"manifest": manifest(image)})).await
}

pub async fn part(supplier: &Supplier<'_>, id: &str, offset: usize, bytes: &[u8]) -> Answer {
    let request = Request::put(format!("/v1/images/{id}/content?offset={offset}"))
        .header("authorization", format!("Bearer {}", supplier.token))
        .header("content-type", "application/octet-stream");
    supplier.world.send(request.body(Body::from(bytes.to_vec())).unwrap()).await
}

pub async fn upload(supplier: &Supplier<'_>, id: &str, image: &[u8]) {
    for (number, bytes) in image.chunks(PART).enumerate() {
        let answer = part(supplier, id, number * PART, bytes).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.json()["arrived"], number * PART + bytes.len());
    }
}

pub async fn act(supplier: &Supplier<'_>, id: &str, act: &str) -> Answer {
    supplier.call(Method::POST, &format!("/v1/images/{id}/{act}"), None).await
}

/// A supplier with an app and a registered image key.
pub async fn acme(world: &World) -> Supplier<'_> {
    let acme = world.supplier("acme").await;
    acme.app("paint", &[ten_runs()]).await;
    let registered = register(&acme, &signer()).await;
    assert_eq!(registered.status, StatusCode::CREATED, "{}", registered.text());
    assert_eq!(registered.json()["published"], true);
    acme
}
