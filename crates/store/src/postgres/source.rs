//! Where sessions come from.

use std::sync::Arc;
use std::time::Duration;

use futures_executor::block_on;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Client;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Session;
use super::failure::failed;
use crate::StoreError;
use crate::database::PostgresUrl;

/// How long making a connection may take in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// What every session is told first. A commit that was told is on the disk (I9), whatever the database's default.
/// Waiting for another server's transaction has an end, and so has ours when this process hangs.
const FIRST: &str = "SET client_min_messages = warning; SET jit = off; SET lock_timeout = '15s'; \
    SET idle_in_transaction_session_timeout = '60s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// What sessions of a running server are told besides. Everything they ask is found by a key. Plans are kept for as long as a
/// session lives, and those made while tables were small, or before anybody had counted their rows, would read whole tables
/// later on.
const SETTLED: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET plan_cache_mode = force_generic_plan";

/// Makes sessions with one database. Clones share the thread that moves their bytes.
#[derive(Clone)]
pub(crate) struct Source {
    url: PostgresUrl,
    tls: Arc<MakeRustlsConnect>,
    mover: Arc<Mover>,
}

/// The thread that moves the bytes of all sessions.
pub(super) struct Mover(Option<Runtime>);

impl Drop for Mover {
    fn drop(&mut self) {
        // Waiting for it is not allowed on every thread that may be the last one here.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Source {
    /// Nothing is asked of the database yet.
    ///
    /// # Errors
    /// When the certificates to trust cannot be read.
    pub(crate) fn new(url: &PostgresUrl) -> Result<Self, StoreError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("carnet-postgres")
            .enable_all()
            .build()
            .map_err(StoreError::failed)?;
        let mut url = url.clone();
        url.config.application_name("carnetd").connect_timeout(Duration::from_secs(5));
        // A peer that has vanished is noticed after a while, however the system is set.
        url.config.keepalives_idle(Duration::from_secs(15)).tcp_user_timeout(Duration::from_secs(30));
        let tls = Arc::new(MakeRustlsConnect::new(client_config(&url)?));
        Ok(Self { url, tls, mover: Arc::new(Mover(Some(runtime))) })
    }

    /// A new session.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Denied`] and what the database reports.
    pub(crate) fn connect(&self) -> Result<Session, StoreError> {
        let (client, mover) = self.client()?;
        Ok(Session::over(client, mover))
    }

    /// A new session that keeps to keys, for a server that runs.
    ///
    /// # Errors
    /// As [`Source::connect`].
    pub(crate) fn connect_settled(&self) -> Result<Session, StoreError> {
        let session = self.connect()?;
        session.run(SETTLED)?;
        Ok(session)
    }

    /// What a session is made of.
    pub(super) fn client(&self) -> Result<(Client, Arc<Mover>), StoreError> {
        let Some(runtime) = &self.mover.0 else { return Err(StoreError::Closed) };
        let (config, tls) = (self.url.config.clone(), MakeRustlsConnect::clone(&self.tls));
        let made = runtime.spawn(async move {
            let connected = tokio::time::timeout(PATIENCE, config.connect(tls)).await;
            let (client, connection) = connected
                .map_err(|_| StoreError::Unreachable { why: "no answer in 10 seconds".into() })?
                .map_err(|error| failed(&error))?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(%error, "a connection to the database has ended");
                }
            });
            client.batch_execute(FIRST).await.map_err(|error| failed(&error))?;
            Ok::<_, StoreError>(client)
        });
        let client = block_on(made).map_err(StoreError::failed)??;
        Ok((client, Arc::clone(&self.mover)))
    }
}

/// There is one TLS, rustls, with one provider named here: a second one in the program would make the automatic
/// choice fail.
fn client_config(url: &PostgresUrl) -> Result<ClientConfig, StoreError> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &url.roots {
        let unusable = |why: &dyn std::fmt::Display| StoreError::WrongUrl {
            why: format!("sslrootcert {}: {why}", file.display()),
        };
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))? {
            let certificate = certificate.map_err(|error| unusable(&error))?;
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
    } else if url.config.get_ssl_mode() != SslMode::Disable {
        let (found, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if found == 0 {
            let why = "this system has no certificates to trust; name a file with sslrootcert".into();
            return Err(StoreError::WrongUrl { why });
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(StoreError::failed)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
