//! Where a server is, as a person writes it.

use carnet_seal::ServerUrl;
use carnet_seal::product::NotAUrl;

/// A text that is not the address of a server to which secrets may be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAServer {
    /// It is no address at all.
    #[error(transparent)]
    NotAnAddress(#[from] NotAUrl),
    /// Others could read along.
    #[error("`{0}` is not protected on the way")]
    Unprotected(ServerUrl),
}

impl NotAServer {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NotAnAddress(_) => "write it like https://licenses.example.org",
            Self::Unprotected(_) => "use https: plain http is only for localhost, 127.0.0.1 and ::1",
        }
    }
}

/// The address in a text that a person has typed: its host may be in capitals.
///
/// # Errors
/// [`NotAServer`], also for plain `http` to another machine: a token would be read by everybody on the way.
pub fn typed(text: &str) -> Result<ServerUrl, NotAServer> {
    let text = text.trim().trim_end_matches('/');
    let host = text.find("://").map_or(0, |at| at + 3);
    let end = text.get(host..).and_then(|rest| rest.find('/')).map_or(text.len(), |at| host + at);
    let (server, path) = text.split_at(end);
    protected(format!("{}{path}", server.to_ascii_lowercase()).parse()?)
}

/// The address, if what is sent there is read by nobody else.
///
/// # Errors
/// [`NotAServer::Unprotected`]: plain `http` is only for the machine itself.
pub fn protected(url: ServerUrl) -> Result<ServerUrl, NotAServer> {
    if url.is_https() || is_this_machine(host_of(&url)) { Ok(url) } else { Err(NotAServer::Unprotected(url)) }
}

/// Without a port, and without the brackets around an IPv6 address.
fn host_of(url: &ServerUrl) -> &str {
    let host = after_scheme(url).split('/').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn is_this_machine(host: &str) -> bool {
    let loopback = |address: std::net::IpAddr| address.is_loopback();
    host == "localhost" || host.parse().is_ok_and(loopback)
}

fn after_scheme(url: &ServerUrl) -> &str {
    url.as_str().split_once("://").map_or(url.as_str(), |(_, rest)| rest)
}

/// A name for a folder: host, port and path, without anything that a file system minds.
#[must_use]
pub fn folder(url: &ServerUrl) -> String {
    let fine = |letter: char| letter.is_ascii_alphanumeric() || letter == '.' || letter == '-';
    after_scheme(url).chars().map(|letter| if fine(letter) { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for (text, url, name) in [
            ("https://Licenses.example.org/", "https://licenses.example.org", "licenses.example.org"),
            ("HTTPS://example.org/Carnet/", "https://example.org/Carnet", "example.org_Carnet"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1_8080"),
            ("http://[::1]:8080", "http://[::1]:8080", "___1__8080"),
        ] {
            let server = typed(text).unwrap();
            assert_eq!((server.as_str(), folder(&server).as_str()), (url, name));
        }
    }

    #[test]
    fn tokens_never_travel_unprotected_and_nonsense_is_refused() {
        for text in
            ["http://licenses.example.org", "http://localhost.example.org", "http://127.0.0.1.example.org:1"]
        {
            assert!(matches!(typed(text), Err(NotAServer::Unprotected(_))), "{text}");
        }
        for text in [
            "",
            "example.org",
            "ftp://example.org",
            "https://",
            "https://u:p@example.org",
            "https://a/?b",
            "ü://ü/",
        ] {
            assert!(matches!(typed(text), Err(NotAServer::NotAnAddress(_))), "{text}");
        }
    }
}
