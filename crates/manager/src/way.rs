//! The way to one server: documents and JSON over the carrier.

use std::time::Duration;

use carnet_api::{COSE, JSON};
use carnet_device::Line;
use carnet_seal::ServerUrl;
use carnet_seam::Net;
use carnet_seam::net::{Answer, Method, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ManagerError;

/// A menu has at most 256 KiB, an account of a busy user several licenses.
const LARGEST_JSON: usize = 4 << 20;
/// A document has at most 64 KiB.
const LARGEST_DOCUMENT: usize = 64 << 10;

/// One server and how to reach it.
#[derive(Debug)]
pub(crate) struct Way {
    url: ServerUrl,
    net: Box<dyn Net>,
    time_limit: Duration,
}

impl Way {
    pub fn new(url: ServerUrl, net: Box<dyn Net>, time_limit: Duration) -> Self {
        Self { url, net, time_limit }
    }

    pub fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// For what the device asks of the server.
    pub fn line(&self) -> Line<'_> {
        Line { net: &*self.net, time_limit: self.time_limit }
    }

    /// Asks for JSON.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ManagerError> {
        self.understood(&self.exchange(Method::Get, path, &[], LARGEST_JSON)?)
    }

    /// Hands JSON over and gets JSON back.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ManagerError> {
        // Our own types have a JSON form; a defect would show as a refused empty body.
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.understood(&self.exchange(Method::Post, path, &body, LARGEST_JSON)?)
    }

    /// Asks for a signed document.
    pub fn document(&self, path: &str) -> Result<Vec<u8>, ManagerError> {
        let answer = self.exchange(Method::Get, path, &[], LARGEST_DOCUMENT)?;
        if answer.status == 200 && answer.content_type.starts_with(COSE) {
            Ok(answer.body)
        } else {
            Err(ManagerError::of_answer(&self.url, answer.status, &answer.body))
        }
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
        limit: usize,
    ) -> Result<Answer, ManagerError> {
        let (content_type, time_limit, size_limit) = (JSON, self.time_limit, limit);
        let request = Request { method, path, content_type, body, time_limit, size_limit };
        self.net.exchange(&request).map_err(ManagerError::Net)
    }

    fn understood<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ManagerError> {
        let good = (answer.status == 200).then(|| serde_json::from_slice(&answer.body).ok()).flatten();
        good.ok_or_else(|| ManagerError::of_answer(&self.url, answer.status, &answer.body))
    }
}
