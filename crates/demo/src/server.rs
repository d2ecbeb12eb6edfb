//! The licensing server of the story.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use crate::line::Line;
use crate::ran::Ran;
use crate::running::Running;
use crate::stage::Stage;
use crate::surprise::Surprise;

/// A server starts in much less.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many lines of its log are shown with a surprise.
const LOG_SHOWN: usize = 12;

/// `carnetd`, while it runs and while it does not.
#[derive(Debug)]
pub struct Server<'s> {
    stage: &'s Stage,
    running: Option<Running<'s>>,
    /// Where it listens.
    pub url: String,
    /// What programs pin.
    pub root: String,
    /// With which the first supplier registers.
    pub setup_code: String,
}

impl<'s> Server<'s> {
    /// Starts it for the first time.
    ///
    /// # Errors
    /// Where it does not start, or says something else than it should.
    pub fn up(stage: &'s Stage) -> Result<Self, Surprise> {
        let line = Self::line_of(stage).args(["up", "--listen", "127.0.0.1:0"]);
        let mut running = stage.start(&line, Stdio::null())?;
        let greeting = running.until_printed("--name YOUR-NAME", PATIENCE)?;
        let word = |after: &str| {
            let rest = greeting.split_once(after).map(|(_, rest)| rest);
            let word = rest.and_then(|rest| rest.split_whitespace().next()).map(str::to_owned);
            word.ok_or_else(|| {
                Surprise::new(format!("`{after}` in its greeting"), "not there").of(&running.so_far())
            })
        };
        let (url, root, setup_code) = (word("is listening on")?, word("root hash")?, word("set-up code")?);
        Ok(Self { stage, running: Some(running), url, root, setup_code })
    }

    /// A command line of `carnetd` on the server's data.
    #[must_use]
    pub fn line(&self) -> Line {
        Self::line_of(self.stage)
    }

    fn line_of(stage: &Stage) -> Line {
        let line = stage.line("carnetd").arg("--data").arg(Self::data_of(stage));
        match stage.database() {
            Some(url) => line.env("CARNETD_DATABASE_URL", url),
            None => line,
        }
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        Self::data_of(self.stage)
    }

    fn data_of(stage: &Stage) -> PathBuf {
        stage.path("server")
    }

    /// The address that a client connects to.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// What it has printed and logged since its last start; empty while it does not run.
    #[must_use]
    pub fn so_far(&self) -> Ran {
        let nothing = || Ran::of_nothing(self.stage.checks());
        self.running.as_ref().map_or_else(nothing, Running::so_far)
    }

    /// The end of its log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = self.so_far().err;
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_SHOWN)..].join("\n")
    }

    /// Starts it again at the same address.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start_again(&mut self) -> Result<(), Surprise> {
        let line = self.line().args(["serve", "--listen", self.address()]);
        let mut running = self.stage.start(&line, Stdio::null())?;
        running.until_printed(&format!("listening on {}", self.url), PATIENCE)?;
        self.running = Some(running);
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Errors
    /// Where it is not running, or does not stop with exit code 0.
    pub fn stop(&mut self) -> Result<Ran, Surprise> {
        let ran = self.ended_by(Signal::TERM)?;
        ran.exits(0)?;
        Ok(ran)
    }

    /// Kills it without warning.
    ///
    /// # Errors
    /// Where it is not running.
    pub fn kill(&mut self) -> Result<Ran, Surprise> {
        let ran = self.ended_by(Signal::KILL)?;
        self.stage.check(ran.signal == Some(9), "that it ends by signal 9", ran.ended())?;
        Ok(ran)
    }

    fn ended_by(&mut self, signal: Signal) -> Result<Ran, Surprise> {
        let running = self.running.take();
        let running = running.ok_or_else(|| Surprise::new("a running server", "it does not run"))?;
        running.signal(signal);
        running.end(PATIENCE)
    }
}
