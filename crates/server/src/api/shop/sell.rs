//! `POST /v1/shop/sales`

use std::collections::BTreeSet;

use axum::extract::State;
use carnet_api::path::SHOP_SALES;
use carnet_api::shop::{MOST_DAYS, MOST_DEVICES, NewSale, Sale as Sold};
use carnet_api::{FieldError, Problem};
use carnet_core::document::{Person, Purpose};
use carnet_core::id::{Digest, SupplierId, UserId};
use carnet_core::server::Code;
use carnet_core::time::Seconds;
use carnet_store::{LedgerError, Sale, StoreError, Work};

use crate::extract::{Call, Reply};
use crate::ids::sha256;
use crate::problem::Failure;
use crate::server::Server;

const DAY: u64 = 86_400;

/// Register a user and the devices that they have bought
///
/// At a point of sale. Each device joins the user later, by one of the codes, once. The shop draws the codes and the
/// server keeps digests; nobody can make more of them for this user but the user. The same sale again changes nothing.
#[utoipa::path(
    post, path = SHOP_SALES, operation_id = "shop_sell", tag = "licenses",
    security(("supplier_token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same request does nothing twice.")),
    request_body = NewSale,
    responses(
        (status = 201, description = "Registered.", body = Sold),
        (status = 401, description = "`unauthorized`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`out-of-scope`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `idempotency-reused`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn sell(State(server): State<Server>, call: Call) -> Result<Reply, Failure> {
    if let Some(kept) = call.kept(&server).await? {
        return Ok(kept);
    }
    let new: NewSale = call.json()?;
    check(&new)?;
    let (supplier, now) = (call.session.id(), server.now());
    let (user, until) = (user_of(supplier, &new.codes), now.plus(Seconds(u64::from(new.days) * DAY)));
    let code = |digest: &Digest| Code {
        digest: *digest,
        user,
        purpose: Purpose::Join,
        made: now,
        expires: Some(until),
        used: 0,
        withdrawn: false,
    };
    let codes = new.codes.iter().map(code).collect();
    let NewSale { name, email, address, telephone, payment_reference, .. } = new;
    let person = Person { name, email, address, telephone, payment_reference };
    let by = format!("token {}", call.session.label());
    let settled = server.settle(Work::Sell(Box::new(Sale { supplier, user, person, codes, by }))).await;
    settled.map_err(|error| match error {
        LedgerError::Store(StoreError::Exists { .. }) => {
            Failure::invalid("/codes", "one of them is in use already")
        }
        other => other.into(),
    })?;
    let show = move |tx: &carnet_store::Writing<'_>| {
        // The same sale again does not make the codes last longer.
        let until = tx.codes_of(user)?.iter().filter_map(|code| code.expires).max().unwrap_or(until);
        Reply::created(&Sold { user, until })
    };
    call.once(&server, "shop.sold", show).await
}

/// From the codes, which are drawn at random: a sale that is repeated makes no second user.
fn user_of(supplier: SupplierId, codes: &[Digest]) -> UserId {
    let codes: Vec<u8> = codes.iter().flat_map(|code| code.0).collect();
    let digest = sha256(&[b"carnet sale\0", &supplier.0, &codes]);
    let mut id = [0; 16];
    id.copy_from_slice(&digest.0[..16]);
    UserId(id)
}

fn check(new: &NewSale) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    let optional = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let texts = [
        ("/name", new.name.clone(), 120),
        ("/email", new.email.clone(), 254),
        ("/address", optional(&new.address), 500),
        ("/telephone", optional(&new.telephone), 40),
        ("/payment_reference", optional(&new.payment_reference), 200),
    ];
    for (field, text, most) in texts {
        if text.trim().is_empty() || text.chars().count() > most || text.chars().any(char::is_control) {
            wrong.push(FieldError::new(field, format!("must be one line of 1 to {most} characters")));
        }
    }
    if !new.email.contains('@') {
        wrong.push(FieldError::new("/email", "must be an e-mail address"));
    }
    if new.codes.is_empty() || new.codes.len() > MOST_DEVICES {
        wrong.push(FieldError::new("/codes", format!("must be 1 to {MOST_DEVICES}")));
    }
    if new.codes.iter().collect::<BTreeSet<_>>().len() != new.codes.len() {
        wrong.push(FieldError::new("/codes", "must differ from each other"));
    }
    if !(1..=MOST_DAYS).contains(&new.days) {
        wrong.push(FieldError::new("/days", format!("must be 1 to {MOST_DAYS}")));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::of_fields(wrong))
}
