//! `PUT /v1/menu/{supplier}/{name}` and `PUT /v1/menu/{supplier}/{name}/{part}`

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use carnet_api::app::{AppPartPath, AppPath};
use carnet_api::header::serial_of_etag;
use carnet_api::menu::{Diff, MenuUpdate, MenuUpdateQuery, MenuUpdated, OfferWarning};
use carnet_api::{Problem, ProblemCode};
use carnet_core::app::AppId;
use carnet_core::document::{Answer, Body, Head, JournalName, Reason, Refusal};
use carnet_core::id::{DeviceId, RequestId, UserId};
use carnet_core::offer::{Menu, Offer};
use carnet_core::time::Time;
use carnet_store::{StoreError, Writing};

use super::checked;
use crate::extract::{AppName, Call, Query, Reply};
use crate::problem::Failure;
use crate::server::Server;

/// Replace the menu of an app
///
/// The whole menu is sent. Offers that stay as they are keep their serial, so that agreements on their way
/// stay good; licenses already agreed keep their offers whatever happens here. Send the menu's serial in
/// `If-Match` (`"3"`) so that nobody else's change is lost.
#[utoipa::path(
    put, path = "/v1/menu/{supplier}/{name}", operation_id = "menu_update", tag = "apps",
    security(("supplier_token" = [])),
    params(
        AppPath, MenuUpdateQuery,
        ("If-Match" = Option<String>, Header, description = "The serial that the change was made from, in quotes."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = MenuUpdate,
    responses(
        (status = 200, description = "What has changed, or would change.", body = MenuUpdated),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`menu-changed`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too-large`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn update(
    State(server): State<Server>,
    AppName(app): AppName,
    Query(query): Query<MenuUpdateQuery>,
    call: Call,
) -> Result<Reply, Failure> {
    if !call.session.may_own(&app) {
        return Err(Failure::new(ProblemCode::NotFound));
    }
    let offers = checked::offers(call.json_bytes()?)?;
    if !server.keys().fits(&largest_answer(&app, &offers)) {
        let wrong = "are too long for one document: shorten names, features or the number of offers";
        return Err(Failure::invalid("/offers", wrong));
    }
    let expected = expected_serial(&call.headers)?;
    let change = Change {
        app,
        offers,
        expected,
        dry_run: query.dry_run,
        supplier: call.session.id(),
        now: server.now(),
    };
    call.once(&server, "menu.update", move |tx| change.make(tx)).await
}

/// Replace the menu of an app that is a part of another
#[utoipa::path(
    put, path = "/v1/menu/{supplier}/{name}/{part}", operation_id = "menu_update_part", tag = "apps",
    security(("supplier_token" = [])),
    params(
        AppPartPath, MenuUpdateQuery,
        ("If-Match" = Option<String>, Header, description = "The serial that the change was made from, in quotes."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice."),
    ),
    request_body = MenuUpdate,
    responses(
        (status = 200, description = "What has changed, or would change.", body = MenuUpdated),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "`menu-changed`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too-large`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn update_part(
    server: State<Server>,
    app: AppName,
    query: Query<MenuUpdateQuery>,
    call: Call,
) -> Result<Reply, Failure> {
    update(server, app, query, call).await
}

/// One change of a menu.
struct Change {
    app: AppId,
    offers: Vec<Offer>,
    expected: Option<u64>,
    dry_run: bool,
    supplier: carnet_core::id::SupplierId,
    now: Time,
}

impl Change {
    fn make(&self, tx: &Writing<'_>) -> Result<Reply, Failure> {
        let found = tx.menu(&self.app)?.filter(|found| found.supplier == self.supplier);
        let menu = found.ok_or_else(|| Failure::new(ProblemCode::NotFound))?.menu;
        if let Some(expected) = self.expected.filter(|expected| *expected != menu.serial) {
            let what = format!("`If-Match` names serial {expected}, the menu has serial {}", menu.serial);
            return Err(Failure::because(ProblemCode::MenuChanged, what));
        }
        let warnings = warnings(&self.offers);
        let diff = Diff::between(&menu, &self.offers);
        let serial = if diff.is_empty() || self.dry_run { menu.serial } else { self.write(tx, &menu)? };
        Reply::ok(&MenuUpdated { app: self.app.clone(), serial, dry_run: self.dry_run, diff, warnings })
    }

    fn write(&self, tx: &Writing<'_>, menu: &Menu) -> Result<u64, Failure> {
        let new = menu.replaced(&self.app, self.offers.clone());
        let written = tx.replace_menu(self.supplier, &self.app, menu.serial, &new, self.now);
        written.map_err(|error| match error {
            StoreError::Conflict { .. } => Failure::new(ProblemCode::MenuChanged),
            other => other.into(),
        })?;
        Ok(new.serial)
    }
}

/// The serial that the change was made from; none when the caller does not care.
fn expected_serial(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    match headers.get(IF_MATCH).map(|value| value.to_str().unwrap_or_default()) {
        None | Some("*") => Ok(None),
        Some(tag) => serial_of_etag(tag).map(Some).ok_or_else(|| {
            Failure::because(
                ProblemCode::BadHeader,
                "`If-Match` must be the serial of the menu, like `\"3\"`",
            )
        }),
    }
}

fn warnings(offers: &[Offer]) -> Vec<OfferWarning> {
    let of = |offer: &Offer| {
        let name = offer.name.clone();
        let warnings = offer.warnings().into_iter();
        warnings.map(move |warning| OfferWarning { offer: name.clone(), warning: warning.to_owned() })
    };
    offers.iter().flat_map(of).collect()
}

/// The largest answer that carries this menu; it must fit into one document, or nobody could be refused with
/// the menu beside it (A9).
fn largest_answer(app: &AppId, offers: &[Offer]) -> Answer {
    let menu = Menu { serial: u64::MAX - 1, offers: Vec::new() }.replaced(app, offers.to_vec());
    let head = Head {
        server: carnet_core::id::ServerId([0; 16]),
        user: UserId([0; 16]),
        journal: JournalName { device: DeviceId([0; 16]), app: Some(app.clone()) },
        request: RequestId([0; 16]),
        quoted: 0,
        epoch: 1,
        issued: Time::LATEST,
        resume: None,
        over: BTreeSet::new(),
    };
    let refusal = Refusal { menu: menu.offers, ..Refusal::because(Reason::NoLicense, None) };
    Answer { head, body: Body::Refusal(Box::new(refusal)) }
}
