//! HTTP to the store, by the client and the TLS that this program has anyway.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tower_http::timeout::TimeoutBody;

use crate::image_store::PlaceError;

/// So long until there is a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// So long until an answer to something that is only asked: somebody waits for it.
const ANSWER: Duration = Duration::from_secs(8);
/// So long until something that is handed over is taken: a part over a slow line, or putting all parts together.
const TAKEN: Duration = Duration::from_secs(300);
/// So long between two pieces of an answer.
const SILENCE: Duration = Duration::from_secs(20);
/// So long a connection is kept that nobody needs.
const IDLE: Duration = Duration::from_secs(30);

/// Makes clients that trust whom this system trusts.
#[derive(Debug, Clone)]
pub struct Connector(Arc<ClientConfig>);

impl Connector {
    /// With somebody to trust, where that is needed.
    ///
    /// # Errors
    /// [`PlaceError::NoRoots`].
    pub fn new(secure: bool) -> Result<Self, PlaceError> {
        let mut roots = RootCertStore::empty();
        if secure {
            let (found, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if found == 0 {
                return Err(PlaceError::NoRoots);
            }
        }
        // One provider, named: a second one in the program would make the automatic choice fail.
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| PlaceError::NoRoots)?;
        Ok(Self(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = Tcp::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let builder = HttpsConnectorBuilder::new().with_tls_config(ClientConfig::clone(&self.0));
        let plain =
            options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        let builder = if plain { builder.https_or_http() } else { builder.https_only() };
        let connector = builder.enable_http1().wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(HttpClient::new(Wire(client)))
    }
}

type Client = legacy::Client<hyper_rustls::HttpsConnector<Tcp>, HttpRequestBody>;

/// One store's connections.
#[derive(Debug)]
struct Wire(Client);

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let patience = if request.method().is_safe() { ANSWER } else { TAKEN };
        let answered = tokio::time::timeout(patience, self.0.request(request)).await;
        let silent = |_| HttpError::new(HttpErrorKind::Timeout, NoAnswer(patience.as_secs()));
        let (parts, body) = answered.map_err(silent)?.map_err(failed)?.into_parts();
        let body = TimeoutBody::new(SILENCE, body).map_err(broken);
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

/// It took too long.
#[derive(Debug, thiserror::Error)]
#[error("no answer in {0} seconds")]
struct NoAnswer(u64);

fn failed(error: legacy::Error) -> HttpError {
    let kind = if error.is_connect() { HttpErrorKind::Connect } else { kind(&error) };
    HttpError::new(kind, error)
}

/// An answer that ended before its end.
fn broken(error: Box<dyn Error + Send + Sync>) -> HttpError {
    HttpError::new_boxed(HttpErrorKind::Interrupted, error)
}

/// Whether it is worth another try is told by the innermost errors.
fn kind(error: &(dyn Error + 'static)) -> HttpErrorKind {
    let mut next = Some(error);
    while let Some(error) = next {
        let lost = |error: &hyper::Error| {
            error.is_closed() || error.is_incomplete_message() || error.is_body_write_aborted()
        };
        if error.downcast_ref().is_some_and(lost) {
            return HttpErrorKind::Request;
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
            match error.kind() {
                TimedOut => return HttpErrorKind::Timeout,
                BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => {
                    return HttpErrorKind::Interrupted;
                }
                _ => {}
            }
        }
        next = error.source();
    }
    HttpErrorKind::Unknown
}
