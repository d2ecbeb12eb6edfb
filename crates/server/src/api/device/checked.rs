//! From the bytes of a request to something the ledger may decide: who has signed it, and what proves the
//! epoch that it quotes.

use carnet_core::document::{Answer, Body, Effect, Request};
use carnet_core::server::Proof;
use carnet_seal::document::Asker;
use carnet_seal::keys::{DeviceKey, KeyRing};
use carnet_seal::{RequestMessage, SealError, Signed, Unverified, VerifyingKey};
use carnet_store::Submission;

use carnet_api::ProblemCode;

use crate::problem::Failure;
use crate::server::Server;

/// The request in these bytes, if it is signed by the device that it names.
///
/// # Errors
/// What is wrong with it. Nothing of it has been kept.
pub fn submission(server: &Server, bytes: &[u8]) -> Result<Submission, Failure> {
    let message = RequestMessage::decode(bytes)
        .map_err(|error| Failure::because(ProblemCode::BadDocument, format!("not a request: {error}")))?;
    let request = Unverified::<Request>::parse(&message.request)?;
    let asker = request.asker()?;
    if asker.server != server.keys().server() {
        return Err(SealError::OtherServer(asker.server).into());
    }
    let current = server.keys().current();
    let ring = current.ring();
    let receipt = message.receipt.as_deref().map(|document| ours(document, ring)).transpose()?;
    let proof = message.last_answer.as_deref().map(|document| ours(document, ring)).transpose()?;
    let signed = check(server, &request, asker, receipt.as_ref(), ring)?;
    let body = signed.body_hash();
    let (request, _) = signed.into_parts();
    Ok(Submission { request, body, proof, receipt, agreement_document: None })
}

/// Checks the request with the one key that may have signed it.
fn check(
    server: &Server,
    request: &Unverified<Request>,
    asker: Asker,
    receipt: Option<&Proof>,
    ring: &KeyRing,
) -> Result<Signed<Request>, Failure> {
    let key = match server.store().device_keys(asker.device)? {
        // A known device is held to its registered key even where it registers again: else anybody could
        // register it a second time and make its own journal look like a fork.
        Some(known) => known.signing_key,
        None if asker.registers => return Ok(request.verify_registration(asker.server)?),
        // The server was restored to a time before this device joined; our own receipt says so.
        None => receipt
            .and_then(|receipt| registered_key(receipt, asker))
            .ok_or_else(|| Failure::new(ProblemCode::UnknownDevice))?,
    };
    let key = VerifyingKey::ed25519(key)?;
    Ok(request.verify(&DeviceKey { server: asker.server, device: asker.device, key }, ring)?)
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

/// A document beside the request that we have signed, under whichever key was ours then.
fn ours(document: &[u8], ring: &KeyRing) -> Result<Proof, Failure> {
    let checked = Unverified::<Answer>::parse(document).and_then(|answer| answer.verify_held(ring));
    let signed = checked.map_err(|error| {
        Failure::because(
            ProblemCode::BadDocument,
            format!("what came beside the request is not ours: {error}"),
        )
    })?;
    let digest = signed.body_hash();
    Ok(Proof { digest, answer: signed.into_parts().0 })
}
