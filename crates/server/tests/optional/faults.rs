//! What becomes of a store that is away, or in which somebody has changed something.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use crate::bucket_world::{Kept, object};
use crate::image_world::{acme, act, image, image_with, signer};
use crate::publishing::{content, published, range, sent};
use crate::way::Towards;
use crate::world::{Answer, World};

async fn degraded(world: &World) -> Option<String> {
    let ready = world.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK, "renewals go on: {}", ready.text());
    ready.json().get("degraded").and_then(Value::as_str).map(str::to_owned)
}

fn is_unavailable(answer: &Answer) -> bool {
    answer.status == StatusCode::SERVICE_UNAVAILABLE
        && answer.code() == "unavailable"
        && answer.headers.contains_key("retry-after")
}

#[tokio::test]
async fn b5_while_the_store_is_away_nothing_is_given_out_and_everything_else_goes_on() {
    let kept = Kept::new();
    let (world, way) = (&kept.world, &kept.way);
    let (acme, image) = (acme(world).await, image(world));
    let id = published(&acme, &image).await;
    assert_eq!(degraded(world).await, None);
    way.cut();
    for refused in [content(world, &id).await, range(world, &id, "bytes=0-9").await] {
        assert!(is_unavailable(&refused), "{refused:?}");
        assert!(!refused.text().contains("127.0.0.1"), "where it is, is the operator's affair");
    }
    assert!(degraded(world).await.unwrap().contains("image store"));
    assert!(world.metrics().await.contains("carnet_image_store_missed_total 2"));
    assert_eq!(acme.get("/v1/apps").await.status, StatusCode::OK);
    let next = image_with(world, "acme/paint", &signer(), 300_000);
    let next_id = sent(&acme, &next).await;
    assert!(is_unavailable(&act(&acme, &next_id, "publish").await));
    assert!(is_unavailable(&act(&acme, &id, "withdraw").await), "its bytes are still there");
    assert_eq!(content(world, &id).await.code(), "not-found", "and nobody has it any more");

    way.mend();
    assert_eq!(act(&acme, &next_id, "publish").await.json()["state"], "published");
    assert_eq!(act(&acme, &id, "withdraw").await.status, StatusCode::OK);
    assert_eq!(kept.store.objects(), [(object(&next_id), next.len() as u64)]);
    assert!(content(world, &next_id).await.body == next);
    assert_eq!(degraded(world).await, None);
}

/// The store breaks off in the middle, and is back at once: whoever fetches notices nothing.
#[tokio::test(flavor = "multi_thread")]
async fn b5_a_connection_to_the_store_that_breaks_is_taken_up_where_it_broke() {
    let kept = Kept::new();
    let acme = acme(&kept.world).await;
    let image = image_with(&kept.world, "acme/paint", &signer(), 6_000_000);
    let id = published(&acme, &image).await;
    kept.way.hold_after(Towards::Server, 2_000_000);
    let way = kept.way.clone();
    let mended = std::thread::spawn(move || {
        way.wait_until_held();
        way.cut();
        way.mend();
    });
    assert!(content(&kept.world, &id).await.body == image);
    mended.join().unwrap();
}

/// The store is away for good in the middle: nobody takes what has come for the whole.
#[tokio::test(flavor = "multi_thread")]
async fn b5_an_image_that_breaks_off_never_looks_whole() {
    let kept = Kept::new();
    let acme = acme(&kept.world).await;
    let image = image_with(&kept.world, "acme/paint", &signer(), 6_000_000);
    let id = published(&acme, &image).await;
    kept.way.hold_after(Towards::Server, 2_000_000);
    let way = kept.way.clone();
    let away = std::thread::spawn(move || {
        way.wait_until_held();
        way.cut();
    });
    let asked = Request::get(format!("/v1/images/{id}/content")).body(Body::empty()).unwrap();
    let response = kept.world.routes.clone().oneshot(asked).await.unwrap();
    assert_eq!(response.headers()["content-length"], image.len().to_string());
    let broken = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    assert!(broken.is_err(), "{} bytes", broken.unwrap().len());
    away.join().unwrap();
    assert!(degraded(&kept.world).await.is_some());
}

/// Longer than a request may take: it goes on without whoever asked, once, and is found by whoever asks again.
#[tokio::test(flavor = "multi_thread")]
async fn b5_a_publication_that_takes_longer_goes_on_and_is_asked_for_again() {
    let kept = Kept::new();
    let (acme, image) = (acme(&kept.world).await, image(&kept.world));
    let id = sent(&acme, &image).await;
    kept.way.hold_after(Towards::Store, 100_000);
    let underway = act(&acme, &id, "publish").await;
    assert_eq!((underway.status, &underway.json()["state"]), (StatusCode::ACCEPTED, &"uploading".into()));
    assert_eq!(content(&kept.world, &id).await.code(), "not-found");
    kept.way.mend();
    let done = act(&acme, &id, "publish").await;
    assert_eq!((done.status, &done.json()["state"]), (StatusCode::OK, &"published".into()));
    assert!(content(&kept.world, &id).await.body == image);
}

#[tokio::test]
async fn b5_what_somebody_has_removed_or_cut_in_the_store_is_not_given_out_as_if_it_were_whole() {
    let kept = Kept::new();
    let (world, store) = (&kept.world, &kept.store);
    let (acme, image) = (acme(world).await, image(world));
    let id = published(&acme, &image).await;
    store.cut(&object(&id), 1_000);
    for asked in ["bytes=0-9", "bytes=500-1999", "bytes=5000-5999"] {
        let refused = range(world, &id, asked).await;
        assert!(is_unavailable(&refused), "{asked}: {refused:?}");
        assert!(refused.text().contains("does not lie as it was published"), "{}", refused.text());
    }
    assert!(is_unavailable(&content(world, &id).await));
    store.remove(&object(&id));
    let gone = content(world, &id).await;
    assert!(is_unavailable(&gone) && gone.text().contains("does not lie as it was published"));
    assert_eq!(degraded(world).await, None, "the store does its work; one image is missing");
}
