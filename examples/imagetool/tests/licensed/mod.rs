//! Devices with licenses, and a server for those that need one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use carnet_controller::{Env, Offer, ProductString};
use carnet_device::identity::Binding;
use carnet_seam::SystemClock;
use carnet_seam::net::Method;
use carnet_testkit::server::offer;
use carnet_testkit::{FakeServer, customer};

/// Everything that the program can do.
pub const EVERYTHING: &[&str] = &["resize", "convert", "sheet", "frame.film", "frame.polaroid", "frame.deco"];

/// A home with a passbook, and the server that it is for.
pub struct Device {
    home: PathBuf,
    pub server: FakeServer,
    product: ProductString,
}

impl Device {
    /// A device that nobody has registered, at a server that cannot be reached.
    pub fn new(name: &str) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("imagetool-home-{name}"));
        let _ = std::fs::remove_dir_all(&home);
        let server = FakeServer::new(SystemClock);
        let mut product = server.product(&"acme/imagetool".parse().unwrap());
        product.url = "http://127.0.0.1:9".parse().unwrap();
        Self { home, server, product }
    }

    /// A registered device whose user has agreed to this offer.
    pub fn with(name: &str, offer: Offer) -> Self {
        let device = Self::new(name);
        // Containers show too little of the machine to be told from another.
        let evidence = device.home.with_extension("evidence");
        let binding = Binding::File(&evidence);
        let mut passbook = customer::register(&device.server, Env::real(), &device.home, &binding).unwrap();
        customer::agree(&mut passbook, &device.product.app, &device.server, offer).unwrap();
        device
    }

    /// One device for all tests that are not about licenses.
    pub fn with_everything() -> &'static Self {
        static DEVICE: OnceLock<Device> = OnceLock::new();
        DEVICE.get_or_init(|| Self::with("everything", offer("everything", EVERYTHING)))
    }

    /// From now on the server can be reached.
    pub fn connect(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        self.product.url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = self.server.clone();
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|stream| answer(&server, stream));
        });
    }

    /// Runs the program in a folder; words are separated by single spaces.
    pub fn imagetool(&self, folder: &Path, line: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_imagetool"))
            .current_dir(folder)
            .args(line.split(' '))
            .env("CARNET_HOME", &self.home)
            .env("IMAGETOOL_PRODUCT", self.product.to_string())
            .output()
            .unwrap()
    }
}

/// One HTTP exchange, as simple as one can be.
fn answer(server: &FakeServer, mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        let header = line.to_ascii_lowercase();
        length = header.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = first.split(' ').nth(1).unwrap();
    let method = if first.starts_with("POST") { Method::Post } else { Method::Get };
    let answer = server.answer_to(method, path, &body);
    let head = format!(
        "HTTP/1.1 {} x\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.status,
        answer.content_type,
        answer.body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&answer.body).unwrap();
}
