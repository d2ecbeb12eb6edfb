//! `GET /readyz`

use axum::Json;
use axum::extract::State;
use carnet_api::path::READYZ;
use carnet_api::server::Readiness;
use carnet_api::{Problem, ProblemCode};
use carnet_store::{StoreError, Writing};

use crate::problem::Failure;
use crate::server::Server;

/// The setting that says when writing was last tried.
const PROBE: &str = "readiness.probe";

/// What does not work while the rest does. Where the store is and what it says is for the operator: the log, the doctor.
const DEGRADED: &str = "the image store does not do its work: nothing is published or newly installed";

/// The server can do its work
///
/// Fails while the server is about to stop, so that nothing new is sent to it, and while nothing can be written. An image
/// store that is away keeps nobody's program from running: it is named, and the server is ready all the same.
#[utoipa::path(
    get, path = READYZ, operation_id = "readiness_show", tag = "operations",
    responses(
        (status = 200, description = "Ready.", body = Readiness),
        (status = 503, description = "Not ready; the detail says what is missing.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn ready(State(server): State<Server>) -> Result<Json<Readiness>, Failure> {
    let draining = server.is_draining();
    let database = server.read(|tx| tx.setting("").map(drop)).await.is_ok();
    let written = if database { unwritten(&server).await } else { pooled(&server) };
    let keys = server.now() < server.keys().current().expires();
    let missing = [
        (draining, "the server is about to stop"),
        (!database, "the database does not answer"),
        (!keys, "the key set has ended"),
    ];
    if let Some(what) = written.filter(|_| !draining) {
        return Err(Failure::because(ProblemCode::Unavailable, what));
    }
    match missing.iter().find(|(fails, _)| *fails) {
        Some((_, what)) => Err(Failure::because(ProblemCode::Unavailable, what)),
        None => {
            let degraded = server.images().trouble().is_some().then(|| DEGRADED.to_owned());
            Ok(Json(Readiness { ready: true, database, keys, draining, degraded }))
        }
    }
}

/// Why nothing can be written. Only where the last attempt has failed is another one made, by this: while the server is
/// not ready nobody sends it anything that would.
async fn unwritten(server: &Server) -> Option<&'static str> {
    server.store().trouble()?;
    let now = server.now().0.to_be_bytes();
    let probe = move |tx: &Writing<'_>| {
        tx.put_setting(PROBE, &now)?;
        Ok(tx.take_room()?)
    };
    server.write("readiness.probe", probe).await.err()?;
    server.store().trouble().map(|trouble| in_words(&trouble))
}

/// A database may be there and be of no use: it neither reads nor writes for a server without sessions of its own.
fn pooled(server: &Server) -> Option<&'static str> {
    server
        .store()
        .trouble()
        .filter(|trouble| *trouble == StoreError::Pooled)
        .map(|trouble| in_words(&trouble))
}

const fn in_words(trouble: &StoreError) -> &'static str {
    match trouble {
        StoreError::DiskFull => "the disk of the database is full: make room, nothing has been lost",
        StoreError::Denied { .. } => "the database takes no writes of this server: look at its log",
        StoreError::Pooled => "the pooler in front of the database gives no sessions: look at the log",
        StoreError::ReadOnly { .. } => "the database file cannot be written: check its owner and permissions",
        _ => "the database does not answer",
    }
}
