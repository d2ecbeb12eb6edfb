//! A feature check that costs next to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether one feature may be used now, for the innermost loop: asking is one read of memory. False within a
/// second of the end of the pass, and when the run is disapproved or over.
///
/// Clones ask about the same feature of the same run, from any thread.
#[derive(Debug, Clone)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    pub(crate) fn new(open: bool) -> Self {
        Self(Arc::new(AtomicBool::new(open)))
    }

    /// Whether the feature may be used now.
    #[must_use]
    #[inline]
    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn set(&self, open: bool) {
        self.0.store(open, Ordering::Release);
    }
}
