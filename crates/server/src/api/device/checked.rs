//! From the bytes of a request to something the ledger may decide: who has signed it, and what proves the
//! epoch that it quotes.

use carnet_core::document::{Answer, Body, Effect, Request};
use carnet_core::server::{Beside, Proof, shown};
use carnet_seal::code::digest_of;
use carnet_seal::document::Asker;
use carnet_seal::keys::{DeviceKey, KeyRing};
use carnet_seal::{RequestMessage, SealError, Signed, Unverified, VerifyingKey};
use carnet_store::Submission;

use carnet_api::ProblemCode;

use crate::admission::Client;
use crate::problem::Failure;
use crate::server::Server;

/// A request whose signature is good, and the answer beside it that nobody has checked yet.
pub struct Checked {
    /// For the ledger.
    pub submission: Submission,
    last_answer: Option<Vec<u8>>,
}

/// The request in these bytes, if it is signed by the device that it names.
///
/// # Errors
/// What is wrong with it. Nothing of it has been kept.
pub fn checked(server: &Server, client: Client, bytes: &[u8]) -> Result<Checked, Failure> {
    // What proves nothing is counted; a known device is not, whatever else comes from its address.
    let checked = judged(server, client, bytes);
    checked.map_err(|failure| match failure {
        Failure::Problem(_) => server.admission().instead(client, failure),
        other => other,
    })
}

fn judged(server: &Server, client: Client, bytes: &[u8]) -> Result<Checked, Failure> {
    let message = RequestMessage::decode(bytes)
        .map_err(|error| Failure::because(ProblemCode::BadDocument, format!("not a request: {error}")))?;
    let request = Unverified::<Request>::parse(&message.request)?;
    let asker = request.asker()?;
    if asker.server != server.keys().server() {
        return Err(SealError::OtherServer(asker.server).into());
    }
    let current = server.keys().current();
    let ring = current.ring();
    let (signed, receipt) = check(server, client, &request, asker, message.receipt.as_deref(), ring)?;
    let body = signed.body_hash();
    let (request, _) = signed.into_parts();
    let proof = if message.last_answer.is_some() { Beside::Unchecked } else { Beside::Nothing };
    let code = shown(&request.operation).map(digest_of);
    let submission = Submission { request, body, proof, receipt, code, agreement_document: None };
    Ok(Checked { submission, last_answer: message.last_answer })
}

impl Checked {
    /// The same with the answer beside the request checked, for a device that is out of step. What is not ours
    /// (any more) proves nothing; it is not held against the device either (I8).
    #[must_use]
    pub fn with_proof(self, server: &Server) -> Submission {
        let current = server.keys().current();
        let proof = self.last_answer.as_deref().and_then(|document| ours(document, current.ring()));
        Submission {
            proof: proof.map_or(Beside::Nothing, |proof| Beside::Checked(Box::new(proof))),
            ..self.submission
        }
    }
}

/// Checks the request with the one key that may have signed it. The receipt is looked at only where nothing else
/// knows the device.
fn check(
    server: &Server,
    client: Client,
    request: &Unverified<Request>,
    asker: Asker,
    receipt: Option<&[u8]>,
    ring: &KeyRing,
) -> Result<(Signed<Request>, Option<Proof>), Failure> {
    let (key, receipt) = match server.store().device_keys(asker.device)? {
        // A known device is held to its registered key even where it registers again: else anybody could
        // register it a second time and make its own journal look like a fork.
        Some(known) => (known.signing_key, None),
        None if asker.registers => {
            server.admission().admit(client)?;
            return Ok((request.verify_registration(asker.server, ring)?, None));
        }
        // The server was restored to a time before this device joined; our own receipt says so.
        None => {
            let unknown = || Failure::new(ProblemCode::UnknownDevice);
            let receipt = receipt.and_then(|document| ours(document, ring)).ok_or_else(unknown)?;
            (registered_key(&receipt, asker).ok_or_else(unknown)?, Some(receipt))
        }
    };
    let key = VerifyingKey::ed25519(key)?;
    let signed = request.verify(&DeviceKey { server: asker.server, device: asker.device, key }, ring)?;
    Ok((signed, receipt))
}

fn registered_key(receipt: &Proof, asker: Asker) -> Option<carnet_core::document::PublicKey> {
    let Body::Receipt(body) = &receipt.answer.body else { return None };
    match body.effect {
        Effect::Registered { signing_key, .. } if receipt.answer.head.journal.device == asker.device => {
            Some(signing_key)
        }
        _ => None,
    }
}

/// A document beside the request that we have signed, under whichever key was ours then; none for anything else.
fn ours(document: &[u8], ring: &KeyRing) -> Option<Proof> {
    let signed = Unverified::<Answer>::parse(document).and_then(|answer| answer.verify_held(ring)).ok()?;
    let digest = signed.body_hash();
    Some(Proof { digest, answer: signed.into_parts().0 })
}
