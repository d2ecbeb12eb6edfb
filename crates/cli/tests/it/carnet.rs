//! The real program, with a home folder of its own and nothing of this machine's environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Carnet {
    pub home: PathBuf,
    /// The way to its TPM, where it has one.
    pub tpm: Option<String>,
}

/// How a run ended and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// What was printed with `--json`.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Exit code and stable code of a failure, which must have a remedy and no other output.
    pub fn failed(&self) -> (i32, String) {
        let json = self.json();
        let error = &json["error"];
        assert!(!error["message"].as_str().unwrap().is_empty(), "{self:?}");
        assert!(!error["remedy"].as_str().unwrap().is_empty(), "{self:?}");
        assert_eq!(error["exit"], self.code, "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        (self.code, error["code"].as_str().unwrap().to_owned())
    }
}

impl Carnet {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("carnet-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&home).unwrap();
        Self { home, tpm: None }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carnet"));
        command.env_clear().env("CARNET_HOME", &self.home).args(arguments).stdin(Stdio::null());
        command.envs(self.tpm.as_ref().map(|tpm| ("CARNET_TPM", tpm)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// With a token and a server in the environment.
    pub fn run_at(&self, url: &str, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).env("CARNET_SERVER", url).env("CARNET_TOKEN", TOKEN))
    }

    #[expect(clippy::disallowed_methods, reason = "an input of a test need not last")]
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Carnet {
    fn drop(&mut self) {
        // What is left is removed with the target folder.
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// A canary: it must never be seen where it does not belong (I17).
pub const TOKEN: &str = "carnet_sup_canarycanarycanary";

pub fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}
