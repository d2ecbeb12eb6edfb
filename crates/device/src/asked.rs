//! What suppliers want of this device, and handing it in at the server (C4, C5).
//!
//! The server carries requests without being able to make one: each is believed because the keys in the agreement have
//! signed it. They are asked for at a contact and kept in one file, so that a program that starts offline can say that
//! something is due. The file is a copy; whoever removes it gets it again at the next contact.

use std::path::PathBuf;

use carnet_core::app::AppId;
use carnet_core::id::{LicenseId, RequestId};
use carnet_core::journal::State;
use carnet_core::report::{ReportRequest, Wanted};
use carnet_seal::cbor::{self, Limits};
use carnet_seal::correspondence::{CBOR, CodePart, Inquiry, PART};
use carnet_seal::report::attachment;
use carnet_seal::{SealError, Unverified};
use carnet_seam::NetError;
use carnet_seam::fs::{read_file, replace_file};
use carnet_seam::net::Method;

use crate::contact::{ContactError, Line};
use crate::journal::JournalError;
use crate::passbook::{Passbook, PassbookError};

/// Where the server is asked what suppliers want.
pub const REQUESTS_PATH: &str = "/v1/device/report-requests";
/// Where codes are handed in.
pub const REPORTS_PATH: &str = "/v1/device/reports";

/// Some hundred requests.
const LARGEST: u64 = 256 << 10;

/// The request in these bytes, if it concerns what this journal holds and comes from whom its user has an agreement
/// with. Which keys may ask is in the pass, signed by the server for the supplier.
#[must_use]
pub fn check(state: &State, document: &[u8]) -> Option<ReportRequest> {
    let pass = &state.held.as_ref()?.pass;
    let keys = pass.reporting?.keys?;
    let request = Unverified::<ReportRequest>::parse(document).ok()?.verify(&keys).ok()?.into_parts().0;
    let concerns = request.concerns(&pass.app, pass.license, state.name.device);
    (concerns && request.server == state.server && request.supplier == pass.supplier).then_some(request)
}

/// What is wanted of this journal, the first due first. What cannot be read or checked is nothing.
#[must_use]
pub fn of(passbook: &Passbook, state: &State) -> Vec<ReportRequest> {
    let mut found: Vec<_> = kept(passbook).iter().filter_map(|document| check(state, document)).collect();
    found.sort_by_key(|request| (request.due, request.nonce));
    found
}

/// What is wanted of this device for an app.
///
/// # Errors
/// [`JournalError`] when the app's journal cannot be read.
pub fn of_app(passbook: &Passbook, app: &AppId) -> Result<Vec<ReportRequest>, JournalError> {
    Ok(of(passbook, &passbook.look(app)?))
}

fn path(passbook: &Passbook) -> PathBuf {
    passbook.place().folder().join("asked")
}

fn kept(passbook: &Passbook) -> Vec<Vec<u8>> {
    let bytes = read_file(&*passbook.env().fs, &path(passbook), LARGEST).ok().flatten().unwrap_or_default();
    cbor::decode_within(&bytes, Limits::MESSAGE).unwrap_or_default()
}

fn keep(passbook: &Passbook, documents: &[Vec<u8>]) -> Result<(), PassbookError> {
    if documents == kept(passbook) {
        return Ok(());
    }
    Ok(replace_file(&*passbook.env().fs, &path(passbook), &cbor::encode(&documents.to_vec()))?)
}

/// Asks the server what suppliers want of this device, and keeps it. Where requests are carried by hand, so are these.
///
/// # Errors
/// [`ContactError`]; what was known before stays.
pub fn ask(passbook: &Passbook, line: Line<'_>) -> Result<(), ContactError> {
    if line.net.is_carried() {
        return Ok(());
    }
    let (server, device, at) = (passbook.pin().server, passbook.identity().device(), passbook.env().now());
    let mut inquiry = Inquiry { server, device, at, signature: [0; 64] };
    inquiry.signature = passbook.signer().sign(&inquiry.statement())?;
    let answer = line.exchange_as(CBOR, Method::Post, REQUESTS_PATH, &inquiry.encode())?;
    let documents: Vec<Vec<u8>> = cbor::decode_within(&answer, Limits::MESSAGE)
        .map_err(|wrong| ContactError::Untrusted(SealError::Claims(wrong)))?;
    Ok(keep(passbook, &documents)?)
}

/// Whether a journal's pass lets its supplier ask for something.
#[must_use]
pub fn may_be(state: &State) -> bool {
    let clause = state.held.as_ref().and_then(|held| held.pass.reporting);
    clause.is_some_and(|clause| clause.keys.is_some())
}

/// Hands a code in at the server, which keeps it for its supplier. What has arrived before is not sent again.
///
/// # Errors
/// [`ContactError`]; repeating it goes on where it stopped.
pub fn hand_in(
    passbook: &Passbook,
    line: Line<'_>,
    (license, wanted, nonce): (LicenseId, Wanted, Option<RequestId>),
    code: &[u8],
) -> Result<(), ContactError> {
    if line.net.is_carried() {
        return Err(ContactError::Net(NetError::Carried));
    }
    let named = attachment(code);
    let mut offset = 0;
    while offset < code.len() {
        let bytes = code[offset..].chunks(PART).next().unwrap_or_default().to_vec();
        let mut part = CodePart {
            server: passbook.pin().server,
            device: passbook.identity().device(),
            at: passbook.env().now(),
            license,
            wanted,
            nonce,
            length: named.length,
            digest: named.digest,
            offset: offset as u64,
            bytes,
            signature: [0; 64],
        };
        part.signature = passbook.signer().sign(&part.statement())?;
        let answer = line.exchange_as(CBOR, Method::Post, REPORTS_PATH, &part.encode())?;
        let arrived: u64 =
            cbor::decode(&answer).map_err(|wrong| ContactError::Untrusted(SealError::Claims(wrong)))?;
        let arrived = usize::try_from(arrived).unwrap_or(usize::MAX);
        if arrived <= offset || arrived > code.len() {
            return Err(ContactError::OutOfStep);
        }
        offset = arrived;
    }
    answered(passbook, nonce)
}

/// What was answered is not due any more.
fn answered(passbook: &Passbook, nonce: Option<RequestId>) -> Result<(), ContactError> {
    let other = |document: &Vec<u8>| {
        let claims =
            Unverified::<ReportRequest>::parse(document).and_then(|request| request.claims_unchecked());
        claims.is_ok_and(|request| Some(request.nonce) != nonce)
    };
    let left: Vec<_> = kept(passbook).into_iter().filter(other).collect();
    Ok(keep(passbook, &left)?)
}
