//! Which supplier asks.
//!
//! Whatever a supplier may see or change is asked of the database by supplier id, and this is the only place
//! where a handler gets one: it cannot be forgotten (I15).

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use carnet_api::{ProblemCode, TOKEN_PREFIX};
use carnet_core::app::AppId;
use carnet_core::id::{Digest, SupplierId};
use carnet_store::supplier::Supplier;

use super::client::client;
use super::scope;
use crate::ids::sha256;
use crate::problem::Failure;
use crate::server::Server;

/// A supplier whose token was checked.
#[derive(Debug, Clone)]
pub struct Session {
    supplier: Supplier,
    label: String,
    token: Digest,
}

impl Session {
    /// Who asks.
    #[must_use]
    pub const fn supplier(&self) -> &Supplier {
        &self.supplier
    }

    /// Their id.
    #[must_use]
    pub const fn id(&self) -> SupplierId {
        self.supplier.id
    }

    /// The token's label, for audit records.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The hash of the token.
    #[must_use]
    pub const fn token(&self) -> Digest {
        self.token
    }

    /// Whether the app id begins with their name.
    #[must_use]
    pub fn may_own(&self, app: &AppId) -> bool {
        app.supplier() == self.supplier.name
    }

    /// Checks the token of this request, and that it is good for it. Those who have none are counted like everybody without a proof.
    pub(super) async fn open(parts: &Parts, server: &Server) -> Result<Self, Failure> {
        let opened = Self::of(parts, server).await;
        opened.map_err(|failure| match &failure {
            Failure::Problem(problem) if problem.known_code() == Some(ProblemCode::Unauthorized) => {
                server.admission().instead(client(parts, server), failure)
            }
            _ => failure,
        })
    }

    async fn of(parts: &Parts, server: &Server) -> Result<Self, Failure> {
        let unauthorized = || Failure::new(ProblemCode::Unauthorized);
        let text = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .ok_or_else(unauthorized)?;
        let (scheme, token) = text.split_once(' ').ok_or_else(unauthorized)?;
        if !scheme.eq_ignore_ascii_case("bearer") || !token.starts_with(TOKEN_PREFIX) {
            return Err(unauthorized());
        }
        // Looked up by its hash: how long that takes says nothing about any token.
        let hash = sha256(&[token.trim().as_bytes()]);
        let found = server.read(move |tx| tx.token(&hash)).await?;
        let good = found.filter(|(token, _)| token.revoked.is_none());
        let (token, supplier) = good.ok_or_else(unauthorized)?;
        if !scope::allows(&scope::read(&token.scopes), &parts.method, parts.uri.path()) {
            let good_for = format!("the token `{}` is good for: {}", token.label, token.scopes);
            return Err(Failure::because(ProblemCode::OutOfScope, good_for));
        }
        Ok(Self { supplier, label: token.label, token: hash })
    }
}

impl FromRequestParts<Server> for Session {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Failure> {
        Self::open(parts, server).await
    }
}
