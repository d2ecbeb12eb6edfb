//! `carnet register`: the fixed passbook (A6).

use std::path::PathBuf;

use carnet_core::document::{Evidence, Person};
use carnet_core::id::{DeviceId, Digest, ServerId, UserId};
use carnet_manager::person::{self, Details, PersonProblem};
use carnet_manager::register::{Identity, Newcomer, Registered, Who};
use carnet_manager::{Manager, ManagerError};
use carnet_seal::code::CodeKind;
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::BOLD;
use crate::user::ask;
use crate::user::code::CodeArgument;
use crate::user::devices::recovery_in_words;
use crate::user::from_shop;
use crate::user::which::{self, Licensed, Trust};

/// Register with a licensing server, once for each server.
#[derive(Args)]
pub struct Register {
    /// The product string of a program: it names the server and its root hash
    #[arg(long, value_name = "PRODUCT")]
    product: Option<Licensed>,
    /// How a new server comes to be trusted.
    #[command(flatten)]
    trust: Trust,
    /// A code that lets this device join a user who is registered already: a join code, the recovery code, an
    /// enrolment code; `-` reads it from standard input
    #[arg(long, value_name = "CODE", conflicts_with_all = ["name", "email", "address", "telephone", "payment_reference"])]
    code: Option<CodeArgument>,
    /// What a shop has handed over for this device
    #[arg(long, value_name = "FILE", conflicts_with_all = ["product", "root", "trust_on_first_use", "code", "name", "email", "address", "telephone", "payment_reference", "device_name", "device_maker"])]
    from_shop: Option<PathBuf>,
    /// Your name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Your e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Your postal address, where a supplier asks for it
    #[arg(long, value_name = "TEXT")]
    address: Option<String>,
    /// Your telephone number, where a supplier asks for it
    #[arg(long, value_name = "NUMBER")]
    telephone: Option<String>,
    /// A reference to how you pay, as the supplier told you; never a card number
    #[arg(long, value_name = "REFERENCE")]
    payment_reference: Option<String>,
    /// What you call this device [default: its host name]
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,
    /// Who made this device
    #[arg(long, value_name = "NAME")]
    device_maker: Option<String>,
    /// What this device is known by: `machine`, `tpm` where the machine has a TPM 2.0 to keep the keys in, or
    /// `file:PATH` in containers and for a second device on one machine [default: machine] [env: CARNET_IDENTITY]
    #[arg(long, value_name = "WHAT", value_parser = identity)]
    identity: Option<Identity>,
}

/// Personal values stay out of logs (I19).
impl std::fmt::Debug for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Register(…)")
    }
}

/// What a device is known by, as it is written on the command line.
pub(super) fn identity(text: &str) -> Result<Identity, String> {
    match text.split_once(':') {
        None if text == "machine" => Ok(Identity::Machine),
        None if text == "tpm" => Ok(Identity::Tpm),
        // The passbook remembers the path; it must mean the same from any folder.
        Some(("file", path)) if !path.is_empty() => {
            std::path::absolute(PathBuf::from(path)).map(Identity::File).map_err(|error| error.to_string())
        }
        _ => Err("write `machine`, `tpm`, or `file:PATH`".to_owned()),
    }
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown {
    registered: bool,
    already: bool,
    server: String,
    server_id: ServerId,
    root: Digest,
    user: UserId,
    device: DeviceId,
    identity: Evidence,
    home: PathBuf,
    /// Shown once.
    recovery_code: Option<String>,
    /// What was paid for in the shop.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redeem: Vec<String>,
}

impl Register {
    /// Registers, or says that this was done before.
    ///
    /// # Errors
    /// Why it could not be done. A registration that got no answer is carried on by the next command.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        if let Some(file) = &self.from_shop {
            return from_shop::run(context, file, self.identity.as_ref());
        }
        let manager = which::manager_of_new(context, self.product.as_ref(), &self.trust)?;
        let registered = match known(&manager)? {
            Some(registered) => registered,
            None => asked(context, &manager, &self.newcomer(context)?)?,
        };
        finish(context, &manager, &registered, &[])
    }

    /// From the command line, and from the person where it does not say.
    fn newcomer(&self, context: &Context) -> Result<Newcomer, Failure> {
        if let Some(code) = &self.code {
            return self.joining(context, code);
        }
        let (name, email) = match (&self.name, &self.email) {
            (Some(name), Some(email)) => (name.clone(), email.clone()),
            (name, email) if context.output.can_ask() => (
                name.clone().map_or_else(|| ask::text("Your name", |text| told(person::name(text))), Ok)?,
                email
                    .clone()
                    .map_or_else(|| ask::text("Your e-mail address", |text| told(person::email(text))), Ok)?,
            ),
            _ => {
                return Err(Failure::usage("name and e-mail address are needed to register")
                    .with_remedy("give them with --name and --email"));
            }
        };
        let (address, telephone) = (self.address.clone(), self.telephone.clone());
        let details =
            Details { name, email, address, telephone, payment_reference: self.payment_reference.clone() };
        let identity = self.identity.clone().map_or_else(|| usual_identity(context), Ok)?;
        let newcomer = newcomer(&details, self.device_name.clone(), identity)?;
        Ok(Newcomer { device_maker: self.device_maker.clone(), ..newcomer })
    }
}

impl Register {
    /// Whose user it joins, the code says.
    fn joining(&self, context: &Context, code: &CodeArgument) -> Result<Newcomer, Failure> {
        let code = code.any(context)?;
        if code.kind == CodeKind::Redeem {
            return Err(Failure::usage("this is a code to redeem an offer, and registers nobody")
                .with_remedy("register first, then run `carnet redeem CODE`"));
        }
        let identity = self.identity.clone().map_or_else(|| usual_identity(context), Ok)?;
        let device_name = self.device_name.clone().unwrap_or_else(host_name);
        let device_maker = self.device_maker.clone();
        Ok(Newcomer { who: Who::Code(code.secret), device_name, device_maker, identity })
    }
}

/// Tells what has become of it; a recovery code is shown here and never again.
///
/// # Errors
/// What the system reports.
pub(super) fn finish(
    context: &Context,
    manager: &Manager,
    registered: &Registered,
    redeem: &[String],
) -> Result<(), Failure> {
    let recovery = manager.unseen_recovery_code()?.map(|code| code.to_string());
    let shown = Shown { recovery_code: recovery, redeem: redeem.to_vec(), ..shown(manager, registered) };
    context.output.result(&shown, || in_words(&shown))?;
    if shown.recovery_code.is_some() {
        manager.recovery_code_shown()?;
    }
    Ok(())
}

/// Asks at the terminal for what is needed, and registers: in the course of a first start (A8).
///
/// # Errors
/// Why it could not be done, or that nobody wants to answer.
pub fn at_terminal(context: &Context, manager: &Manager) -> Result<Registered, Failure> {
    if let Some(registered) = known(manager)? {
        return Ok(registered);
    }
    context.output.note(&format!("To use this program, register once with {}.", manager.server().url));
    let name = ask::text("Your name", |text| told(person::name(text)))?;
    let email = ask::text("Your e-mail address", |text| told(person::email(text)))?;
    let details = Details { name, email, ..Details::default() };
    let registered = asked(context, manager, &newcomer(&details, None, usual_identity(context)?)?)?;
    if let Some(code) = manager.unseen_recovery_code()? {
        context.output.note(&recovery_in_words(&code.to_string()));
        manager.recovery_code_shown()?;
    }
    Ok(registered)
}

pub(super) fn asked(
    context: &Context,
    manager: &Manager,
    newcomer: &Newcomer,
) -> Result<Registered, Failure> {
    let _waiting = context.waiting_for(&manager.server().url);
    Ok(manager.register(newcomer)?)
}

/// What a new device is known by where the command line does not say: a container is told once, from outside.
pub(super) fn usual_identity(context: &Context) -> Result<Identity, Failure> {
    let Some(text) = context.identity() else { return Ok(Identity::Machine) };
    identity(text).map_err(|remedy| {
        Failure::usage("CARNET_IDENTITY does not say what this device is known by").with_remedy(remedy)
    })
}

/// Registered before, or just now because a registration was waiting for its answer.
pub(super) fn known(manager: &Manager) -> Result<Option<Registered>, Failure> {
    match manager.registered()? {
        Some(registered) => Ok(Some(registered)),
        None => Ok(manager.finish_registration()?),
    }
}

fn newcomer(details: &Details, device_name: Option<String>, identity: Identity) -> Result<Newcomer, Failure> {
    let person: Person = details.check().map_err(ManagerError::Person)?;
    let device_name = device_name.unwrap_or_else(host_name);
    Ok(Newcomer { who: Who::NewUser(person), device_name, device_maker: None, identity })
}

pub(super) fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if person::device_name(&name).is_none() { name } else { "this device".to_owned() }
}

fn told(problem: Option<PersonProblem>) -> Option<String> {
    problem.map(|problem| problem.to_string())
}

fn shown(manager: &Manager, registered: &Registered) -> Shown {
    let Registered { user, device, identity, already } = *registered;
    Shown {
        registered: true,
        already,
        server: manager.server().url.to_string(),
        server_id: manager.server().pin.server,
        root: manager.server().pin.root,
        user,
        device,
        identity,
        home: manager.home().to_owned(),
        recovery_code: None,
        redeem: Vec::new(),
    }
}

fn in_words(shown: &Shown) -> String {
    let Shown { already, server, user, device, home, .. } = shown;
    let recovery = shown.recovery_code.as_deref().map(|code| format!("\n{}", recovery_in_words(code)));
    let mut recovery = recovery.unwrap_or_default();
    for code in &shown.redeem {
        recovery += &format!("\nPaid for in the shop: run `carnet redeem {code}`\n");
    }
    let how = if *already { "was registered before" } else { "is registered now" };
    format!(
        "This device {how} at {server}.\n\n  User      {BOLD}{user}{BOLD:#}\n  Device    {device}\n  Passbook  {}\n{recovery}",
        home.display()
    )
}
