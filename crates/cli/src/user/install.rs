//! `carnet install`, `upgrade` and `uninstall`: programs from installation images (B5 to B8).

use std::path::{Path, PathBuf};
use std::str::FromStr;

use carnet_core::app::{AppId, Platform, Version};
use carnet_image::front::Peeked;
use carnet_image::install::Step;
use carnet_manager::install::{InstalledApp, Wish};
use carnet_manager::{Manager, ManagerError};
use carnet_seam::fs::Access;
use carnet_seam::{Fs, RealFs};
use clap::Args;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::user::which::{self, Licensed};

/// Install a program.
#[derive(Debug, Args)]
pub struct Install {
    /// The app id, the product string of the program, or an image on a medium, like FILE.cimg
    #[arg(value_name = "APP|FILE")]
    what: Named,
    /// This version [default: the newest that the license covers]
    #[arg(long, value_name = "VERSION", id = "of_version", long = "version")]
    version: Option<Version>,
    /// Below this folder [default: programs in the home folder of Carnet]
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

/// What is to be installed.
#[derive(Debug, Clone)]
enum Named {
    App(Licensed),
    File(PathBuf),
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // No app id begins so; whether the file is an image is looked at later.
        let is_path = ["/", "./", "../"].iter().any(|start| text.starts_with(start));
        if is_path || text.ends_with(".cimg") {
            Ok(Self::File(text.into()))
        } else {
            text.parse().map(Self::App)
        }
    }
}

impl Install {
    /// Installs. May be repeated: after whatever has ended it, it goes on where it was.
    ///
    /// # Errors
    /// Why it could not be done; what was installed before is then still what is used.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let (licensed, file) = match &self.what {
            Named::App(licensed) => (licensed.clone(), None),
            Named::File(path) => (Licensed::App(app_in(path)?), Some(path.as_path())),
        };
        let manager = which::manager(context, Some(&licensed))?;
        let to = self.to.as_deref().map(absolute).transpose()?;
        let below = to.as_deref();
        install(context, &manager, licensed.app(), (self.version, below, file))
    }
}

/// Install the newest version of a program that is installed.
#[derive(Debug, Args)]
pub struct Upgrade {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
}

impl Upgrade {
    /// Upgrades. Only what is not there already is fetched.
    ///
    /// # Errors
    /// `not-installed`, or why it could not be done; what was installed before is then still what is used.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let manager = which::manager(context, Some(&self.licensed))?;
        let app = self.licensed.app();
        manager.installed(&RealFs::default(), app)?;
        install(context, &manager, app, (None, None, None))
    }
}

/// Remove a program that was installed; its license stays.
#[derive(Debug, Args)]
pub struct Uninstall {
    /// The app id, or the product string of the program
    #[arg(value_name = "APP")]
    licensed: Licensed,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Uninstall {
    /// Removes it.
    ///
    /// # Errors
    /// `not-installed`, or why it could not be done; trying again goes on.
    pub fn run(&self, context: &Context) -> Result<(), Failure> {
        let manager = which::manager(context, Some(&self.licensed))?;
        let (app, tree) = (self.licensed.app(), RealFs::with_crash(context.crash()));
        let version = match manager.installed(&tree, app) {
            Ok(installed) => format!(" {}", installed.version),
            // What is damaged, or was never finished, can be removed all the same.
            Err(ManagerError::NotInstalled(_)) if manager.has_begun(app)? => String::new(),
            Err(ManagerError::Image(_)) => String::new(),
            Err(error) => return Err(error.into()),
        };
        context.output.confirm(&format!("Remove {app}{version} from this device?"), self.yes)?;
        manager.uninstall(&tree, app)?;
        let shown = serde_json::json!({ "app": app, "outcome": "uninstalled" });
        context.output.result(&shown, || format!("{app} is removed; its license and its pass stay.\n"))
    }
}

fn install(
    context: &Context,
    manager: &Manager,
    app: &AppId,
    (version, below, file): (Option<Version>, Option<&Path>, Option<&Path>),
) -> Result<(), Failure> {
    let tree = RealFs::with_crash(context.crash());
    let platform = here()?;
    let wish = Wish { app, version, platform: &platform, tree: &tree, below, file };
    let mut meter = Meter::new(context.output, format!("installing {app}"));
    let done = manager.install(&wish, &mut |step| match step {
        Step::Fetching(done, total) => meter.at(done, total),
        Step::Extracting(_) => {}
    });
    drop(meter);
    let done = done?;
    context.output.result(&done, || in_words(&done))
}

fn in_words(done: &InstalledApp) -> String {
    let InstalledApp { app, version, features, folder, already, .. } = done;
    let what = if *already { "is installed already" } else { "is installed" };
    let features: Vec<_> = features.iter().map(ToString::to_string).collect();
    format!(
        "{app} {version} {what}.\n\n  Features  {}\n  Folder    {}\n",
        features.join(", "),
        folder.display()
    )
}

/// The app that an image on a medium says that it is of; whether that is true is checked later.
fn app_in(path: &Path) -> Result<AppId, Failure> {
    let file = RealFs::default().open(path, Access::Read)?;
    Ok(Peeked::at(&file)?.app)
}

/// Where something lies must not depend on where the next command is run.
///
/// # Errors
/// When the path is none.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        Failure::new(Exit::Usage, "usage", format!("{} is no folder: {error}", path.display()))
            .with_remedy("name a folder that can be made")
    })
}

/// The kind of this machine.
///
/// # Errors
/// When it has no name.
pub fn here() -> Result<Platform, Failure> {
    let text = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    text.parse().map_err(|_| {
        Failure::usage("this kind of machine has no name")
            .with_remedy("use a machine of a kind that has images")
    })
}
