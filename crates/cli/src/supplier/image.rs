//! `carnet supplier image`: build, check and publish installation images (B5).

use carnet_core::app::SupplierName;
use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

mod build;
mod check;
mod failure;
mod key_service;
mod publish;

/// Build, check and publish installation images.
#[derive(Debug, Subcommand)]
pub enum Image {
    /// Make an image of everything in a folder
    Build(build::Build),
    /// Check an image: who signed it, and every part of it
    Check(check::Check),
    /// Send an image to the server, or say where else it can be had
    Publish(publish::Publish),
    /// List the images of an app that are published
    List(publish::List),
    /// Give an image to nobody any more; who has it keeps it
    Withdraw(publish::Withdraw),
}

impl Image {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context, name: Option<&SupplierName>) -> Result<(), Failure> {
        match self {
            Self::Build(command) => command.run(context),
            Self::Check(command) => command.run(context, name),
            Self::Publish(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Withdraw(command) => command.run(context, name),
        }
    }
}
