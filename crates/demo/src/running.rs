//! A command that runs.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::Signal;

use crate::ran::Ran;
use crate::stage::Stage;
use crate::surprise::Surprise;

/// How often somebody who waits looks again.
pub const PULSE: Duration = Duration::from_millis(4);

/// A process of the performance; it is killed when this is dropped. What it prints goes to files, so that
/// nothing waits for a reader.
#[derive(Debug)]
pub struct Running<'s> {
    stage: &'s Stage,
    child: Child,
    typed: String,
    shown: String,
    out: PathBuf,
    err: PathBuf,
}

impl<'s> Running<'s> {
    /// What the stage has started.
    #[must_use]
    pub fn new(
        stage: &'s Stage,
        child: Child,
        (typed, shown): (String, String),
        (out, err): (PathBuf, PathBuf),
    ) -> Self {
        Self { stage, child, typed, shown, out, err }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// Where it takes longer than `limit`; it is killed then.
    pub fn end(mut self, limit: Duration) -> Result<Ran, Surprise> {
        let status = self.stage.until(limit, || self.status())?;
        let Some(status) = status else {
            let expected = format!("that it ends within {} s", limit.as_secs());
            return Err(Surprise::new(expected, "it still runs").of(&self.so_far()));
        };
        let ran = Ran { code: status.code(), signal: status.signal(), ..self.so_far() };
        self.stage.voice().command(&ran);
        Ok(ran)
    }

    /// Waits until it has printed something; returns all that it has printed.
    ///
    /// # Errors
    /// Where it ends before, or `limit` is over.
    pub fn until_printed(&mut self, wanted: &str, limit: Duration) -> Result<String, Surprise> {
        self.until_printed_after(0, wanted, limit)?;
        Ok(self.so_far().out)
    }

    /// The same, where the first `seen` bytes do not count; returns how many bytes are seen then.
    ///
    /// # Errors
    /// Where it ends before, or `limit` is over.
    pub fn until_printed_after(
        &mut self,
        seen: usize,
        wanted: &str,
        limit: Duration,
    ) -> Result<usize, Surprise> {
        let found = self.stage.until(limit, || {
            let ended = self.status()?;
            let out = self.so_far().out;
            let at = out.get(seen..).and_then(|new| new.find(wanted));
            Ok(at.map(|at| Ok(seen + at + wanted.len())).or(ended.map(Err)))
        })?;
        let came = match found {
            Some(Ok(seen)) => return Ok(seen),
            Some(Err(status)) => format!("it has ended ({status}) without it"),
            None => "it has not, and still runs".to_owned(),
        };
        Err(Surprise::new(format!("that it prints `{wanted}`"), came).of(&self.so_far()))
    }

    /// Types something.
    ///
    /// # Errors
    /// What the system reports.
    pub fn typed_in(&mut self, keys: &str) -> Result<(), Surprise> {
        let typed = match &mut self.child.stdin {
            Some(stdin) => stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()),
            None => Err(std::io::Error::other("nobody listens")),
        };
        typed.map_err(|error| Surprise::system("type an answer", error).of(&self.so_far()))
    }

    /// Sends it, and what it has started, a signal.
    pub fn signal(&self, signal: Signal) {
        self.stage.processes().signal(&self.child, signal);
    }

    /// What it has printed and said so far.
    #[must_use]
    pub fn so_far(&self) -> Ran {
        let read = |path| {
            let bytes = std::fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Ran {
            line: self.typed.clone(),
            shown: self.shown.clone(),
            code: None,
            signal: None,
            out: read(&self.out),
            err: read(&self.err),
            checks: self.stage.checks().clone(),
        }
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn status(&mut self) -> Result<Option<ExitStatus>, Surprise> {
        self.stage
            .processes()
            .ended(&mut self.child)
            .map_err(|error| Surprise::system("look after it", error))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.stage.processes().stop(&mut self.child);
    }
}
