//! The body of what a device says about reports.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use carnet_seal::correspondence::CBOR;

use super::body;
use crate::problem::Failure;
use crate::server::Server;

/// The bytes of a message, of which nothing is known but their number.
#[derive(Debug, Clone)]
pub struct Cbor(pub Bytes);

impl FromRequest<Server> for Cbor {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Server) -> Result<Self, Failure> {
        body::expect_type(request.headers(), CBOR)?;
        Ok(Self(body::whole(request.into_body()).await?))
    }
}
