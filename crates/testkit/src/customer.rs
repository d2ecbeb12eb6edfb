//! A user who registers a device at a [`FakeServer`] and agrees to offers, as the manager would.

use std::path::Path;
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::document::{Agreed, Agreement, Joins, Operation, Person, Registration, Secret};
use carnet_core::journal::State;
use carnet_core::offer::Offer;
use carnet_device::identity::Binding;
use carnet_device::{ContactError, Env, Line, Passbook, PassbookError, contact};
use carnet_seal::code::digest_of;
use carnet_seal::sign;

use crate::FakeServer;

/// The recovery code of every customer.
pub const RECOVERY: [u8; 16] = [0x5e; 16];

fn line(server: &FakeServer) -> Line<'_> {
    Line { net: server, time_limit: Duration::from_secs(10) }
}

/// The passbook of a device that has just been registered.
///
/// # Errors
/// What went wrong with the passbook.
///
/// # Panics
/// When the server refuses.
#[expect(clippy::expect_used, reason = "a test whose device is not registered has failed")]
pub fn register(
    server: &FakeServer,
    env: Env,
    home: &Path,
    binding: &Binding<'_>,
) -> Result<Passbook, PassbookError> {
    let person = Person {
        name: "Ann".into(),
        email: "ann@example.org".into(),
        address: None,
        telephone: None,
        payment_reference: None,
    };
    let joins = Joins::NewUser { person, recovery: digest_of(Secret(RECOVERY)) };
    let passbook = join(server, env, home, binding, joins)?;
    passbook.user().expect("a user id");
    Ok(passbook)
}

/// The passbook of a device that asked to join like this; it has a user when the server agreed.
///
/// # Errors
/// What went wrong with the passbook.
///
/// # Panics
/// When the server does not answer.
#[expect(clippy::expect_used, reason = "a test whose device cannot ask has failed")]
pub fn join(
    server: &FakeServer,
    env: Env,
    home: &Path,
    binding: &Binding<'_>,
    joins: Joins,
) -> Result<Passbook, PassbookError> {
    let mut passbook = Passbook::create(env, home, server.pin(), binding)?;
    contact::fetch_key_set(&mut passbook, line(server)).expect("the key set");
    let (signing_key, agreement_key) = passbook.public_keys();
    let (evidence, device_name) = (passbook.evidence(), "desk".into());
    let registration =
        Registration { signing_key, agreement_key, evidence, device_name, device_maker: None, joins };
    ask(&mut passbook, None, server, &Operation::Register(Box::new(registration))).expect("an answer");
    Ok(passbook)
}

/// Puts this one offer into the menu and agrees to it.
///
/// # Errors
/// What went wrong on the way.
///
/// # Panics
/// When the device is not registered.
#[expect(clippy::expect_used, reason = "a test whose device is not registered has failed")]
pub fn agree(
    passbook: &mut Passbook,
    app: &AppId,
    server: &FakeServer,
    offer: Offer,
) -> Result<State, ContactError> {
    server.put_menu(app, vec![offer]);
    let agreement = Agreement {
        server: server.pin().server,
        user: passbook.user().expect("a registered device"),
        device: passbook.identity().device(),
        at: passbook.env().now(),
        listed: server.menu(app).remove(0),
    };
    let agreed = Agreed::from(sign(agreement, passbook.signer()).map_err(ContactError::Untrusted)?);
    ask(passbook, Some(app), server, &Operation::Agree(Box::new(agreed)))
}

/// Asks the server for anything else.
///
/// # Errors
/// What went wrong on the way.
pub fn ask(
    passbook: &mut Passbook,
    app: Option<&AppId>,
    server: &FakeServer,
    operation: &Operation,
) -> Result<State, ContactError> {
    contact::ask(passbook, app, operation, line(server))
}
