//! I17: no secret in logs, answers or core files.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use carnet_core::document::Operation;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::device_world::{Device, shop};
use crate::world::World;

/// What all threads say at the most talkative level, those of other tests too: whoever says it, no secret is in it.
static CAPTURED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static CAPTURING: AtomicBool = AtomicBool::new(false);

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        CAPTURED.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn capture() {
    let all = dynamic_filter_fn(|_, _| CAPTURING.load(Ordering::Relaxed));
    let log = tracing_subscriber::fmt::layer().with_writer(|| Captured).with_filter(all);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log)).unwrap();
    CAPTURING.store(true, Ordering::Relaxed);
}

/// Everything at the most talkative level, with requests that succeed and requests that fail.
#[tokio::test]
async fn i17_logs_and_answers_hold_no_token_code_key_or_personal_value() {
    capture();
    let world = World::new();
    let code = world.code();
    world.register("carnet_setup_wrongcodeofsomebodyelse", "acme").await;
    let registered = world.register(&code, "early").await.json();
    let token = registered["token"].as_str().unwrap().to_owned();
    let (supplier, app) = shop(&world).await;
    let mut answers = Vec::new();
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    device.ask(&world, Some(&app), Operation::Export).await;
    for path in ["/v1/apps", "/v1/licenses", "/v1/events", "/v1/supplier", "/v1/server", "/v1/key-set"] {
        answers.push(supplier.get(path).await.body);
    }
    answers.push(world.metrics().await.into_bytes());
    let deposited = HEXLOWER.encode(b"a canary that opens all reports!");
    answers.push(supplier.put("/v1/report-key", &serde_json::json!({ "opens": deposited })).await.body);
    let mistyped = format!("{}x", &deposited[1..]);
    answers.push(supplier.put("/v1/report-key", &serde_json::json!({ "opens": mistyped })).await.body);
    let bad = world.document(vec![1, 2, 3]).await;
    answers.push(bad.body);
    let act = format!("/v1/licenses/{}/revoke", pass.license);
    answers.push(supplier.call(axum::http::Method::POST, &act, None).await.body);
    answers.push(supplier.call(axum::http::Method::POST, &act, None).await.body);
    CAPTURING.store(false, Ordering::Relaxed);

    let secret = std::fs::read_to_string(world.folder.data().join("secret.key")).unwrap();
    let seeds = seeds(&world, secret.trim());
    assert_eq!(seeds.len(), 4, "root, server and one for each supplier");
    let mut canaries: Vec<Vec<u8>> = [
        token.as_str(),
        &token["carnet_sup_".len()..],
        &supplier.token,
        &code,
        &code["carnet_setup_".len()..],
        "carnet_setup_wrongcodeofsomebodyelse",
        secret.trim(),
        "Canary",
        "canary@example.org",
        "Wharf",
        "901820",
        "pay-canary-77",
        "the-name-of-my-device",
        "the-maker-of-my-device",
        &deposited[1..],
        "a canary that opens all reports!",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    for seed in &seeds {
        canaries.extend([
            seed.to_vec(),
            HEXLOWER.encode(seed).into_bytes(),
            BASE64.encode(seed).into_bytes(),
            BASE64URL_NOPAD.encode(seed).into_bytes(),
            format!("{seed:?}").into_bytes(),
        ]);
    }
    answers.push(std::mem::take(&mut *CAPTURED.lock().unwrap()));
    assert!(answers.last().unwrap().len() > 1_000, "the log was captured");
    for answer in &answers {
        for canary in &canaries {
            let found = answer.windows(canary.len()).any(|window| window == canary);
            assert!(!found, "{:?} in {}", String::from_utf8_lossy(canary), String::from_utf8_lossy(answer));
        }
    }
}

fn seeds(world: &World, secret: &str) -> Vec<[u8; 32]> {
    use carnet_server::keys::at_rest::AtRest;
    let secret: [u8; 32] = HEXLOWER.decode(secret.as_bytes()).unwrap().try_into().unwrap();
    let at_rest = AtRest::new(&secret).unwrap();
    let keys = world.server.store().read(|tx| tx.keys()).unwrap();
    let seed = |key: &carnet_store::key::ServerKey| {
        let id = carnet_seal::KeyId(key.id.as_slice().try_into().unwrap());
        *at_rest.unseal(id, &key.sealed).unwrap()
    };
    keys.iter().map(seed).collect()
}

#[tokio::test]
async fn secrets_that_others_can_read_and_secrets_that_are_gone_stop_the_start() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new();
    world.supplier("acme").await;
    world.server.close();
    let data = world.folder.data();
    let path = data.join("secret.key");
    let open = || {
        let around = carnet_server::server::Surroundings {
            database: world.folder.url().map(|url| url.parse().unwrap()),
            clock: Arc::new(world.clock.clone()),
            random: world.random.clone(),
            fs: Arc::new(carnet_seam::RealFs::default()),
            data: data.clone(),
            key_service: None,
        };
        carnet_server::server::Server::open(around)
            .map(|server| server.close())
            .map_err(|error| error.to_string())
    };
    assert_eq!(open(), Ok(()));
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap()
    };
    mode(&path, 0o640);
    assert!(open().unwrap_err().contains("chmod 600"));
    mode(&path, 0o600);
    mode(&data, 0o755);
    assert!(open().unwrap_err().contains("chmod 700"));
    mode(&data, 0o700);
    let good = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(open().unwrap_err().contains("secret.key is missing"));
    let write = |bytes: &[u8]| {
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(&path).unwrap();
        file.write_all(bytes).unwrap();
        mode(&path, 0o600);
    };
    write(b"short");
    assert!(open().unwrap_err().contains("64 hexadecimal digits"));
    write(HEXLOWER.encode(&[9; 32]).as_bytes());
    assert!(open().unwrap_err().contains("same backup"));
    write(&good);
    assert_eq!(open(), Ok(()));
}
