//! Commands for those who sell software: `carnet supplier …`.

use carnet_core::app::SupplierName;
use clap::{Args, Subcommand};

use crate::context::Context;
use crate::failure::Failure;

pub mod app;
pub mod books;
pub mod bundle;
pub mod charges;
pub mod credentials;
pub mod device;
pub mod events;
pub mod grant;
pub mod image;
pub mod image_key;
pub mod license;
pub mod licenses;
pub mod list;
pub mod menu;
pub mod open;
pub mod open_act;
pub mod open_words;
pub mod register;
pub mod report_key;
pub mod reports;
pub mod request;
pub mod token;

/// `carnet supplier`.
#[derive(Debug, Args)]
pub struct Supplier {
    /// Which supplier, where tokens of several are kept here
    #[arg(long = "supplier", global = true, value_name = "NAME")]
    name: Option<SupplierName>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Join a server with the set-up code from its operator
    Register(register::Register),
    /// Name what is licensed
    #[command(subcommand)]
    App(app::App),
    /// Read and change what an app is offered for
    #[command(subcommand)]
    Menu(menu::Menu),
    /// List licenses
    Licenses(licenses::Licenses),
    /// Look at one license, suspend, reinstate, revoke or end it
    #[command(subcommand)]
    License(license::License),
    /// List what is due, and what has become of it
    Charges(charges::Charges),
    /// Say what has become of a charge
    #[command(subcommand)]
    Charge(charges::Charge),
    /// Make redeem codes for an offer that was paid for elsewhere
    Grant(grant::Grant),
    /// Look after redeem codes
    #[command(subcommand)]
    Codes(grant::Codes),
    /// Look after devices that hold licenses
    #[command(subcommand)]
    Device(device::Device),
    /// Build, check and publish installation images
    #[command(subcommand)]
    Image(image::Image),
    /// Look after the key that signs installation images
    #[command(subcommand)]
    ImageKey(image_key::Command),
    /// Look after tokens for shops, payment services and other programs
    #[command(subcommand)]
    Token(token::Token),
    /// Make, change and carry the keys that usage reports are sealed to
    #[command(subcommand)]
    ReportKey(report_key::ReportKey),
    /// Ask for usage reports on licenses, through the server or in a file
    RequestReport(request::RequestReport),
    /// Ask for the erasure of an app, through the server or in a file
    RequestErasure(request::RequestErasure),
    /// List what was asked for, and what has become of it
    Requests(reports::Requests),
    /// List the usage reports and erasure certificates that have come to the server
    Reports(reports::Reports),
    /// List what reports and certificates were judged to be
    Verdicts(reports::Verdicts),
    /// Open usage reports and erasure certificates, and judge them
    Open(open::Open),
    /// What happened, newest first
    Events(events::Events),
}

impl Supplier {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let name = self.name.as_ref();
        match &self.command {
            Command::Register(command) => command.run(context),
            Command::App(command) => command.run(context, name),
            Command::Menu(command) => command.run(context, name),
            Command::Licenses(command) => command.run(context, name),
            Command::License(command) => command.run(context, name),
            Command::Charges(command) => command.run(context, name),
            Command::Charge(command) => command.run(context, name),
            Command::Grant(command) => command.run(context, name),
            Command::Codes(command) => command.run(context, name),
            Command::Device(command) => command.run(context, name),
            Command::Image(command) => command.run(context, name),
            Command::ImageKey(command) => command.run(context, name),
            Command::Token(command) => command.run(context, name),
            Command::ReportKey(command) => command.run(context, name),
            Command::RequestReport(command) => command.run(context, name),
            Command::RequestErasure(command) => command.run(context, name),
            Command::Requests(command) => command.run(context, name),
            Command::Reports(command) => command.run(context, name),
            Command::Verdicts(command) => command.run(context, name),
            Command::Open(command) => command.run(context, name),
            Command::Events(command) => command.run(context, name),
        }
    }
}
