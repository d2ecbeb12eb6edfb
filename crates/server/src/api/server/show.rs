//! `GET /v1/server`

use axum::Json;
use axum::extract::State;
use carnet_api::path::SERVER;
use carnet_api::server::ServerInfo;

use crate::server::Server;

/// Who this server is
///
/// A program that is licensed here pins the root; whoever builds it compares the root with what the operator
/// says, rather than believe what is read here.
#[utoipa::path(
    get, path = SERVER, operation_id = "server_show", tag = "operations",
    responses((status = 200, description = "Who it is.", body = ServerInfo)),
)]
pub async fn show(State(server): State<Server>) -> Json<ServerInfo> {
    let keys = server.keys();
    Json(ServerInfo { id: keys.server(), root: keys.root(), version: env!("CARGO_PKG_VERSION").to_owned() })
}
