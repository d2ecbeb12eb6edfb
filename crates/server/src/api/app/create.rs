//! `POST /v1/apps`

use axum::extract::State;
use carnet_api::app::{App, NewApp};
use carnet_api::path::APPS;
use carnet_api::{Problem, ProblemCode};
use carnet_store::StoreError;

use crate::api::supplier::register::check_display_name;
use crate::extract::{Call, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// Register an app
///
/// Whatever can be licensed by itself: a program, a part of it, an upgrade, content. It has no menu yet.
#[utoipa::path(
    post, path = APPS, operation_id = "apps_create", tag = "apps",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = NewApp,
    responses(
        (status = 201, description = "Registered.", body = App),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`name-taken`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn create(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    let new: NewApp = call.json()?;
    check_display_name("/display_name", &new.display_name)?;
    let supplier = call.session.supplier();
    if !call.session.may_own(&new.id) {
        let wrong = format!("must begin with your own name: `{}/…`", supplier.name);
        return Err(Failure::invalid("/id", wrong));
    }
    let (supplier, now) = (supplier.id, server.now());
    let add = move |tx: &carnet_store::Writing<'_>| {
        tx.add_app(&new.id, supplier, new.display_name.trim(), now).map_err(|error| match error {
            StoreError::Exists { .. } => {
                Failure::because(ProblemCode::NameTaken, format!("there is an app `{}` already", new.id))
            }
            other => other.into(),
        })?;
        let display_name = new.display_name.trim().to_owned();
        Reply::created(&App { id: new.id.clone(), display_name, registered: now, menu_serial: 0, offers: 0 })
    };
    call.once(&server, "app.create", add).await
}
