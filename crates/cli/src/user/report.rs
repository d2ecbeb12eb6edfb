//! `carnet report`: the usage report that a supplier asks for (C2, C5).

use std::path::{Path, PathBuf};

use carnet_core::app::AppId;
use carnet_core::report::{Integrity, ReportRequest, Wanted};
use carnet_image::{Front, Trust, integrity};
use carnet_manager::Manager;
use carnet_seal::armor::{self, Carried};
use carnet_seam::fs::Access;
use carnet_seam::{Fs, RealFs};
use clap::Args;

use crate::codes;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::text::clean;
use crate::user::which::{self, Licensed};

/// Make a usage report that only the supplier can read.
#[derive(Debug, Args)]
pub struct Report {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
    #[command(flatten)]
    carried: CarriedBy,
    /// The folder that the program is installed in: its files are held against --image
    #[arg(long, value_name = "FOLDER", requires = "image")]
    program: Option<PathBuf>,
    /// The installation image of that version, or the beginning of it that an installation keeps
    #[arg(long, value_name = "FILE", requires = "program")]
    image: Option<PathBuf>,
}

/// How requests come and codes go.
#[derive(Debug, Args)]
pub struct CarriedBy {
    /// The supplier's request that is answered: a file, a text or pictures
    #[arg(long, value_name = "FILE", num_args = 1..)]
    request: Vec<PathBuf>,
    /// Where to write it: `.txt` is text, `.png` pictures, anything else a file [default: hand it in at the server, or
    /// print it as text where the server is away]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Print it as text, whether the server can be reached or not
    #[arg(long, conflicts_with = "to")]
    print: bool,
}

/// A code, and what it is about.
pub struct Made<'a> {
    /// About which app.
    pub app: &'a AppId,
    /// What kind of code.
    pub wanted: Wanted,
    /// The request that it answers.
    pub request: Option<&'a ReportRequest>,
    /// The code.
    pub code: &'a [u8],
}

impl CarriedBy {
    /// The request that is answered, checked: the one in the files, else the first one that waits.
    ///
    /// # Errors
    /// `other-request` when it is none, or for somebody else.
    pub fn request(
        &self,
        context: &Context,
        manager: &Manager,
        app: &AppId,
        wanted: Wanted,
    ) -> Result<Option<ReportRequest>, Failure> {
        if self.request.is_empty() {
            return Ok(manager.waiting_request(app, wanted)?);
        }
        let found = codes::read(&which::env(context).fs, &self.request)?;
        let [document] = found.as_slice() else {
            return Err(Failure::usage("these files carry several requests")
                .with_remedy("answer one after the other"));
        };
        Ok(Some(manager.check_request(app, wanted, document)?))
    }

    /// Hands the code out; `done` is what is said before it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn hand_out(
        &self,
        context: &Context,
        manager: &Manager,
        made: &Made<'_>,
        mut shown: serde_json::Value,
        done: &str,
    ) -> Result<(), Failure> {
        let carried = match made.wanted {
            Wanted::Usage => Carried::Report,
            Wanted::Erasure => Carried::Certificate,
        };
        shown["handed_in"] = false.into();
        if let Some(path) = &self.to {
            let files = codes::write(&which::env(context).fs, path, carried, made.code)?;
            shown["files"] = serde_json::json!(files);
            return context.output.result(&shown, || format!("{done}{}", written(carried, &files)));
        }
        if !self.print {
            let waiting = context.waiting_for(&manager.server().url);
            let handed_in = manager.hand_in(made.app, made.wanted, made.request, made.code);
            drop(waiting);
            match handed_in {
                Ok(()) => {
                    shown["handed_in"] = true.into();
                    let words = || format!("{done}{}", handed(carried, manager.server().url.as_str()));
                    return context.output.result(&shown, words);
                }
                Err(why) => context.output.note(&format!(
                    "It was not handed in at the server ({why}): send this text to the supplier instead."
                )),
            }
        }
        if made.code.len() > LARGEST_ON_SCREEN {
            let what = format!("{carried} has {} KiB: too much for a screen", made.code.len() >> 10);
            return Err(
                Failure::new(Exit::Usage, "too-large", what).with_remedy("write it to a file with --to FILE")
            );
        }
        let text = armor::write(carried, made.code);
        shown["code"] = text.clone().into();
        context.output.result(&shown, || format!("{done}{text}"))
    }
}

/// Nobody copies more from a screen.
const LARGEST_ON_SCREEN: usize = 64 << 10;

fn handed(carried: Carried, server: &str) -> String {
    format!(
        "{} is handed in at {server} for the supplier, who alone can read it.\n",
        capital(&carried.to_string())
    )
}

fn written(carried: Carried, files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().map(|file| clean(&Path::display(file).to_string())).collect();
    format!("{} is in {}.\nOnly the supplier can read it.\n", capital(&carried.to_string()), names.join(", "))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Report {
    /// Makes the report and hands it out.
    ///
    /// # Errors
    /// `no-report` when there is nothing to report, or nobody to report to.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let (app, manager) = (self.licensed.app(), which::manager(context, Some(&self.licensed))?);
        let request = self.carried.request(context, &manager, app, Wanted::Usage)?;
        let code = manager.usage_report(app, self.integrity(&manager)?, request.as_ref())?;
        let shown = serde_json::json!({ "app": app, "outcome": "reported", "bytes": code.len() });
        let made = Made { app, wanted: Wanted::Usage, request: request.as_ref(), code: &code };
        self.carried.hand_out(context, &manager, &made, shown, "")
    }

    /// The installed files of the features that the license grants, against what the supplier has signed.
    fn integrity(&self, manager: &Manager) -> Result<Integrity, Failure> {
        let files = RealFs::default();
        let (Some(folder), Some(image)) = (&self.program, &self.image) else {
            return Ok(manager.integrity(&files, self.licensed.app())?);
        };
        let source = files.open(image, Access::Read)?;
        let (ring, now) = manager.trust()?;
        let front = Front::open(&source, Trust::Server(&ring, now))?;
        let app = Some(self.licensed.app().clone());
        carnet_image::Wanted { app, ..carnet_image::Wanted::default() }.check(front.manifest())?;
        let granted = manager.granted_features(self.licensed.app())?;
        let listed = front.manifest().features.iter().map(|stream| stream.feature.clone());
        let features: Vec<_> = listed.filter(|feature| granted.contains(feature)).collect();
        Ok(integrity::check(&front, &source, &features, &files, folder)?)
    }
}
