//! The product string: the one public text with which a licensed program is opened.
//!
//! ```text
//! acme/paint@https://licenses.example.org:8443/carnet#7f83…9069-1b2c3d4e
//! └ app ───┘ └ server ─────────────────────────┘ └ root ──┘ └ check ┘
//! ```
//!
//! A person can see what it says, copy it, and compare the root with what the server's operator says. The
//! check is there for mistakes, not for attackers: whoever can change the string can change the program.

use std::fmt;
use std::str::FromStr;

use carnet_core::app::{AppId, BadName};
use carnet_core::id::Digest;
use data_encoding::HEXLOWER;
use sha2::Digest as _;

use crate::keys::RootPin;

/// What a program must know to be licensed: its app, its server, and the root of trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductString {
    /// The app.
    pub app: AppId,
    /// Where its server is reached.
    pub url: ServerUrl,
    /// The thumbprint of the server's first root key.
    pub root: Digest,
}

/// A text that is not a product string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAProduct {
    /// There is no `@` after an app id.
    #[error("a product string begins with an app id and `@`, like `acme/paint@https://…`")]
    NoApp,
    /// What stands before the `@` is no app id.
    #[error(transparent)]
    BadApp(#[from] BadName),
    /// What stands between `@` and `#` is no address of a server.
    #[error(transparent)]
    BadUrl(#[from] NotAUrl),
    /// There is no `#`.
    #[error("a product string ends with `#` and the server's root: copy it whole")]
    NoRoot,
    /// What stands after `#` has not the form of a root and a check.
    #[error("after `#` come 64 hexadecimal digits, `-`, and 8 more: copy it whole")]
    BadRoot,
    /// The check does not match.
    #[error("the product string was mistyped or cut: copy it again")]
    Mistyped,
}

/// A text that is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the address of a server: {wrong}")]
pub struct NotAUrl {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub wrong: &'static str,
}

impl ProductString {
    /// The root of trust.
    #[must_use]
    pub fn pin(&self) -> RootPin {
        RootPin::of_first_root(self.root)
    }

    fn without_check(&self) -> String {
        format!("{}@{}#{}", self.app, self.url, self.root)
    }
}

/// The first 4 bytes of SHA-256: a mistake goes unnoticed once in four billion.
fn check_digits(text: &str) -> String {
    HEXLOWER.encode(&sha2::Sha256::digest(text)[..4])
}

impl fmt::Display for ProductString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.without_check();
        write!(f, "{text}-{}", check_digits(&text))
    }
}

impl FromStr for ProductString {
    type Err = NotAProduct;

    /// Says as exactly as possible what is wrong. White space around the string is no mistake.
    fn from_str(text: &str) -> Result<Self, NotAProduct> {
        let text = text.trim();
        let (app, rest) = text.split_once('@').ok_or(NotAProduct::NoApp)?;
        let app = app.parse()?;
        let (url, trust) = rest.split_once('#').ok_or(NotAProduct::NoRoot)?;
        let url = url.parse()?;
        let (root, check) = trust.split_once('-').ok_or(NotAProduct::BadRoot)?;
        let root = root.parse().map_err(|_| NotAProduct::BadRoot)?;
        if check.len() != 8 || HEXLOWER.decode(check.as_bytes()).is_err() {
            return Err(NotAProduct::BadRoot);
        }
        let product = Self { app, url, root };
        if check_digits(&product.without_check()) == check { Ok(product) } else { Err(NotAProduct::Mistyped) }
    }
}

/// Where a server is reached: `http` or `https`, a host in lower case, maybe a port, maybe a path. Other
/// parts of a URL have no meaning here and are refused, so that one server has one text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// The address, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is sent there is protected on its way.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServerUrl {
    type Err = NotAUrl;

    fn from_str(text: &str) -> Result<Self, NotAUrl> {
        let refused = |wrong| NotAUrl { text: text.chars().take(200).collect(), wrong };
        if text.len() > 200 {
            return Err(refused("it is longer than 200 characters"));
        }
        let address = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or_else(|| refused("it must begin with `https://` or `http://`"))?;
        let address = address.strip_suffix('/').unwrap_or(address);
        let (authority, path) =
            address.split_once('/').map_or((address, None), |(host, path)| (host, Some(path)));
        check_authority(authority).map_err(refused)?;
        path.map_or(Ok(()), check_path).map_err(refused)?;
        Ok(Self(text.strip_suffix('/').unwrap_or(text).to_owned()))
    }
}

fn check_authority(authority: &str) -> Result<(), &'static str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or("the `[` is not closed")?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| "the IPv6 address is malformed")?;
            (None, port)
        }
        None => {
            let at = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at(at);
            (Some(host), port)
        }
    };
    if let Some(host) = host {
        check_host(host)?;
    }
    port.strip_prefix(':')
        .map_or(if port.is_empty() { Ok(()) } else { Err("the port is malformed") }, check_port)
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(inside)
    };
    if host.split('.').all(label) {
        Ok(())
    } else {
        Err("the host must be lower-case letters, digits, `-` and `.`")
    }
}

fn check_port(port: &str) -> Result<(), &'static str> {
    let plain = !port.starts_with('0') && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(_) if plain => Ok(()),
        _ => Err("the port must be a number from 1 to 65535"),
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(inside);
    if path.split('/').all(part) {
        Ok(())
    } else {
        Err("the path may hold letters, digits, `-`, `.`, `_`, `~`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(app: &str, url: &str) -> ProductString {
        ProductString { app: app.parse().unwrap(), url: url.parse().unwrap(), root: Digest([0x5a; 32]) }
    }

    #[test]
    fn a_product_string_reads_well_and_comes_back() {
        for url in [
            "http://127.0.0.1:8080",
            "https://licenses.example.org/carnet",
            "http://[::1]:80",
            "http://localhost",
            "https://a-b.example/x/y~z",
        ] {
            for app in ["acme/paint", "acme/paint/brushes"] {
                let product = product(app, url);
                let text = product.to_string();
                assert!(text.starts_with(&format!("{app}@{url}#5a5a")), "{text}");
                assert_eq!(text.parse(), Ok(product.clone()));
                assert_eq!(format!(" {text}\n").parse(), Ok(product));
            }
        }
    }

    #[test]
    fn every_mistyped_swapped_or_lost_character_is_noticed() {
        let text = product("acme/paint", "https://licenses.example.org:8443/carnet").to_string();
        for at in 0..text.len() {
            for typed in ["", "0", "a", "e", "/", "@", "#", "-", ".", "A", " x"] {
                let mut mistyped = text.clone();
                mistyped.replace_range(at..=at, typed);
                assert!(mistyped == text || mistyped.parse::<ProductString>().is_err(), "{mistyped}");
            }
            let swapped: String = [
                &text[..at],
                &text[at..].chars().take(2).collect::<Vec<_>>().iter().rev().collect::<String>(),
                text.get(at + 2..).unwrap_or(""),
            ]
            .concat();
            assert!(swapped == text || swapped.parse::<ProductString>().is_err(), "{swapped}");
            assert!(text[..at].parse::<ProductString>().is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_said_exactly() {
        let good = product("acme/paint", "http://localhost:8080").to_string();
        let parse = |text: &str| text.parse::<ProductString>().unwrap_err();
        assert_eq!(parse(""), NotAProduct::NoApp);
        assert_eq!(parse("http://localhost:8080"), NotAProduct::NoApp);
        assert!(matches!(parse(&good.replace("acme", "Acme")), NotAProduct::BadApp(_)));
        assert!(matches!(parse(&good.replace("http:", "ftp:")), NotAProduct::BadUrl(_)));
        assert_eq!(parse("acme/paint@http://localhost:8080"), NotAProduct::NoRoot);
        assert_eq!(parse(&good.replace("#5a", "#5A")), NotAProduct::BadRoot);
        assert_eq!(parse(&good[..good.len() - 1]), NotAProduct::BadRoot);
        assert_eq!(parse(&good.replace("paint", "point")), NotAProduct::Mistyped);
        assert_eq!(parse(&good.replace("8080", "8081")), NotAProduct::Mistyped);
    }

    #[test]
    fn an_address_that_could_mean_anything_else_is_refused() {
        for (text, says) in [
            ("licenses.example.org", "begin with"),
            ("ftp://example.org", "begin with"),
            ("https://", "host"),
            ("https://Example.org", "host"),
            ("https://user@example.org", "host"),
            ("https://example..org", "host"),
            ("https://example.org:", "port"),
            ("https://example.org:0", "port"),
            ("https://example.org:080", "port"),
            ("https://example.org:+80", "port"),
            ("https://example.org:65536", "port"),
            ("https://[::1", "closed"),
            ("https://[::g]", "IPv6"),
            ("https://[::1]80", "port"),
            ("https://example.org/a//b", "path"),
            ("https://example.org/../b", "path"),
            ("https://example.org/a?b", "path"),
            ("https://example.org/a b", "path"),
        ] {
            let refused = text.parse::<ServerUrl>().unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
        assert_eq!("http://localhost/".parse::<ServerUrl>().unwrap().as_str(), "http://localhost");
    }
}
