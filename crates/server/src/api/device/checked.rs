//! From the bytes of a request to something the ledger may decide: who has signed it, and what proves the
//! epoch that it quotes.

use std::sync::Arc;

use carnet_core::device_key::DeviceSigningKey;
use carnet_core::document::{Answer, Body, Effect, Request};
use carnet_core::provision::Handed;
use carnet_core::server::{Beside, Proof, shown};
use carnet_seal::code::digest_of;
use carnet_seal::document::Asker;
use carnet_seal::keys::{DeviceKey, KeyRing, RootPin};
use carnet_seal::{KeyId, RequestMessage, SealError, Signed, Unverified, VerifyingKey};
use carnet_store::Submission;
use carnet_store::device::DeviceKeys;

use carnet_api::ProblemCode;

use crate::admission::Client;
use crate::keys::Current;
use crate::problem::Failure;
use crate::server::Server;

/// A request whose signature is good, and the answer beside it that nobody has checked yet.
pub struct Checked {
    /// The request as it was signed, for the key service.
    pub document: Vec<u8>,
    /// For the ledger.
    pub submission: Submission,
    last_answer: Option<Vec<u8>>,
    rings: Rings,
}

/// What checks documents of ours: the keys that we know, and those that the root has signed and we have lost.
///
/// A server that was restored from a backup does not know the keys that were made after it. The device shows
/// a key set of ours, signed by the root, that names them. What we have revoked stays revoked (I16).
struct Rings {
    ours: Arc<Current>,
    shown: Option<Option<Box<KeyRing>>>,
}

/// The request in these bytes, if it is signed by the device that it names.
///
/// # Errors
/// What is wrong with it. Nothing of it has been kept.
pub async fn checked(server: &Server, client: Client, bytes: &[u8]) -> Result<Checked, Failure> {
    // What proves nothing is counted; a known device is not, whatever else comes from its address. Nor is who has to
    // show more: after a restore that may be a whole fleet.
    let checked = judged(server, client, bytes).await;
    checked.map_err(|failure| match &failure {
        Failure::Problem(problem) if problem.known_code() != Some(ProblemCode::KeySetWanted) => {
            server.admission().instead(client, failure)
        }
        _ => failure,
    })
}

async fn judged(server: &Server, client: Client, bytes: &[u8]) -> Result<Checked, Failure> {
    let message = RequestMessage::decode(bytes)
        .map_err(|error| Failure::because(ProblemCode::BadDocument, format!("not a request: {error}")))?;
    let request = Unverified::<Request>::parse(&message.request)?;
    let asker = request.asker()?;
    if asker.server != server.keys().server() {
        return Err(SealError::OtherServer(asker.server).into());
    }
    let rings = Rings::new(server, message.key_set);
    let known = server.device_keys(asker.device).await?;
    let (signed, receipt) =
        check(server, client, &request, (asker, known), message.receipt.as_deref(), &rings)?;
    let body = signed.body_hash();
    let (request, _) = signed.into_parts();
    let proof = if message.last_answer.is_some() { Beside::Unchecked } else { Beside::Nothing };
    let code = shown(&request.operation).map(digest_of);
    let (agreement_document, handed) = (None, Handed::Nothing);
    let submission = Submission { request, body, proof, receipt, code, agreement_document, handed };
    Ok(Checked { document: message.request, submission, last_answer: message.last_answer, rings })
}

impl Checked {
    /// The same with the answer beside the request checked, for a device that is out of step. What is not ours
    /// (any more) proves nothing; it is not held against the device either (I8).
    ///
    /// # Errors
    /// [`ProblemCode::KeySetWanted`] when it is signed by a key that we do not know and the device may.
    pub fn with_proof(mut self) -> Result<Self, Failure> {
        let proof =
            self.last_answer.as_deref().map(|document| self.rings.ours(document)).transpose()?.flatten();
        self.submission.proof = proof.map_or(Beside::Nothing, |proof| Beside::Checked(Box::new(proof)));
        Ok(self)
    }
}

impl Rings {
    /// With the key set beside a request, if there is one; of no use unless our root has signed it.
    fn new(server: &Server, shown: Option<Vec<u8>>) -> Self {
        let pin = RootPin { server: server.keys().server(), root: server.keys().root() };
        let open = |bytes: Vec<u8>| KeyRing::reopen(&bytes, &pin).ok().map(Box::new);
        Self { ours: server.keys().current(), shown: shown.map(open) }
    }

    /// Checks with the keys that we know, and with those shown where we do not know the key of a document of ours.
    fn check<T>(
        &self,
        ours: Option<KeyId>,
        check: impl Fn(&KeyRing) -> Result<T, SealError>,
    ) -> Result<T, Failure> {
        match (check(self.ours.ring()), &self.shown) {
            (Err(SealError::UnknownKey(key)), shown) if Some(key) == ours => match shown {
                None => Err(Failure::new(ProblemCode::KeySetWanted)),
                Some(None) => Err(SealError::UnknownKey(key).into()),
                Some(Some(shown)) => Ok(check(shown)?),
            },
            (checked, _) => Ok(checked?),
        }
    }

    /// A document beside the request that we have signed, under whichever key was ours then; none for anything else.
    ///
    /// # Errors
    /// [`ProblemCode::KeySetWanted`].
    fn ours(&self, document: &[u8]) -> Result<Option<Proof>, Failure> {
        let Ok(answer) = Unverified::<Answer>::parse(document) else { return Ok(None) };
        match self.check(Some(answer.key_id()), |ring| answer.verify_held(ring)) {
            Ok(signed) => {
                let digest = signed.body_hash();
                Ok(Some(Proof { digest, answer: signed.into_parts().0 }))
            }
            Err(wanted) if wanted == Failure::new(ProblemCode::KeySetWanted) => Err(wanted),
            Err(_) => Ok(None),
        }
    }
}

/// Checks the request with the one key that may have signed it. The receipt is looked at only where nothing else
/// knows the device.
fn check(
    server: &Server,
    client: Client,
    request: &Unverified<Request>,
    (asker, known): (Asker, Option<DeviceKeys>),
    receipt: Option<&[u8]>,
    rings: &Rings,
) -> Result<(Signed<Request>, Option<Proof>), Failure> {
    let (key, receipt) = match known {
        // A known device is held to its registered key even where it registers again: else anybody could
        // register it a second time and make its own journal look like a fork.
        Some(known) => (known.signing_key, None),
        None if asker.registers => {
            server.admission().admit(client)?;
            return Ok((
                rings.check(asker.brought, |ring| request.verify_registration(asker.server, ring))?,
                None,
            ));
        }
        // The server was restored to a time before this device joined; our own receipt says so.
        None => {
            let unknown = || Failure::new(ProblemCode::UnknownDevice);
            let receipt =
                receipt.map(|document| rings.ours(document)).transpose()?.flatten().ok_or_else(unknown)?;
            (registered_key(&receipt, asker).ok_or_else(unknown)?, Some(receipt))
        }
    };
    let key = VerifyingKey::of_device(key)?;
    let key = DeviceKey { server: asker.server, device: asker.device, key };
    let signed = rings.check(asker.brought, |ring| request.verify(&key, ring))?;
    Ok((signed, receipt))
}

fn registered_key(receipt: &Proof, asker: Asker) -> Option<DeviceSigningKey> {
    let Body::Receipt(body) = &receipt.answer.body else { return None };
    match body.effect {
        Effect::Registered { signing_key, .. } if receipt.answer.head.journal.device == asker.device => {
            Some(signing_key)
        }
        _ => None,
    }
}
