//! The reference server: everything about a request but what is done with it.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use carnet_api::COSE;
use carnet_api::path::DEVICE;
use carnet_seam::{RealFs, SystemClock, SystemRandom};
use carnet_server::admission::Client;
use carnet_server::api::device::checked::checked;
use carnet_server::extract::Document;
use carnet_server::problem::Failure;
use carnet_server::server::{Server, Surroundings};
use carnet_server::{layers, listen};
use hyper::body::Bytes;

use crate::Failed;
use carnet_testkit::load::PASS;

/// About as many as an answer has.
const ANSWER_BYTES: usize = 424;

/// Serves until the process is killed.
pub fn serve(data: PathBuf) -> Result<(), Failed> {
    let around = Surroundings {
        database: None,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        fs: Arc::new(RealFs::default()),
        data,
        key_service: None,
    };
    let server = Server::open(around)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (listener, address) = listen::bind("127.0.0.1:0".parse()?).await?;
        println!("listening on http://{address}");
        let routes = layers::around(Router::new().route(DEVICE, post(answer)), &server);
        listen::serve(listener, routes, &server, std::future::pending()).await;
        Ok(())
    })
}

async fn answer(
    State(server): State<Server>,
    client: Client,
    Document(bytes): Document,
) -> Result<Response, Failure> {
    std::hint::black_box(checked(&server, client, &bytes).await?);
    Ok(([(CONTENT_TYPE, COSE)], constant()).into_response())
}

/// As large as a pass, and one as far as a client looks at once.
fn constant() -> Bytes {
    let mut bytes = vec![0; ANSWER_BYTES];
    bytes[..PASS.len()].copy_from_slice(PASS);
    bytes.into()
}
