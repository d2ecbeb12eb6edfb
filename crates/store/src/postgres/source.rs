//! Where sessions come from.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_executor::block_on;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Builder;
use tokio_postgres::Client;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Session;
use super::failure::failed;
use super::mover::{Asker, Background, Mover, Moving};
use super::pooler::{Backend, require_sessions};
use crate::StoreError;
use crate::database::PostgresUrl;

/// How long making a connection may take in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long two connections may take to say whether they are two sessions, once two of them were.
const COMPARING: Duration = Duration::from_secs(1);

/// What every session is told first. A commit that was told is on the disk (I9), whatever the database's default.
/// Waiting for another server's transaction has an end, and so has ours when this process hangs.
const FIRST: &str = "SET client_min_messages = warning; SET jit = off; SET lock_timeout = '15s'; \
    SET idle_in_transaction_session_timeout = '60s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

/// What sessions of a running server are told besides. Everything they ask is found by a key. Plans are kept for as long as a
/// session lives, and those made while tables were small, or before anybody had counted their rows, would read whole tables
/// later on.
const SETTLED: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET plan_cache_mode = force_generic_plan";

/// Makes sessions with one database. Clones share the thread that moves the bytes of most of them.
#[derive(Clone)]
pub(crate) struct Source {
    url: PostgresUrl,
    tls: Arc<MakeRustlsConnect>,
    background: Arc<Background>,
    pair: Arc<Pair>,
}

/// What a session is made of.
pub(super) struct Made {
    pub(super) client: Client,
    /// Who serves it.
    pub(super) backend: Backend,
    /// Without it, nobody moves the bytes of this session.
    pub(super) background: Arc<Background>,
}

/// Two connections that are made together, to find out what they are: at first, and after one has ended, as whatever was in
/// between may have been started anew.
struct Pair {
    /// The next one is to be one of two.
    wanted: AtomicBool,
    /// Two of them were different.
    compared: AtomicBool,
    /// The second one, for whoever needs the next. Nothing was set on it.
    spare: Mutex<Option<Client>>,
}

impl Pair {
    fn spare(&self) -> MutexGuard<'_, Option<Client>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
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
        let (wanted, compared) = (AtomicBool::new(true), AtomicBool::new(false));
        let pair = Arc::new(Pair { wanted, compared, spare: Mutex::new(None) });
        Ok(Self { url, tls, background: Arc::new(Background(Some(runtime))), pair })
    }

    /// A new session.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::Denied`], [`StoreError::Pooled`] and what the database reports.
    pub(crate) fn connect(&self) -> Result<Box<Session>, StoreError> {
        let Made { client, backend, background } = self.make()?;
        Ok(Box::new(Session::over(client, backend, Mover::Thread { _background: background })))
    }

    /// A new session that keeps to keys, for a server that runs.
    ///
    /// # Errors
    /// As [`Source::connect`].
    pub(crate) fn connect_settled(&self) -> Result<Box<Session>, StoreError> {
        let session = self.connect()?;
        session.run(SETTLED)?;
        Ok(session)
    }

    /// The same, for a thread that asks all the time and for nothing else: it moves the bytes itself.
    ///
    /// # Errors
    /// As [`Source::connect`].
    pub(crate) fn connect_asker(&self) -> Result<Box<Session>, StoreError> {
        if self.pair.wanted.load(Ordering::Relaxed) {
            // Whatever is in between is looked at in the same way. The second one stays for whoever needs the next.
            drop(self.client()?);
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(StoreError::failed)?;
        let (made, moving) = runtime.block_on(self.connected())?;
        let mover = Mover::Asker(Box::new(Asker::new(runtime, moving)));
        // Where this ends in an error, the client goes before its mover, which would wait for it.
        let client = made;
        let backend = mover.wait(Backend::after(&client, FIRST))?;
        let session = Box::new(Session::over(client, backend, mover));
        session.run(SETTLED)?;
        Ok(session)
    }

    /// What a session is made of. Nothing is set before it is known that others will not get it.
    pub(super) fn make(&self) -> Result<Made, StoreError> {
        let client = self.client()?;
        let backend = block_on(Backend::after(&client, FIRST))?;
        Ok(Made { client, backend, background: Arc::clone(&self.background) })
    }

    /// A connection on which nothing was set yet.
    fn client(&self) -> Result<Client, StoreError> {
        if let Some(spare) = self.pair.spare().take().filter(|spare| !spare.is_closed()) {
            return Ok(spare);
        }
        let one = self.connection()?;
        // Where there is no room for a second one, there is none for a server either, or only this one was lost.
        match self.pair.wanted.swap(false, Ordering::Relaxed).then(|| self.connection()) {
            Some(Ok(other)) => self.compared(one, other),
            _ => Ok(one),
        }
    }

    /// The first one, once it is known that the second is another one; or as far as that can be known in time: a pooler may
    /// have room for as many as there were before.
    fn compared(&self, one: Client, other: Client) -> Result<Client, StoreError> {
        let Some(runtime) = &self.background.0 else { return Err(StoreError::Closed) };
        let patience = if self.pair.compared.load(Ordering::Relaxed) { COMPARING } else { PATIENCE };
        let asked = runtime.spawn(async move {
            let found = tokio::time::timeout(patience, require_sessions(&one, &other)).await;
            (one, other, found)
        });
        let (one, other, found) = block_on(asked).map_err(StoreError::failed)?;
        match found {
            Ok(Err(StoreError::Pooled)) => {
                self.pair.wanted.store(true, Ordering::Relaxed);
                return Err(StoreError::Pooled);
            }
            Ok(Ok(())) => {
                self.pair.compared.store(true, Ordering::Relaxed);
                *self.pair.spare() = Some(other);
            }
            Ok(Err(_)) | Err(_) => {}
        }
        Ok(one)
    }

    fn connection(&self) -> Result<Client, StoreError> {
        let Some(runtime) = &self.background.0 else { return Err(StoreError::Closed) };
        let connected = self.connected();
        let made = runtime.spawn(async move {
            let (client, moving) = connected.await?;
            tokio::spawn(moving);
            Ok::<_, StoreError>(client)
        });
        block_on(made).map_err(StoreError::failed)?
    }

    /// A connection, and what moves its bytes.
    fn connected(&self) -> impl Future<Output = Result<(Client, Moving), StoreError>> + Send + 'static {
        let (config, tls) = (self.url.config.clone(), MakeRustlsConnect::clone(&self.tls));
        let pair = Arc::clone(&self.pair);
        async move {
            let connected = tokio::time::timeout(PATIENCE, config.connect(tls)).await;
            let (client, connection) = connected
                .map_err(|_| StoreError::Unreachable { why: "no answer in 10 seconds".into() })?
                .map_err(|error| failed(&error))?;
            let moving: Moving = Box::pin(async move {
                if let Err(error) = connection.await {
                    tracing::warn!(%error, "a connection to the database has ended");
                }
                pair.wanted.store(true, Ordering::Relaxed);
            });
            Ok((client, moving))
        }
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
