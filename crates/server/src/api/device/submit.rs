//! `POST /v1/device`

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use carnet_api::path::DEVICE;
use carnet_api::{COSE, Problem, ProblemCode};
use carnet_core::document::{Answer, Body, Operation};
use carnet_core::provision::{Handed, KeyTransaction};
use carnet_seal::{Kind, Unverified};
use carnet_store::{How, Settled, Submission, Work};

use super::checked::checked;
use crate::admission::Client;
use crate::attempts;
use crate::extract::Document;
use crate::key_service::KeyServiceError;
use crate::problem::Failure;
use crate::server::Server;

const RENEW: &str = "renew";

/// Submit a device's request
///
/// The body is a request document with the proofs that travel beside it, the answer is exactly one signed
/// document: a pass, a portable pass, a refusal or a receipt. A refusal is an answer like the others (200).
/// The very same request may be sent any number of times; it is answered with the very same bytes.
#[utoipa::path(
    post, path = DEVICE, operation_id = "device_submit", tag = "devices",
    request_body(content = Vec<u8>, content_type = "application/cose", description = "At most 256 KiB."),
    responses(
        (status = 200, description = "The answer document.", body = Vec<u8>, content_type = "application/cose"),
        (status = 400, description = "`bad-document`, `wrong-journal`", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`bad-signature`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`unknown-device`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`request-conflict`: a security event; nothing has changed", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too-large`", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`key-set-wanted`: the same request again, with the device's key set beside it", body = Problem, content_type = "application/problem+json"),
        (status = 421, description = "`wrong-server`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`: too much waits, or the database is away; Retry-After says when to come again", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-requests`: to new devices only; `too-many-attempts`: wrong codes", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn submit(
    State(server): State<Server>,
    client: Client,
    Document(bytes): Document,
) -> Result<Response, Failure> {
    let (version, began) = (server.keys().version(), server.clock().boot_micros());
    let mut checked = match checked(&server, client, &bytes).await {
        // It may show a document that another server of ours has signed, with a key that we have not seen yet.
        Err(failure) if server.store().is_shared() => {
            server.fresh_keys().await?;
            if server.keys().version() == version {
                return Err(failure);
            }
            checked(&server, client, &bytes).await?
        }
        checked => checked?,
    };
    attempts::watch(&server, client, &checked.submission).await?;
    let operation = asked(&checked.submission.request.operation);
    let mut settled = server.settle(Work::Request(Box::new(checked.submission.clone()))).await?;
    if settled == Settled::CheckProof {
        checked = checked.with_proof()?;
        settled = server.settle(Work::Request(Box::new(checked.submission.clone()))).await?;
    }
    if let Settled::WantsKeys(order) = settled {
        let handed = handed(&server, checked.document, *order).await?;
        settled = server.settle(Work::Request(Box::new(Submission { handed, ..checked.submission }))).await?;
    }
    let (payload, how) = match settled {
        Settled::Answered { payload, how } => (payload, how),
        Settled::Rejected(rejection) => return Err(rejection.into()),
        other => return Err(Failure::internal(format!("a request was settled as {other:?}"))),
    };
    // Here and not in the ledger: what is committed may be signed by whoever has a core to spare.
    let (document, kind) = server.keys().sign_prepared(payload).map_err(Failure::internal)?;
    let renewed = operation == RENEW && kind == Kind::Pass && how == How::Decided;
    server.metrics().answer(name(kind), in_words(how), renewed);
    server.metrics().operation(operation, server.clock().boot_micros().saturating_sub(began));
    if kind == Kind::Refusal {
        count_refusal(&server, &document);
    }
    Ok(([(CONTENT_TYPE, COSE)], document).into_response())
}

/// What the key service says to a device that presents an order. What it has made it has stored, under the transaction
/// id; so a server that dies before the ledger has released it asks again later and gets the same bytes (I5).
async fn handed(server: &Server, document: Vec<u8>, order: KeyTransaction) -> Result<Handed, Failure> {
    server
        .ask_key_service(move |service, key_set| {
            service.deliver(key_set, &document, &order).map_err(|error| match error {
                KeyServiceError::Refused(_) => Failure::internal(error),
                KeyServiceError::Away(_) => {
                    tracing::error!(%error, "no key was delivered");
                    Failure::because(ProblemCode::Unavailable, "the key service does not answer")
                }
            })
        })
        .await
}

/// A refusal is rare enough to be read once more.
fn count_refusal(server: &Server, document: &[u8]) {
    let read = Unverified::<Answer>::parse(document)
        .and_then(|document| document.verify_held(server.keys().current().ring()));
    if let Ok(signed) = read
        && let Body::Refusal(refusal) = &signed.claims().body
    {
        server.metrics().refusal(refusal.reason);
    }
}

const fn asked(operation: &Operation) -> &'static str {
    match operation {
        Operation::Register(_) => "register",
        Operation::Renew { .. } => RENEW,
        Operation::Agree(_) => "agree",
        Operation::Redeem(_) => "redeem",
        Operation::Decline => "decline",
        Operation::Export => "export",
        Operation::Import(_) => "import",
        Operation::CancelMove(_) => "cancel-move",
        Operation::Return => "return",
        Operation::Invite(_) => "invite",
        Operation::Withdraw(_) => "withdraw",
        Operation::Lost(_) => "lost",
        Operation::Replaced(_) => "replaced",
        Operation::Retire(_) => "retire",
        Operation::Rename { .. } => "rename",
        Operation::Transfer(_) => "transfer",
        Operation::Borrow(_) => "borrow",
        Operation::OrderKey(_) => "order-key",
        Operation::RedeemKey(_) => "redeem-key",
    }
}

const fn in_words(how: How) -> &'static str {
    match how {
        How::Decided => "decided",
        How::Aside => "aside",
        How::Repeat | How::RepeatAside => "repeated",
        How::Superseded => "superseded",
        How::Unrecorded => "unrecorded",
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Pass => "pass",
        Kind::PortablePass => "portable-pass",
        Kind::Refusal => "refusal",
        Kind::Receipt => "receipt",
        Kind::KeyDelivery => "key-delivery",
        _ => "other",
    }
}
