//! What an installation adds to a system: completions for the shell, and manual pages.

use std::path::{Path, PathBuf};

use carnet_seam::fs::create_folders;
use clap::{Args, ValueEnum};
use clap_complete::Shell as Kind;

use crate::cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Print what a shell completes commands and options with.
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell
    shell: Shell,
}

/// Shells that we try it with.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    /// Prints the script.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let kind = match self.shell {
            Shell::Bash => Kind::Bash,
            Shell::Zsh => Kind::Zsh,
            Shell::Fish => Kind::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(kind, &mut cli::command(), "carnet", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        let shown = serde_json::json!({ "shell": kind.to_string(), "script": script });
        context.output.result(&shown, || script)
    }
}

/// Write the manual pages into a folder.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder, made when it is missing, like ~/.local/share/man/man1
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    /// Writes one page for each command.
    ///
    /// # Errors
    /// `file` when a page cannot be written.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        create_folders(&*context.files, &self.folder)?;
        clap_mangen::generate_to(cli::command(), &self.folder)
            .map_err(|error| unwritten(&self.folder, &error))?;
        let pages = cli::every_command(&cli::command()).len();
        let shown = serde_json::json!({ "folder": self.folder, "pages": pages });
        let folder = self.folder.display();
        context.output.result(&shown, || {
            format!(
                "{pages} pages are in {folder}: `man carnet` finds them where that folder is in MANPATH.\n"
            )
        })
    }
}

fn unwritten(folder: &Path, error: &std::io::Error) -> Failure {
    let what = format!("the pages cannot be written to {}: {error}", folder.display());
    Failure::new(Exit::Failure, "file", what).with_remedy("choose a folder that you may write to")
}
