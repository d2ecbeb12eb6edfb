//! What the doctor finds, and what is refused before anything begins.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use carnet_seam::RealFs;
use carnet_seam::fs::replace_file;

use crate::installing::Shop;
use crate::programs::{ANY, Daemon, Folder, carnetd, complaint, printed};
use crate::store::Store;

/// What the doctor says of the image store, and how it ends.
fn doctor(mut command: Command) -> (Option<i32>, String) {
    let output = command.args(["--log", "trace", "doctor", "--quick"]).output().unwrap();
    let text = printed(&output);
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(" image store: ")).collect();
    (output.status.code(), lines.join("\n"))
}

#[test]
fn the_doctor_tells_apart_what_can_be_wrong_with_a_store() {
    let (store, folder) = (Store::start(), Folder::new());
    let (data, url) = (folder.path().join("data"), format!("http://{}", store.address()));
    let daemon = Daemon::start(carnetd(&data, &store, "owner", &url), ANY, &folder.path().join("log"));
    let good = doctor(carnetd(&data, &store, "owner", &url)).1;
    assert!(good.starts_with("good   image store: written, read and removed in s3://images/"), "{good}");
    assert_eq!(store.objects(), [], "nothing is left of it");

    let wrong = |command: Command, says: &[&str]| {
        let (code, text) = doctor(command);
        assert_eq!(code, Some(6), "{text}");
        assert!(says.iter().all(|part| text.contains(part)), "{says:?}: {text}");
        assert!(text.lines().all(|line| line.starts_with("WRONG")), "{text}");
    };
    let read_only = doctor(carnetd(&data, &store, "reader", &url)).1;
    assert!(read_only.contains("nothing can be written") && !read_only.contains("be read in"), "{read_only}");
    wrong(carnetd(&data, &store, "reader", &url), &["AccessDenied", "PutObject"]);
    wrong(carnetd(&data, &store, "nobody", &url), &["can be written", "can be read", "AccessDenied"]);
    let mut command = carnetd(&data, &store, "owner", &url);
    command.env("AWS_SECRET_ACCESS_KEY", "canary-of-a-secret");
    wrong(command, &["SignatureDoesNotMatch", "the clock of this machine"]);
    let mut command = carnetd(&data, &store, "owner", &url);
    command.env("AWS_ACCESS_KEY_ID", "AKIACANARY");
    wrong(command, &["does not accept the credentials", "InvalidAccessKeyId"]);
    let mut command = carnetd(&data, &store, "owner", &url);
    command.env("CARNETD_IMAGE_STORE", "s3://no-such-bucket");
    wrong(command, &["there is no such bucket"]);
    wrong(carnetd(&data, &store, "owner", "http://127.0.0.1:9"), &["does not answer", "127.0.0.1:9"]);
    drop(daemon);
}

#[test]
fn a_store_that_is_away_at_the_start_keeps_no_server_from_starting() {
    let (store, folder) = (Store::start(), Folder::new());
    let data = folder.path().join("data");
    let daemon =
        Daemon::start(carnetd(&data, &store, "owner", "http://127.0.0.1:9"), ANY, &folder.path().join("log"));
    assert!(!daemon.code.is_empty(), "it greets");
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
    let told = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        log().contains("the image store does not do its work")
    });
    assert!(told, "{}", log());
}

#[test]
fn credentials_come_from_a_file_that_nobody_else_reads() {
    let (store, folder) = (Store::start(), Folder::new());
    let (data, url) = (folder.path().join("data"), format!("http://{}", store.address()));
    let [key, secret] = store.keys("owner");
    let file = folder.path().join("credentials");
    let text = format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n");
    replace_file(&RealFs::default(), &file, text.as_bytes()).unwrap();
    let command = || {
        let mut command = carnetd(&data, &store, "nobody", &url);
        command.env("CARNETD_IMAGE_STORE_CREDENTIALS_FILE", &file);
        command
    };
    drop(Daemon::start(command(), ANY, &folder.path().join("log")));
    let (_, told) = doctor(command());
    assert!(told.starts_with("good"), "the file wins over the variables: {told}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = command().arg("serve").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(complaint(&refused).contains("chmod 600") && !complaint(&refused).contains(&secret));
}

#[test]
fn i17_what_signs_for_the_store_is_in_no_log_no_error_and_no_configuration_shown() {
    let shop = Shop::open();
    let id = shop.publish(&shop.build("1.0.0", 300_000))["id"].as_str().unwrap().to_owned();
    assert!(shop.customer().run(&["install", "acme/paint"]).is_object());
    shop.way.cut();
    assert_eq!(shop.supplier.fails(&["supplier", "image", "withdraw", &id, "--yes"]), "unavailable");
    let [_, secret] = shop.store.keys("owner");
    let log = shop.log();
    assert!(log.contains("could not be removed from the image store"), "the log has what went wrong");
    assert!(!log.contains(&secret));
    let data = shop.folder.path().join("data");
    let mut show = carnetd(&data, &shop.store, "owner", &shop.way.url());
    let shown = show.args(["config", "show"]).output().unwrap();
    assert!(printed(&shown).contains("CARNETD_IMAGE_STORE_ENDPOINT"), "{shown:?}");
    assert!(!printed(&shown).contains(&secret));
}
