//! Connections: accepted one by one, served until the server stops, and then drained.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::admission::Peer;
use crate::problem::Sever;
use crate::server::Server;
use crate::tls::Tls;

/// A client has so long to send its headers; a body has the time limit of the request.
const HEADERS_LIMIT: Duration = Duration::from_secs(15);
/// After the signal, requests that are being answered have so long.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// When no connection can be taken, as with too many open files.
const BREATHER: Duration = Duration::from_millis(100);

/// Connections that may wait to be taken; the system's own limit (`net.core.somaxconn`) may be lower. Whoever finds no room
/// tries again after 1, 3, 7 seconds, so that the usual 128 are a long wait when thousands come at once.
const BACKLOG: u32 = 16_384;

/// Listens nowhere but where it was told to, and says where that is.
///
/// # Errors
/// What the system reports.
pub async fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that is started again must not wait for the connections of the last one to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// [`serve_over`] without TLS.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    server: &Server,
    stop: impl Future<Output = ()>,
) -> bool {
    serve_over(listener, None, routes, server, stop).await
}

/// Serves until `stop` comes true, then takes nothing new and finishes what was begun. True: everything was
/// finished in time.
pub async fn serve_over(
    listener: TcpListener,
    tls: Option<&Tls>,
    routes: Router,
    server: &Server,
    stop: impl Future<Output = ()>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, from)) => {
                attend(stream, from.ip(), tls.map(Tls::acceptor), routes.clone(), graceful.watcher())
            }
            Err(error) => {
                tracing::warn!(%error, "no connection could be taken");
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
    drop(listener);
    server.drain();
    tracing::info!("stopping: finishing what was begun");
    tokio::select! {
        () = graceful.shutdown() => true,
        () = tokio::time::sleep(DRAIN_LIMIT) => false,
    }
}

/// Serves one connection in a task of its own.
fn attend(stream: TcpStream, from: IpAddr, tls: Option<TlsAcceptor>, routes: Router, watcher: Watcher) {
    // Answers are small and complete; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    tokio::spawn(async move {
        let Some(tls) = tls else { return converse(stream, from, routes, watcher).await };
        match tokio::time::timeout(HEADERS_LIMIT, tls.accept(stream)).await {
            Ok(Ok(stream)) => converse(stream, from, routes, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS connection came about"),
            Err(_) => tracing::debug!("a TLS connection took too long to begin"),
        }
    });
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: IpAddr,
    routes: Router,
    watcher: Watcher,
) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(from));
        answer(routes.clone(), request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS_LIMIT);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Nothing may be said: whether the work was done is not known. The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("it is not known whether this was stored")]
struct Severed;

async fn answer(routes: Router, request: hyper::Request<Incoming>) -> Result<Response, Severed> {
    let answered: Result<Response, Infallible> = routes.oneshot(request.map(Body::new)).await;
    let Ok(response) = answered;
    if response.extensions().get::<Sever>().is_some() { Err(Severed) } else { Ok(response) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The system lets fewer wait where `net.core.somaxconn` says so.
    #[tokio::test]
    async fn hundreds_may_connect_at_once_before_one_is_taken() {
        let (_listener, address) = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let limit = std::fs::read_to_string("/proc/sys/net/core/somaxconn");
        let most = limit.ok().and_then(|limit| limit.trim().parse().ok()).unwrap_or(128);
        let crowd = most.min(400);
        let mut there = Vec::new();
        for number in 1..=crowd {
            // Without room the first attempt is lost, and the second comes after a second.
            let connected = tokio::time::timeout(Duration::from_millis(900), TcpStream::connect(address));
            there
                .push(connected.await.unwrap_or_else(|_| panic!("no room for {number} of {crowd}")).unwrap());
        }
        assert_eq!(there.len(), crowd);
    }
}
