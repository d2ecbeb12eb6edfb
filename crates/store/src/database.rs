//! Where a store is kept: a file of SQLite's, or a PostgreSQL database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio_postgres::config::{Host, SslMode};

use crate::StoreError;

/// Where a store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of this server's own.
    File(PathBuf),
    /// A database that several servers may share.
    Postgres(PostgresUrl),
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl From<&Path> for Database {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for Database {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<PostgresUrl> for Database {
    fn from(url: PostgresUrl) -> Self {
        Self::Postgres(url)
    }
}

impl From<&Self> for Database {
    fn from(database: &Self) -> Self {
        database.clone()
    }
}

/// The address of a PostgreSQL database: `postgres://user:password@host:port/name?sslmode=require`.
///
/// Beside what the PostgreSQL client library takes, `sslrootcert` names a file with the certificates to trust
/// instead of the system's. A server on another machine is spoken to with TLS and its certificate is always
/// checked, unless the address says `sslmode=disable`. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    pub(crate) config: Box<tokio_postgres::Config>,
    pub(crate) roots: Option<PathBuf>,
}

impl FromStr for PostgresUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let wrong = |why: &str| StoreError::WrongUrl { why: why.to_owned() };
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(wrong("it does not begin with postgres://"));
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut roots, mut mode, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslrootcert", file)) => roots = Some(PathBuf::from(file)),
                Some(("sslmode", word)) => mode = Some(ssl_mode(word)?),
                _ => rest.push(pair),
            }
        }
        let plain =
            if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
        // The library's own words may quote the password.
        let mut config: tokio_postgres::Config = plain
            .parse()
            .map_err(|_| wrong("user, password, host, port or a parameter cannot be understood"))?;
        if config.get_hosts().is_empty() {
            return Err(wrong("it names no host"));
        }
        if config.get_dbname().is_none() {
            return Err(wrong("it names no database"));
        }
        let here = config.get_hosts().iter().all(is_local);
        config.ssl_mode(mode.unwrap_or(if here { SslMode::Disable } else { SslMode::Require }));
        Ok(Self { config: Box::new(config), roots })
    }
}

fn ssl_mode(word: &str) -> Result<SslMode, StoreError> {
    match word {
        "disable" => Ok(SslMode::Disable),
        // Certificates are always checked, so all of these are the strictest.
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        _ => Err(StoreError::WrongUrl { why: "sslmode is neither disable, require nor verify-full".into() }),
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(at, host)| {
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(folder) => format!("{}:{port}", folder.display()),
            }
        });
        let hosts: Vec<String> = hosts.collect();
        write!(f, "postgres://{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}

/// Without the password (I17).
impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i17_an_address_is_shown_without_its_password() {
        let url: PostgresUrl = "postgres://carnet:canary@db.example.org:5433/licenses".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://db.example.org:5433/licenses");
        assert!(!format!("{url:?} {}", Database::Postgres(url.clone())).contains("canary"));
        for wrong in ["postgres://carnet:canary@db:x/licenses", "postgres://u:canary@h/d?canary=1"] {
            let refused = wrong.parse::<PostgresUrl>().unwrap_err();
            assert!(!refused.to_string().contains("canary"), "{refused}");
        }
    }

    #[test]
    fn another_machine_is_spoken_to_with_tls_unless_the_address_says_otherwise() {
        let mode = |text: &str| text.parse::<PostgresUrl>().map(|url| url.config.get_ssl_mode()).ok();
        for (address, expected) in [
            ("postgres://u@db.example.org/d", Some(SslMode::Require)),
            (
                "postgres://u@db.example.org/d?sslmode=verify-full&sslrootcert=/etc/ca.pem",
                Some(SslMode::Require),
            ),
            ("postgres://u@db.example.org/d?sslmode=disable", Some(SslMode::Disable)),
            ("postgres://u@127.0.0.1:1/d", Some(SslMode::Disable)),
            ("postgres://u@localhost/d?sslmode=require", Some(SslMode::Require)),
            ("postgres://u@%2Frun%2Fpostgresql/d", Some(SslMode::Disable)),
            ("postgres://u@db.example.org/d?sslmode=prefer", None),
            ("postgres://u@h", None),
            ("postgres:///d", None),
            ("mysql://u@h/d", None),
        ] {
            assert_eq!(mode(address), expected, "{address}");
        }
    }
}
