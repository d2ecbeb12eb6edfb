//! `carnet agent`: synchronises until it is told to stop (B10).

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use carnet_seam::{Random, SystemRandom};
use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::context::Context;
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::user::sync::{at, in_words, managers};

/// The longest pause after failures.
const LONGEST: u64 = 1_800;

/// Do again and again what `carnet sync` does, until it is told to stop.
#[derive(Debug, Args)]
#[command(
    after_help = "Ends with Ctrl-C or SIGTERM, after the step that it is at. A server that does not answer is asked less often."
)]
pub struct Agent {
    /// How often, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    every: u64,
}

impl Agent {
    /// Runs until a signal comes.
    ///
    /// # Errors
    /// When there is nothing to synchronise with.
    pub fn run(&self, context: &Context) -> Result<Ended, Failure> {
        let stop = stop()?;
        // Not registered anywhere is said at once, and not again and again.
        managers(context)?;
        let mut failed = 0;
        loop {
            let done = managers(context).and_then(|managers| {
                managers.iter().map(|manager| at(context, manager)).collect::<Result<Vec<_>, _>>()
            });
            match done {
                Ok(done) => {
                    failed = 0;
                    if done.iter().any(crate::user::sync::AtServer::has_news) {
                        context.output.result(&done, || in_words(&done))?;
                    }
                }
                Err(failure) => {
                    failed += 1;
                    context.output.warning(&format!("{} ({})", failure.message, failure.code));
                }
            }
            match stop.recv_timeout(pause(self.every, failed)) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Ok.into()),
            }
        }
    }
}

/// Says when a signal has come.
fn stop() -> Result<Receiver<()>, Failure> {
    let no = |error: std::io::Error| Failure::new(Exit::Failure, "signals", error.to_string());
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(no)?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for _ in signals.forever() {
            // Whoever does not listen any more is ending already.
            let _ = sender.send(());
        }
    });
    Ok(receiver)
}

/// Twice as long after each failure, and each time a little different: a thousand devices that were switched on together
/// do not ask together for ever.
fn pause(every: u64, failed: u32) -> Duration {
    let most = LONGEST.max(every);
    let base = every.saturating_mul(1_u64.checked_shl(failed).unwrap_or(u64::MAX)).min(most);
    let mut drawn = [0; 8];
    // Without random there is no jitter, and nothing else is lost.
    let _ = SystemRandom.fill(&mut drawn);
    let jitter = u64::from_be_bytes(drawn) % 401;
    Duration::from_millis(base.saturating_mul(800 + jitter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_failures_up_to_a_bound_and_are_never_quite_the_same() {
        for (every, failed, base) in
            [(60, 0, 60), (60, 1, 120), (60, 3, 480), (60, 40, 1_800), (3_600, 9, 3_600)]
        {
            for _ in 0..50 {
                let pause = pause(every, failed).as_millis();
                assert!((base * 800..=base * 1_200).contains(&pause), "{every} {failed}: {pause}");
            }
        }
        let drawn: std::collections::BTreeSet<_> = (0..50).map(|_| pause(60, 0)).collect();
        assert!(drawn.len() > 1);
    }
}
