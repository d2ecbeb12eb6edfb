//! D2: SIGKILL at the server, while an image comes to it and while it goes on to the store.

use std::process::Stdio;

use crate::installing::Shop;
use crate::way::Towards;

const NOISE: usize = 20_000_000;

#[test]
fn b5_d2_a_server_that_is_killed_while_it_publishes_leaves_nothing_in_the_store_and_goes_on() {
    let mut shop = Shop::open();
    let image = shop.build("1.0.0", NOISE);
    let path = image.display().to_string();
    // The first part of the object is there, the second one on its way.
    shop.way.hold_after(Towards::Store, 12_000_000);
    let mut command = shop.supplier.command(&["supplier", "image", "publish", &path]);
    let mut publishing = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    shop.way.wait_until_held();
    let listen = shop.kill();
    assert!(!publishing.wait().unwrap().success());
    assert_eq!((shop.store.objects(), shop.store.uploads()), (Vec::new(), 1));
    shop.way.cut();
    shop.way.mend();

    shop.start(&listen);
    let published = shop.publish(&image);
    assert_eq!((&published["state"], &published["keyed"]), (&"published".into(), &true.into()));
    assert_eq!(shop.store.uploads(), 0, "the one that was begun before was given up");
    assert_eq!(shop.store.objects().len(), 1);
    assert!(shop.customer().run(&["install", "acme/paint"]).is_object());
}

#[test]
fn b5_d2_an_upload_that_nobody_takes_up_again_is_given_up_at_the_next_start() {
    let mut shop = Shop::open();
    let path = shop.build("1.0.0", NOISE).display().to_string();
    shop.way.hold_after(Towards::Store, 12_000_000);
    let mut command = shop.supplier.command(&["supplier", "image", "publish", &path]);
    let mut publishing = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    shop.way.wait_until_held();
    let listen = shop.kill();
    assert!(!publishing.wait().unwrap().success());
    shop.way.cut();
    shop.way.mend();
    assert_eq!(shop.store.uploads(), 1);
    shop.start(&listen);
    // It does so by itself, as soon as it has seen that the store works.
    let given_up = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        shop.store.uploads() == 0
    });
    assert!(given_up, "{}", shop.log());
}

#[test]
fn b5_d2_parts_that_have_arrived_survive_a_server_that_is_killed() {
    let mut shop = Shop::open();
    let image = shop.build("1.0.0", NOISE);
    let path = image.display().to_string();
    let mut command = shop.supplier.command(&["supplier", "image", "publish", &path]);
    let mut publishing = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let parts = shop.folder.path().join("data/images");
    let arrived = || {
        let entries = std::fs::read_dir(&parts).into_iter().flatten().map(Result::unwrap);
        entries.map(|entry| entry.metadata().unwrap().len()).sum::<u64>()
    };
    let some = (0..3_000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        arrived() > 1_000_000
    });
    assert!(some);
    let listen = shop.kill();
    assert!(!publishing.wait().unwrap().success());
    let arrived = arrived();
    assert!(arrived < NOISE as u64, "it was killed too late: {arrived}");
    assert_eq!(shop.store.objects(), []);
    shop.start(&listen);
    assert_eq!(shop.publish(&image)["state"], "published");
    assert_eq!(shop.store.objects().len(), 1);
}
