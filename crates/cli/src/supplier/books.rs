//! What the supplier's server knows, for whoever judges a report: the license, the requests, the codes that have come,
//! and the keys that check what the server has signed (C4).

use carnet_api::license::License;
use carnet_api::path;
use carnet_api::report::{NewVerdict, ReportRequestView, ReportView};
use carnet_api::server::ServerInfo;
use carnet_core::id::{LicenseId, ReportId, RequestId};
use carnet_core::report::{ReportRequest, Wanted};
use carnet_seal::KeyRing;
use carnet_seal::keys::RootPin;
use carnet_seal::report::ReportSecrets;
use data_encoding::BASE64;

use super::request::signed;
use super::{list, reports};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::http::{Call, Http};

/// The server's books, as this supplier may read them.
pub struct Books {
    http: Http,
    requests: Vec<ReportRequestView>,
    received: Vec<ReportView>,
    ring: Option<KeyRing>,
}

/// The request that a code answers, as far as the books know.
pub enum Answers {
    /// This one, which is open.
    Open(Box<ReportRequest>),
    /// One that was settled before.
    Settled,
    /// None that the books know of.
    Nothing,
}

impl Books {
    /// Reads them.
    ///
    /// # Errors
    /// Why they could not be had.
    pub fn open(http: Http) -> Result<Self, Failure> {
        let requests = list::all(&http, path::REPORT_REQUESTS, |call| call)?;
        let received = reports::received(&http)?;
        let ring = ring(&http)?;
        Ok(Self { http, requests, received, ring })
    }

    /// The way to the server.
    #[must_use]
    pub const fn http(&self) -> &Http {
        &self.http
    }

    /// What checks the server's signatures; none where its root key is another one than it was.
    #[must_use]
    pub const fn ring(&self) -> Option<&KeyRing> {
        self.ring.as_ref()
    }

    /// The codes that wait to be opened, oldest first.
    #[must_use]
    pub fn waiting(&self) -> Vec<ReportView> {
        self.received.iter().rev().filter(|report| report.state == "waiting").cloned().collect()
    }

    /// What the books say of a code.
    #[must_use]
    pub fn report(&self, id: ReportId) -> Option<&ReportView> {
        self.received.iter().find(|report| report.id == id)
    }

    /// The license.
    ///
    /// # Errors
    /// `not-found` when it is none of this supplier's.
    pub fn license(&self, license: LicenseId) -> Result<License, Failure> {
        self.http.send(Call::get(&path::license(license)))
    }

    /// The request with this nonce. A code that names another one is held against the newest that is open.
    #[must_use]
    pub fn request(
        &self,
        nonce: Option<RequestId>,
        (license, wanted): (LicenseId, Wanted),
        secrets: &[ReportSecrets],
    ) -> Answers {
        let Some(nonce) = nonce else { return Answers::Nothing };
        let claims = |view: &ReportRequestView| {
            let document = BASE64.decode(view.document.as_bytes()).ok()?;
            signed(&document, secrets)
        };
        let of_this = |view: &&ReportRequestView| view.license == license && view.wanted == wanted;
        let named = self.requests.iter().find(|view| view.nonce == nonce);
        let open = self.requests.iter().filter(of_this).find(|view| view.state != "closed");
        let held_against = named.filter(|view| view.state != "closed").or(open);
        match (held_against.and_then(claims), named) {
            (Some(request), _) => Answers::Open(Box::new(request)),
            (None, Some(_)) => Answers::Settled,
            (None, None) => Answers::Nothing,
        }
    }

    /// Fetches a code that has come to the server.
    ///
    /// # Errors
    /// Why it could not be had.
    pub fn fetch(&self, report: &ReportView) -> Result<Vec<u8>, Failure> {
        let (path, mut code) = (path::report_content(report.id), Vec::new());
        while (code.len() as u64) < report.length {
            let part = self.http.bytes(Call::get(&path).query("offset", Some(code.len())))?;
            if part.is_empty() {
                return Err(Failure::new(Exit::Failure, "server-answer", "the server sent an empty part"));
            }
            code.extend_from_slice(&part);
        }
        Ok(code)
    }

    /// Tells the server what a code was judged to be.
    ///
    /// # Errors
    /// Why it was not taken.
    pub fn tell(&self, id: ReportId, verdict: &NewVerdict) -> Result<ReportView, Failure> {
        self.http.send(Call::post(&path::verdict(id)).json(verdict)?)
    }
}

fn ring(http: &Http) -> Result<Option<KeyRing>, Failure> {
    let info: ServerInfo = http.send(Call::get(path::SERVER))?;
    let bytes = http.bytes(Call::get(path::KEY_SET))?;
    Ok(KeyRing::reopen(&bytes, &RootPin::of_first_root(info.root)).ok())
}
