//! One request, one answer.

use std::fmt;
use std::time::Duration;

/// What is sent to a server.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Whether something is asked for or handed over.
    pub method: Method,
    /// Where on the server, as in `/v1/device`.
    pub path: &'a str,
    /// What `body` is, as in `application/cose`; not sent with an empty body.
    pub content_type: &'a str,
    /// What is handed over.
    pub body: &'a [u8],
    /// From the first look-up of the server's name to the last byte of the answer.
    pub time_limit: Duration,
    /// An answer with more bytes is [`NetError::TooLarge`].
    pub size_limit: usize,
}

/// Whether something is asked for or handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Ask.
    Get,
    /// Hand over.
    Post,
}

/// What came back, whatever the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What the server says `body` is; empty when it does not say.
    pub content_type: String,
    /// The whole body.
    pub body: Vec<u8>,
}

/// The way to one server.
pub trait Net: Send + Sync + fmt::Debug {
    /// Sends one request and waits for its answer. Never repeats by itself: repeating is a decision of
    /// the journal (an open intent), not of the carrier.
    ///
    /// # Errors
    /// [`NetError`], which says whether the server may have seen the request.
    fn exchange(&self, request: &Request<'_>) -> Result<Answer, NetError>;

    /// Whether somebody walks with each request (D4): what may be asked for later then goes along at once.
    fn is_carried(&self) -> bool {
        false
    }
}

/// No answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// No connection came about.
    #[error("the server cannot be reached ({0}): check the network and the server's address")]
    Unreachable(String),
    /// The server's certificate was not accepted, or no common TLS version was found.
    #[error("the server did not prove who it is ({0}): check its address, its certificate and the clock")]
    Tls(String),
    /// The time limit passed.
    #[error("the server did not answer in time: try again; repeating does nothing twice")]
    Timeout,
    /// The connection broke before the answer was complete.
    #[error(
        "the connection broke before the answer was complete ({0}): try again; repeating does nothing twice"
    )]
    Interrupted(String),
    /// There is no network: the request is written down, for somebody to carry it (D4).
    #[error("the request is not at the server yet: write it down with --request-to FILE, and carry it there")]
    Carried,
    /// The answer is larger than anything the protocol sends.
    #[error("the answer is larger than {limit} bytes: is this the address of a Carnet server?")]
    TooLarge {
        /// What was allowed, in bytes.
        limit: usize,
    },
}

impl NetError {
    /// Whether it is certain that the server has not acted on the request.
    #[must_use]
    pub fn nothing_was_sent(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Tls(_))
    }
}
