//! A real server with a supplier on it, and users with passbooks of their own.

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::carnet::{Carnet, Ran, ran};

/// `carnetd` beside `carnet`: built with the workspace, or now.
pub fn carnetd() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let path = Path::new(env!("CARGO_BIN_EXE_carnet")).with_file_name("carnetd");
        if !path.exists() {
            let folder = path.parent().and_then(Path::file_name).unwrap();
            let profile = if folder == "debug" { "dev" } else { folder.to_str().unwrap() };
            let arguments =
                ["build", "--locked", "--package", "carnet-server", "--bin", "carnetd", "--profile", profile];
            assert!(Command::new(env!("CARGO")).args(arguments).status().unwrap().success());
        }
        path
    })
}

/// A server that runs until this is dropped.
pub struct Shop {
    pub url: String,
    pub root: String,
    supplier: Carnet,
    server: Option<Child>,
    data: PathBuf,
    /// A key service beside the server, and whether there is to be one at all.
    key_service: RefCell<Option<Child>>,
    apart: bool,
}

impl Shop {
    /// A new server, with the supplier `acme`.
    pub fn open() -> Self {
        Self::with(false)
    }

    /// The same, with a key service that is a process of its own.
    pub fn open_with_key_service() -> Self {
        Self::with(true)
    }

    /// Where the key service listens.
    fn socket(&self) -> PathBuf {
        std::env::temp_dir().join(format!("carnet-{}-{}", std::process::id(), self.data_name()))
    }

    fn data_name(&self) -> String {
        self.supplier.home.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// The server's data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn start_key_service(&self) {
        let mut command = Command::new(carnetd());
        let (data, socket) = (self.supplier.home.join("keys"), self.socket());
        command.env_clear().arg("--data").arg(data).args(["--log", "error", "keys", "serve", "--socket"]);
        command.arg(socket).args(["--root", &self.root]);
        let mut service = command.stdout(Stdio::piped()).spawn().unwrap();
        // It says so when it listens.
        let lines = BufReader::new(service.stdout.take().unwrap()).lines();
        assert_eq!(lines.take(2).filter(Result::is_ok).count(), 2);
        *self.key_service.borrow_mut() = Some(service);
    }

    pub fn stop_key_service(&self) {
        if let Some(mut service) = self.key_service.borrow_mut().take() {
            service.kill().unwrap();
            service.wait().unwrap();
        }
    }

    fn with(apart: bool) -> Self {
        let supplier = Carnet::new();
        let data = supplier.home.join("carnetd");
        let (url, root) = (String::new(), String::new());
        let key_service = RefCell::default();
        let mut shop = Self { url, root, supplier, server: None, data, key_service, apart };
        let code = shop.start("127.0.0.1:0");
        if apart {
            shop.start_key_service();
        }
        let registered = shop
            .supplier
            .run(&["supplier", "register", "--server", &shop.url, "--code", &code, "--name", "acme"]);
        assert_eq!(registered.code, 0, "{registered:?}");
        shop
    }

    /// Starts the server and reads what it greets with. Returns the set-up code, where there is one.
    fn start(&mut self, listen: &str) -> String {
        let mut command = Command::new(carnetd());
        command.env_clear().arg("--data").arg(&self.data).args(["--log", "error", "up", "--listen", listen]);
        if self.apart {
            command.arg("--key-service").arg(self.socket());
        }
        let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let mut code = String::new();
        for line in lines {
            let line = line.unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["carnetd", .., url] if url.starts_with("http") => self.url = (*url).to_owned(),
                ["root", "hash", root] => self.root = (*root).to_owned(),
                ["set-up", "code", found] => code = (*found).to_owned(),
                _ => {}
            }
            // A greeting without a set-up code ends with the root hash.
            if !code.is_empty() || (!self.root.is_empty() && listen != "127.0.0.1:0") {
                break;
            }
        }
        self.server = Some(server);
        code
    }

    /// The server dies, as by a power cut.
    pub fn close(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// It is back at the same address, with the same books.
    pub fn reopen(&mut self) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        self.start(&listen);
    }

    /// Another server takes its address.
    pub fn replace(&mut self) {
        self.close();
        self.data = self.supplier.home.join("another-carnetd");
        let listen = self.url.trim_start_matches("http://").to_owned();
        self.start(&listen);
    }

    /// The app `acme/paint` with these offers in its menu.
    pub fn sell(&self, offers: &[&str]) {
        // The second time it is there already.
        self.supplier.run(&["supplier", "app", "add", "acme/paint"]);
        let menu = self.supplier.file("menu.toml", &format!("app = \"acme/paint\"\n{}", offers.concat()));
        let set = self.supplier.run(&["supplier", "menu", "set", "acme/paint", "-f", &menu, "--yes"]);
        assert_eq!(set.code, 0, "{set:?}");
    }

    /// What the supplier sees: all licenses.
    pub fn licenses(&self) -> Vec<Value> {
        self.supplier.run(&["supplier", "licenses", "--json"]).json()["data"].as_array().unwrap().clone()
    }

    /// Where the supplier works.
    pub fn supplier_home(&self) -> &Carnet {
        &self.supplier
    }

    pub fn supplier(&self, arguments: &[&str]) -> Ran {
        let ran = self.supplier.run(arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    }

    /// Exit code and problem code of a supplier's command that must fail.
    pub fn supplier_fails(&self, arguments: &[&str]) -> (i32, String) {
        self.supplier.run(arguments).failed()
    }

    /// Somebody who has not registered yet, on a device of their own.
    pub fn visitor(&self) -> User {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let carnet = Carnet::new();
        let name = format!("identity-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let identity = format!("file:{}", carnet.home.join(name).display());
        self.visitor_with(carnet, identity)
    }

    /// The same, on this device and known by this.
    pub fn visitor_with(&self, carnet: Carnet, identity: String) -> User {
        User { carnet, url: self.url.clone(), root: self.root.clone(), identity }
    }

    /// A registered user.
    pub fn user(&self) -> User {
        let user = self.visitor();
        let registered = user.run(&user.registration());
        assert_eq!(registered.code, 0, "{registered:?}");
        user
    }
}

impl Shop {
    /// Another device of the same user.
    pub fn second_device(&self, of: &User) -> User {
        self.joined(self.visitor(), of)
    }

    /// The visitor's device, joined to that user.
    pub fn joined(&self, device: User, of: &User) -> User {
        let code = of.run(&["devices", "invite", "--json"]).json()["code"].as_str().unwrap().to_owned();
        let (url, root, identity) = (&device.url, &device.root, &device.identity);
        let joined = device.run(&[
            "register",
            "--server",
            url,
            "--root",
            root,
            "--identity",
            identity,
            "--code",
            &code,
        ]);
        assert_eq!(joined.code, 0, "{joined:?}");
        device
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop_key_service();
        let _ = std::fs::remove_file(self.socket());
        self.close();
    }
}

/// A user on a device of their own.
pub struct User {
    pub carnet: Carnet,
    pub url: String,
    pub root: String,
    identity: String,
}

impl User {
    /// The whole command line of a registration.
    pub fn registration(&self) -> Vec<&str> {
        let (url, root, identity) = (self.url.as_str(), self.root.as_str(), self.identity.as_str());
        let who = ["--name", "Ann Example", "--email", "ann@example.org"];
        [&["register", "--server", url, "--root", root, "--identity", identity][..], &who].concat()
    }

    /// What this device is known by.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.carnet.run(arguments)
    }

    /// The process aborts when it reaches this point.
    pub fn dies(&self, point: &str, arguments: &[&str]) -> bool {
        let mut command = self.carnet.command(arguments);
        let output = command.env("CARNET_CRASH_POINT", point).output().unwrap();
        output.status.signal() == Some(6)
    }

    /// Runs a shell script under the pass of `acme/paint`.
    pub fn sh(&self, script: &str) -> Ran {
        ran(&mut self.command_sh(&[], script))
    }

    pub fn command_sh(&self, options: &[&str], script: &str) -> Command {
        let arguments = [&["run", "acme/paint"][..], options, &["--", "/bin/sh", "-c", script]].concat();
        let mut command = self.carnet.command(&arguments);
        command.env("PATH", "/usr/bin:/bin");
        command
    }

    /// Agrees to an offer of `acme/paint`, which must succeed.
    pub fn agree(&self, offer: &str) -> Value {
        let agreed = self.run(&["agree", "acme/paint", offer, "--yes", "--json"]);
        assert_eq!(agreed.code, 0, "{agreed:?}");
        agreed.json()
    }

    /// The only pass.
    pub fn pass(&self) -> Value {
        let passes = self.run(&["passes", "--json", "--offline"]).json();
        passes["passes"][0].clone()
    }
}

pub const TWO_RUNS: &str = r#"
[[offer]]
name = "two-runs"
condition = "Two runs"
features = ["resize", "convert:5"]
fee = "free"
term = { uses = 2 }
pass = { uses = 1 }
"#;

pub const FOR_EVER: &str = r#"
[[offer]]
name = "for-ever"
condition = "For ever"
features = ["resize"]
fee = "49 EUR"
charging = "once"
term = "perpetual"
"#;

pub const ONE_SECOND: &str = r#"
[[offer]]
name = "one-second"
condition = "One second"
features = ["resize"]
fee = "free"
term = { duration = "1 second" }
"#;
