//! What a person at a terminal sees of work that takes longer than a second.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const PATIENCE: Duration = Duration::from_secs(1);
const TURN: Duration = Duration::from_millis(100);

/// Does the work; what it is shows on stderr, with the time that it takes, and is gone when it is done.
pub fn during<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    if std::io::stderr().is_terminal() { shown_after(PATIENCE, || Line::of(what), work) } else { work() }
}

/// What `show` returns is kept for as long as the work goes on.
fn shown_after<T, S>(patience: Duration, show: impl FnOnce() -> S + Send, work: impl FnOnce() -> T) -> T {
    let (over, heard) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if heard.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                let _shown = show();
                // An error is what is waited for: the other side is gone.
                let _ = heard.recv();
            }
        });
        let done = work();
        drop(over);
        done
    })
}

/// One line that is gone when this is dropped.
struct Line(ProgressBar);

impl Line {
    fn of(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what).with_elapsed(PATIENCE);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} … {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TURN);
        Self(bar)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone(std::sync::mpsc::Sender<&'static str>);

    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = self.0.send("gone");
        }
    }

    #[test]
    fn long_work_is_shown_until_it_is_done_and_short_work_is_not() {
        let (tell, told) = channel();
        let shown = tell.clone();
        let show = move || {
            shown.send("shown").unwrap();
            Gone(shown)
        };
        // This work takes until it is shown.
        let done = shown_after(Duration::ZERO, show, || told.recv().unwrap());
        assert_eq!((done, told.recv()), ("shown", Ok("gone")));
        let quick = shown_after(Duration::from_secs(600), || tell.send("shown").unwrap(), || 7);
        assert_eq!((quick, told.try_recv().is_err()), (7, true));
    }
}
