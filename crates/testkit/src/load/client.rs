//! One connection: a request, its answer, and whether that is a pass.

use std::net::SocketAddr;

use carnet_api::COSE;
use carnet_api::path::DEVICE;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Failed;

/// What the header of a pass says. Refusals have the status 200 too.
pub const PASS: &[u8] = b"application/carnet-pass";
/// The header is over before this byte.
const HEADER: usize = 80;

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    /// To this address.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> Result<Self, Failed> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // How it ends shows in what is sent over it.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self(sender))
    }

    /// Sends a renewal; the answer is a pass.
    ///
    /// # Errors
    /// When it is anything else.
    pub async fn renew(&mut self, message: Bytes) -> Result<Bytes, Failed> {
        let body = self.ask(message).await?;
        if is_pass(&body) { Ok(body) } else { Err("this is no pass".into()) }
    }

    /// Sends any request of a device; the answer is a document.
    ///
    /// # Errors
    /// When it is anything else.
    pub async fn ask(&mut self, message: Bytes) -> Result<Bytes, Failed> {
        self.0.ready().await?;
        let request = Request::post(DEVICE).header(HOST, "carnet").header(CONTENT_TYPE, COSE);
        let response = self.0.send_request(request.body(Full::new(message))?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status == StatusCode::OK {
            Ok(body)
        } else {
            Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into())
        }
    }
}

fn is_pass(body: &[u8]) -> bool {
    body[..body.len().min(HEADER)].windows(PASS.len()).any(|part| part == PASS)
}
