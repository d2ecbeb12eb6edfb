//! Unpredictable bytes.

use std::fmt;

/// The system gave no random bytes. Nothing that needs a key or a request id can go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes ({0}): try again, and restart the machine if it stays so")]
pub struct NoRandom(pub String);

/// A source of random bytes that somebody hands over, so that a test's run can be repeated.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills all of `bytes`.
    ///
    /// # Errors
    /// [`NoRandom`]; `bytes` must not be used then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom>;
}

/// `N` fresh random bytes.
///
/// # Errors
/// [`NoRandom`] when the source fails.
///
/// ```
/// let key: [u8; 32] = carnet_seam::random::bytes(&carnet_seam::SystemRandom)?;
/// assert_ne!(key, [0; 32]);
/// # Ok::<(), carnet_seam::NoRandom>(())
/// ```
pub fn bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// The random source of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the machine for random bytes"
    )]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        getrandom::fill(bytes).map_err(|error| NoRandom(error.to_string()))
    }
}
