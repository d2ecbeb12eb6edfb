//! `carnet register --from-shop`: a device takes over what a shop has prepared for it (B1).

use std::path::Path;

use carnet_core::document::Reason;
use carnet_core::term::moment;
use carnet_manager::Manager;
use carnet_manager::register::{Identity, Newcomer, Registered, Who};
use carnet_manager::server::Wanted;
use carnet_seal::ServerUrl;
use carnet_seal::code::{CodeKind, CodeText};

use super::register::{asked, finish, known, usual_identity};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::shop::file::ShopFile;
use crate::user::which;

/// Registers this device as the shop has said. May be repeated.
///
/// # Errors
/// `bad-shop-file`, `other-server`, `registered-as-another`, `shop-file-used`, `shop-file-expired`.
pub fn run(context: &Context, path: &Path, identity: Option<&Identity>) -> Result<(), Failure> {
    let file = ShopFile::read(context, path)?;
    let manager = manager(context, &file)?;
    let registered = match known(&manager)? {
        Some(registered) if registered.user == file.user => registered,
        Some(other) => return Err(another(&other, &file)),
        None => register(context, &manager, &file, identity)?,
    };
    // The shop never has it: it is drawn on whichever of the user's devices comes first.
    if manager.unseen_recovery_code()?.is_none() && !manager.account()?.recovery_code {
        manager.new_recovery_code()?;
    }
    finish(context, &manager, &registered, &file.redeem)
}

fn manager(context: &Context, file: &ShopFile) -> Result<Manager, Failure> {
    let url: ServerUrl = file.server.parse().map_err(|_| damaged())?;
    let url = which::protected(url)?;
    if let Some(named) = context.named_server()?.filter(|named| *named != url) {
        let what = format!("this file is for the server at {url}, and {named} is named");
        return Err(Failure::new(Exit::Usage, "other-server", what)
            .with_remedy("leave --server and CARNET_SERVER out: the file says which server it is for"));
    }
    Ok(which::setup(context, None)?.at(&Wanted { url: Some(url), root: Some(file.root) })?)
}

fn register(
    context: &Context,
    manager: &Manager,
    file: &ShopFile,
    identity: Option<&Identity>,
) -> Result<Registered, Failure> {
    let code = CodeText::read(&file.code, CodeKind::Join).map_err(|_| damaged())?;
    let newcomer = Newcomer {
        who: Who::Code(code),
        device_name: file.device.clone(),
        device_maker: file.maker.clone(),
        identity: identity.cloned().map_or_else(|| usual_identity(context), Ok)?,
    };
    asked(context, manager, &newcomer).map_err(|failure| refused(context, file, failure))
}

/// In the words of somebody who holds a file, not a code.
fn refused(context: &Context, file: &ShopFile, failure: Failure) -> Failure {
    if failure.code == Reason::CodeUsed.code() {
        return Failure::new(Exit::Refused, "shop-file-used", "a device has joined with this file before")
            .with_remedy(
                "where it was not you, declare that device lost with `carnet devices lost` on another device of yours; \
                 join this one with a code from `carnet devices invite`, or ask the shop",
            );
    }
    if failure.code == Reason::BadCode.code() {
        let over = file.until <= which::env(context).now();
        let (code, what) = if over {
            ("shop-file-expired", format!("this file was good until {}", moment(file.until)))
        } else {
            ("shop-file-refused", "the server does not take this file: it was withdrawn".to_owned())
        };
        return Failure::new(Exit::Refused, code, what).with_remedy(
            "join with a code from `carnet devices invite` on another device of yours, or ask the shop",
        );
    }
    failure
}

fn another(registered: &Registered, file: &ShopFile) -> Failure {
    let what =
        format!("this device is registered as {} there, and the file is for {}", registered.user, file.user);
    Failure::new(Exit::Failure, "registered-as-another", what)
        .with_remedy("use the file on the device that it is for, or set CARNET_HOME to another folder")
}

fn damaged() -> Failure {
    Failure::new(Exit::Failure, "bad-shop-file", "this file of a shop is damaged, or was changed")
        .with_remedy("copy it again from what the shop has handed over, or register with `carnet register`")
}
