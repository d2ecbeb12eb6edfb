//! A TPM for each test: the program `swtpm` with a state of its own.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// Runs until it is dropped, or switched off.
pub struct Swtpm {
    /// Its seeds, and what else must outlive a power cut.
    state: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Swtpm {
    /// A TPM that nobody has used before.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("swtpm-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&state).unwrap();
        let mut tpm = Self { state, port: 0, process: None };
        tpm.switch_on();
        tpm
    }

    /// The way to it, for CARNET_TPM. It may change when it is switched on again.
    pub fn way(&self) -> String {
        format!("swtpm:host=127.0.0.1,port={}", self.port)
    }

    /// As by a power cut: what was loaded is gone, keys that it has wrapped are good again later.
    pub fn switch_off(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// At the same place as before, where that is still free.
    pub fn switch_on(&mut self) {
        // Two free ports side by side may be taken by somebody else before the TPM has them.
        for _ in 0..50 {
            if self.port == 0 {
                self.port = two_free_ports();
            }
            if self.begin() {
                return;
            }
            self.port = 0;
        }
        panic!("swtpm does not start");
    }

    fn begin(&mut self) -> bool {
        let at = |port: u16| format!("type=tcp,bindaddr=127.0.0.1,port={port}");
        let mut command = Command::new("swtpm");
        command.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"]);
        command.arg("--tpmstate").arg(format!("dir={}", self.state.display()));
        command.arg("--server").arg(at(self.port)).arg("--ctrl").arg(at(self.port + 1));
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..400 {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            // The control channel: whoever uses the other one and goes has used the TPM.
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port + 1)).is_ok() {
                self.process = Some(process);
                return true;
            }
            sleep(Duration::from_millis(25));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        false
    }
}

fn two_free_ports() -> u16 {
    loop {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind((Ipv4Addr::LOCALHOST, port + 1)).is_ok() {
            return port;
        }
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        self.switch_off();
        // What is left is removed with the target folder.
        let _ = fs::remove_dir_all(&self.state);
    }
}
