//! Commands at a point of sale (B1, B11).

pub mod file;
pub mod plan;
pub mod sell;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::failure::Failure;

/// Sell devices and software over the counter.
#[derive(Debug, Args)]
pub struct Shop {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register a user with the devices that they have bought, and write a file for each device
    Sell(Box<sell::Sell>),
}

impl Shop {
    /// Runs the command.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        match &self.command {
            Command::Sell(command) => command.run(context),
        }
    }
}
