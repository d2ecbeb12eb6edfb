//! `carnet pin`: what is typed by hand before ids leave the device (A21).

use std::path::PathBuf;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::secret;
use crate::user::{ask, which};

/// Set or remove the passbook's PIN.
#[derive(Debug, Subcommand)]
pub enum Pin {
    /// Ask for a PIN from now on before this device says anything to the server
    Set {
        /// A file with the new PIN; `-` is standard input [without it a terminal asks]
        #[arg(long, value_name = "FILE")]
        new_pin_file: Option<PathBuf>,
    },
    /// Ask for no PIN any more
    Remove,
}

impl Pin {
    /// Runs the command.
    ///
    /// # Errors
    /// `bad-pin`, `wrong-pin`, or that nobody can be asked.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let manager = which::manager(context, None)?;
        match self {
            Self::Set { new_pin_file } => {
                let new = new_pin(context, new_pin_file.as_deref())?;
                manager.set_pin(new.trim_end_matches(['\r', '\n']))?;
                let words = "The PIN is set. Programs run by a good pass without it; the next pass is fetched with `carnet renew`.\n";
                context.output.result(&serde_json::json!({ "outcome": "set" }), || words.to_owned())
            }
            Self::Remove => {
                manager.remove_pin()?;
                let shown = serde_json::json!({ "outcome": "removed" });
                context.output.result(&shown, || "The passbook has no PIN any more.\n".to_owned())
            }
        }
    }
}

fn new_pin(context: &Context, path: Option<&std::path::Path>) -> Result<zeroize::Zeroizing<String>, Failure> {
    if let Some(path) = path {
        return secret::in_file(context.output, path, "The new PIN", |why| {
            Failure::usage(format!("there is no new PIN: {why}"))
                .with_remedy("name a file that holds it, or run it at a terminal")
        });
    }
    if !context.output.can_ask() {
        return Err(Failure::new(Exit::Usage, "needs-answer", "nobody can be asked for the new PIN here")
            .with_remedy("give it with --new-pin-file"));
    }
    let (once, again) = (ask::secret("The new PIN")?, ask::secret("Once more")?);
    if *once == *again {
        Ok(once)
    } else {
        Err(Failure::usage("the two are not the same").with_remedy("type it again"))
    }
}
