//! `POST /v1/suppliers`

use axum::Json as Body;
use axum::extract::State;
use axum::http::StatusCode;
use carnet_api::path::SUPPLIERS;
use carnet_api::supplier::{LONGEST_DISPLAY_NAME, NewSupplier, RegisteredSupplier};
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::Digest;
use carnet_seam::Random;
use carnet_store::supplier::{Supplier, Token};
use carnet_store::{StoreError, Writing};
use zeroize::Zeroizing;

use super::view;
use crate::admission::Client;
use crate::attempts::{self, Subject};
use crate::extract::Json;
use crate::ids::{sha256, supplier_id, token};
use crate::invitation::{self, PURPOSE};
use crate::keys::{NewKey, Published, RootKey};
use crate::problem::Failure;
use crate::server::Server;

/// Register a supplier
///
/// The operator hands out a set-up code: `carnetd up` prints one while there is no supplier, `carnetd invite`
/// makes one at any time. It is good once. The token in the answer is shown this once; who would not lose it
/// together with a lost answer makes the token and sends its hash. The same registration again, with the same
/// `token_hash`, then gets the same answer and does nothing twice.
#[utoipa::path(
    post, path = SUPPLIERS, operation_id = "suppliers_register", tag = "suppliers",
    request_body = NewSupplier,
    responses(
        (status = 201, description = "Registered.", body = RegisteredSupplier),
        (status = 403, description = "`wrong-setup-code`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`name-taken`; the code stays good", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-attempts`, `too-many-requests`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`no-more-suppliers`; the code stays good", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub async fn register(
    State(server): State<Server>,
    client: Client,
    Json(new): Json<NewSupplier>,
) -> Result<(StatusCode, Body<RegisteredSupplier>), Failure> {
    server.admission().admit(client)?;
    check_display_name("/display_name", &new.display_name)?;
    attempts::may_try(&server, Subject::Client(client)).await?;
    let now = server.now();
    invitation::take_in(&server).await?;
    let adding = server.keys().adding().await;
    takes_more(&server)?;
    let id = supplier_id(now, server.random())?;
    let supplier = Supplier { id, name: new.name, title: new.display_name.trim().to_owned(), created: now };
    let key = server.keys().make_issuing(id, server.random(), now).map_err(Failure::internal)?;
    let (hash, token) = token_of(new.token_hash, server.random())?;
    let row = Row { supplier: supplier.clone(), token: hash, key };
    let code = invitation::hash(&new.setup_code);
    let added = server.write("supplier.register", move |tx| row.add(tx, code)).await;
    if added.as_ref().is_err_and(|failure| *failure == wrong_code()) {
        attempts::note(&server, Subject::Client(client)).await?;
    }
    let supplier = match added? {
        Added::Now(published) => {
            server.keys().publish(&published, now).map_err(Failure::internal)?;
            tracing::info!(supplier = %supplier.id, name = %supplier.name, "supplier registered");
            supplier
        }
        Added::Before(supplier) => supplier,
    };
    drop(adding);
    let token = token.map(|token| token.to_string());
    Ok((StatusCode::CREATED, Body(RegisteredSupplier { supplier: view(&supplier), token })))
}

/// A supplier needs a key, and the root must sign for it.
fn takes_more(server: &Server) -> Result<(), Failure> {
    let current = server.keys().current();
    let why = match current.root() {
        RootKey::Away => "its root key is offline, and must sign the new supplier's key",
        RootKey::Here if !current.has_room() => "its key set is full",
        RootKey::Here => return Ok(()),
    };
    tracing::warn!(why, "a supplier could not be registered: see `carnetd keys list`");
    Err(Failure::because(ProblemCode::NoMoreSuppliers, why))
}

/// The hash of the supplier's token, and the token where it is made here.
fn token_of(
    hash: Option<Digest>,
    random: &dyn Random,
) -> Result<(Digest, Option<Zeroizing<String>>), Failure> {
    if let Some(hash) = hash {
        return Ok((hash, None));
    }
    let token = token(random)?;
    Ok((sha256(&[token.as_bytes()]), Some(token)))
}

/// What has come of a registration.
enum Added {
    Now(Published),
    /// An earlier attempt, whose answer was lost, had already done it.
    Before(Supplier),
}

/// Everything that a new supplier is in the database.
struct Row {
    supplier: Supplier,
    token: Digest,
    key: NewKey,
}

impl Row {
    /// The code is used up, the supplier, its token and its key are added: all of it or nothing.
    fn add(&self, tx: &Writing<'_>, code: Digest) -> Result<Added, Failure> {
        if let Some(before) = self.before(tx)? {
            return Ok(Added::Before(before));
        }
        let Supplier { id, name, created, .. } = &self.supplier;
        // The code comes first: without a good one nobody learns which names are taken.
        tx.use_code(&code, PURPOSE, *created).map_err(|error| match error {
            StoreError::NotFound { .. } => wrong_code(),
            other => other.into(),
        })?;
        tx.add_supplier(&self.supplier).map_err(|error| match error {
            StoreError::Exists { .. } => {
                Failure::because(ProblemCode::NameTaken, format!("there is a supplier `{name}` already"))
            }
            other => other.into(),
        })?;
        tx.add_token(&Token {
            hash: self.token,
            supplier: *id,
            label: "first".to_owned(),
            scopes: "supplier".to_owned(),
            created: *created,
            revoked: None,
        })?;
        Ok(Added::Now(self.key.add(tx)?))
    }

    /// The supplier that has this very token. Nobody else can know its hash: 256 random bits are not guessed, so
    /// that it stands for the code, which the earlier attempt has used up.
    fn before(&self, tx: &Writing<'_>) -> Result<Option<Supplier>, Failure> {
        let Some((token, supplier)) = tx.token(&self.token)? else { return Ok(None) };
        if token.revoked.is_none() && supplier.name == self.supplier.name {
            return Ok(Some(supplier));
        }
        let wrong = "is known already: make a new token for each supplier";
        Err(Failure::invalid("/token_hash", wrong))
    }
}

fn wrong_code() -> Failure {
    Failure::new(ProblemCode::WrongSetupCode)
}

/// A name that is only shown: one line of plain text.
///
/// # Errors
/// [`ProblemCode::Invalid`] with the pointer.
pub(crate) fn check_display_name(pointer: &str, name: &str) -> Result<(), Failure> {
    let length = name.trim().chars().count();
    let wrong = if !(1..=LONGEST_DISPLAY_NAME).contains(&length) {
        format!("must have 1 to {LONGEST_DISPLAY_NAME} characters: write what people should read")
    } else if name.chars().any(char::is_control) {
        "holds control characters: write it on one line of plain text".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::invalid(pointer, wrong))
}
