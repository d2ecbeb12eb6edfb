//! A terminal with a person at it: `script` (bsdutils) lends one.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::carnet::Carnet;

pub const ENTER: &str = "\r";
pub const DOWN: &str = "\u{1b}[B";
pub const CTRL_C: &str = "\u{3}";

/// A terminal with a command at work in it.
pub struct Terminal {
    script: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    /// None where there is no `script`.
    pub fn new(carnet: &Carnet, arguments: &[&str]) -> Option<Self> {
        Self::of_width(80, carnet, arguments)
    }

    /// With so many columns.
    pub fn of_width(columns: usize, carnet: &Carnet, arguments: &[&str]) -> Option<Self> {
        Self::with(columns, carnet, arguments, &[])
    }

    /// With variables in the environment.
    pub fn with(
        columns: usize,
        carnet: &Carnet,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Option<Self> {
        let quoted: Vec<_> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
        let (home, carnet) =
            (&carnet.home, format!("exec '{}' {}", env!("CARGO_BIN_EXE_carnet"), quoted.join(" ")));
        let line = format!("stty rows 24 columns {columns}; {carnet}");
        let mut command = Command::new("script");
        command.args(["-qefc", &line, "/dev/null"]).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("CARNET_HOME", home);
        command.envs(variables.iter().copied());
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut script) = started else {
            eprintln!("not tested: there is no `script` here");
            return None;
        };
        let (keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                let _ = sender.send(buffer[..count].to_vec());
            }
        });
        Some(Self { script, keys, shown, seen: String::new() })
    }

    /// Waits for a text, forgets everything up to it, and presses keys.
    pub fn at(&mut self, text: &str, keys: &str) {
        self.until(text, keys);
    }

    /// As [`Self::at`]; what was shown up to the text.
    pub fn until(&mut self, text: &str, keys: &str) -> String {
        let shown = loop {
            let plain = anstream::adapter::strip_str(&self.seen).to_string();
            if let Some(at) = plain.find(text) {
                let (shown, rest) = plain.split_at(at + text.len());
                self.seen = rest.to_owned();
                break shown.to_owned();
            }
            let more = self.shown.recv_timeout(Duration::from_secs(20));
            let more = more.unwrap_or_else(|_| panic!("`{text}` is not shown, but: {plain}"));
            self.seen += &String::from_utf8_lossy(&more);
        };
        self.keys.write_all(keys.as_bytes()).unwrap();
        shown
    }

    /// The exit code, and all that was shown since the last key.
    pub fn end(self) -> (Option<i32>, String) {
        let (code, shown) = self.end_with_styles();
        (code, anstream::adapter::strip_str(&shown).to_string())
    }

    pub fn end_with_styles(mut self) -> (Option<i32>, String) {
        let code = self.script.wait().unwrap().code();
        while let Ok(more) = self.shown.recv_timeout(Duration::from_secs(2)) {
            self.seen += &String::from_utf8_lossy(&more);
        }
        (code, self.seen)
    }
}
