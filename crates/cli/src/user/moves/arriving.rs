//! The manager on the side where passes arrive: the medium says which server is meant, and a device that has no
//! user yet joins by what it brings (A16).

use carnet_core::app::AppId;
use carnet_device::Medium;
use carnet_device::portable::PortablePassbook;
use carnet_manager::register::{Identity, Newcomer, Who};
use carnet_manager::server::Wanted;
use carnet_manager::{Manager, Setup};

use super::export::one_server;
use crate::context::Context;
use crate::failure::Failure;
use crate::user::register::{host_name, usual_identity};
use crate::user::which::{self, Licensed};

/// What arrives, and on what device.
#[derive(Debug, Clone, Copy)]
pub struct Arriving<'a> {
    /// Only these apps; all, when there are none.
    pub apps: &'a [AppId],
    /// As they were named.
    pub licensed: &'a [Licensed],
    /// What a new device is called.
    pub device_name: Option<&'a str>,
    /// What a new device is known by.
    pub identity: Option<&'a Identity>,
}

/// The manager at the server of the medium, and whether this device was registered just now.
///
/// # Errors
/// When it is not clear which server is meant, or the device could not be registered.
pub fn manager_for(
    context: &Context,
    medium: &dyn Medium,
    arriving: &Arriving<'_>,
) -> Result<(Manager, bool), Failure> {
    let setup = which::setup(context, None)?;
    let wanted = which::wanted(context, arriving.licensed.first(), None)?;
    let Some(book) = only_book(&setup, medium, &wanted)? else {
        // Nothing to go by: the import itself says what is wrong with the medium.
        return Ok((which::manager(context, arriving.licensed.first())?, false));
    };
    let manager = at_server_of(context, &setup, &book)?;
    one_server(&manager, arriving.licensed)?;
    let registered = manager.registered()?.is_some() || manager.finish_registration()?.is_some();
    if !registered {
        join(context, &manager, &book, arriving)?;
    }
    Ok((manager, !registered))
}

/// The only passbook on the medium that may be meant: of a server that is known here or wanted, else of any.
fn only_book(
    setup: &Setup,
    medium: &dyn Medium,
    wanted: &Wanted,
) -> Result<Option<PortablePassbook>, Failure> {
    let servers = setup.servers()?;
    let mut books = medium.all()?;
    books.retain(|book| match (wanted.root, &wanted.url) {
        (Some(root), _) => root == book.root,
        (None, Some(url)) => *url == book.url,
        (None, None) => true,
    });
    let known = |book: &PortablePassbook| servers.iter().any(|server| server.pin.server == book.server());
    if books.iter().any(known) {
        books.retain(known);
    }
    Ok(if books.len() == 1 { books.pop() } else { None })
}

/// What this device knows of the server counts more than what the medium says: it may have moved since.
fn at_server_of(context: &Context, setup: &Setup, book: &PortablePassbook) -> Result<Manager, Failure> {
    let servers = setup.servers()?;
    if let Some(known) = servers.into_iter().find(|server| server.pin.server == book.server()) {
        return Ok(Manager::new(setup.clone(), known));
    }
    let named = which::wanted(context, None, None)?.url;
    let url = named.map_or_else(|| which::protected(book.url.clone()), Ok)?;
    Ok(setup.at(&Wanted { url: Some(url), root: Some(book.root) })?)
}

fn join(
    context: &Context,
    manager: &Manager,
    book: &PortablePassbook,
    arriving: &Arriving<'_>,
) -> Result<(), Failure> {
    let ticket = manager.ticket(arriving.apps, book)?;
    let identity = arriving.identity.cloned().map_or_else(|| usual_identity(context), Ok)?;
    let device_name = arriving.device_name.map_or_else(host_name, ToOwned::to_owned);
    manager.register(&Newcomer { who: Who::Brings(ticket), device_name, device_maker: None, identity })?;
    Ok(())
}
