//! The body of a device's request.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use carnet_api::COSE;

use super::body;
use crate::problem::Failure;
use crate::server::Server;

/// The bytes of a document, of which nothing is known but their number.
#[derive(Debug, Clone)]
pub struct Document(pub Bytes);

impl FromRequest<Server> for Document {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Server) -> Result<Self, Failure> {
        body::expect_type(request.headers(), COSE)?;
        Ok(Self(body::whole(request.into_body()).await?))
    }
}
