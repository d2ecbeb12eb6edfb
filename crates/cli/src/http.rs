//! One request of a supplier to the server, and its one answer.

use std::fmt;
use std::time::Duration;

use carnet_api::header::IDEMPOTENCY_KEY;
use carnet_api::{JSON, PROBLEM_JSON};
use carnet_seal::ServerUrl;
use carnet_seam::SystemRandom;
use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::{Method, Request, StatusCode, header};

pub use self::answer::bad_token;
pub(crate) use self::answer::refusal;
pub use self::token::Token;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::waiting_for;

mod answer;
mod token;

/// The most bytes of an answer: a page of 200 licenses with large offers has less.
const LARGEST_ANSWER: u64 = 16 * 1024 * 1024;
const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// The way to one server.
#[derive(Debug, Clone)]
pub struct Http {
    agent: Agent,
    server: ServerUrl,
    token: Option<Token>,
    output: Output,
}

/// A request; [`Http::send`] sends it.
#[derive(Debug)]
pub struct Call<'a> {
    method: Method,
    path: &'a str,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl<'a> Call<'a> {
    /// Asks for something.
    #[must_use]
    pub fn get(path: &'a str) -> Self {
        Self::new(Method::GET, path)
    }

    /// Hands something over, or asks for an act.
    #[must_use]
    pub fn post(path: &'a str) -> Self {
        Self::new(Method::POST, path)
    }

    /// Puts something in the place of what is there.
    #[must_use]
    pub fn put(path: &'a str) -> Self {
        Self::new(Method::PUT, path)
    }

    fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, query: String::new(), headers: Vec::new(), body: Vec::new() }
    }

    /// With a parameter of the query, where there is a value.
    #[must_use]
    pub fn query(mut self, name: &str, value: Option<impl fmt::Display>) -> Self {
        if let Some(value) = value {
            let separator = if self.query.is_empty() { '?' } else { '&' };
            self.query.push(separator);
            self.query += &format!("{name}={}", percent_encoded(&value.to_string()));
        }
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a body in JSON.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn json(mut self, value: &impl Serialize) -> Result<Self, Failure> {
        self.body = serde_json::to_vec(value)
            .map_err(|error| Failure::new(Exit::Failure, "output", error.to_string()))?;
        self.headers.push((header::CONTENT_TYPE.as_str(), JSON.to_owned()));
        Ok(self)
    }
}

impl Call<'_> {
    /// With a body of this type.
    #[must_use]
    pub fn bytes(mut self, kind: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.headers.push((header::CONTENT_TYPE.as_str(), kind.to_owned()));
        self
    }
}

fn percent_encoded(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

impl Http {
    /// To this server; a call takes at most `patience` in all.
    #[must_use]
    pub fn new(server: ServerUrl, token: Option<Token>, patience: Duration, output: Output) -> Self {
        let config = Agent::config_builder()
            // An error status has a body that says why.
            .http_status_as_error(false)
            // A redirect could lead the token to somebody else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(LONGEST_CONNECT.min(patience)))
            .timeout_global(Some(patience))
            .user_agent(concat!("carnet/", env!("CARGO_PKG_VERSION")))
            .accept(format!("{JSON}, {PROBLEM_JSON}"))
            .build();
        Self { agent: config.new_agent(), server, token, output }
    }

    /// The server that is called.
    #[must_use]
    pub const fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// Sends a call and reads its answer. A call that changes something carries a key by which the server knows it
    /// again; when the connection breaks before the answer is here, it is sent once more.
    ///
    /// # Errors
    /// `server-…` when no usable answer came, `bad-token`, or the server's own problem code.
    pub fn send<T: DeserializeOwned>(&self, mut call: Call<'_>) -> Result<T, Failure> {
        if call.method != Method::GET {
            call = call.header(IDEMPOTENCY_KEY, fresh_key()?);
        }
        let (status, body) = match self.attempt(&call) {
            // The server has done it, or not: with the same key it does nothing twice.
            Err(broken) if is_broken(&broken) => self.attempt(&call).map_err(|_| broken),
            done => done,
        }
        .map_err(|error| answer::missing(&self.server, &error))?;
        answer::understood(&self.server, status, &body)
    }

    /// Asks for bytes.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub fn bytes(&self, call: Call<'_>) -> Result<Vec<u8>, Failure> {
        let answered = self.attempt(&call).map_err(|error| answer::missing(&self.server, &error));
        let (status, body) = answered?;
        if status.is_success() {
            return Ok(body);
        }
        answer::understood::<serde_json::Value>(&self.server, status, &body).map(|_| Vec::new())
    }

    fn attempt(&self, call: &Call<'_>) -> Result<(StatusCode, Vec<u8>), ureq::Error> {
        let url = format!("{}{}{}", self.server, call.path, call.query);
        let mut request = Request::builder().method(call.method.clone()).uri(&url);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.reveal()));
        }
        let _progress = self.output.waiting(waiting_for(self.server.as_str()));
        let mut answer = self.agent.run(request.body(call.body.as_slice())?)?;
        let body = answer.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec()?;
        Ok((answer.status(), body))
    }
}

/// The connection was there and broke: the answer may be all that was lost.
fn is_broken(error: &ureq::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let lost = |kind| matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof);
    matches!(error, ureq::Error::Io(broken) if lost(broken.kind()))
}

/// One for each command: two commands in a row that say the same are meant twice.
fn fresh_key() -> Result<String, Failure> {
    let bytes = carnet_seam::random::bytes::<16>(&SystemRandom)
        .map_err(|error| Failure::new(Exit::Failure, "no-random", error.to_string()))?;
    Ok(HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_carries_any_text() {
        let call = Call::get("/v1/licenses")
            .query("app", Some("acme/paint"))
            .query("x", Some("ü&="))
            .query("n", None::<u8>);
        assert_eq!(call.query, "?app=acme%2Fpaint&x=%C3%BC%26%3D");
    }
}
