//! Requests to real servers, which may be gone the next moment.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What came back.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A device's request; none when nobody is there, or it went away without an answer.
pub fn post(address: &str, document: &[u8]) -> Option<Reply> {
    let kind = "content-type: application/cose\r\n";
    send(address, &format!("POST /v1/device HTTP/1.1\r\n{kind}"), document)
}

/// The same of a page.
pub fn get(address: &str, path: &str) -> Option<Reply> {
    send(address, &format!("GET {path} HTTP/1.1\r\n"), &[])
}

fn send(address: &str, begin: &str, body: &[u8]) -> Option<Reply> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let length = body.len();
    let head = format!("{begin}host: carnet\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let status = String::from_utf8_lossy(bytes.get(9..12)?).parse().ok()?;
    let body = bytes.split_off(end + 4);
    Some(Reply { status, head: String::from_utf8_lossy(&bytes).into_owned(), body })
}
