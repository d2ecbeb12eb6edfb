//! The store: moto's server in a process of its own, which ends with the test.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A store with the bucket `images`.
pub struct Store {
    child: Child,
    input: RefCell<ChildStdin>,
    output: RefCell<Lines<BufReader<ChildStdout>>>,
    said: Value,
}

impl Store {
    pub fn start() -> Self {
        let python = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("object-store-python/bin/python");
        assert!(python.exists(), "{} is missing: run `cargo xtask optional`", python.display());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/object-store/serve.py");
        // Whatever proxy this machine has: nothing here goes beyond it.
        let mut command = Command::new(python);
        command.arg("-B").arg(script).env_clear().env("NO_PROXY", "*");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let input = RefCell::new(child.stdin.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with('{')).unwrap();
        let said = serde_json::from_str(&said).unwrap();
        Self { child, input, output: RefCell::new(lines), said }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.said["port"])
    }

    /// Key and secret of `owner`, `reader` or `nobody`.
    pub fn keys(&self, who: &str) -> [String; 2] {
        [0, 1].map(|at| self.said[who][at].as_str().unwrap().to_owned())
    }

    fn tell(&self, line: &str) -> Value {
        writeln!(self.input.borrow_mut(), "{line}").unwrap();
        let answer = self.output.borrow_mut().next().unwrap().unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// Names and lengths of all objects.
    pub fn objects(&self) -> Vec<(String, u64)> {
        let listed = self.tell("list");
        let objects = listed["objects"].as_object().unwrap();
        objects.iter().map(|(name, length)| (name.clone(), length.as_u64().unwrap())).collect()
    }

    /// How many uploads were begun, and neither finished nor given up.
    pub fn uploads(&self) -> u64 {
        self.tell("list")["uploads"].as_u64().unwrap()
    }

    pub fn remove(&self, name: &str) {
        self.tell(&format!("remove {name}"));
    }

    pub fn cut(&self, name: &str, length: u64) {
        self.tell(&format!("cut {name} {length}"));
    }

    pub fn change(&self, name: &str) {
        self.tell(&format!("change {name}"));
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
