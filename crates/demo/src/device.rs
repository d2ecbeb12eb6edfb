//! A device of the story: a home folder, and the file that stands for the machine.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::facts::Facts;
use crate::files;
use crate::line::Line;
use crate::ran::Ran;
use crate::stage::Stage;
use crate::surprise::Surprise;

/// A device. Several of them on one machine are told apart by a file each (`--identity file:PATH`).
#[derive(Debug)]
pub struct Device<'s> {
    stage: &'s Stage,
    /// Where its passbook is.
    pub home: PathBuf,
    /// What stands for the machine.
    pub evidence: PathBuf,
}

impl<'s> Device<'s> {
    /// A new one.
    ///
    /// # Errors
    /// What the system reports.
    pub fn new(stage: &'s Stage, name: &str) -> Result<Self, Surprise> {
        let home = stage.path(name);
        files::folder(&home)?;
        let evidence = stage.path(&format!("{name}.machine"));
        Ok(Self { stage, home, evidence })
    }

    /// The same passbook in another folder.
    ///
    /// # Errors
    /// What the system reports.
    pub fn copied(&self, name: &str) -> Result<Self, Surprise> {
        let home = self.stage.path(name);
        files::copy(&self.home, &home)?;
        Ok(Self { stage: self.stage, home, evidence: self.evidence.clone() })
    }

    /// `carnet` on this device.
    #[must_use]
    pub fn carnet(&self) -> Line {
        self.here("carnet")
    }

    /// `imagetool` on this device, without `carnet`.
    #[must_use]
    pub fn imagetool(&self, product: &str) -> Line {
        self.here("imagetool").env("IMAGETOOL_PRODUCT", product)
    }

    fn here(&self, program: &str) -> Line {
        let mut identity = OsString::from("file:");
        identity.push(&self.evidence);
        self.stage.line(program).env("CARNET_HOME", &self.home).env("CARNET_IDENTITY", identity)
    }

    /// Runs `carnet` on this device, with JSON as its output.
    ///
    /// # Errors
    /// Where it cannot be run.
    pub fn ask(&self, arguments: &[&str]) -> Result<Ran, Surprise> {
        self.stage.run(&self.carnet().args(["--json", "--no-input"]).args(arguments))
    }

    /// Registers its user, without any question.
    ///
    /// # Errors
    /// Where it fails.
    pub fn register(&self, product: &str, name: &str) -> Result<Ran, Surprise> {
        let email = format!("{}@example.org", name.to_lowercase());
        let identity = format!("file:{}", self.evidence.display());
        let ran = self.ask(&[
            "register",
            "--product",
            product,
            "--name",
            name,
            "--email",
            &email,
            "--identity",
            &identity,
        ])?;
        ran.done()?.is("/registered", true)?.is("/already", false)?.is("/identity", "file")?;
        Ok(ran)
    }

    /// Agrees to an offer, without any question.
    ///
    /// # Errors
    /// Where it fails.
    pub fn agree(&self, app: &str, offer: &str) -> Result<Facts, Surprise> {
        let facts = self.ask(&["agree", app, offer, "--yes"])?.done()?;
        facts.is("/outcome", "agreed")?.is("/pass/runs", true)?;
        Ok(facts)
    }

    /// Runs a program under its pass, nobody being asked anything.
    ///
    /// # Errors
    /// Where it cannot be run.
    pub fn run(&self, app: &str, program: &[impl AsRef<OsStr>]) -> Result<Ran, Surprise> {
        self.stage.run(&self.carnet().args(["--json", "--no-input", "run", app, "--"]).args(program))
    }

    /// The pass of an app, as this device has it.
    ///
    /// # Errors
    /// Where there is not exactly one.
    pub fn pass(&self, app: &str) -> Result<Facts, Surprise> {
        self.ask(&["passes", "--offline"])?.done()?.one("/passes", "/app", app)
    }
}
