//! Where a server is.

use std::fmt;
use std::str::FromStr;

use ureq::http::Uri;

/// The address of a licensing server: `https://licenses.example.org`, also with a port or below a path.
///
/// Plain `http` is only for the machine itself: a token would be read by everybody on the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerUrl(String);

/// A text that is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAServer {
    /// It is no address at all.
    #[error("`{0}` is not the address of a server: write it like https://licenses.example.org")]
    NotAnAddress(String),
    /// Others could read along.
    #[error(
        "`{0}` is not protected on the way: use https (plain http is only for localhost, 127.0.0.1 and ::1)"
    )]
    Unprotected(String),
}

impl ServerUrl {
    /// The URL of a path on this server.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// A name for a folder: host and port, without anything that a file system minds.
    #[must_use]
    pub fn folder(&self) -> String {
        let after = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        let fine = |letter: char| letter.is_ascii_alphanumeric() || letter == '.' || letter == '-';
        after.chars().map(|letter| if fine(letter) { letter } else { '_' }).collect()
    }
}

impl FromStr for ServerUrl {
    type Err = NotAServer;

    fn from_str(text: &str) -> Result<Self, NotAServer> {
        let shown = || text.chars().take(100).collect::<String>();
        let wrong = || NotAServer::NotAnAddress(shown());
        let trimmed = text.trim().trim_end_matches('/');
        let uri: Uri = trimmed.parse().map_err(|_| wrong())?;
        let (scheme, authority) = (uri.scheme_str().ok_or_else(wrong)?, uri.authority().ok_or_else(wrong)?);
        // A name and password in the address would end up in folder names and messages.
        if uri.query().is_some() || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(wrong());
        }
        match scheme {
            "https" => {}
            "http" if is_this_machine(authority.host()) => {}
            "http" => return Err(NotAServer::Unprotected(shown())),
            _ => return Err(wrong()),
        }
        let path = uri.path().trim_end_matches('/');
        Ok(Self(format!("{scheme}://{}{path}", authority.as_str().to_ascii_lowercase())))
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = |address: std::net::IpAddr| address.is_loopback();
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(loopback)
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for (text, url, folder) in [
            ("https://Licenses.example.org/", "https://licenses.example.org", "licenses.example.org"),
            ("https://example.org/carnet/", "https://example.org/carnet", "example.org_carnet"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1_8080"),
            ("http://[::1]:8080", "http://[::1]:8080", "___1__8080"),
        ] {
            let server: ServerUrl = text.parse().unwrap();
            assert_eq!((server.to_string().as_str(), server.folder().as_str()), (url, folder));
        }
    }

    #[test]
    fn tokens_never_travel_unprotected_and_nonsense_is_refused() {
        let unprotected = "http://licenses.example.org".parse::<ServerUrl>();
        assert!(matches!(unprotected, Err(NotAServer::Unprotected(_))));
        for text in
            ["", "example.org", "ftp://example.org", "https://", "https://u:p@example.org", "https://a/?b"]
        {
            assert!(matches!(text.parse::<ServerUrl>(), Err(NotAServer::NotAnAddress(_))), "{text}");
        }
    }
}
