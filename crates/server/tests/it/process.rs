//! The real binary: started, asked, killed and started again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use carnet_server::listen;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{Folder, World, ten_runs, url_file};

/// `carnetd` on a free port.
pub struct Daemon {
    child: Child,
    pub address: String,
    greeting: String,
}

pub fn carnetd(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carnetd"));
    command.env_clear().arg("--data").arg(data);
    if let Ok(url) = std::fs::read_to_string(url_file(data)) {
        command.env("CARNETD_DATABASE_URL", url);
    }
    command
}

impl Daemon {
    pub fn start(data: &Path, verb: &str) -> Self {
        let mut command = carnetd(data);
        command.args([verb, "--listen", "127.0.0.1:0", "--log", "trace"]);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log(data)).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.rsplit_once("http://").unwrap().1.to_owned();
        let mut greeting = first;
        if verb == "up" {
            // The greeting ends with an empty line after the command to run next, or after the root hash.
            for line in lines.map_while(Result::ok) {
                greeting.push_str(&format!("\n{line}"));
                if line.contains("carnet supplier register") || line.contains("carnetd invite") {
                    break;
                }
            }
        }
        Self { child, address, greeting }
    }

    pub fn code(&self) -> String {
        let at = self.greeting.find("carnet_setup_").expect("a set-up code");
        self.greeting[at..].split_whitespace().next().unwrap().to_owned()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub fn stop(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap().code()
    }

    pub fn kill(mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.child.wait().unwrap();
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(&head(method, path, headers, body.len())).unwrap();
        stream.write_all(body).unwrap();
        answer(&mut stream)
    }

    pub fn json(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {token}");
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let (status, body) = self.ask(method, path, &headers, body.to_string().as_bytes());
        (status, serde_json::from_slice(&body).unwrap())
    }

    pub fn register(&self, code: &str, name: &str) -> String {
        let new = json!({"setup_code": code, "name": name, "display_name": name});
        let (status, body) = self.json("POST", "/v1/suppliers", "", &new);
        assert_eq!(status, 201, "{body}");
        body["token"].as_str().unwrap().to_owned()
    }
}

/// A test that fails leaves no server behind.
impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(data: &Path) -> PathBuf {
    data.with_extension("log")
}

fn head(method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: carnet\r\nconnection: close\r\ncontent-length: {length}\r\n"
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn answer(stream: &mut TcpStream) -> (u16, Vec<u8>) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer");
    let status = String::from_utf8_lossy(&bytes[9..12]).parse().unwrap();
    (status, bytes[end + 4..].to_vec())
}

/// One request over a real connection to a server in this process; whatever comes back until it is closed.
pub async fn over_tcp(world: &World, document: Vec<u8>) -> Vec<u8> {
    let (listener, address) = listen::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (server, routes) = (world.server.clone(), world.routes.clone());
    let serving = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        listen::serve(listener, routes, &server, stopped).await
    });
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = head("POST", "/v1/device", &[("content-type", "application/cose")], document.len());
    stream.write_all(&[head, document].concat()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    drop(stop);
    assert!(serving.await.unwrap(), "drained in time");
    answer
}

pub fn run(data: &Path, arguments: &[&str]) -> Output {
    carnetd(data).args(arguments).output().unwrap()
}

pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn up_says_where_it_is_what_to_pin_and_what_to_run_next() {
    let folder = Folder::new();
    let daemon = Daemon::start(&folder.data(), "up");
    let root = printed(&run(&folder.data(), &["root-hash"]));
    assert_eq!(root.trim().len(), 64);
    assert!(daemon.greeting.contains(root.trim()), "{}", daemon.greeting);
    // The code is shown, but not as a word to be typed on a command line, which others can read.
    assert_eq!(daemon.greeting.matches(&daemon.code()).count(), 1, "{}", daemon.greeting);
    let next = format!("carnet supplier register --server http://{} --name", daemon.address);
    assert!(daemon.greeting.contains(&next), "{}", daemon.greeting);
    assert_eq!(daemon.json("GET", "/v1/server", "", &json!(null)).1["root"], root.trim());

    // A new code at each start while there is no supplier; the old one is no good any more.
    let old = daemon.code();
    assert_eq!(daemon.stop(), Some(0));
    let daemon = Daemon::start(&folder.data(), "up");
    let new = json!({"setup_code": old, "name": "acme", "display_name": "Acme"});
    assert_eq!(daemon.json("POST", "/v1/suppliers", "", &new).1["code"], "wrong-setup-code");
    daemon.register(&daemon.code(), "acme");
    assert_eq!(daemon.stop(), Some(0));

    // Further suppliers are invited by the operator, while the server runs.
    let daemon = Daemon::start(&folder.data(), "serve");
    let invited = run(&folder.data(), &["invite"]);
    daemon.register(printed(&invited).trim(), "other");
    assert_eq!(printed(&run(&folder.data(), &["root-hash"])), root);
}

#[test]
fn a_second_server_on_the_same_data_refuses_and_says_why() {
    let folder = Folder::new();
    let daemon = Daemon::start(&folder.data(), "serve");
    if crate::POSTGRES {
        // Where the data is in a database, it may be shared.
        assert_eq!(Daemon::start(&folder.data(), "serve").stop(), Some(0));
        assert_eq!(run(&folder.data(), &["migrate"]).status.code(), Some(0));
        return;
    }
    for verb in ["serve", "up"] {
        let second = run(&folder.data(), &[verb, "--listen", "127.0.0.1:0"]);
        assert_eq!(second.status.code(), Some(3), "{}", complaint(&second));
        assert!(complaint(&second).contains("in use by another server"), "{}", complaint(&second));
    }
    assert_eq!(run(&folder.data(), &["migrate"]).status.code(), Some(3));
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(run(&folder.data(), &["migrate"]).status.code(), Some(0));
}

#[test]
fn what_is_acknowledged_survives_kill_9_and_is_answered_identically() {
    let folder = Folder::new();
    let mut daemon = Daemon::start(&folder.data(), "up");
    let token = daemon.register(&daemon.code(), "acme");
    for round in 0..5 {
        let new = json!({"id": format!("acme/app-{round}"), "display_name": "An app"});
        let bearer = format!("Bearer {token}");
        let key = format!("round-{round}");
        let headers = [
            ("content-type", "application/json"),
            ("authorization", bearer.as_str()),
            ("idempotency-key", key.as_str()),
        ];
        let body = new.to_string();
        let first = daemon.ask("POST", "/v1/apps", &headers, body.as_bytes());
        assert_eq!(first.0, 201);
        let path = format!("/v1/menu/acme/app-{round}");
        let menu = daemon.json("PUT", &path, &token, &json!({"offers": [ten_runs()]}));
        assert_eq!(menu.0, 200, "{}", menu.1);
        daemon.kill();
        daemon = Daemon::start(&folder.data(), "serve");
        assert_eq!(daemon.ask("POST", "/v1/apps", &headers, body.as_bytes()), first);
        assert_eq!(daemon.json("GET", &path, &token, &json!(null)).1["serial"], 1);
    }
    let checked = run(&folder.data(), &["check-ledger"]);
    assert_eq!(checked.status.code(), Some(0), "{}{}", printed(&checked), complaint(&checked));
}

#[test]
fn a_signal_finishes_what_was_begun_and_ends_with_0() {
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let folder = Folder::new();
        let mut daemon = Daemon::start(&folder.data(), "up");
        let (code, address) = (daemon.code(), daemon.address.clone());
        let body = json!({"setup_code": code, "name": "acme", "display_name": "Acme"}).to_string();
        let mut stream = TcpStream::connect(&address).unwrap();
        let headers = [("content-type", "application/json"), ("expect", "100-continue")];
        stream.write_all(&head("POST", "/v1/suppliers", &headers, body.len())).unwrap();
        let mut begun = [0; 25];
        stream.read_exact(&mut begun).unwrap();
        assert_eq!(&begun, b"HTTP/1.1 100 Continue\r\n\r\n");
        let (early, late) = body.as_bytes().split_at(10);
        stream.write_all(early).unwrap();
        daemon.signal(signal);
        while TcpStream::connect(&address).is_ok() {
            std::thread::yield_now();
        }
        stream.write_all(late).unwrap();
        assert_eq!(answer(&mut stream).0, 201, "{signal:?}");
        assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn listening_beyond_this_machine_without_a_proxy_is_refused() {
    let folder = Folder::new();
    let refused = run(&folder.data(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(complaint(&refused).contains("--behind-proxy"), "{}", complaint(&refused));
    assert!(!folder.data().exists(), "nothing was made");
    for wrong in [&["serve", "--listen", "nowhere"][..], &["dance"], &["up", "--log", "=x="]] {
        assert_eq!(run(&folder.data(), wrong).status.code(), Some(2), "{wrong:?}");
    }
    for early in ["root-hash", "check-ledger", "invite"] {
        let output = run(&folder.data(), &[early]);
        assert_eq!(output.status.code(), Some(1), "{early}");
        assert!(complaint(&output).contains("carnetd up"), "{}", complaint(&output));
    }
}

#[test]
fn i17_the_log_of_a_real_server_holds_no_token_and_no_code() {
    let folder = Folder::new();
    let daemon = Daemon::start(&folder.data(), "up");
    let code = daemon.code();
    let token = daemon.register(&code, "acme");
    daemon.json("GET", "/v1/apps", &token, &json!(null));
    daemon.json("GET", &format!("/v1/apps?token={token}"), &token, &json!(null));
    daemon.json("GET", "/v1/apps", &format!("{token}x"), &json!(null));
    daemon.ask("GET", &format!("/{token}"), &[("authorization", &token)], token.as_bytes());
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "no core files: {core}");
    assert_eq!(daemon.stop(), Some(0));
    let text = std::fs::read_to_string(log(&folder.data())).unwrap();
    let secret = std::fs::read_to_string(folder.data().join("secret.key")).unwrap();
    assert!(text.lines().count() > 10 && text.lines().all(|line| line.starts_with('{')), "{text}");
    for canary in [&token["carnet_sup_".len()..], &code["carnet_setup_".len()..], secret.trim()] {
        assert!(!text.contains(canary), "{canary}");
    }
    for line in text.lines().filter(|line| line.contains("\"micros\"")) {
        assert!(line.contains("\"id\":\""), "every line of a request names it: {line}");
    }
}

#[test]
fn the_data_folder_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let daemon = Daemon::start(&folder.data(), "up");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.data()), 0o700);
    for entry in std::fs::read_dir(folder.data()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    assert_eq!(daemon.stop(), Some(0));
}
