//! Which bucket, and how it is reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use axum::http::Uri;
use clap::ValueEnum;

use super::credentials::{CredentialsError, Identity};

/// AWS's own longest; other stores allow no more.
const LONGEST_BUCKET: usize = 63;

/// A bucket, and below which prefix of it images lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    bucket: String,
    prefix: String,
}

/// What is not `s3://BUCKET/PREFIX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLocation {
    /// Another kind of store.
    #[error("write s3://BUCKET/PREFIX: no other kind of store is known")]
    Scheme,
    /// No name, or one that no bucket has.
    #[error(
        "the bucket is missing or no possible name: s3://BUCKET/PREFIX, with small letters, digits, `-` and `.`"
    )]
    Bucket,
    /// What some store would read differently.
    #[error("the prefix may have letters, digits, `-`, `_`, `.`, and `/` between names")]
    Prefix,
}

impl Location {
    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The prefix, without `/` at its ends; empty: none.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl FromStr for Location {
    type Err = BadLocation;

    fn from_str(text: &str) -> Result<Self, BadLocation> {
        let rest = text.strip_prefix("s3://").ok_or(BadLocation::Scheme)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let of_bucket =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let ends = alphanumeric(bucket.bytes().next()) && alphanumeric(bucket.bytes().last());
        if !ends || bucket.len() > LONGEST_BUCKET || !bucket.bytes().all(of_bucket) {
            return Err(BadLocation::Bucket);
        }
        let prefix = prefix.trim_matches('/');
        let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(of_name) && name.bytes().any(|byte| byte != b'.')
        };
        if !prefix.is_empty() && !prefix.split('/').all(is_name) {
            return Err(BadLocation::Prefix);
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

/// Where a store listens: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    authority: String,
}

/// What is no address of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write https://HOST or https://HOST:PORT, without a path, a name or a password")]
pub struct BadEndpoint;

impl Endpoint {
    /// Whether whoever listens on the way learns nothing.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The address, with the bucket in the host's name where that is wanted.
    #[must_use]
    pub fn url(&self, bucket: Option<&str>) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        match bucket {
            Some(bucket) => format!("{scheme}://{bucket}.{}", self.authority),
            None => format!("{scheme}://{}", self.authority),
        }
    }
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let uri: Uri = text.parse().map_err(|_| BadEndpoint)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(BadEndpoint),
        };
        let authority = uri.authority().ok_or(BadEndpoint)?.as_str();
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !bare || authority.contains('@') || text.contains('#') {
            return Err(BadEndpoint);
        }
        Ok(Self { secure, authority: authority.to_owned() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url(None))
    }
}

/// Where a request names the bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Addressing {
    /// In the path.
    #[default]
    Path,
    /// In the name of the host.
    Host,
}

/// A bucket, how it is reached, and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) location: Location,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) region: String,
    pub(super) addressing: Addressing,
    pub(super) identity: Identity,
}

/// Why a bucket cannot be used. All of it is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// This program was built without it.
    #[error(
        "`image-store` is {0}, and this carnetd was built without such stores: build it with `--features object-store`, or leave `image-store` out"
    )]
    NotBuiltIn(Location),
    /// Everything could be read on the way.
    #[error(
        "`image-store-endpoint` {0} is not on this machine, and http protects neither what is sent nor who asks: write https, or set `image-store-allow-http` where the network is yours alone"
    )]
    Plain(Endpoint),
    /// A setting of a store, without a store.
    #[error("`{0}` is set and `image-store` is not: set both, or none")]
    NoStore(&'static str),
    /// Nobody to ask as.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// There is nobody to trust.
    #[error(
        "this system has no certificates to trust: install them (`ca-certificates`), or name a file in SSL_CERT_FILE"
    )]
    NoRoots,
    /// The library does not take it.
    #[error("`image-store` {0} cannot be used as it is set")]
    Unusable(Location),
}

impl Place {
    /// A bucket, if it is safe to speak with its store.
    ///
    /// # Errors
    /// [`PlaceError::Plain`].
    pub fn new(
        location: Location,
        endpoint: Option<Endpoint>,
        allow_http: bool,
        region: String,
        addressing: Addressing,
        identity: Identity,
    ) -> Result<Self, PlaceError> {
        let safe = |endpoint: &Endpoint| endpoint.is_secure() || endpoint.is_here() || allow_http;
        match endpoint {
            Some(endpoint) if !safe(&endpoint) => Err(PlaceError::Plain(endpoint)),
            endpoint => Ok(Self { location, endpoint, region, addressing, identity }),
        }
    }

    /// Which bucket.
    #[must_use]
    pub const fn location(&self) -> &Location {
        &self.location
    }
}

/// For the operator: which bucket, and at which address.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Some(endpoint) => write!(f, "{} at {endpoint}", self.location),
            None => write!(f, "{} at AWS in {}", self.location, self.region),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_a_prefix_have_one_meaning_everywhere() {
        for (text, bucket, prefix) in [
            ("s3://images", "images", ""),
            ("s3://images/", "images", ""),
            ("s3://my.images-2/carnet/prod/", "my.images-2", "carnet/prod"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!((location.bucket(), location.prefix()), (bucket, prefix), "{text}");
            assert_eq!(location.to_string().parse(), Ok(location), "{text}");
        }
        for (text, wrong) in [
            ("gs://images", BadLocation::Scheme),
            ("images", BadLocation::Scheme),
            ("S3://images", BadLocation::Scheme),
            ("s3://", BadLocation::Bucket),
            ("s3:///prefix", BadLocation::Bucket),
            ("s3://Images", BadLocation::Bucket),
            ("s3://-images", BadLocation::Bucket),
            ("s3://key:secret@images", BadLocation::Bucket),
            ("s3://images/a//b", BadLocation::Prefix),
            ("s3://images/../b", BadLocation::Prefix),
            ("s3://images/a b", BadLocation::Prefix),
            ("s3://images/a?b", BadLocation::Prefix),
        ] {
            assert_eq!(text.parse::<Location>(), Err(wrong), "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_an_address_and_nothing_more() {
        for (text, here, by_host) in [
            ("https://s3.example.org", false, "https://images.s3.example.org"),
            ("http://127.0.0.1:9000/", true, "http://images.127.0.0.1:9000"),
            ("http://[::1]:9000", true, "http://images.[::1]:9000"),
            ("http://localhost:9000", true, "http://images.localhost:9000"),
            ("http://localhost.example.org", false, "http://images.localhost.example.org"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.is_here(), here, "{text}");
            assert_eq!(endpoint.url(Some("images")), by_host);
            assert_eq!(endpoint.to_string(), text.trim_end_matches('/'));
        }
        for text in [
            "s3.example.org",
            "https://key:secret@s3.example.org",
            "https://s3.example.org/images",
            "https://s3.example.org?x",
            "https://s3.example.org#x",
            "ftp://s3.example.org",
            "",
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(BadEndpoint), "{text}");
        }
    }

    #[test]
    fn i17_nothing_is_sent_in_the_clear_beyond_this_machine_unless_that_is_wanted() {
        let place = |endpoint: &str, allow_http| {
            let location = "s3://images".parse().unwrap();
            let endpoint = Some(endpoint.parse().unwrap());
            let identity = Identity::Machine(Vec::new());
            Place::new(location, endpoint, allow_http, "r".into(), Addressing::Path, identity)
        };
        for endpoint in ["https://s3.example.org", "http://127.0.0.1:1", "http://localhost"] {
            assert!(place(endpoint, false).is_ok(), "{endpoint}");
        }
        let refused = place("http://s3.example.org", false).unwrap_err();
        assert!(refused.to_string().contains("write https"), "{refused}");
        assert!(place("http://s3.example.org", true).is_ok());
    }
}
