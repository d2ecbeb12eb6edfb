//! What a performance needs: a folder, the programs, and an eye on every process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use carnet_seam::{Clock, SystemClock};

use crate::files::{self, Folder};
use crate::line::Line;
use crate::process::Processes;
use crate::ran::{Checks, Ran};
use crate::running::{PULSE, Running};
use crate::surprise::Surprise;
use crate::voice::Voice;

/// What whoever starts the performance decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder with the programs.
    pub programs: PathBuf,
    /// Where the system's own programs are (`PATH`).
    pub path: OsString,
    /// Leave the files.
    pub keep: bool,
    /// Show every command with its output.
    pub verbose: bool,
    /// The PostgreSQL database that the server keeps everything in; none: a file of its own.
    pub database: Option<String>,
}

impl Options {
    /// The usual ones, for a program of this workspace: the others lie beside it, or above it for a test.
    ///
    /// # Errors
    /// Where it is not known where this program is.
    pub fn beside_this_program(path: OsString) -> Result<Self, Surprise> {
        let this = std::env::current_exe().map_err(|error| Surprise::system("find this program", error))?;
        let folder = this.parent().unwrap_or(Path::new("/"));
        let programs = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
        Ok(Self { programs: programs.to_owned(), path, keep: false, verbose: false, database: None })
    }

    /// The programs that are missing.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        PROGRAMS.into_iter().filter(|name| !self.programs.join(name).is_file()).collect()
    }
}

/// The programs that play.
pub const PROGRAMS: [&str; 3] = ["carnetd", "carnet", "imagetool"];

/// A performance. Nothing of it is left when it is dropped.
#[derive(Debug)]
pub struct Stage {
    options: Options,
    // Before the folder: processes end first.
    processes: Stopping,
    folder: Folder,
    checks: Checks,
    voice: Voice,
    commands: AtomicUsize,
}

#[derive(Debug, Default)]
struct Stopping(Processes);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.stop_all();
    }
}

impl Stage {
    /// Sets one up in a fresh folder.
    ///
    /// # Errors
    /// Where a program is missing, or the folder cannot be made.
    pub fn set(options: Options) -> Result<Self, Surprise> {
        let missing = options.missing();
        if !missing.is_empty() {
            let came = format!("{} is missing: run `cargo demo`, which builds it", missing.join(", "));
            return Err(Surprise::new(format!("the programs in {}", options.programs.display()), came));
        }
        let name = format!("carnet-demo-{}-{}", std::process::id(), SystemClock.boot_micros());
        let folder = Folder::new(&name, options.keep)?;
        files::folder(&folder.path().join("commands"))?;
        let checks = Checks::default();
        let voice = Voice::new(options.verbose, checks.clone());
        let commands = AtomicUsize::new(0);
        Ok(Self { options, processes: Stopping::default(), folder, checks, voice, commands })
    }

    /// Where the files are.
    #[must_use]
    pub const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A path in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One of the programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.options.programs.join(name)
    }

    /// The address of the server's database, where it is not a file.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.options.database.as_deref()
    }

    /// A command line of one of the programs. `PATH` leads to the programs first.
    #[must_use]
    pub fn line(&self, program: &str) -> Line {
        self.clean(Line::new(self.program(program)))
    }

    /// A command line of a program of the system.
    #[must_use]
    pub fn system_line(&self, program: &str) -> Line {
        self.clean(Line::new(program))
    }

    fn clean(&self, line: Line) -> Line {
        let mut path = self.options.programs.clone().into_os_string();
        path.push(":");
        path.push(&self.options.path);
        let line = line.env("PATH", path).env("HOME", self.folder.path()).env("NO_COLOR", "1");
        line.env("TZ", "UTC").env("LANG", "C.UTF-8")
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// Where it cannot be started, or does not end in time.
    pub fn run(&self, line: &Line) -> Result<Ran, Surprise> {
        self.start(line, Stdio::null())?.end(line.limit())
    }

    /// Starts a command.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(&self, line: &Line, stdin: Stdio) -> Result<Running<'_>, Surprise> {
        let failed = |error| Surprise::system(format_args!("run {}", line.typed()), error);
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let path = |stream| self.folder.path().join("commands").join(format!("{number:03}.{stream}"));
        let stream = |path: &Path| {
            files::write(path, b"")?;
            std::fs::OpenOptions::new().append(true).open(path).map_err(failed)
        };
        let (out, err) = (path("out"), path("err"));
        let mut command = line.command();
        command.current_dir(self.folder.path()).stdin(stdin).stdout(stream(&out)?).stderr(stream(&err)?);
        let child = self.processes().start(&mut command).map_err(failed)?;
        let words = (line.typed(), line.shown(self.folder.path()));
        Ok(Running::new(self, child, words, (out, err)))
    }

    /// Asks again and again until there is an answer; none when `limit` is over.
    ///
    /// # Errors
    /// What the question ends with.
    pub fn until<T>(
        &self,
        limit: Duration,
        mut ask: impl FnMut() -> Result<Option<T>, Surprise>,
    ) -> Result<Option<T>, Surprise> {
        let micros = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        let end = SystemClock.boot_micros().saturating_add(micros);
        loop {
            let last = SystemClock.boot_micros() >= end;
            let answer = ask()?;
            if answer.is_some() || last {
                return Ok(answer);
            }
            SystemClock.sleep(PULSE);
        }
    }

    /// Checks something that no command has printed.
    ///
    /// # Errors
    /// Where it does not hold.
    pub fn check(
        &self,
        holds: bool,
        expected: impl Into<String>,
        came: impl Into<String>,
    ) -> Result<(), Surprise> {
        self.checks.hold(holds, || Surprise::new(expected, came))
    }

    /// Counts what is checked.
    #[must_use]
    pub const fn checks(&self) -> &Checks {
        &self.checks
    }

    /// Tells the story.
    #[must_use]
    pub const fn voice(&self) -> &Voice {
        &self.voice
    }

    /// Everything that was started.
    #[must_use]
    pub const fn processes(&self) -> &Processes {
        &self.processes.0
    }
}
