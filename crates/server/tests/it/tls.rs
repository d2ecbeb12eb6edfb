//! TLS with the real process: who is let in, what is refused at the start, and a new certificate while it runs.
#![expect(clippy::disallowed_methods, reason = "a test writes its own certificates")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::process::{carnetd, complaint};
use crate::world::Folder;

/// Certificate and key in files.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    fn new(folder: &Path, name: &str, until: i32) -> Self {
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        let pair = Self { certificate, key };
        pair.renew(until);
        pair
    }

    /// Another self-signed certificate in the same files.
    fn renew(&self, until: i32) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 1));
        let key = KeyPair::generate().unwrap();
        std::fs::write(&self.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&self.key, key.serialize_pem()).unwrap();
        self.allow(0o600);
    }

    fn allow(&self, mode: u32) {
        std::fs::set_permissions(&self.key, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn certificate(&self) -> Vec<u8> {
        std::fs::read(&self.certificate).unwrap()
    }
}

fn command(folder: &Folder, certificate: &Path, key: &Path) -> std::process::Command {
    let mut command = carnetd(&folder.data());
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--tls-cert"])
        .arg(certificate)
        .arg("--tls-key")
        .arg(key);
    command
}

/// Ends with the test.
struct Running(Child, String);

impl Running {
    fn start(folder: &Folder, pair: &Pair) -> Self {
        let mut command = command(folder, &pair.certificate, &pair.key);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let address = line.rsplit_once("https://").unwrap().1.to_owned();
        Self(child, address)
    }

    /// The answer, for a client that trusts this certificate alone.
    fn ask(&self, trusted: &[u8]) -> std::io::Result<String> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusted).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(client, TcpStream::connect(&self.1)?);
        stream.sock.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        // The server ends the connection as soon as it has said all.
        if answer.is_empty() { read.map(|_| String::new()) } else { Ok(String::from_utf8(answer).unwrap()) }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn folder() -> (Folder, PathBuf) {
    let folder = Folder::new();
    let beside = folder.data().parent().unwrap().to_owned();
    (folder, beside)
}

#[test]
fn a_client_that_trusts_the_certificate_is_answered_and_others_are_not() {
    let (folder, beside) = folder();
    let (pair, other) = (Pair::new(&beside, "ours", 2100), Pair::new(&beside, "other", 2100));
    let mut running = Running::start(&folder, &pair);
    assert!(running.ask(&pair.certificate()).unwrap().starts_with("HTTP/1.1 200"));
    assert!(running.ask(&other.certificate()).is_err());
    // Without TLS there is no answer at all.
    let mut plain = TcpStream::connect(&running.1).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_brings_a_new_certificate_and_a_bad_one_changes_nothing() {
    let (folder, beside) = folder();
    let pair = Pair::new(&beside, "ours", 2100);
    let running = Running::start(&folder, &pair);
    let first = pair.certificate();
    pair.renew(2021);
    running.signal(rustix::process::Signal::HUP);
    assert!(running.ask(&first).is_ok(), "an expired one is not taken");
    pair.renew(2101);
    let second = pair.certificate();
    running.signal(rustix::process::Signal::HUP);
    // The signal is on its way; each attempt is a whole connection.
    assert!((0..2_000).any(|_| running.ask(&second).is_ok()));
    assert!(running.ask(&first).is_err());
}

#[test]
fn files_that_cannot_be_used_are_refused_with_what_to_do() {
    let (folder, beside) = folder();
    let (pair, other) = (Pair::new(&beside, "ours", 2100), Pair::new(&beside, "other", 2100));
    let expired = Pair::new(&beside, "expired", 2021);
    let refused = |certificate: &Path, key: &Path, word: &str| {
        let output = command(&folder, certificate, key).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{word}: {}", complaint(&output));
        assert!(complaint(&output).contains(word), "{word}: {}", complaint(&output));
    };
    refused(&expired.certificate, &expired.key, "has expired");
    refused(&pair.certificate, &other.key, "is not that of the certificate");
    refused(&pair.key, &pair.key, "holds no certificate");
    refused(&pair.certificate, &pair.certificate, "can be read by everybody");
    refused(&beside.join("nothing"), &pair.key, "is missing");
    std::fs::write(&other.key, "nothing").unwrap();
    refused(&pair.certificate, &other.key, "holds no private key");
    pair.allow(0o644);
    refused(&pair.certificate, &pair.key, "chmod 600");
    assert!(!folder.data().exists(), "nothing was made");
    let half = carnetd(&folder.data()).args(["serve", "--tls-cert", "x"]).output().unwrap();
    assert_eq!(half.status.code(), Some(2), "{}", complaint(&half));
}
