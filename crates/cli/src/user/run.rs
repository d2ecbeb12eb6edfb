//! `carnet run`: any program under its pass (A8–A13).
//!
//! The run is approved, and its use counted, before the program starts. While it runs its time is counted; when
//! the run is disapproved (used up, moved away, revoked), the program is asked to end, and ended after some
//! seconds. Where a person is at a terminal, what is missing for the first start is asked for: registration,
//! and an offer from the menu. The run ends with the program itself: what it leaves behind in the background
//! is not counted.
//!
//! With `--json` stdout still belongs to the program; what there is to say is one JSON object a line on stderr.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use carnet_controller::{Controller, Disapproved, LAUNCHED_BY};
use carnet_core::app::{OfferName, Version};
use carnet_manager::{Manager, ManagerError};
use clap::Args;

use self::child::{Child, Event, code};
use crate::context::Context;
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::text::clean;
use crate::user::agree::{self, Wish};
use crate::user::which::{self, Licensed, Trust};
use crate::user::{register, seats};

mod child;
mod program;
mod told;

/// Run a program under its pass.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Run {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
    /// Where there is no license with anything left: agree to this offer
    #[arg(long, value_name = "OFFER")]
    offer: Option<OfferName>,
    /// Agree to all conditions of OFFER, without being shown them
    #[arg(long, requires = "offer")]
    yes: bool,
    /// The version of the program, where licenses cover some versions only
    #[arg(long, value_name = "VERSION")]
    program_version: Option<Version>,
    /// How long the program may take to end after the run was disapproved
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=3_600))]
    grace_seconds: u64,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

const AFTER_HELP: &str = "\
The program's own exit code is passed on; 128 and the number of the signal when one has ended it. When the run \
is disapproved, before or while the program runs, the exit code is 4. The program finds the names of the \
features that it may use in CARNET_FEATURES. A program with a license controller of its own joins this run: it does \
not count a second use.";

/// The names of the features of the pass, for the program.
const FEATURES: &str = "CARNET_FEATURES";
/// The home, also where it was named with `--home`: a program with a controller of its own finds the same passbook.
const HOME: &str = "CARNET_HOME";
/// Not for a program of somebody else: the supplier's token, and what tests set.
const PRIVATE: [&str; 2] = ["CARNET_TOKEN", "CARNET_CRASH_POINT"];

impl Run {
    /// Runs the program.
    ///
    /// # Errors
    /// Why it did not start.
    pub fn run(&self, context: &Context) -> Result<Ended, Failure> {
        let Some((name, arguments)) = self.program.split_first() else {
            return Err(Failure::usage("no program is named").with_remedy("name it behind `--`"));
        };
        let program = program::find(context, name)?;
        let manager = if context.output.can_ask() {
            which::manager_of_new(context, Some(&self.licensed), &Trust::default())?
        } else {
            which::manager(context, Some(&self.licensed))?
        };
        let run = self.approved(context, &manager)?;
        told::approved(context, self.licensed.app(), &run);
        let mut command = Command::new(program);
        command.args(arguments).env(FEATURES, features(&run)).env(HOME, manager.home());
        command.env(LAUNCHED_BY, run.id().to_string());
        for name in PRIVATE {
            command.env_remove(name);
        }
        let child = Child::start(&mut command).map_err(|error| program::not_started(name, &error))?;
        self.look_after(context, &run, child)
    }

    /// Until the program has ended, or had to.
    fn look_after(
        &self,
        context: &Context,
        run: &carnet_controller::Run,
        mut child: Child<Disapproved>,
    ) -> Result<Ended, Failure> {
        let sender = child.sender();
        run.on_disapproved(move |why| {
            // Nobody listens any more: then the program has ended.
            let _ = sender.send(Event::Disapproved(why.clone()));
        });
        let Some(why) = child.watch() else {
            return child.ended().map(|status| Ended::Program(code(status))).map_err(|error| lost(&error));
        };
        let name = self.program.first().map(|name| name.display().to_string()).unwrap_or_default();
        told::disapproved(context, &name, self.grace_seconds, &why);
        child.stop(Duration::from_secs(self.grace_seconds)).map_err(|error| lost(&error))?;
        Ok(Exit::NotLicensed.into())
    }

    /// An approved run; what is missing for it is asked for where somebody can be asked (A8, A13).
    fn approved(&self, context: &Context, manager: &Manager) -> Result<carnet_controller::Run, Failure> {
        let controller = self.controller(context, manager)?;
        let (mut registered, mut agreed, mut renewed) = (false, false, false);
        loop {
            let waiting = context.waiting_for(&manager.server().url);
            let started = controller.start();
            drop(waiting);
            let why = match started {
                Ok(run) => return Ok(run),
                Err(why) => why,
            };
            if why.code == "not-registered" && !registered && context.output.can_ask() {
                register::at_terminal(context, manager)?;
                registered = true;
            } else if why.code == "pin-needed" && !renewed && self.may_type_pin(context) {
                // A refusal comes once more from the start itself, with the menu where that helps.
                match manager.renew(self.licensed.app()) {
                    Ok(_) | Err(ManagerError::Refused { .. }) => renewed = true,
                    Err(error) => return Err(error.into()),
                }
            } else if !why.menu.is_empty() && !agreed && self.may_agree(context) {
                self.agree(context, manager, &why)?;
                agreed = true;
            } else {
                return Err(self.refused(manager, &why));
            }
        }
    }

    fn controller(&self, context: &Context, manager: &Manager) -> Result<Controller, Failure> {
        let product = manager.product(self.licensed.app()).to_string();
        let builder = Controller::builder(&product)
            .home(manager.home())
            .env(which::env(context))
            .machine(std::sync::Arc::new(context.machine()));
        let builder = builder.start_wait(context.time_limit());
        let builder = match self.program_version {
            Some(version) => builder.version(version),
            None => builder,
        };
        builder.open().map_err(|why| self.refused(manager, &why))
    }

    fn may_type_pin(&self, context: &Context) -> bool {
        context.pin_file().is_some() || context.output.can_ask()
    }

    fn may_agree(&self, context: &Context) -> bool {
        self.yes || context.output.can_ask()
    }

    /// The menu, and the agreement to one of its offers.
    fn agree(&self, context: &Context, manager: &Manager, why: &Disapproved) -> Result<(), Failure> {
        let app = self.licensed.app();
        context.output.note(&format!("{app}: {}.", clean(&why.message)));
        let wish = Wish { offer: self.offer.as_ref(), yes: self.yes, again: false };
        let not_licensed = |failure: Failure| match failure.code.as_str() {
            "declined" => Failure { exit: Exit::NotLicensed, ..failure },
            _ => failure,
        };
        match agree::carry_out(context, manager, app, &wish).map_err(not_licensed)? {
            Some(_) => Ok(()),
            None => {
                Err(Failure::new(Exit::NotLicensed, "declined", format!("the menu of {app} was declined"))
                    .with_remedy("start again to see it once more"))
            }
        }
    }

    fn refused(&self, manager: &Manager, why: &Disapproved) -> Failure {
        let app = self.licensed.app();
        let remedy = match why.code {
            "not-registered" => {
                format!(
                    "run `carnet register --product '{}' --name NAME --email ADDRESS`",
                    manager.product(app)
                )
            }
            _ if !why.menu.is_empty() => {
                format!("see `carnet menu {app}`, then run `carnet agree {app} OFFER`")
            }
            _ => why.remedy.clone(),
        };
        let failure = Failure::new(exit_of(why.code), why.code, why.message.clone()).with_remedy(remedy);
        seats::explained(failure, manager, app)
    }
}

fn features(run: &carnet_controller::Run) -> String {
    run.features().keys().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Something before the pass is in the way, or the pass itself.
fn exit_of(code: &str) -> Exit {
    match code {
        "not-registered" => Exit::NotRegistered,
        "server-unreachable" => Exit::Unreachable,
        "another-device" | "passbook-unusable" | "passbook-read-only" | "disk-full" => Exit::PassbookUnusable,
        "no-home" | "bad-product" => Exit::Usage,
        _ => Exit::NotLicensed,
    }
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failure, "program-lost", format!("how the program has ended is not known: {error}"))
        .with_remedy("look whether it still runs")
}
