//! B5, A20, D1: what users meet is the same, wherever the bytes lie.

use std::path::PathBuf;
use std::process::Stdio;

use carnet_seam::Random;
use carnet_testkit::SeededRandom;
use serde_json::{Value, json};

use crate::bucket_world::object;
use crate::programs::{ANY, Carnet, Daemon, Folder, carnetd};
use crate::store::Store;
use crate::way::{Towards, Way};

const MENU: &str = r#"app = "acme/paint"
[[offer]]
name = "small"
condition = "Small"
features = ["core"]
fee = "free"
term = "perpetual"
"#;

/// A shop with a program on sale, whose images lie in a store.
pub struct Shop {
    pub server: Option<Daemon>,
    pub store: Store,
    pub way: Way,
    pub supplier: Carnet,
    pub folder: Folder,
    root: String,
    url: String,
}

impl Shop {
    pub fn open() -> Self {
        let (store, folder, supplier) = (Store::start(), Folder::new(), Carnet::new());
        let way = Way::to(&store.address());
        let command = carnetd(&folder.path().join("data"), &store, "owner", &way.url());
        let server = Daemon::start(command, ANY, &folder.path().join("log"));
        let (url, root) = (server.url.clone(), server.root.clone());
        let code = server.code.clone();
        let shop = Self { server: Some(server), store, way, supplier, folder, root, url };
        let menu = shop.supplier.file("menu.toml", MENU.as_bytes()).display().to_string();
        for line in [
            &["supplier", "register", "--server", &shop.url, "--code", &code, "--name", "acme"][..],
            &["supplier", "app", "add", "acme/paint"],
            &["supplier", "menu", "set", "acme/paint", "-f", &menu, "--yes"],
            &["supplier", "image-key", "new", "--supplier", "acme"],
            &["supplier", "image-key", "register"],
        ] {
            shop.supplier.run(line);
        }
        shop
    }

    /// The server dies as by a power cut.
    pub fn kill(&mut self) -> String {
        self.server.take().unwrap().kill()
    }

    /// It is back at the same address.
    pub fn start(&mut self, listen: &str) {
        let data = self.folder.path().join("data");
        let command = carnetd(&data, &self.store, "owner", &self.way.url());
        self.server = Some(Daemon::start(command, listen, &self.folder.path().join("log")));
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// An image with so many bytes of noise in the feature `core`, and a brush; its file.
    pub fn build(&self, version: &str, noise: usize) -> PathBuf {
        let program = format!("program-{version}");
        let mut bytes = vec![0; noise];
        SeededRandom::new(5).fill(&mut bytes).unwrap();
        self.supplier.file(&format!("{program}/paint"), &bytes);
        self.supplier.file(&format!("{program}/brushes/oil"), b"oil");
        let (folder, image) = (
            self.supplier.home.path().join(program),
            self.supplier.home.path().join(format!("{version}.cimg")),
        );
        let (folder, to) = (folder.display().to_string(), image.display().to_string());
        let features = ["--feature", "brushes=brushes/**", "--feature", "core=**"];
        let line = ["supplier", "image", "build", &folder, "--app", "acme/paint", "--version", version];
        self.supplier.run(&[&line[..], &features, &["--to", &to]].concat());
        image
    }

    pub fn publish(&self, image: &std::path::Path) -> Value {
        self.supplier.run(&["supplier", "image", "publish", &image.display().to_string()])
    }

    /// Somebody who has ordered the program.
    pub fn customer(&self) -> Carnet {
        let user = Carnet::new();
        let identity = format!("file:{}", user.home.path().join("identity").display());
        user.run(&[
            "register",
            "--server",
            &self.url,
            "--root",
            &self.root,
            "--identity",
            &identity,
            "--name",
            "Ann Example",
            "--email",
            "ann@example.org",
        ]);
        assert_eq!(user.run(&["order", "acme/paint", "small", "--yes"])["outcome"], "ordered");
        user
    }
}

fn files(user: &Carnet) -> PathBuf {
    user.home.path().join("programs/acme.paint/current/files")
}

fn installed(user: &Carnet, noise: usize) -> bool {
    let mut bytes = vec![0; noise];
    SeededRandom::new(5).fill(&mut bytes).unwrap();
    std::fs::read(files(user).join("paint")).is_ok_and(|found| found == bytes)
}

#[test]
fn b5_a20_an_image_in_a_store_is_installed_as_any_other_as_far_as_the_license_grants_it() {
    let shop = Shop::open();
    let published = shop.publish(&shop.build("1.0.0", 300_000));
    assert_eq!((&published["state"], &published["keyed"]), (&json!("published"), &json!(true)));
    let id = published["id"].as_str().unwrap();
    assert_eq!(shop.store.objects(), [(object(id), published["length"].as_u64().unwrap())]);
    let ann = shop.customer();
    let done = ann.run(&["install", "acme/paint"]);
    assert_eq!((&done["version"], &done["features"]), (&json!("1.0.0"), &json!(["core"])));
    assert!(installed(&ann, 300_000));
    assert!(!files(&ann).join("brushes").exists(), "A20: what is not granted is not there");
    assert_eq!(ann.run(&["install", "acme/paint"])["already"], true);

    // What is gone from the store is not installed any more, and whoever has it keeps it.
    let bob = shop.customer();
    shop.store.remove(&object(id));
    let refused = bob.fails(&["install", "acme/paint"]);
    assert!(!files(&bob).exists(), "{refused}");
    assert!(shop.log().contains("the object is not there"), "the operator is told");
}

/// The last frame belongs to the feature that is stored last, so the one granted here is damaged.
#[test]
fn b5_d1_a_device_notices_that_an_image_was_replaced_behind_the_servers_back() {
    let shop = Shop::open();
    let image = shop.build("1.0.0", 300_000);
    let id = shop.publish(&image)["id"].as_str().unwrap().to_owned();
    shop.store.change(&object(&id));
    let ann = shop.customer();
    assert_eq!(ann.fails(&["install", "acme/paint"]), "image-damaged");
    assert!(!files(&ann).exists());
}

#[test]
fn b5_a_download_goes_on_where_the_users_machine_or_the_store_broke_it_off() {
    const NOISE: usize = 20_000_000;
    let shop = Shop::open();
    shop.publish(&shop.build("1.0.0", NOISE));
    let ann = shop.customer();
    shop.way.hold_after(Towards::Server, 12_000_000);
    let mut command = ann.command(&["install", "acme/paint", "--json"]);
    let mut killed = command.stdout(Stdio::null()).spawn().unwrap();
    shop.way.wait_until_held();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!files(&ann).exists());

    // The store is away: the user is told, and what has arrived stays.
    shop.way.cut();
    let away = ann.fails(&["install", "acme/paint"]);
    assert_eq!(away, "server-unreachable");
    shop.way.mend();
    let before = shop.way.moved();
    assert_eq!(ann.run(&["install", "acme/paint"])["already"], false);
    assert!(installed(&ann, NOISE));
    let moved = shop.way.moved() - before;
    assert!(moved < 16_000_000, "what had arrived is not fetched again: {moved}");
}
