//! The processes that a performance has started: none of them outlives it.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_seam::{Clock, SystemClock};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::running::PULSE;

/// So long a process may take to end when it is asked to.
const GRACE_MICROS: u64 = 1_500_000;

/// Every process that was started and has not been seen to end. Each has a process group of its own, so that
/// what it has started itself ends with it.
#[derive(Debug, Clone, Default)]
pub struct Processes(Arc<Mutex<Groups>>);

#[derive(Debug, Default)]
struct Groups {
    running: BTreeSet<u32>,
    closed: bool,
}

impl Processes {
    /// Starts one.
    ///
    /// # Errors
    /// What the system reports; or the performance is being stopped.
    pub fn start(&self, command: &mut Command) -> io::Result<Child> {
        let mut groups = self.groups();
        if groups.closed {
            return Err(io::Error::other("the demonstration is being stopped"));
        }
        let child = command.process_group(0).spawn()?;
        groups.running.insert(child.id());
        Ok(child)
    }

    /// How it ended, if it has. Its number may belong to somebody else from then on.
    ///
    /// # Errors
    /// What the system reports.
    pub fn ended(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let mut groups = self.groups();
        let status = child.try_wait()?;
        if status.is_some() {
            groups.running.remove(&child.id());
        }
        Ok(status)
    }

    /// Sends a signal to a process and what it has started, unless it has ended.
    pub fn signal(&self, child: &Child, signal: Signal) {
        if self.groups().running.contains(&child.id()) {
            send(child.id(), signal);
        }
    }

    /// Ends one that nobody waits for any more: asks first, because `carnet run` then ends its program too.
    pub fn stop(&self, child: &mut Child) {
        self.signal(child, Signal::TERM);
        // What cannot be looked after is not waited for.
        within_grace(|| !matches!(self.ended(child), Ok(None)));
        self.signal(child, Signal::KILL);
        let _ = child.wait();
        let _ = self.ended(child);
    }

    /// Ends all of them, for ever: nothing can be started any more.
    pub fn stop_all(&self) {
        self.groups().closed = true;
        self.signal_all(Signal::TERM);
        within_grace(|| self.groups().running.iter().all(|id| has_exited(*id)));
        self.signal_all(Signal::KILL);
    }

    /// Whether all of them are being ended.
    #[must_use]
    pub fn are_stopped(&self) -> bool {
        self.groups().closed
    }

    fn signal_all(&self, signal: Signal) {
        self.groups().running.iter().for_each(|id| send(*id, signal));
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks again and again until it is so, but not for long.
fn within_grace(mut is_so: impl FnMut() -> bool) {
    let end = SystemClock.boot_micros() + GRACE_MICROS;
    while !is_so() && SystemClock.boot_micros() < end {
        SystemClock.sleep(PULSE);
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// Looks only: whoever waits for it can still collect it.
fn has_exited(id: u32) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    pid(id).is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
}

/// A process that is not collected keeps its number, so this reaches nobody else.
fn send(id: u32, signal: Signal) {
    if let Some(group) = pid(id) {
        // It may have ended just now.
        let _ = kill_process_group(group, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn all_processes_end_with_the_performance_and_none_starts_after_it() {
        let processes = Processes::default();
        let mut polite = processes.start(Command::new("sleep").arg("600")).unwrap();
        let deaf = "trap '' TERM; echo deaf; while :; do sleep 0.1; done";
        let mut deaf = processes.start(Command::new("sh").args(["-c", deaf]).stdout(Stdio::piped())).unwrap();
        deaf.stdout.as_mut().unwrap().read_exact(&mut [0; 4]).unwrap();
        assert_eq!(processes.ended(&mut polite).unwrap(), None);
        processes.clone().stop_all();
        assert_eq!(polite.wait().unwrap().signal(), Some(15));
        assert_eq!(deaf.wait().unwrap().signal(), Some(9));
        assert!(processes.ended(&mut deaf).unwrap().is_some());
        assert!(processes.start(Command::new("sleep").arg("600")).is_err());
    }
}
