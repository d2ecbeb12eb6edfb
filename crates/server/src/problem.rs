//! From what went wrong inside to what is told outside: one mapper, and unknown becomes a blank 500.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use carnet_api::{FieldError, PROBLEM_JSON, Problem, ProblemCode};
use carnet_core::server::Rejection;
use carnet_seal::SealError;
use carnet_seam::NoRandom;
use carnet_store::{LedgerError, StoreError};

use crate::layers::RequestId;

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The caller is told this.
    Problem(Box<Problem>),
    /// The caller is told this and how many seconds to wait.
    Later(Box<Problem>, u32),
    /// Whether it was done is not known, so nothing may be said: the connection is closed without an answer
    /// (protocol, server step 6).
    Severed,
}

/// Marks a response that must never be sent.
#[derive(Debug, Clone, Copy)]
pub struct Sever;

impl Failure {
    /// A problem of this kind with its usual remedy.
    #[must_use]
    pub fn new(code: ProblemCode) -> Self {
        Self::Problem(Box::new(Problem::new(code)))
    }

    /// A problem of this kind that says what happened.
    #[must_use]
    pub fn because(code: ProblemCode, what: impl fmt::Display) -> Self {
        Self::Problem(Box::new(Problem::new(code).because(what)))
    }

    /// The field at this pointer is wrong (RFC 6901); an empty one is the body as a whole.
    #[must_use]
    pub fn invalid(pointer: &str, what: impl Into<String>) -> Self {
        Self::of_fields(vec![FieldError::new(pointer, what)])
    }

    /// These fields are wrong.
    #[must_use]
    pub fn of_fields(errors: Vec<FieldError>) -> Self {
        Self::Problem(Box::new(Problem::new(ProblemCode::Invalid).with_errors(errors)))
    }

    /// A defect or a broken machine: the details go to the log, under the request's id, and to nobody else.
    #[must_use]
    pub fn internal(what: impl fmt::Display) -> Self {
        tracing::error!(%what, "internal error");
        Self::new(ProblemCode::Internal)
    }
}

impl IntoResponse for Failure {
    /// The problem travels beside an empty body: [`render`] knows the request's id and writes it out.
    fn into_response(self) -> Response {
        let (problem, wait) = match self {
            Self::Problem(problem) => (problem, None),
            Self::Later(problem, seconds) => (problem, Some(seconds)),
            Self::Severed => {
                let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
                response.extensions_mut().insert(Sever);
                return response;
            }
        };
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(scheme) = challenge(&problem) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        response.extensions_mut().insert(problem);
        response
    }
}

/// RFC 9110 §11.6.1: a 401 says how to prove oneself. Devices do it inside of their documents.
fn challenge(problem: &Problem) -> Option<&'static str> {
    match problem.known_code()? {
        ProblemCode::Unauthorized => Some("Bearer realm=\"carnet\""),
        ProblemCode::BadSignature | ProblemCode::Stale => Some("Carnet-Document"),
        _ => None,
    }
}

/// Writes out problems, and makes one of every other failure that some layer or the router answered: nobody
/// ever gets a bare status or plain text.
pub async fn render(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = next.run(request).await;
    if response.extensions().get::<Sever>().is_some() {
        return response;
    }
    let problem = response.extensions_mut().remove::<Box<Problem>>();
    let Some(mut problem) = problem.or_else(|| problem_of(response.status())) else { return response };
    problem.request_id = id.map(|id| id.0);
    if let Some(known) = problem.known_code() {
        response.extensions_mut().insert(known);
    }
    let Ok(body) = serde_json::to_vec(&problem) else { return response };
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, body.into())
}

/// What a status means that came without a problem.
fn problem_of(status: StatusCode) -> Option<Box<Problem>> {
    let code = match status.as_u16() {
        ..=399 => return None,
        404 => ProblemCode::NotFound,
        405 => ProblemCode::MethodNotAllowed,
        408 | 504 => ProblemCode::Timeout,
        413 => ProblemCode::TooLarge,
        415 => ProblemCode::UnsupportedMediaType,
        503 => ProblemCode::Unavailable,
        400..=499 => ProblemCode::BadQuery,
        _ => ProblemCode::Internal,
    };
    Some(Box::new(Problem::new(code)))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::new(ProblemCode::NotFound),
            StoreError::Closed | StoreError::Busy => {
                Self::Later(Box::new(Problem::new(ProblemCode::Unavailable)), 1)
            }
            // Somebody else was faster, several times in a row; or the database is away for a while.
            StoreError::Conflict { .. } | StoreError::Unreachable { .. } => {
                tracing::warn!(%error, "to be repeated");
                Self::Later(Box::new(Problem::new(ProblemCode::Unavailable)), 1)
            }
            StoreError::DiskFull
            | StoreError::Pooled
            | StoreError::ReadOnly { .. }
            | StoreError::Denied { .. } => {
                tracing::error!(%error, "cannot write");
                Self::Later(Box::new(Problem::new(ProblemCode::Unavailable)), 10)
            }
            StoreError::OutOfRange { what } => {
                Self::because(ProblemCode::Invalid, format!("{what} is out of range"))
            }
            StoreError::Unknown => Self::Severed,
            other => Self::internal(other),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Unknown => Self::Severed,
            LedgerError::NotApplicable(why) => Self::because(ProblemCode::NotApplicable, why),
            LedgerError::NotChargeable(why) => Self::because(ProblemCode::NotApplicable, why),
            LedgerError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        let code = match rejection {
            Rejection::WrongServer => ProblemCode::WrongServer,
            Rejection::UnknownDevice => ProblemCode::UnknownDevice,
            Rejection::Conflict => {
                // I6: an honest device never does this.
                tracing::warn!("security: a request id came again with another body");
                ProblemCode::RequestConflict
            }
            Rejection::WrongJournal => ProblemCode::WrongJournal,
            Rejection::Unbalanced => return Self::internal(rejection),
        };
        Self::new(code)
    }
}

impl From<NoRandom> for Failure {
    fn from(error: NoRandom) -> Self {
        Self::internal(error)
    }
}

/// What a device has sent is wrong. What is wrong with it may be said: its bytes came from the caller.
impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        let code = match &error {
            SealError::WrongSignature | SealError::UnknownKey(_) | SealError::RevokedKey(_) => {
                ProblemCode::BadSignature
            }
            SealError::OtherServer(_) => ProblemCode::WrongServer,
            SealError::KeySetExpired(_) => return Self::internal(error),
            _ => ProblemCode::BadDocument,
        };
        Self::because(code, error)
    }
}
