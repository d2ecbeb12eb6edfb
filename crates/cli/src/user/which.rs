//! Which server, which passbook, which app.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::id::Digest;
use carnet_device::Env;
use carnet_manager::pin::AskPin;
use carnet_manager::server::Wanted;
use carnet_manager::{Manager, ManagerError, Setup};
use carnet_seal::{ProductString, ServerUrl};
use carnet_seam::{Net, RealFs, SystemClock, SystemRandom};
use clap::Args;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::BOLD;
use crate::progress::Watched;
use crate::secret;
use crate::server_url;
use crate::user::ask;

/// An app, named by its id or by the product string of its program, which names the server too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Licensed {
    /// `acme/paint`.
    App(AppId),
    /// `acme/paint@https://…#…`.
    Product(ProductString),
}

impl FromStr for Licensed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('@') {
            let product: ProductString =
                text.parse().map_err(|wrong: carnet_seal::product::NotAProduct| wrong.to_string())?;
            return Ok(Self::Product(product));
        }
        text.trim().parse().map(Self::App).map_err(|wrong: carnet_core::app::BadName| wrong.to_string())
    }
}

impl Licensed {
    /// Which app.
    #[must_use]
    pub const fn app(&self) -> &AppId {
        match self {
            Self::App(app) => app,
            Self::Product(product) => &product.app,
        }
    }
}

/// How a server that is new to this device comes to be trusted.
#[derive(Debug, Clone, Default, Args)]
pub struct Trust {
    /// The root hash of the server, as its operator says (`carnetd root-hash`)
    #[arg(long, value_name = "HASH", value_parser = root)]
    pub root: Option<Digest>,
    /// Believe the server that answers at this address now, whoever it is
    #[arg(long)]
    pub trust_on_first_use: bool,
}

fn root(text: &str) -> Result<Digest, String> {
    text.trim()
        .parse()
        .map_err(|_| "a root hash has 64 hexadecimal digits, as `carnetd root-hash` prints it".to_owned())
}

/// Everything that a manager needs. An exchange with the server takes at most `most`, where that is given.
///
/// # Errors
/// `no-home` when nothing names a home.
pub fn setup(context: &Context, most: Option<Duration>) -> Result<Setup, Failure> {
    let time_limit = most.map_or(context.time_limit(), |most| most.min(context.time_limit()));
    let setup = Setup::real(env(context), context.home()?, time_limit);
    let setup = Setup { pin: pin(context), machine: Arc::new(context.machine()), ..setup };
    if let Some(hands) = context.hands() {
        return Ok(Setup { carrier: hands.carrier(), ..setup });
    }
    Ok(if context.output.shows_progress() { watched(setup) } else { setup })
}

/// The PIN from the file that is named, else from the person at the terminal.
fn pin(context: &Context) -> Option<AskPin> {
    let path = context.pin_file().map(std::path::Path::to_owned);
    if path.is_none() && !context.output.can_ask() {
        return None;
    }
    let output = context.output;
    Some(Arc::new(move || match &path {
        Some(path) => secret::in_file(output, path, "The passbook's PIN", |why| Failure::usage(why)).ok(),
        None => ask::secret("The passbook's PIN").ok(),
    }))
}

/// A person sees what is waited for.
fn watched(setup: Setup) -> Setup {
    let carrier = Arc::clone(&setup.carrier);
    let watched = move |url: &ServerUrl| -> Box<dyn Net> {
        Box::new(Watched { net: carrier(url), server: url.to_string() })
    };
    Setup { carrier: Arc::new(watched), ..setup }
}

/// Files, clock and random of this machine.
#[must_use]
pub fn env(context: &Context) -> Env {
    let fs = RealFs::with_crash(context.crash());
    Env { fs: Arc::new(fs), clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
}

/// What is said about the server: by a product string, else by `--server` and `--root`.
///
/// # Errors
/// When an address is none, or is not protected on the way.
pub fn wanted(
    context: &Context,
    licensed: Option<&Licensed>,
    root: Option<Digest>,
) -> Result<Wanted, Failure> {
    if let Some(Licensed::Product(product)) = licensed {
        protected(product.url.clone())?;
        return Ok(product.into());
    }
    Ok(Wanted { url: context.named_server()?, root })
}

/// Personal data go there: plain http is only for this machine, as with `--server`.
pub(super) fn protected(url: ServerUrl) -> Result<ServerUrl, Failure> {
    server_url::protected(url).map_err(|wrong| {
        Failure::usage(wrong.to_string())
            .with_remedy("ask the maker of the program for a product string with an https address")
    })
}

/// The manager at a server that is known on this device, or named in full.
///
/// # Errors
/// `not-registered` for a server that is new to this device.
pub fn manager(context: &Context, licensed: Option<&Licensed>) -> Result<Manager, Failure> {
    let setup = setup(context, None)?;
    setup.at(&wanted(context, licensed, None)?).map_err(|error| match error {
        ManagerError::Untried { url, .. } => Failure::from(ManagerError::NotRegistered(url.clone()))
            .with_remedy(format!("run `carnet register --server {url}`")),
        error => error.into(),
    })
}

/// The manager at a server that may be new: on a terminal its root hash is shown and confirmed.
///
/// # Errors
/// `untried-server` when nobody vouches for it.
pub fn manager_of_new(
    context: &Context,
    licensed: Option<&Licensed>,
    trust: &Trust,
) -> Result<Manager, Failure> {
    let setup = setup(context, None)?;
    match setup.at(&wanted(context, licensed, trust.root)?) {
        Err(ManagerError::Untried { url, root }) => {
            vouched(context, &url, root, trust)?;
            Ok(setup.at(&Wanted { url: Some(url), root: Some(root) })?)
        }
        manager => Ok(manager?),
    }
}

fn vouched(context: &Context, url: &ServerUrl, root: Digest, trust: &Trust) -> Result<(), Failure> {
    if trust.trust_on_first_use {
        return Ok(());
    }
    let untried = || {
        let remedy = format!(
            "ask its operator for the root hash, then say --root HASH; --trust-on-first-use believes {root}, whoever that is"
        );
        Failure::new(Exit::Usage, "untried-server", format!("the server at {url} is new to this device"))
            .with_remedy(remedy)
    };
    if !context.output.can_ask() {
        return Err(untried());
    }
    context.output.note(&format!(
        "The server at {url} is new to this device. Its root hash is\n\n  {BOLD}{root}{BOLD:#}\n\nCompare it with what the operator of the server says."
    ));
    if ask::yes("Is it the same?")? { Ok(()) } else { Err(untried()) }
}
