//! B5: an image goes into the bucket once it is whole and checked, and is had from there.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use carnet_seam::Crash;
use serde_json::json;

use crate::bucket_world::{Kept, object};
use crate::image_world::{PART, acme, act, announce, image, image_with, part, signer, upload};
use crate::world::{Answer, Supplier, World};

/// Announces and sends an image; its id.
pub async fn sent(supplier: &Supplier<'_>, image: &[u8]) -> String {
    let announced = announce(supplier, image).await;
    assert_eq!(announced.status, StatusCode::CREATED, "{}", announced.text());
    let id = announced.json()["id"].as_str().unwrap().to_owned();
    upload(supplier, &id, image).await;
    id
}

/// The same, and publishes it.
pub async fn published(supplier: &Supplier<'_>, image: &[u8]) -> String {
    let id = sent(supplier, image).await;
    let done = act(supplier, &id, "publish").await;
    assert_eq!((done.status, done.json()["state"].clone()), (StatusCode::OK, json!("published")));
    id
}

pub async fn content(world: &World, id: &str) -> Answer {
    world.get(&format!("/v1/images/{id}/content")).await
}

pub async fn range(world: &World, id: &str, range: &str) -> Answer {
    let asked = Request::get(format!("/v1/images/{id}/content")).header("range", range);
    world.send(asked.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn b5_an_image_lies_in_the_bucket_alone_and_is_had_from_there_whole_and_by_ranges() {
    let kept = Kept::new();
    let world = &kept.world;
    let (acme, image) = (acme(world).await, image(world));
    let id = sent(&acme, &image).await;
    assert_eq!(kept.store.objects(), [], "nothing that was not checked ever lies there");
    assert_eq!(kept.left(), [format!("{id}.part")]);
    let done = act(&acme, &id, "publish").await;
    assert_eq!((done.status, done.json()["state"].clone()), (StatusCode::OK, json!("published")));
    assert_eq!(act(&acme, &id, "publish").await.status, StatusCode::OK, "a repeat does nothing");
    assert_eq!(kept.store.objects(), [(object(&id), image.len() as u64)]);
    assert_eq!(kept.left(), [""; 0], "what has arrived is not kept twice");

    let whole = content(world, &id).await;
    assert_eq!((whole.status, whole.body == image), (StatusCode::OK, true));
    assert_eq!(whole.headers["content-length"], image.len().to_string());
    let length = image.len();
    for (asked, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=1000-300999".to_owned(), 1_000, 301_000),
        (format!("bytes={}-", length - 7), length - 7, length),
        ("bytes=-9".to_owned(), length - 9, length),
        ("bytes=400000-99999999".to_owned(), 400_000, length),
    ] {
        let part = range(world, &id, &asked).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{asked}");
        assert_eq!(part.headers["content-range"], format!("bytes {from}-{}/{length}", to - 1));
        assert!(part.body == image[from..to], "{asked}");
    }
    assert_eq!(range(world, &id, "bytes=9999999-").await.code(), "bad-header");

    assert_eq!(act(&acme, &id, "withdraw").await.json()["state"], "withdrawn");
    assert_eq!(act(&acme, &id, "withdraw").await.status, StatusCode::OK);
    assert_eq!(kept.store.objects(), []);
    assert_eq!(content(world, &id).await.code(), "not-found");
}

#[tokio::test]
async fn b5_a_damaged_image_never_comes_near_the_bucket() {
    let kept = Kept::new();
    let (acme, mut image) = (acme(&kept.world).await, image(&kept.world));
    *image.last_mut().unwrap() ^= 1;
    let id = sent(&acme, &image).await;
    let refused = act(&acme, &id, "publish").await;
    assert_eq!(refused.code(), "invalid");
    assert!(refused.text().contains("frame"), "{}", refused.text());
    assert_eq!(kept.store.objects(), []);
}

#[tokio::test]
async fn b5_a_large_image_goes_in_parts_that_become_one_object_together() {
    let kept = Kept::new();
    let acme = acme(&kept.world).await;
    let image = image_with(&kept.world, "acme/paint", &signer(), 20_000_000);
    let id = published(&acme, &image).await;
    assert_eq!(kept.store.objects(), [(object(&id), image.len() as u64)]);
    assert_eq!((kept.store.uploads(), kept.left()), (0, Vec::new()));
    assert!(content(&kept.world, &id).await.body == image);
    // From the middle of one part to the middle of another one.
    let part = range(&kept.world, &id, "bytes=8000000-17999999").await;
    assert!(part.body == image[8_000_000..18_000_000]);
}

#[tokio::test]
async fn b5_d2_a_server_that_dies_while_it_publishes_finishes_it_when_it_is_asked_again() {
    for point in ["image.stored", "image.published"] {
        let kept = Kept::dying(Crash::unwinding(point, 1));
        let image = image(&kept.world);
        let (token, id) = {
            let acme = acme(&kept.world).await;
            let id = sent(&acme, &image).await;
            assert_ne!(act(&acme, &id, "publish").await.status, StatusCode::OK, "{point}");
            (acme.token.clone(), id)
        };
        let kept = kept.restart();
        assert_eq!(kept.left(), [format!("{id}.part")], "{point}");
        let acme = Supplier { world: &kept.world, token, name: "acme".into() };
        let state = acme.get(&format!("/v1/images/{id}")).await.json()["state"].clone();
        // What everybody can have is whole; and what is whole, and not yet written down, nobody can have.
        assert_eq!(state, if point == "image.stored" { "uploading" } else { "published" });
        assert_eq!(content(&kept.world, &id).await.status.is_success(), state == "published", "{point}");
        assert_eq!(act(&acme, &id, "publish").await.json()["state"], "published", "{point}");
        assert!(content(&kept.world, &id).await.body == image);
        kept.tend().await;
        assert_eq!(kept.left(), [""; 0], "{point}: what has arrived is cleared away");
        assert_eq!(kept.store.objects(), [(object(&id), image.len() as u64)]);
    }
}

#[tokio::test]
async fn b5_what_is_in_the_bucket_needs_nothing_of_the_server_that_put_it_there() {
    let kept = Kept::new();
    let image = image(&kept.world);
    let id = published(&acme(&kept.world).await, &image).await;
    let kept = kept.restart();
    std::fs::remove_dir_all(kept.world.folder.data().join("images")).unwrap();
    assert!(content(&kept.world, &id).await.body == image);
}

/// Where several servers share a database, a part that went to another one is not here.
#[tokio::test]
async fn b5_an_upload_that_went_to_another_server_is_told_where_it_belongs() {
    let kept = Kept::new();
    let (acme, image) = (acme(&kept.world).await, image(&kept.world));
    let id = announce(&acme, &image).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(part(&acme, &id, 0, &image[..PART]).await.status, StatusCode::OK);
    std::fs::remove_file(kept.world.folder.data().join(format!("images/{id}.part"))).unwrap();
    let elsewhere = "all parts of an image go to the same one";
    for refused in [part(&acme, &id, PART, &image[PART..]).await, act(&acme, &id, "publish").await] {
        assert_eq!(refused.code(), "invalid");
        assert!(refused.text().contains(elsewhere), "{}", refused.text());
    }
    upload(&acme, &id, &image).await;
    assert_eq!(act(&acme, &id, "publish").await.json()["state"], "published");
}
