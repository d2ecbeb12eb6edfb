//! `carnet export`: passes leave this device (A14, A15).

use std::path::PathBuf;
use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_device::Medium;
use carnet_device::medium::Folder;
use carnet_manager::Manager;
use carnet_manager::moves as manager;
use carnet_seam::Fs;
use clap::Args;
use serde::Serialize;

use super::report::{Trouble, exit, gone, stayed};
use crate::context::Context;
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::YELLOW;
use crate::pictures::{Drawn, is_picture};
use crate::text::clean;
use crate::user::which::{self, Licensed};

/// Take passes to another device, on a medium or as a QR picture.
#[derive(Debug, Args)]
#[command(
    after_help = "Each app is judged apart: what may go goes, the others come back with the reason.\nOn the other device: carnet import --from FOLDER"
)]
pub struct Export {
    /// The app ids, or the product strings of the programs
    #[arg(value_name = "APP", required_unless_present = "again")]
    apps: Vec<Licensed>,
    /// A folder on a USB stick, a network share, or one that the other device shares
    #[arg(long, value_name = "FOLDER", required_unless_present = "qr", conflicts_with = "qr")]
    to: Option<PathBuf>,
    /// Draw a QR picture into this PNG file instead; several are numbered
    #[arg(long, value_name = "FILE.png")]
    qr: Option<PathBuf>,
    /// Write once more what is on its way from this device: of these apps, or all
    #[arg(long)]
    again: bool,
}

/// Where the passes go.
#[derive(Debug)]
enum Target {
    Folder(Folder),
    Pictures(Drawn),
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    medium: &'a str,
    written: bool,
    /// The pictures.
    files: Vec<PathBuf>,
    apps: &'a [manager::Moved],
    problem: Option<Trouble>,
}

impl Export {
    /// Exports, and tells what has come of each app.
    ///
    /// # Errors
    /// When nothing was done: the server cannot be reached, the medium cannot be written.
    pub fn run(&self, context: &Context) -> Result<Ended, Failure> {
        let manager = self.manager(context)?;
        let target = self.target(&which::env(context).fs)?;
        if context.hands().is_some() && !self.again {
            context
                .output
                .note("Without a network: the pass leaves this device now, before the server is asked.");
        }
        let apps: Vec<AppId> = self.apps.iter().map(|licensed| licensed.app().clone()).collect();
        let export = if self.again {
            manager.export_again(&apps, target.medium())?
        } else {
            manager.export(&apps, target.medium())?
        };
        let problem = export.unwritten.as_ref();
        let shown = Shown {
            medium: &export.medium,
            written: problem.is_none() && export.apps.iter().any(|moved| moved.why.is_none()),
            files: target.files(),
            apps: &export.apps,
            problem: problem.map(Into::into),
        };
        context.output.result(&shown, || in_words(&shown) + &target.on_screen())?;
        Ok(if problem.is_some() { Exit::Medium } else { exit(&export.apps) }.into())
    }

    /// All apps must be those of one server: one passbook is written at a time.
    fn manager(&self, context: &Context) -> Result<Manager, Failure> {
        let manager = which::manager(context, self.apps.first())?;
        one_server(&manager, &self.apps)?;
        Ok(manager)
    }

    fn target(&self, fs: &Arc<dyn Fs>) -> Result<Target, Failure> {
        match (&self.to, &self.qr) {
            (Some(folder), _) => Ok(Target::Folder(Folder::open(fs.clone(), folder)?)),
            (None, Some(file)) if is_picture(file) => Ok(Target::Pictures(Drawn::new(fs.clone(), file))),
            _ => {
                Err(Failure::usage("a QR picture is written as PNG")
                    .with_remedy("name a file that ends in .png"))
            }
        }
    }
}

/// Refuses apps of another server than this one.
pub(super) fn one_server(manager: &Manager, apps: &[Licensed]) -> Result<(), Failure> {
    let elsewhere = apps.iter().find(|licensed| match licensed {
        Licensed::App(_) => false,
        Licensed::Product(product) => product.root != manager.server().pin.root,
    });
    elsewhere.map_or(Ok(()), |other| {
        Err(Failure::usage(format!("{} is licensed by another server", other.app()))
            .with_remedy("name the apps of each server in a command of its own"))
    })
}

impl Target {
    fn medium(&self) -> &dyn Medium {
        match self {
            Self::Folder(folder) => folder,
            Self::Pictures(drawn) => drawn,
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Folder(_) => Vec::new(),
            Self::Pictures(drawn) => drawn.files(),
        }
    }

    fn on_screen(&self) -> String {
        match self {
            Self::Folder(_) => String::new(),
            Self::Pictures(drawn) => drawn.on_screen().unwrap_or_default(),
        }
    }
}

fn in_words(shown: &Shown<'_>) -> String {
    let table = gone(shown.apps);
    let medium = clean(shown.medium);
    let mut text = match &shown.problem {
        Some(problem) => format!(
            "{YELLOW}Not written{YELLOW:#} to {medium}: {}.\nThe passes have left this device and are kept here until they \
             are written:\n  carnet export --again --to FOLDER\n\n",
            clean(&problem.message)
        ),
        None if table.is_empty() => String::new(),
        None => format!("Written to {}.\n\n", written_to(shown, &medium)),
    };
    text += &table;
    let stayed = stayed(shown.apps, "exported");
    if !table.is_empty() && !stayed.is_empty() {
        text += "\n";
    }
    text + &stayed
}

fn written_to(shown: &Shown<'_>, medium: &str) -> String {
    match shown.files.as_slice() {
        [] => medium.to_owned(),
        files => files.iter().map(|file| clean(&file.display().to_string())).collect::<Vec<_>>().join(", "),
    }
}
