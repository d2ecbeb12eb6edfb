//! The program while it runs: signals to it, and stopping it.
//!
//! Two ways, because a terminal belongs to one process group:
//!
//! * **Standard input is a terminal.** The program stays in our process group, so that it can read the
//!   terminal and Ctrl-C, Ctrl-\ and Ctrl-Z reach it as without us. The terminal sends SIGINT and SIGQUIT to
//!   the whole group, so these are not sent on a second time. The group may hold other programs too (a
//!   pipe, a script), so stopping means the program itself, not the group.
//! * **It is not.** The program gets a process group of its own. Every signal to us is sent on to all of
//!   that group, and stopping means all of it: what the program has started does not go on without it.

use std::io::{self, IsTerminal};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child as Process, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use carnet_seam::{Clock, SystemClock};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, test_kill_process_group, waitid,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

/// How often a process group without its leader is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What happens while a program runs.
#[derive(Debug)]
pub enum Event<T> {
    /// Somebody wants something of us.
    Signal(i32),
    /// The program has ended.
    Exited,
    /// The run is disapproved from now on.
    Disapproved(T),
}

/// A program that runs.
#[derive(Debug)]
pub struct Child<T> {
    process: Process,
    pid: Pid,
    own_group: bool,
    events: Receiver<Event<T>>,
    sender: Sender<Event<T>>,
}

impl<T: Send + 'static> Child<T> {
    /// Starts the program.
    ///
    /// # Errors
    /// What the system reports.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        // Before the program is there: from then on no signal may end us and leave it alone.
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2])?;
        let own_group = !io::stdin().is_terminal();
        if own_group {
            command.process_group(0);
        }
        let process = command.spawn()?;
        let pid = Pid::from_child(&process);
        let (sender, events) = channel();
        let (of_signals, of_exit) = (sender.clone(), sender.clone());
        std::thread::spawn(move || {
            for signal in signals.forever() {
                let _ = of_signals.send(Event::Signal(signal));
            }
        });
        std::thread::spawn(move || {
            // Looks only: until it is collected, nobody else can get its number.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
            let _ = of_exit.send(Event::Exited);
        });
        Ok(Self { process, pid, own_group, events, sender })
    }

    /// For whoever watches the pass.
    pub fn sender(&self) -> Sender<Event<T>> {
        self.sender.clone()
    }

    /// Sends signals on until the program ends; returns early when the run is disapproved.
    pub fn watch(&self) -> Option<T> {
        loop {
            match self.events.recv() {
                Ok(Event::Signal(signal)) => self.pass_on(signal),
                Ok(Event::Disapproved(why)) => return Some(why),
                // The sender is ours: there is always somebody who could say something.
                Ok(Event::Exited) | Err(_) => return None,
            }
        }
    }

    /// Asks the program to end, and ends it when the grace is over.
    ///
    /// # Errors
    /// What the system reports.
    pub fn stop(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.send(Signal::TERM);
        // One that was stopped with Ctrl-Z could not hear it.
        self.send(Signal::CONT);
        let deadline = boot_time().saturating_add(grace);
        let mut collected = None;
        while let Some(left) = deadline.checked_sub(boot_time()) {
            let wait = if collected.is_some() { LOOK.min(left) } else { left };
            match self.events.recv_timeout(wait) {
                Ok(Event::Signal(signal)) => self.pass_on(signal),
                Ok(Event::Exited) => collected = Some(self.process.wait()?),
                Ok(Event::Disapproved(_))
                | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if let Some(status) = collected.filter(|_| !self.is_group_alive()) {
                return Ok(status);
            }
        }
        self.send(Signal::KILL);
        collected.map_or_else(|| self.process.wait(), Ok)
    }

    /// How the program has ended.
    ///
    /// # Errors
    /// What the system reports.
    pub fn ended(mut self) -> io::Result<ExitStatus> {
        self.process.wait()
    }

    fn pass_on(&self, signal: i32) {
        let from_terminal = !self.own_group && matches!(signal, SIGINT | SIGQUIT);
        if let Some(signal) = Signal::from_named_raw(signal).filter(|_| !from_terminal) {
            self.send(signal);
        }
    }

    /// A program that is gone already needs no signal.
    fn send(&self, signal: Signal) {
        let _ = if self.own_group {
            kill_process_group(self.pid, signal)
        } else {
            kill_process(self.pid, signal)
        };
    }

    /// Whether the program has left others behind in its group.
    fn is_group_alive(&self) -> bool {
        self.own_group && test_kill_process_group(self.pid).is_ok()
    }
}

fn boot_time() -> Duration {
    Duration::from_micros(SystemClock.boot_micros())
}

/// The exit code that a shell would see: of a program ended by a signal, 128 and the signal's number.
#[must_use]
pub fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
