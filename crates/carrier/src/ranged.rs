//! Something large at one address, read by ranges (RFC 9110 §14).

use std::fmt;
use std::io::Read;
use std::time::Duration;

use carnet_seam::net::NetError;

use crate::said;

/// A file at an address that may be anybody's. Redirects are followed: whoever reads must check what has come in any
/// case.
pub struct Ranged {
    url: String,
    agent: ureq::Agent,
}

/// More of them go in a circle.
const MOST_REDIRECTS: u32 = 5;

impl Ranged {
    /// The file at this address.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            .user_agent(concat!("carnet/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { url: url.to_owned(), agent: ureq::Agent::new_with_config(config) }
    }

    /// `length` bytes from `offset` on. Fewer, at least one, where the connection broke or the time was up after some had
    /// arrived.
    ///
    /// # Errors
    /// When nothing came.
    pub fn read(&self, offset: u64, length: u64, time_limit: Duration) -> Result<Vec<u8>, NetError> {
        let range = format!("bytes={offset}-{}", offset.saturating_add(length).saturating_sub(1));
        let asked = self.agent.get(&self.url).header("range", range);
        let mut response = asked.config().timeout_global(Some(time_limit)).build().call().map_err(said)?;
        let status = response.status().as_u16();
        // Without ranges there is only the beginning.
        if status != 206 && !(status == 200 && offset == 0) {
            return Err(NetError::Interrupted(format!("{} answered with status {status}", self.url)));
        }
        let mut bytes = Vec::new();
        let read = response.body_mut().as_reader().take(length).read_to_end(&mut bytes);
        match read {
            Err(broken) if bytes.is_empty() => Err(said(broken.into())),
            _ if bytes.is_empty() => Err(NetError::Interrupted("nothing of the image came".to_owned())),
            _ => Ok(bytes),
        }
    }
}

/// Only the address: an agent has nothing that would help a reader.
impl fmt::Debug for Ranged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ranged({})", self.url)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    fn served(answer: &'static str) -> (Result<Vec<u8>, NetError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let file = Ranged::new(&format!("http://{}/x.cimg", listener.local_addr().unwrap()));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&asked[..length]).to_lowercase()
        });
        let read = file.read(10, 4, Duration::from_millis(800));
        (read, server.join().unwrap())
    }

    #[test]
    fn b5_a_range_is_asked_for_and_what_came_before_a_cut_is_kept() {
        let part = "HTTP/1.1 206 Partial Content\r\ncontent-length: 4\r\n\r\n";
        let (read, asked) = served("HTTP/1.1 206 Partial Content\r\ncontent-length: 4\r\n\r\nabcd");
        assert_eq!(read.unwrap(), b"abcd");
        assert!(asked.contains("range: bytes=10-13"), "{asked}");
        let (cut, _) = served("HTTP/1.1 206 Partial Content\r\ncontent-length: 4\r\n\r\nab");
        assert_eq!(cut.unwrap(), b"ab");
        let (nothing, _) = served(part);
        assert!(matches!(nothing, Err(NetError::Interrupted(_))), "{nothing:?}");
        let (whole, _) = served("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd");
        assert!(matches!(whole, Err(NetError::Interrupted(_))), "not from there on: {whole:?}");
    }
}
