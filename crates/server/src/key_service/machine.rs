//! The key service on another machine: the same calls and replies as behind a socket, in TLS 1.3 between two that know each
//! other.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use carnet_core::time::Time;
use carnet_seam::{Clock, SystemClock};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};

use super::message::{Call, Reply};
use super::pair::{Half, PairError};
use super::patient::Patient;
use super::socket::{PATIENCE, attend, exchange};
use super::vault::Vault;

/// So many callers at once: there is one public server, or a few. Whoever else connects waits in line, and loses its place.
const CALLERS: usize = 64;

/// A key service on another machine, as the public server sees it.
#[derive(Debug)]
pub struct Machine {
    address: String,
    half: Half,
    config: Arc<ClientConfig>,
}

impl Machine {
    /// The key service at `address`, as in `keys.example.org:8475`.
    ///
    /// # Errors
    /// [`PairError`], which says what to do.
    pub fn new(address: String, half: Half) -> Result<Self, PairError> {
        let config = half.calling()?;
        Ok(Self { address, half, config })
    }

    /// Asks it.
    ///
    /// # Errors
    /// What the system reports, that one side does not accept the other, or that the reply is none.
    pub fn ask(&self, call: &Call) -> io::Result<Reply> {
        self.half.still_good(Time(SystemClock.wall_micros())).map_err(io::Error::other)?;
        let name = ServerName::try_from("key-service.carnet").map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        let stream = Patient::new(self.connect()?, PATIENCE);
        exchange(&mut StreamOwned::new(connection, stream), call)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// Answers calls until the process ends. Each connection has a thread of its own, for `patience` at most.
///
/// # Errors
/// When the system gives no connections any more.
pub fn serve(
    listener: &TcpListener,
    config: &Arc<ServerConfig>,
    vault: &Arc<Vault>,
    patience: Duration,
) -> io::Result<()> {
    let callers = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            // Of one connection, not of the listener.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        let Some(turn) = Turn::take(&callers) else {
            tracing::warn!("too many callers at once; one was sent away");
            continue;
        };
        let (config, vault) = (Arc::clone(config), Arc::clone(vault));
        std::thread::Builder::new().name("key-service".into()).spawn(move || {
            let (_turn, from) = (turn, stream.peer_addr());
            if let Err(error) = attend_to(stream, config, &vault, patience) {
                tracing::info!(?from, %error, "a call to the key service ended early");
            }
        })?;
    }
    Ok(())
}

fn attend_to(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    vault: &Vault,
    patience: Duration,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, Patient::new(stream, patience));
    attend(&mut stream, vault)?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Being one of the callers.
struct Turn(Arc<AtomicUsize>);

impl Turn {
    fn take(callers: &Arc<AtomicUsize>) -> Option<Self> {
        let turn = Self(Arc::clone(callers));
        (callers.fetch_add(1, Ordering::AcqRel) < CALLERS).then_some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
