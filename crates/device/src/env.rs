//! Everything impure that a device's code is handed.

use std::sync::Arc;

use carnet_core::id::RequestId;
use carnet_core::time::Time;
use carnet_seam::{Clock, Fs, NoRandom, Random, RealFs, SystemClock, SystemRandom, random};

/// Files, clock and random, handed over together.
#[derive(Debug, Clone)]
pub struct Env {
    /// Files.
    pub fs: Arc<dyn Fs>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Random.
    pub random: Arc<dyn Random>,
}

impl Env {
    /// The machine's own.
    #[must_use]
    pub fn real() -> Self {
        Self { fs: Arc::new(RealFs::default()), clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }

    /// What the machine's clock says.
    #[must_use]
    pub fn now(&self) -> Time {
        Time(self.clock.wall_micros())
    }

    /// A fresh request id.
    ///
    /// # Errors
    /// [`NoRandom`] when the system gives no random bytes.
    pub fn request_id(&self) -> Result<RequestId, NoRandom> {
        Ok(RequestId(random::bytes(&*self.random)?))
    }
}
