//! The real programs: `carnetd` with a store, and `carnet` of a supplier and of users.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::bucket_world::PREFIX;
use crate::store::Store;

/// A command that knows the store at this address, and asks it as `who`.
pub fn carnetd(data: &Path, store: &Store, who: &str, endpoint: &str) -> Command {
    let [key, secret] = store.keys(who);
    let mut command = Command::new(env!("CARGO_BIN_EXE_carnetd"));
    command.env_clear().arg("--data").arg(data);
    command.env("CARNETD_IMAGE_STORE", format!("s3://images/{PREFIX}"));
    command.env("CARNETD_IMAGE_STORE_ENDPOINT", endpoint);
    command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret);
    command
}

pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder that goes with the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("carnet-images-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server, stopped with the test.
pub struct Daemon {
    child: Child,
    pub url: String,
    pub root: String,
    pub code: String,
}

impl Daemon {
    /// `command` is what [`carnetd`] has made; the log goes beside the data.
    pub fn start(mut command: Command, listen: &str, log: &Path) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        command.args(["--log", "trace", "up", "--listen", listen]);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut url, mut root, mut code) = (String::new(), String::new(), String::new());
        for line in lines.map_while(Result::ok) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["carnetd", .., found] if found.starts_with("http") => url = (*found).to_owned(),
                ["root", "hash", found] => root = (*found).to_owned(),
                ["set-up", "code", found] => code = (*found).to_owned(),
                _ => {}
            }
            // A greeting without a set-up code ends with the root hash.
            if !code.is_empty() || (!root.is_empty() && listen != ANY) {
                break;
            }
        }
        Self { child, url, root, code }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL; what is left is its address.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.url.trim_start_matches("http://").to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Any port.
pub const ANY: &str = "127.0.0.1:0";

/// `carnet` with a home of its own.
pub struct Carnet {
    pub home: Folder,
}

impl Carnet {
    pub fn new() -> Self {
        Self { home: Folder::new() }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        // Built with the workspace, beside the server.
        let program = Path::new(env!("CARGO_BIN_EXE_carnetd")).with_file_name("carnet");
        assert!(program.exists(), "{} is missing: run `cargo xtask optional`", program.display());
        let mut command = Command::new(program);
        command.env_clear().env("CARNET_HOME", self.home.path()).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it prints with `--json`; it must succeed.
    pub fn run(&self, arguments: &[&str]) -> Value {
        let output = self.output(&[arguments, &["--json"]].concat());
        let text = format!("{arguments:?}: {}{}", printed(&output), complaint(&output));
        assert!(output.status.success(), "{text}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The code of its failure.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.output(&[arguments, &["--json"]].concat());
        assert!(!output.status.success(), "{}", printed(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        told["error"]["code"].as_str().unwrap().to_owned()
    }

    #[expect(clippy::disallowed_methods, reason = "an input of a test need not last")]
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}
