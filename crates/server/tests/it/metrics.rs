//! Where a server can be measured: on a listener of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use carnet_seam::RealFs;
use carnet_seam::fs::replace_file;

use crate::process::{carnetd, complaint};
use crate::world::{Folder, World};

/// `carnetd serve` with a place to be measured; both listen on free ports.
struct Measured {
    child: Child,
    public: String,
    metrics: String,
}

impl Measured {
    fn start(data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = carnetd(data);
        command.args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command.envs(settings.iter().copied());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut bound = |message: &str| {
            let line = lines.find(|line| line.contains(&format!("\"message\":\"{message}\"")));
            let line: serde_json::Value = serde_json::from_str(&line.expect(message)).unwrap();
            line["bound"].as_str().unwrap().to_owned()
        };
        let (metrics, public) = (bound("metrics"), bound("listening"));
        std::thread::spawn(move || lines.count());
        Self { child, public, metrics }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: &str, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: carnet\r\nconnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer[9..12].parse().unwrap(), answer)
}

fn secret(folder: &Path, mode: u32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;

    let path = folder.join("token");
    std::fs::create_dir_all(folder).unwrap();
    replace_file(&RealFs::default(), &path, b"a-canary-token\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn metrics_are_on_a_listener_of_their_own_and_on_no_other() {
    let folder = Folder::new();
    let server = Measured::start(&folder.data(), &[]);
    let (status, text) = get(&server.metrics, "/metrics", "");
    assert_eq!(status, 200);
    assert!(text.contains("carnet_renewals_total 0") && text.contains("version=0.0.4"), "{text}");
    assert_eq!(get(&server.public, "/metrics", "").0, 404);
    assert_eq!(get(&server.public, "/healthz", "").0, 200);
    assert_eq!((get(&server.metrics, "/healthz", "").0, get(&server.metrics, "/readyz", "").0), (200, 200));
    for path in ["/v1/server", "/v1/apps", "/v1/key-set"] {
        assert_eq!(get(&server.metrics, path, "").0, 404, "{path}");
    }
}

#[test]
fn health_asks_the_server_of_this_machine_where_its_settings_say() {
    let folder = Folder::new();
    let health = |settings: &[(&str, &str)]| {
        let output = carnetd(&folder.data()).arg("health").envs(settings.iter().copied()).output().unwrap();
        (output.status.code(), crate::process::printed(&output), complaint(&output))
    };
    let public = {
        let server = Measured::start(&folder.data(), &[]);
        for settings in [
            &[("CARNETD_LISTEN", server.public.as_str())][..],
            &[("CARNETD_LISTEN", "127.0.0.1:1"), ("CARNETD_METRICS_LISTEN", server.metrics.as_str())],
            &[("CARNETD_LISTEN", &server.public.replace("127.0.0.1", "0.0.0.0"))],
        ] {
            assert_eq!(health(settings), (Some(0), "ready\n".into(), String::new()), "{settings:?}");
        }
        server.public.clone()
    };
    let (code, _, told) = health(&[("CARNETD_LISTEN", &public)]);
    assert_eq!(code, Some(1));
    assert!(told.contains(&format!("no server answers on {public}")), "{told}");
    let tls = [("CARNETD_TLS_CERT", "chain.pem"), ("CARNETD_TLS_KEY", "key.pem")];
    let (code, _, told) = health(&tls);
    assert!(code == Some(2) && told.contains("set `metrics-listen`"), "{told}");
}

#[test]
fn i17_the_token_can_lie_in_a_file_and_is_asked_for_and_never_told() {
    let (folder, other) = (Folder::new(), Folder::new());
    let path = secret(&other.data(), 0o600);
    let server = Measured::start(&folder.data(), &[("CARNETD_METRICS_TOKEN_FILE", path.to_str().unwrap())]);
    for headers in ["", "authorization: Bearer wrong\r\n", "authorization: Basic a-canary-token\r\n"] {
        let (status, text) = get(&server.metrics, "/metrics", headers);
        assert_eq!(status, 401, "{headers}");
        assert!(text.contains("metrics-token") && !text.contains("carnet_renewals"), "{text}");
    }
    assert_eq!(get(&server.metrics, "/metrics", "authorization: Bearer a-canary-token\r\n").0, 200);

    let mut show = carnetd(&folder.data());
    show.args(["config", "show"]).env("CARNETD_METRICS_TOKEN", "a-canary-token");
    let output = show.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("metrics-token ")).unwrap();
    assert!(line.contains("(hidden)") && line.ends_with("CARNETD_METRICS_TOKEN"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    let help = carnetd(&folder.data())
        .args(["serve", "--help"])
        .env("CARNETD_METRICS_TOKEN", "a-canary-token")
        .output();
    assert!(!String::from_utf8(help.unwrap().stdout).unwrap().contains("canary"));
}

#[test]
fn a_secret_that_is_set_twice_or_lies_open_is_refused_with_the_remedy() {
    let (folder, other) = (Folder::new(), Folder::new());
    let path = secret(&other.data(), 0o600);
    let serve = |settings: &[(&str, &str)]| {
        let mut command = carnetd(&folder.data());
        command.args(["serve", "--listen", "127.0.0.1:0"]).envs(settings.iter().copied());
        let output = command.output().unwrap();
        (output.status.code(), complaint(&output))
    };
    let file = ("CARNETD_METRICS_TOKEN_FILE", path.to_str().unwrap());
    let (code, told) = serve(&[file, ("CARNETD_METRICS_TOKEN", "a-canary-token")]);
    assert_eq!(code, Some(2));
    for part in ["CARNETD_METRICS_TOKEN)", "CARNETD_METRICS_TOKEN_FILE)", "take one of them away"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("canary"), "{told}");
    secret(&other.data(), 0o644);
    assert!(serve(&[file]).1.contains("chmod 600"), "readable by everybody");
    let missing = ("CARNETD_METRICS_TOKEN_FILE", "/nowhere/token");
    assert!(serve(&[missing]).1.contains("`metrics-token`: /nowhere/token is missing"));
    let (code, told) = serve(&[("CARNETD_METRICS_LISTEN", "0.0.0.0:0")]);
    assert_eq!(code, Some(2));
    assert!(told.contains("metrics-token-file"), "{told}");
}

#[test]
fn only_what_a_trusted_proxy_says_about_its_clients_is_believed() {
    let folder = Folder::new();
    let forwarded = |client: &str| format!("x-forwarded-for: {client}\r\n");
    {
        let server = Measured::start(&folder.data(), &[("CARNETD_REQUEST_LIMIT", "2")]);
        let asked = |client: &str| get(&server.public, "/v1/menu/acme/paint", &forwarded(client)).0;
        assert_eq!([asked("192.0.2.1"), asked("192.0.2.2"), asked("192.0.2.3")], [404, 404, 429]);
    }
    let settings = [("CARNETD_REQUEST_LIMIT", "2"), ("CARNETD_TRUSTED_PROXY", "10.0.0.0/8,127.0.0.1")];
    let server = Measured::start(&folder.data(), &settings);
    let asked = |client: &str| get(&server.public, "/v1/menu/acme/paint", &forwarded(client)).0;
    assert_eq!([asked("192.0.2.1"), asked("192.0.2.2"), asked("192.0.2.3")], [404, 404, 404]);
    assert_eq!([asked("192.0.2.1"), asked("192.0.2.1")], [404, 429]);
    let (_, text) = get(&server.metrics, "/metrics", "");
    assert!(text.contains("carnet_problems_total{code=\"too-many-requests\"} 1"), "{text}");
}

#[tokio::test]
async fn the_public_routes_do_not_know_metrics() {
    let world = World::new();
    assert_eq!(world.get("/metrics").await.code(), "not-found");
    assert!(world.metrics().await.contains("carnet_problems_total{code=\"not-found\"} 1"));
}
