//! Two certificates that know each other, for a key service on another machine (B7).
//!
//! There is no authority: each side has one file, with its own certificate and key and the one certificate that it accepts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carnet_core::time::{Seconds, Time};
use carnet_seam::fs::read_file;
use carnet_seam::{Fs, FsError};
use rcgen::{Certificate, CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, Error, ServerConfig};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::pinned::Only;

/// No pair has more bytes.
const MOST_BYTES: u64 = 64 << 10;
/// Two machines need not agree about the time to the second.
const LEEWAY: u64 = 86_400;

/// Why a pair cannot be used. All of it is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// There is no such file.
    #[error("{} is missing: make both with `carnetd keys pair`, and bring each to its machine", .0.display())]
    NoFile(PathBuf),
    /// The file cannot be read.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Others can read the key.
    #[error("{path} can be read by others: run `chmod 600 {path}`, and think about who may have read it", path = .0.display())]
    Exposed(PathBuf),
    /// It is not what `carnetd keys pair` writes.
    #[error("{} is not one half of what `carnetd keys pair` makes", .0.display())]
    NoPair(PathBuf),
    /// Nobody accepts it any more.
    #[error("{} has expired at {}: make a new pair with `carnetd keys pair`, and start both sides with it", .0.display(), .1)]
    Expired(PathBuf, Time),
    /// The library refused it.
    #[error("a pair of certificates cannot be made or used: {0}")]
    Unusable(String),
}

/// One side's half.
#[derive(Debug, Clone)]
pub struct Half {
    path: PathBuf,
    expires: Time,
    own: CertificateDer<'static>,
    key: Arc<PrivateKeyDer<'static>>,
    peer: CertificateDer<'static>,
}

/// What the two files say: that of the key service first, then that of the public server.
///
/// # Errors
/// [`PairError::Unusable`].
pub fn make(now: Time, lasts: Seconds) -> Result<[Zeroizing<String>; 2], PairError> {
    let (service, service_key) = certificate("carnet key service", now, lasts)?;
    let (server, server_key) = certificate("carnet public server", now, lasts)?;
    let half = |own: &Certificate, key: &KeyPair, peer: &Certificate| {
        Zeroizing::new([own.pem(), key.serialize_pem(), peer.pem()].concat())
    };
    Ok([half(&service, &service_key, &server), half(&server, &server_key, &service)])
}

fn certificate(name: &str, now: Time, lasts: Seconds) -> Result<(Certificate, KeyPair), PairError> {
    let unusable = |error: rcgen::Error| PairError::Unusable(error.to_string());
    let key = KeyPair::generate().map_err(unusable)?;
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(unusable)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let seconds = u64::try_from(now.0 / 1_000_000).unwrap_or(0);
    let at = |seconds| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    params.not_before = at(seconds.saturating_sub(LEEWAY));
    params.not_after = at(seconds.saturating_add(lasts.0));
    let made = params.self_signed(&key).map_err(unusable)?;
    Ok((made, key))
}

impl Half {
    /// Reads one half. That it has expired is no error yet: what does not need the key service goes on.
    ///
    /// # Errors
    /// [`PairError`], which says what to do.
    pub fn load(fs: &dyn Fs, path: &Path) -> Result<Self, PairError> {
        let facts = fs.facts(path)?.ok_or_else(|| PairError::NoFile(path.to_owned()))?;
        if facts.mode & 0o077 != 0 {
            return Err(PairError::Exposed(path.to_owned()));
        }
        let text = Zeroizing::new(read_file(fs, path, MOST_BYTES)?.unwrap_or_default());
        Self::parse(&text, path).ok_or_else(|| PairError::NoPair(path.to_owned()))
    }

    fn parse(text: &[u8], path: &Path) -> Option<Self> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        let [own, peer]: [CertificateDer<'static>; 2] = certificates.ok()?.try_into().ok()?;
        let key = Arc::new(PrivateKeyDer::from_pem_slice(text).ok()?);
        let (own_until, peer_until) = (validity(&own)?.1, validity(&peer)?.1);
        Some(Self { path: path.to_owned(), expires: own_until.min(peer_until), own, key, peer })
    }

    /// From here on neither side accepts the other.
    #[must_use]
    pub fn expires(&self) -> Time {
        self.expires
    }

    /// Says so where it has expired.
    ///
    /// # Errors
    /// [`PairError::Expired`].
    pub fn still_good(&self, now: Time) -> Result<(), PairError> {
        if now < self.expires { Ok(()) } else { Err(PairError::Expired(self.path.clone(), self.expires)) }
    }

    /// For the side that listens.
    ///
    /// # Errors
    /// [`PairError::Unusable`].
    pub fn listening(&self) -> Result<Arc<ServerConfig>, PairError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .with_client_cert_verifier(Arc::new(Only::new(self.peer.clone())))
            .with_single_cert(vec![self.own.clone()], self.key.clone_key())
            .map_err(unusable)?;
        // Each connection shows its certificate: one that has expired meanwhile must not come in by a ticket.
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// For the side that calls.
    ///
    /// # Errors
    /// [`PairError::Unusable`].
    pub fn calling(&self) -> Result<Arc<ClientConfig>, PairError> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Only::new(self.peer.clone())))
            .with_client_auth_cert(vec![self.own.clone()], self.key.clone_key())
            .map_err(unusable)?;
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn unusable(error: Error) -> PairError {
    PairError::Unusable(error.to_string())
}

/// From when until when a certificate is good.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Option<(Time, Time)> {
    let (rest, read) = X509Certificate::from_der(certificate).ok()?;
    let at = |seconds: i64| Time(seconds.saturating_mul(1_000_000));
    let of = &read.validity;
    rest.is_empty().then(|| (at(of.not_before.timestamp()), at(of.not_after.timestamp())))
}
