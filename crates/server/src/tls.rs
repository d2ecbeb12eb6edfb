//! TLS: a certificate and its key from files, read again when the operator says so.
//!
//! The provider is named: a program that links two would otherwise panic at the first connection.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use carnet_core::time::Time;
use carnet_seam::fs::read_file;
use carnet_seam::{Fs, FsError};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// No chain is longer than this many bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Why a certificate cannot be used. All of it is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// There is no such file.
    #[error("{} is missing", .0.display())]
    NoFile(PathBuf),
    /// The file cannot be read.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Anybody on this machine can read the key.
    #[error("{path} can be read by everybody: run `chmod 600 {path}`, and think about who may have read it", path = .0.display())]
    Exposed(PathBuf),
    /// The file does not hold a certificate.
    #[error("{} holds no certificate: it must be PEM, with BEGIN CERTIFICATE, that of the server first", .0.display())]
    NoCertificate(PathBuf),
    /// The file does not hold a key.
    #[error("{} holds no private key: it must be PEM, with BEGIN PRIVATE KEY, and not encrypted", .0.display())]
    NoKey(PathBuf),
    /// They are not a pair.
    #[error("the key in {} is not that of the certificate in {}", .key.display(), .certificate.display())]
    Mismatched {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Nobody accepts it any more.
    #[error("the certificate in {} has expired at {}: put a newer one there", .0.display(), .1)]
    Expired(PathBuf, Time),
    /// Nobody accepts it yet.
    #[error("the certificate in {} is not good before {}: check the clock of this machine", .0.display(), .1)]
    NotYet(PathBuf, Time),
    /// The library refused it.
    #[error("the certificate in {} cannot be used: {}", .0.display(), .1)]
    Unusable(PathBuf, String),
}

/// Where certificate and key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The chain, that of the server first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A certificate in use.
pub struct Tls {
    files: Files,
    current: RwLock<Arc<ServerConfig>>,
}

/// A certificate and its key that fit together.
#[derive(Debug)]
pub struct Loaded {
    /// From here on nobody accepts it.
    pub expires: Time,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// With what is in the files now.
    ///
    /// # Errors
    /// [`TlsError`], which says what to do.
    pub fn open(files: Files, fs: &dyn Fs, now: Time) -> Result<Self, TlsError> {
        let loaded = load(&files, fs, now)?;
        Ok(Self { files, current: RwLock::new(loaded.config) })
    }

    /// Uses what is in the files from the next connection on; what cannot be used changes nothing.
    ///
    /// # Errors
    /// [`TlsError`], which says what to do.
    pub fn reload(&self, fs: &dyn Fs, now: Time) -> Result<Time, TlsError> {
        let Loaded { expires, config } = load(&self.files, fs, now)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(expires)
    }

    /// What takes the next connection.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone().into()
    }
}

/// No key (I17).
impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls({:?})", self.files)
    }
}

/// Reads and checks certificate and key.
///
/// # Errors
/// [`TlsError`], which says what to do.
pub fn load(files: &Files, fs: &dyn Fs, now: Time) -> Result<Loaded, TlsError> {
    let chain = chain(&files.certificate, fs)?;
    let expires = still_good(&files.certificate, chain.first().map_or(&[], |first| first.as_ref()), now)?;
    let key = key(&files.key, fs)?;
    let unusable = |error: Error| TlsError::Unusable(files.certificate.clone(), error.to_string());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key);
    let mut config = config.map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            TlsError::Mismatched { certificate: files.certificate.clone(), key: files.key.clone() }
        }
        error => unusable(error),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { expires, config: Arc::new(config) })
}

fn chain(path: &Path, fs: &dyn Fs) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read_file(fs, path, MOST_BYTES)?.ok_or_else(|| TlsError::NoFile(path.to_owned()))?;
    let none = || TlsError::NoCertificate(path.to_owned());
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>().map_err(|_| none())?;
    if chain.is_empty() { Err(none()) } else { Ok(chain) }
}

fn key(path: &Path, fs: &dyn Fs) -> Result<PrivateKeyDer<'static>, TlsError> {
    let facts = fs.facts(path)?.ok_or_else(|| TlsError::NoFile(path.to_owned()))?;
    // A group may read it: that is how certificate tools share keys with servers.
    if facts.mode & 0o007 != 0 {
        return Err(TlsError::Exposed(path.to_owned()));
    }
    let text = Zeroizing::new(read_file(fs, path, MOST_BYTES)?.unwrap_or_default());
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsError::NoKey(path.to_owned()))
}

fn still_good(path: &Path, certificate: &[u8], now: Time) -> Result<Time, TlsError> {
    let (_, read) = X509Certificate::from_der(certificate)
        .map_err(|error| TlsError::Unusable(path.to_owned(), error.to_string()))?;
    let at = |seconds: i64| Time(seconds.saturating_mul(1_000_000));
    let (from, until) = (at(read.validity.not_before.timestamp()), at(read.validity.not_after.timestamp()));
    match () {
        () if now < from => Err(TlsError::NotYet(path.to_owned(), from)),
        () if until < now => Err(TlsError::Expired(path.to_owned(), until)),
        () => Ok(until),
    }
}
