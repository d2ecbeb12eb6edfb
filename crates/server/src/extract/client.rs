//! From which address somebody asks.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::admission::{Client, Peer};
use crate::server::Server;

impl FromRequestParts<Server> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Infallible> {
        Ok(client(parts, server))
    }
}

/// Whoever comes without a connection, as in tests, is this machine.
pub(super) fn client(parts: &Parts, server: &Server) -> Client {
    let here = Peer(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let peer = parts.extensions.get::<Peer>().copied().unwrap_or(here);
    server.admission().client(peer, &parts.headers)
}
