//! B5: a supplier builds and checks an image on its own machine.

use std::os::unix::fs::PermissionsExt;

use carnet_image::SealedKeys;
use carnet_seal::keys::AgreementKey;

use crate::carnet::Carnet;
use crate::fake::{Fake, Says};
use crate::user::shop::Shop;

const SEED: [u8; 32] = [8; 32];

fn key_service() -> String {
    data_encoding::HEXLOWER.encode(&AgreementKey::from_seed(&SEED).public().0)
}

/// A home with an image key and a program, and the command line that builds an image of it.
fn supplier() -> (Carnet, Vec<String>) {
    let carnet = Carnet::new();
    let line = prepared(&carnet);
    (carnet, line)
}

fn prepared(carnet: &Carnet) -> Vec<String> {
    let made = carnet.run(&["supplier", "image-key", "new", "--supplier", "acme"]);
    assert_eq!(made.code, 0, "{made:?}");
    std::fs::create_dir_all(carnet.home.join("program/brushes")).unwrap();
    carnet.file("program/paint", "#!/bin/sh\necho paint\n");
    carnet.file("program/brushes/oil", "oil");
    let (program, image) = (carnet.home.join("program"), carnet.home.join("paint.cimg"));
    let (program, image, service) =
        (program.display().to_string(), image.display().to_string(), key_service());
    let line = format!(
        "supplier image build {program} --app acme/paint --version 2.0.0 --feature brushes=brushes/** \
         --feature core=** --to {image} --key-service {service} --json"
    );
    line.split(' ').map(str::to_owned).collect()
}

fn built(carnet: &Carnet, line: &[String]) -> serde_json::Value {
    let ran = carnet.run(&line.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()
}

#[test]
fn b5_an_image_is_built_checked_and_found_damaged() {
    let (carnet, line) = supplier();
    let made = built(&carnet, &line);
    assert_eq!(made["version"], "2.0.0");
    let image = made["image"].as_str().unwrap();
    let checked = carnet.run(&["supplier", "image", "check", image, "--json"]).json();
    assert_eq!(checked["id"], made["id"]);
    assert_eq!(checked["features"], serde_json::json!(["brushes", "core"]));
    let shown = carnet.run(&["supplier", "image-key", "show", "--json"]).json();
    assert_eq!(checked["signed_by"], shown["id"]);

    // Elsewhere, with the public key alone.
    let (elsewhere, key) = (Carnet::new(), shown["public_key"].as_str().unwrap());
    let failed = elsewhere.run(&["supplier", "image", "check", image, "--json"]).failed();
    assert_eq!(failed, (1, "no-image-key".into()));
    let known = ["supplier", "image", "check", image, "--public-key", key, "--supplier"];
    assert_eq!(elsewhere.run(&[&known[..], &["acme"]].concat()).code, 0);
    let other = elsewhere.run(&[&known[..], &["umbra", "--json"]].concat()).failed();
    assert_eq!(other, (1, "image-untrusted".into()));

    let mut bytes = std::fs::read(image).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::remove_file(image).unwrap();
    write(image, &bytes);
    let failed = carnet.run(&["supplier", "image", "check", image, "--json"]).failed();
    assert_eq!(failed, (1, "image-damaged".into()));
}

#[expect(clippy::disallowed_methods, reason = "an input of a test need not last")]
fn write(path: &str, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn d1_the_content_keys_leave_the_suppliers_machine_sealed_to_the_key_service() {
    let (carnet, line) = supplier();
    let made = built(&carnet, &line);
    let keys = SealedKeys::decode(&std::fs::read(made["keys"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(keys.image.to_string(), made["id"].as_str().unwrap());
    assert_eq!(keys.open(&SEED).unwrap().len(), 2);
    assert!(keys.open(&[9; 32]).is_err());
    let text = format!("{made}");
    assert!(
        keys.open(&SEED)
            .unwrap()
            .values()
            .all(|key| { !text.contains(&data_encoding::HEXLOWER.encode(key.bytes())) })
    );
}

#[test]
fn i17_the_image_key_is_the_owners_alone_and_never_replaced() {
    let (carnet, _) = supplier();
    let shown = carnet.run(&["supplier", "image-key", "show", "--json"]).json();
    let file = std::path::PathBuf::from(shown["file"].as_str().unwrap());
    let secret = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = carnet.run(&["supplier", "image-key", "new", "--supplier", "acme", "--json"]);
    assert_eq!(again.failed(), (1, "image-key-exists".into()));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), secret);
    assert!(!shown.to_string().contains(secret.trim()));

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let warned = carnet.run(&["supplier", "image-key", "show"]);
    assert!(warned.err.contains("others can read the image key"), "{warned:?}");
}

#[test]
fn b5_a_publication_that_takes_longer_than_an_answer_is_waited_for() {
    let (carnet, line) = supplier();
    let made = built(&carnet, &line);
    let length = std::fs::metadata(made["image"].as_str().unwrap()).unwrap().len();
    let view = |status, state| {
        let view = serde_json::json!({
            "id": made["id"], "app": "acme/paint", "version": "2.0.0", "platform": "linux-x86_64", "length": length,
            "arrived": length, "state": state, "keyed": true, "created": "2026-11-21T00:00:00Z",
        });
        Says::Answer(status, "application/json", view.to_string())
    };
    let fake = Fake::new(vec![
        view(201, "uploading"),
        view(202, "uploading"),
        view(202, "uploading"),
        view(200, "published"),
    ]);
    let ran = carnet
        .run_at(&fake.url, &["supplier", "image", "publish", made["image"].as_str().unwrap(), "--json"]);
    assert_eq!((ran.code, &ran.json()["state"]), (0, &"published".into()), "{ran:?}");
    let publish = format!("POST /v1/images/{}/publish", made["id"].as_str().unwrap());
    let asked: Vec<_> = fake.seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(asked, ["POST /v1/images", &publish, &publish, &publish]);
}

#[test]
fn b5_an_image_is_published_listed_and_withdrawn() {
    let shop = Shop::open();
    let carnet = shop.supplier_home();
    assert_eq!(carnet.run(&["supplier", "app", "add", "acme/paint"]).code, 0);
    let line = prepared(carnet);
    // Sealed to the key service of this server, which is asked for its key.
    let line: Vec<String> = line.into_iter().take_while(|word| word != "--key-service").collect();
    assert_eq!(carnet.run(&line.iter().map(String::as_str).collect::<Vec<_>>()).code, 0);
    let made = carnet.run(&["supplier", "image", "check", &line[line.len() - 1], "--json"]).json();
    let (image, id) = (line[line.len() - 1].as_str(), made["id"].as_str().unwrap());
    let publish = ["supplier", "image", "publish", image, "--json"];
    assert_eq!(carnet.run(&publish).failed(), (5, "invalid".into()), "the key is not registered");
    let registered = shop.supplier(&["supplier", "image-key", "register", "--json"]).json();
    assert_eq!(registered["published"], true);
    assert_eq!(shop.supplier(&["supplier", "image-key", "list", "--json"]).json()[0], registered);

    let published = shop.supplier(&publish).json();
    assert_eq!((published["id"].as_str(), published["state"].as_str()), (Some(id), Some("published")));
    assert_eq!(published["keyed"], true);
    assert_eq!(shop.supplier(&publish).json(), published, "once more changes nothing");
    let listed = shop.supplier(&["supplier", "image", "list", "acme/paint", "--json"]).json();
    assert_eq!(listed, serde_json::json!([published]));
    let words = shop.supplier(&["supplier", "image", "list", "acme/paint"]).out;
    assert!(words.contains(id) && words.contains("2.0.0"), "{words}");

    shop.supplier(&["supplier", "image", "withdraw", id, "--yes"]);
    let listed = shop.supplier(&["supplier", "image", "list", "acme/paint", "--json"]).json();
    assert_eq!(listed, serde_json::json!([]));
}
