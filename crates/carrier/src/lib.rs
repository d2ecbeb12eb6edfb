//! The way to a server over HTTP.
//!
//! A crate of its own because two audiences need it (the SDK inside a licensed program, and the manager) and
//! a third must not have it: what a device decides and stores knows no carrier.

mod ranged;

use std::fmt;
use std::io::Read;
use std::time::Duration;

use carnet_seam::net::{Answer, Method, Net, NetError, Request};

pub use ranged::Ranged;

/// One server, over HTTP or HTTPS. Follows no redirect: a server that moved has another address.
pub struct Http {
    base: String,
    agent: ureq::Agent,
}

impl Http {
    /// A carrier to this address, as in `https://licenses.example.org`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("carnet/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { base: base.trim_end_matches('/').to_owned(), agent: ureq::Agent::new_with_config(config) }
    }

    fn send(&self, request: &Request<'_>) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let url = format!("{}{}", self.base, request.path);
        let limit: Option<Duration> = Some(request.time_limit);
        match request.method {
            Method::Get => self.agent.get(&url).config().timeout_global(limit).build().call(),
            Method::Post => {
                let post = self.agent.post(&url).content_type(request.content_type);
                post.config().timeout_global(limit).build().send(request.body)
            }
        }
    }
}

/// Only the address: an agent has nothing that would help a reader.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Http({})", self.base)
    }
}

impl Net for Http {
    fn exchange(&self, request: &Request<'_>) -> Result<Answer, NetError> {
        let mut response = self.send(request).map_err(said)?;
        let header = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = header.unwrap_or_default().to_owned();
        let mut body = Vec::new();
        let limit = request.size_limit;
        let mut reader = response.body_mut().as_reader().take(limit as u64 + 1);
        reader.read_to_end(&mut body).map_err(|broken| said(broken.into()))?;
        if body.len() > limit {
            return Err(NetError::TooLarge { limit });
        }
        Ok(Answer { status: response.status().as_u16(), content_type, body })
    }
}

fn said(error: ureq::Error) -> NetError {
    match error {
        ureq::Error::Timeout(_) => NetError::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => NetError::Unreachable(error.to_string()),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => NetError::Tls(error.to_string()),
        ureq::Error::Io(broken) if never_connected(broken.kind()) => {
            NetError::Unreachable(broken.to_string())
        }
        ureq::Error::Io(broken) if broken.kind() == std::io::ErrorKind::TimedOut => NetError::Timeout,
        other => NetError::Interrupted(other.to_string()),
    }
}

const fn never_connected(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind;
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::AddrNotAvailable
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn served(answer: &'static str) -> Result<Answer, NetError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let result = ask(&base, 64);
        server.join().unwrap();
        result
    }

    fn ask(base: &str, size_limit: usize) -> Result<Answer, NetError> {
        let time_limit = Duration::from_millis(800);
        let (method, path, content_type) = (Method::Post, "/v1/device", "application/cose");
        Http::new(base).exchange(&Request { method, path, content_type, body: b"x", time_limit, size_limit })
    }

    #[test]
    fn an_answer_comes_back_whatever_its_status() {
        let answer =
            served("HTTP/1.1 404 Not Found\r\ncontent-type: text/x\r\ncontent-length: 2\r\n\r\nno").unwrap();
        assert_eq!(
            (answer.status, answer.content_type.as_str(), answer.body.as_slice()),
            (404, "text/x", &b"no"[..])
        );
    }

    #[test]
    fn a_redirect_is_not_followed() {
        let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        assert!(!matches!(served(moved), Ok(answer) if answer.status == 200));
    }

    #[test]
    fn an_answer_that_is_cut_or_too_large_is_none() {
        let cut = served("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nno");
        assert!(matches!(cut, Err(NetError::Interrupted(_))), "{cut:?}");
        let large = "HTTP/1.1 200 OK\r\ncontent-length: 70\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789";
        assert_eq!(served(large), Err(NetError::TooLarge { limit: 64 }));
    }

    #[test]
    fn nobody_there_and_no_answer_are_told_apart() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nobody = ask(&format!("http://127.0.0.1:{port}"), 64);
        assert!(matches!(nobody, Err(NetError::Unreachable(_))), "{nobody:?}");
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(ask(&format!("http://{}", silent.local_addr().unwrap()), 64), Err(NetError::Timeout));
    }
}
