//! What happens on the way to the server and back.

use std::collections::VecDeque;
use std::time::Duration;

/// What goes wrong with one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Nobody is there.
    Away,
    /// The request is lost; the device waits as long as it is willing to.
    RequestLost,
    /// The server acts, and its answer is lost.
    AnswerLost,
    /// The request arrives twice.
    Twice,
    /// The answer takes so long, by the server's clock.
    Slow(Duration),
    /// A problem instead of a document, with this status.
    Problem(u16),
    /// Bytes that are no document.
    Garbage,
}

#[derive(Debug, Default)]
pub(super) struct Wire {
    pub away: bool,
    pub coming: VecDeque<Mishap>,
    /// So many exchanges go well before that.
    well: usize,
    pub exchanges: u32,
}

impl Wire {
    /// What happens to the exchange that begins now.
    pub fn next(&mut self) -> Option<Mishap> {
        self.exchanges += 1;
        if self.away {
            return Some(Mishap::Away);
        }
        if self.well > 0 {
            self.well -= 1;
            return None;
        }
        self.coming.pop_front()
    }

    pub fn expect_after(&mut self, well: usize, mishaps: impl IntoIterator<Item = Mishap>) {
        self.well = well;
        self.coming.extend(mishaps);
    }
}
