//! Images that lie in the data folder move into a bucket, beside a running server.

use std::sync::Arc;

use carnet_seam::{Crash, RealFs};
use carnet_server::admission::Policy;
use carnet_testkit::{FakeClock, SeededRandom};

use crate::bucket_world::{Kept, object};
use crate::image_world::{acme, image, image_with, signer};
use crate::programs::{carnetd, complaint, printed};
use crate::publishing::{content, published};
use crate::store::Store;
use crate::way::{Towards, Way};
use crate::world::{Folder, START, World};

#[tokio::test(flavor = "multi_thread")]
async fn b5_images_are_copied_into_the_store_compared_and_then_removed_from_the_folder() {
    let (store, folder) = (Store::start(), Arc::new(Folder::new()));
    let way = Way::to(&store.address());
    let (clock, random) = (FakeClock::at(START), Arc::new(SeededRandom::new(7)));
    let world = World::on(clock, random, folder.clone(), Crash::never(), Policy::default());
    let (small, large) = {
        let acme = acme(&world).await;
        let small = image(&world);
        let large = image_with(&world, "acme/paint", &signer(), 10_000_000);
        ((published(&acme, &small).await, small), (published(&acme, &large).await, large))
    };
    let copy = |more: &[&str]| {
        let mut command = carnetd(&folder.data(), &store, "owner", &way.url());
        command.args(["--log", "error", "images", "copy"]).args(more).output().unwrap()
    };
    // The first time it is broken off.
    way.hold_after(Towards::Store, 6_000_000);
    let cutting = {
        let way = way.clone();
        std::thread::spawn(move || {
            way.wait_until_held();
            way.cut();
        })
    };
    let broken = copy(&[]);
    cutting.join().unwrap();
    assert_eq!(broken.status.code(), Some(1), "{}", complaint(&broken));
    assert!(complaint(&broken).contains("The same command goes on"), "{}", complaint(&broken));
    way.mend();
    let copied = copy(&[]);
    assert!(copied.status.success(), "{}", complaint(&copied));
    assert!(printed(&copied).contains("2 images: in the image store, and still in the data folder"));
    assert_eq!((store.objects().len(), store.uploads()), (2, 0));
    let again = printed(&copy(&["--remove"]));
    assert_eq!(again.matches("there already, and the same").count(), 2, "{again}");

    // The server is told of the store, and goes on.
    let World { server, routes, clock, random, .. } = world;
    server.close();
    drop((server, routes));
    let kept = Kept::on(store, way, clock, random, folder, Crash::never());
    assert_eq!(kept.left(), [""; 0]);
    for (id, bytes) in [&small, &large] {
        assert!(content(&kept.world, id).await.body == *bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b5_a_copy_that_is_not_the_same_is_written_again_and_until_then_the_folder_counts() {
    let kept = Kept::new();
    let id = published(&acme(&kept.world).await, &image(&kept.world)).await;
    // As if it had been published before there was a bucket.
    let bytes = content(&kept.world, &id).await.body;
    let path = kept.world.folder.data().join(format!("images/{id}.cimg"));
    carnet_seam::fs::replace_file(&RealFs::default(), &path, &bytes).unwrap();
    kept.store.change(&object(&id));
    assert!(content(&kept.world, &id).await.body == bytes, "what lies in the folder is given out from there");
    let mut command = carnetd(&kept.world.folder.data(), &kept.store, "owner", &kept.way.url());
    let copied = command.args(["images", "copy", "--remove"]).output().unwrap();
    assert!(printed(&copied).contains("copied and compared"), "{copied:?}");
    assert!(content(&kept.world, &id).await.body == bytes);
    assert_eq!(kept.left(), [""; 0]);
}
