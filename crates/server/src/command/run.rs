//! `carnetd up` and `carnetd serve`

use std::net::SocketAddr;
use std::sync::Arc;

use carnet_core::time::Time;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, Stopped, now, say};
use crate::config::{Listen, MetricsPage, Secret, secret};
use crate::image_store::ImageStore;
use crate::invitation::{self, Invitation, SETUP_LASTS};
use crate::keys::orders;
use crate::problem::Failure;
use crate::server::{Server, Surroundings};
use crate::tls::Tls;
use crate::{api, judging, listen, metrics, rounds};

/// Starts a server and says what to do next.
pub fn up(around: Surroundings, listen: &Listen, images: ImageStore) -> Result<Exit, Stopped> {
    start(around, listen, images, |server, url| {
        let invitation = set_up(server)?;
        say(format_args!("{}", greeting(server, url, invitation.as_ref())))
    })
}

/// Starts a server and says where it listens.
pub fn serve(around: Surroundings, listen: &Listen, images: ImageStore) -> Result<Exit, Stopped> {
    start(around, listen, images, |_, url| say(format_args!("listening on {url}\n")))
}

fn start(
    around: Surroundings,
    listen: &Listen,
    images: ImageStore,
    greet: impl FnOnce(&Server, &str) -> Result<Exit, Stopped>,
) -> Result<Exit, Stopped> {
    let unfit = |error: crate::config::Unfit| Stopped { exit: Exit::Usage, message: error.to_string() };
    let (address, measured) = (listen.address().map_err(unfit)?, listen.metrics.address().map_err(unfit)?);
    no_core_files()?;
    let tls = open_tls(&around, listen)?;
    let token = metrics_token(&around, &listen.metrics)?;
    let server = Server::open_with_images(around, listen.allowance.policy(), images)?;
    if listen.behind_proxy && listen.allowance.trusted_proxy.is_empty() {
        tracing::warn!(
            "all clients look like the proxy and are limited together: name it with `trusted-proxy`"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Stopped::because)?;
    let finished = runtime.block_on(async {
        // Before anybody is told that the server is there: a signal from then on must find it listening.
        let stop = signalled().map_err(Stopped::because)?;
        reload_when_told(tls.clone(), server.clone()).map_err(Stopped::because)?;
        tokio::spawn(rounds::go(server.clone()));
        tokio::spawn(judging::go(server.clone()));
        let (listener, bound) = bind(address).await?;
        if let Some(address) = measured {
            measure(bind(address).await?, &server, token.as_ref());
        }
        let url = format!("{}://{bound}", if tls.is_some() { "https" } else { "http" });
        tokio::task::block_in_place(|| greet(&server, &url))?;
        tracing::info!(%bound, server = %server.keys().server(), "listening");
        let routes = api::service(&server);
        Ok::<bool, Stopped>(listen::serve_over(listener, tls.as_deref(), routes, &server, stop).await)
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    server.close();
    if !finished? {
        tracing::warn!("some requests were not finished in time; repeating them does nothing twice");
    }
    tracing::info!("stopped");
    Ok(Exit::Ok)
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Stopped> {
    let bound = listen::bind(address).await;
    bound.map_err(|error| Stopped::because(format_args!("cannot listen on {address}: {error}")))
}

/// Answers until the process ends: a server that finishes what was begun can still be watched.
fn measure((listener, bound): (TcpListener, SocketAddr), server: &Server, token: Option<&Secret>) {
    let (server, routes) = (server.clone(), metrics::page::service(server, token));
    tracing::info!(%bound, "metrics");
    tokio::spawn(async move { listen::serve(listener, routes, &server, std::future::pending()).await });
}

fn metrics_token(around: &Surroundings, page: &MetricsPage) -> Result<Option<Secret>, Stopped> {
    let (token, file) = (page.metrics_token.as_ref(), page.metrics_token_file.as_deref());
    secret::read("metrics-token", token, file, around.fs.as_ref()).map_err(Stopped::because)
}

/// Ready when the operator or the service manager wants the server to stop.
fn signalled() -> std::io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// A certificate that cannot be used is found out before anything is opened.
fn open_tls(around: &Surroundings, listen: &Listen) -> Result<Option<Arc<Tls>>, Stopped> {
    let Some(files) = listen.tls.files().map_err(Stopped::because)? else { return Ok(None) };
    Tls::open(files, around.fs.as_ref(), now(around)).map(|tls| Some(Arc::new(tls))).map_err(Stopped::because)
}

/// SIGHUP is how service managers, certificate tools and `carnetd keys` say that something has changed.
fn reload_when_told(tls: Option<Arc<Tls>>, server: Server) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let adding = server.keys().adding().await;
            tokio::task::block_in_place(|| orders::reload(&server));
            drop(adding);
            // Without a certificate there is nothing to read again; that is no reason to end, as it would be unheard.
            let Some(tls) = &tls else { continue };
            match tokio::task::block_in_place(|| tls.reload(server.fs(), server.now())) {
                Ok(expires) => tracing::info!(%expires, "the certificate was read again"),
                Err(error) => tracing::error!(%error, "the certificate in use stays"),
            }
        }
    });
    Ok(())
}

/// A new set-up code while there is no supplier; an old one is no good any more.
fn set_up(server: &Server) -> Result<Option<Invitation>, Stopped> {
    let now = server.now();
    let (made, kept) = invitation::make(now, SETUP_LASTS, server.random()).map_err(Stopped::because)?;
    let fresh = server.write_now("invitation.set_up", move |tx| {
        if !tx.suppliers()?.is_empty() {
            return Ok(false);
        }
        invitation::replace(tx, &kept)?;
        Ok(true)
    });
    match fresh {
        Ok(fresh) => Ok(fresh.then_some(made)),
        Err(Failure::Problem(problem)) => Err(Stopped::because(problem)),
        Err(_) => Err(Stopped::because("the set-up code could not be stored")),
    }
}

fn greeting(server: &Server, url: &str, invitation: Option<&Invitation>) -> String {
    let mut text = format!(
        "carnetd {} is listening on {url}\n\n  data        {}\n  root hash   {}\n",
        env!("CARGO_PKG_VERSION"),
        server.data().display(),
        server.keys().root(),
    );
    match invitation {
        Some(Invitation { code, expires }) => text.push_str(&format!(
            "  set-up code {}\n              good once, for 15 minutes, until {}\n\nNext, in another \
             terminal; it asks for the code:\n\n  carnet supplier register --server {url} --name YOUR-NAME\n\n",
            **code,
            in_seconds(*expires),
        )),
        None => text.push_str("  suppliers   registered; `carnetd invite` makes a code for one more\n\n"),
    }
    text
}

/// Nobody copies microseconds.
const fn in_seconds(time: Time) -> Time {
    Time(time.0 - time.0.rem_euclid(1_000_000))
}

/// A core file would hold every secret that the process had (I17).
pub(super) fn no_core_files() -> Result<(), Stopped> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(Stopped::because)
}
