//! The way to the server, for no longer than the program is willing to wait.

use std::sync::Arc;
use std::time::Duration;

use carnet_seam::Clock;
use carnet_seam::net::{Answer, Net, NetError, Request};

/// A carrier that gives up at one moment, however many exchanges there are until then.
#[derive(Debug)]
pub(crate) struct Limited {
    net: Arc<dyn Net>,
    clock: Arc<dyn Clock>,
    /// By the clock since boot, in microseconds.
    until: u64,
}

impl Limited {
    pub fn new(net: &Arc<dyn Net>, clock: &Arc<dyn Clock>, wait: Duration) -> Self {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        let until = clock.boot_micros().saturating_add(micros);
        Self { net: net.clone(), clock: clock.clone(), until }
    }
}

impl Net for Limited {
    fn exchange(&self, request: &Request<'_>) -> Result<Answer, NetError> {
        let left = Duration::from_micros(self.until.saturating_sub(self.clock.boot_micros()));
        if left.is_zero() {
            return Err(NetError::Timeout);
        }
        let time_limit = request.time_limit.min(left);
        self.net.exchange(&Request { time_limit, ..*request })
    }
}
