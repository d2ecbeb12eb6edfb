//! What a person at a terminal sees of a wait that is longer than a second.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use carnet_seam::Net;
use carnet_seam::net::{Answer, NetError, Request};

use crate::width::{self, columns, shortened};

const SECOND: Duration = Duration::from_secs(1);

/// There is one line, and the widest wait has it: that for a whole command, rather than for one answer in it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A line on stderr that counts the seconds, from the second one on. Gone when this is dropped.
#[derive(Debug)]
pub struct Progress {
    over: Option<Sender<()>>,
    teller: Option<JoinHandle<()>>,
}

impl Progress {
    /// Nothing is told.
    #[must_use]
    pub const fn silent() -> Self {
        Self { over: None, teller: None }
    }

    /// Tells what is waited for, unless that is part of a longer wait.
    #[must_use]
    pub fn of(what: String) -> Self {
        if TAKEN.swap(true, Ordering::Relaxed) {
            return Self::silent();
        }
        let (over, heard) = channel();
        // Without a thread there is no progress to see, and nothing else is missing.
        let teller = std::thread::Builder::new().spawn(move || tell(&what, &heard)).ok();
        Self { over: Some(over), teller }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(over) = self.over.take() else { return };
        drop(over);
        // The line must be gone before anything else is written.
        let _ = self.teller.take().map(JoinHandle::join);
        TAKEN.store(false, Ordering::Relaxed);
    }
}

fn tell(what: &str, heard: &Receiver<()>) {
    let mut shown = 0;
    for seconds in 0_u64.. {
        if seconds > 0 {
            let room = width::of_stderr().unwrap_or(80).saturating_sub(1);
            let line = shortened(&format!("{what} … {seconds} s"), room);
            draw(&line, shown);
            shown = columns(&line);
        }
        if heard.recv_timeout(SECOND) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    if shown > 0 {
        draw("", shown);
        draw("", 0);
    }
}

/// In the place of the line before. Spaces are understood by every terminal.
fn draw(line: &str, before: usize) {
    let blank = " ".repeat(before.saturating_sub(columns(line)));
    let mut stderr = std::io::stderr().lock();
    // A terminal that has gone away sees no progress.
    let _ = write!(stderr, "\r{line}{blank}").and_then(|()| stderr.flush());
}

/// A way to a server on which waiting shows.
#[derive(Debug)]
pub struct Watched {
    /// The way itself.
    pub net: Box<dyn Net>,
    /// Where it leads.
    pub server: String,
}

impl Net for Watched {
    fn exchange(&self, request: &Request<'_>) -> Result<Answer, NetError> {
        let _progress = Progress::of(waiting_for(&self.server));
        self.net.exchange(request)
    }
}

/// What is shown while a server has not answered.
#[must_use]
pub fn waiting_for(server: &str) -> String {
    format!("waiting for {server}")
}
