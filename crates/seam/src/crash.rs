//! Named points at which a test lets a process die.
//!
//! Code marks the places where dying would be most awkward: `crash.point("journal.written")?`. Normally
//! that is one comparison with nothing. A test arms one point of one handle, and there the process either
//! really ends ([`Crash::aborting`], for tests with real processes) or plays dead ([`Crash::unwinding`]):
//! the point returns [`Crashed`], and so does every later operation of each [`Fs`](crate::Fs) that holds
//! the same handle, as if nobody was there any more.
//!
//! There is no process-wide switch: two tests, or two devices in one test, never meet.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The process has died here, as far as the test is concerned. Never seen outside tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the process died at a crash point armed by a test")]
pub struct Crashed;

/// The crash points of one process; clones share what is armed. The default is armed nowhere.
#[derive(Debug, Clone, Default)]
pub struct Crash(Option<Arc<Armed>>);

#[derive(Debug)]
struct Armed {
    point: String,
    /// How many times the point still passes, the last of which dies.
    left: AtomicU32,
    abort: bool,
    dead: AtomicBool,
}

impl Crash {
    /// Never dies; costs one comparison per point.
    #[must_use]
    pub const fn never() -> Self {
        Self(None)
    }

    /// Ends the process the `nth` time (from 1) that `point` is reached.
    #[must_use]
    pub fn aborting(point: &str, nth: u32) -> Self {
        Self::armed(point, nth, true)
    }

    /// Plays dead from the `nth` time (from 1) that `point` is reached.
    #[must_use]
    pub fn unwinding(point: &str, nth: u32) -> Self {
        Self::armed(point, nth, false)
    }

    fn armed(point: &str, nth: u32, abort: bool) -> Self {
        let (point, left) = (point.to_owned(), AtomicU32::new(nth.max(1)));
        Self(Some(Arc::new(Armed { point, left, abort, dead: AtomicBool::new(false) })))
    }

    /// A place where dying would be awkward.
    ///
    /// # Errors
    /// [`Crashed`] when a test has armed this point, or the process is dead already.
    pub fn point(&self, name: &str) -> Result<(), Crashed> {
        match &self.0 {
            None => Ok(()),
            Some(armed) => armed.reached(name),
        }
    }

    /// Whether an armed point has been reached.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.as_ref().is_some_and(|armed| armed.dead.load(Ordering::SeqCst))
    }
}

impl Armed {
    fn reached(&self, name: &str) -> Result<(), Crashed> {
        if self.dead.load(Ordering::SeqCst) {
            return Err(Crashed);
        }
        if name != self.point || self.left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return Ok(());
        }
        if self.abort {
            std::process::abort();
        }
        self.dead.store(true, Ordering::SeqCst);
        Err(Crashed)
    }
}

/// `point` or `point:nth`, for a test that starts a real process: that process aborts there.
impl FromStr for Crash {
    type Err = NotACrashPoint;

    fn from_str(text: &str) -> Result<Self, NotACrashPoint> {
        let wrong = || NotACrashPoint(text.to_owned());
        let (point, nth) = match text.split_once(':') {
            Some((point, nth)) => (point, nth.parse().map_err(|_| wrong())?),
            None => (text, 1),
        };
        if point.is_empty() || nth == 0 { Err(wrong()) } else { Ok(Self::aborting(point, nth)) }
    }
}

/// A text that does not name a crash point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a crash point: expected a name like `journal.written`, or `journal.written:3`")]
pub struct NotACrashPoint(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_armed_point_lets_the_nth_pass_die_and_everything_after_it() {
        let crash = Crash::unwinding("b", 2);
        assert_eq!(crash.point("a"), Ok(()));
        assert_eq!(crash.point("b"), Ok(()));
        assert!(!crash.is_dead());
        assert_eq!(crash.point("b"), Err(Crashed));
        assert_eq!(crash.clone().point("a"), Err(Crashed));
        assert!(crash.is_dead());
    }

    #[test]
    fn an_unarmed_handle_never_dies() {
        assert_eq!(Crash::never().point("b"), Ok(()));
        assert!(!Crash::default().is_dead());
    }

    #[test]
    fn a_crash_point_is_named_by_text() {
        assert!("journal.written:3".parse::<Crash>().is_ok());
        for text in ["", ":1", "a:0", "a:b"] {
            assert!(text.parse::<Crash>().is_err(), "{text}");
        }
    }
}
