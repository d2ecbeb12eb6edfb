//! A supplier's call that changes something, done once however often it is sent.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use carnet_api::header::{IDEMPOTENCY_KEY, LONGEST_IDEMPOTENCY_KEY};
use carnet_api::{JSON, ProblemCode};
use carnet_core::id::Digest;
use carnet_core::time::Seconds;
use carnet_store::Writing;
use carnet_store::idempotency::KeptAnswer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Session, body, json};
use crate::ids::sha256;
use crate::problem::Failure;
use crate::server::Server;

/// So long an answer is kept for repeats.
const KEPT_FOR: Seconds = Seconds(86_400);

/// A call of a supplier that changes something.
#[derive(Debug)]
pub struct Call {
    /// Who calls.
    pub session: Session,
    /// The headers, without those that this type knows.
    pub headers: HeaderMap,
    body: Bytes,
    once: Option<Once>,
}

/// Under which key the answer is kept, and for which request.
#[derive(Debug, Clone)]
struct Once {
    account: String,
    key: String,
    request: Digest,
}

/// What a call is answered: a status and a JSON body, kept for repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl FromRequest<Server> for Call {
    type Rejection = Failure;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let session = Session::open(&parts, server).await?;
        let body = body::whole(body).await?;
        let once = match key(&parts.headers)? {
            None => None,
            Some(key) => {
                let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
                let method = parts.method.as_str();
                let request = sha256(&[method.as_bytes(), b" ", target.as_bytes(), b"\n", &body]);
                Some(Once { account: session.id().to_string(), key, request })
            }
        };
        Ok(Self { session, headers: parts.headers, body, once })
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > LONGEST_IDEMPOTENCY_KEY {
        let what = format!("`Idempotency-Key` must have 1 to {LONGEST_IDEMPOTENCY_KEY} visible characters");
        return Err(Failure::because(ProblemCode::BadHeader, what));
    }
    Ok(Some(key.to_owned()))
}

impl Call {
    /// The body.
    ///
    /// # Errors
    /// When it is not JSON, or not such a value.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        body::expect_type(&self.headers, JSON)?;
        json::read(&self.body)
    }

    /// The body, or what stands for it where there is none.
    ///
    /// # Errors
    /// When there is a body and it is not JSON, or not such a value.
    pub fn json_or_nothing<T: DeserializeOwned + Default>(&self) -> Result<T, Failure> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// The body's bytes, said to be JSON.
    ///
    /// # Errors
    /// When it is said to be something else.
    pub fn json_bytes(&self) -> Result<&[u8], Failure> {
        body::expect_type(&self.headers, JSON)?;
        Ok(&self.body)
    }

    /// The body's bytes, said to be of this type.
    ///
    /// # Errors
    /// When they are said to be something else.
    pub fn bytes_of(&self, wanted: &str) -> Result<Bytes, Failure> {
        body::expect_type(&self.headers, wanted)?;
        Ok(self.body.clone())
    }

    /// Does the work and keeps its answer in one transaction; a repeat gets that answer and does nothing.
    ///
    /// # Errors
    /// What the work or the database says; [`ProblemCode::IdempotencyReused`] for another request under the
    /// same key. A failure is not kept: the same key may be tried again.
    pub async fn once<F>(&self, server: &Server, what: &'static str, mut work: F) -> Result<Reply, Failure>
    where
        F: FnMut(&Writing<'_>) -> Result<Reply, Failure> + Send + 'static,
    {
        let (once, now) = (self.once.clone(), server.now());
        let all = move |tx: &Writing<'_>| {
            let Some(once) = once.clone() else { return work(tx) };
            if let Some(kept) = tx.kept_answer(&once.account, &once.key)? {
                return once.again(kept);
            }
            let reply = work(tx)?;
            tx.forget_answers(now.minus(KEPT_FOR))?;
            let Reply { status, body } = reply.clone();
            let Once { account, key, request } = once;
            tx.keep_answer(&KeptAnswer { account, key, request, status, body, created: now })?;
            Ok(reply)
        };
        server.write(what, all).await
    }

    /// The answer that was kept for this call, where it was done before.
    ///
    /// # Errors
    /// [`ProblemCode::IdempotencyReused`] for another request under the same key.
    pub async fn kept(&self, server: &Server) -> Result<Option<Reply>, Failure> {
        let Some(once) = self.once.clone() else { return Ok(None) };
        let (account, key) = (once.account.clone(), once.key.clone());
        let kept = server.read(move |tx| tx.kept_answer(&account, &key)).await?;
        kept.map(|kept| once.again(kept)).transpose()
    }
}

impl Once {
    fn again(&self, kept: KeptAnswer) -> Result<Reply, Failure> {
        if kept.request == self.request {
            Ok(Reply { status: kept.status, body: kept.body })
        } else {
            Err(Failure::new(ProblemCode::IdempotencyReused))
        }
    }
}

impl Reply {
    /// Done.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn ok<T: Serialize>(value: &T) -> Result<Self, Failure> {
        Ok(Self { status: 200, body: serde_json::to_vec(value).map_err(Failure::internal)? })
    }

    /// Begun.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn accepted<T: Serialize>(value: &T) -> Result<Self, Failure> {
        Ok(Self { status: 202, ..Self::ok(value)? })
    }

    /// Made.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn created<T: Serialize>(value: &T) -> Result<Self, Failure> {
        Ok(Self { status: 201, ..Self::ok(value)? })
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(JSON))];
        (status, kind, self.body).into_response()
    }
}
