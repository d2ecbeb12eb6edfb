//! Commands for those who use software: register, choose from a menu, run.
//!
//! Each of them may be interrupted at any moment: what was asked of a server stands in the passbook, and the
//! next command carries it on.

use clap::Subcommand;

use crate::context::Context;
use crate::exit::{Ended, Exit};
use crate::failure::Failure;

pub mod agent;
pub mod agree;
pub mod ask;
pub mod catalog;
pub mod code;
pub mod consent;
pub mod decline;
pub mod devices;
pub mod erase;
pub mod failure;
pub mod from_shop;
pub mod giving;
pub mod install;
pub mod menu;
pub mod moves;
pub mod order;
pub mod passes;
pub mod pin;
pub mod redeem;
pub mod register;
pub mod relay;
pub mod renew;
pub mod repair;
pub mod report;
pub mod run;
pub mod seats;
pub mod status;
pub mod sync;
pub mod transfer;
pub mod usage;
pub mod which;

/// Commands of a user.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Register with a licensing server, once for each server
    Register(register::Register),
    /// Show what an app is offered for
    Menu(menu::Menu),
    /// Agree to an offer and get the first pass
    Agree(agree::Agree),
    /// Show what is on sale
    Catalog(catalog::Catalog),
    /// Order software for this device
    Order(order::Order),
    /// Install a program
    Install(install::Install),
    /// Install the newest version of a program that is installed
    Upgrade(install::Upgrade),
    /// Remove a program that was installed; its license stays
    Uninstall(install::Uninstall),
    /// Decline what is offered for an app
    Decline(decline::Decline),
    /// Report what was used and get the next pass now, as before going offline
    Renew(renew::Renew),
    /// Borrow a floating seat, for work without a network
    Borrow(seats::Borrow),
    /// Take up an offer that was paid for elsewhere
    Redeem(redeem::Redeem),
    /// Take passes to another device, on a medium or as a QR picture
    Export(moves::export::Export),
    /// Bring passes in that another device has exported
    Import(moves::import::Import),
    /// Take a move back whose medium is lost
    CancelMove(moves::cancel::CancelMove),
    /// Give back what a pass still has
    Return(giving::Return),
    /// Give all passes back and retire this device
    Leave(giving::Leave),
    /// Hand in a request of a device without a network, and write the answer
    Relay(relay::Relay),
    /// Show the user's devices, let others join, free lost ones
    Devices(devices::Devices),
    /// Transfer apps from one of the user's devices to another
    Transfer(transfer::Transfer),
    /// Do what transfers ask of this device: get what comes here, give back and remove what has gone
    Sync(sync::Sync),
    /// Do again and again what `carnet sync` does, until it is told to stop
    Agent(agent::Agent),
    /// Set or remove the passbook's PIN
    #[command(subcommand)]
    Pin(pin::Pin),
    /// Show all passes on this device
    Passes(passes::Passes),
    /// Show how things stand with a server, and carry on what waits for it
    Status(status::Status),
    /// Show what is recorded of the use of an app, and for whom
    Usage(usage::Usage),
    /// Make a usage report that only the supplier can read
    Report(report::Report),
    /// Erase an app at the end of its contract, with a certificate for the supplier
    Erase(erase::Erase),
    /// Run a program under its pass
    Run(run::Run),
}

impl User {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context) -> Result<Ended, Failure> {
        if !context.needs_no_network()? {
            return self.dispatch(context);
        }
        if matches!(self, Self::Run(_) | Self::Relay(_) | Self::Sync(_) | Self::Agent(_)) {
            return Err(Failure::usage("this command does not go by --request-to and --answer")
                .with_remedy("renew the pass by hand, with `carnet renew APP --request-to FILE`"));
        }
        let done = self.dispatch(context);
        match context.hands() {
            Some(hands) => hands.finish(context.output, done),
            None => done,
        }
    }

    fn dispatch(&self, context: &Context) -> Result<Ended, Failure> {
        match self {
            Self::Register(command) => command.run(context),
            Self::Menu(command) => command.run(context),
            Self::Agree(command) => command.run(context),
            Self::Catalog(command) => command.run(context),
            Self::Order(command) => command.run(context),
            Self::Install(command) => command.run(context),
            Self::Upgrade(command) => command.run(context),
            Self::Uninstall(command) => command.run(context),
            Self::Decline(command) => command.run(context),
            Self::Renew(command) => command.run(context),
            Self::Borrow(command) => command.run(context),
            Self::Redeem(command) => command.run(context),
            Self::Export(command) => return command.run(context),
            Self::Import(command) => return command.run(context),
            Self::CancelMove(command) => command.run(context),
            Self::Return(command) => command.run(context),
            Self::Leave(command) => command.run(context),
            Self::Relay(command) => command.run(context),
            Self::Devices(command) => command.run(context),
            Self::Transfer(command) => return command.run(context),
            Self::Sync(command) => return command.run(context),
            Self::Agent(command) => return command.run(context),
            Self::Pin(command) => command.run(context),
            Self::Passes(command) => command.run(context),
            Self::Status(command) => command.run(context),
            Self::Usage(command) => command.run(context),
            Self::Report(command) => command.run(context),
            Self::Erase(command) => command.run(context),
            Self::Run(command) => return command.run(context),
        }?;
        Ok(Exit::Ok.into())
    }
}
