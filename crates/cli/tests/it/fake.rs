//! A server that says what the test wants, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the server does with one request.
pub enum Says {
    /// A whole answer: status, content type, body.
    Answer(u16, &'static str, String),
    /// These bytes, which need not be HTTP.
    Bytes(Vec<u8>),
    /// Nothing, for as long as the client waits.
    Nothing,
}

/// JSON with status 200.
pub fn json(value: &impl serde::Serialize) -> Says {
    Says::Answer(200, "application/json", serde_json::to_string(value).unwrap())
}

/// A problem of this kind.
pub fn problem(problem: &carnet_api::Problem) -> Says {
    Says::Answer(problem.status, carnet_api::PROBLEM_JSON, serde_json::to_string(problem).unwrap())
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and target, as in `GET /v1/apps`.
    pub line: String,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

pub struct Fake {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// Answers as many requests as it is told, then closes.
    pub fn new(script: Vec<Says>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        std::thread::spawn(move || {
            for says in script {
                let (stream, _) = listener.accept().unwrap();
                serve(stream, says, &notes);
            }
        });
        Self { url, seen }
    }

    /// An address at which nobody listens.
    pub fn nobody() -> String {
        format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, says: Says, notes: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    notes.lock().unwrap().push(request(&mut reader));
    match says {
        Says::Answer(status, content_type, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
        // A client may hang up as soon as it has seen enough.
        Says::Bytes(bytes) => drop(stream.write_all(&bytes)),
        // Ends when the client does.
        Says::Nothing => drop(reader.read_to_end(&mut Vec::new())),
    }
}

fn request(reader: &mut impl BufRead) -> Seen {
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).unwrap();
        text.trim_end().to_owned()
    };
    let first = line();
    let mut headers = Vec::new();
    loop {
        let text = line();
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let line = first.trim_end_matches(" HTTP/1.1").to_owned();
    Seen { line, headers, body: String::from_utf8(body).unwrap() }
}
