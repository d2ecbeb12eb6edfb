//! Which devices ask next.

use carnet_seam::{Random, SystemRandom};

use crate::Failed;

/// All devices with a license of their own, shuffled.
pub struct Order {
    numbers: Vec<u64>,
    next: usize,
}

impl Order {
    pub fn of(count: u64) -> Result<Self, Failed> {
        Ok(Self { numbers: shuffled(count)?, next: 0 })
    }

    /// So many random devices, no two the same; the first ones again when all have had their turn.
    pub fn take(&mut self, count: f64) -> Vec<u64> {
        let all = self.numbers.len();
        let count = (count as usize).clamp(1, all);
        let taken = (0..count).map(|at| self.numbers[(self.next + at) % all]).collect();
        self.next = (self.next + count) % all;
        taken
    }
}

/// All numbers below this one, each once, in random order (Fisher and Yates).
fn shuffled(count: u64) -> Result<Vec<u64>, Failed> {
    let mut numbers: Vec<u64> = (0..count).collect();
    let mut random = vec![0; numbers.len() * 8];
    SystemRandom.fill(&mut random)?;
    for (at, bytes) in (1..numbers.len()).rev().zip(random.chunks_exact(8)) {
        let drawn = bytes.iter().fold(0, |drawn: u64, byte| drawn << 8 | u64::from(*byte));
        numbers.swap(at, usize::try_from(drawn % (at as u64 + 1))?);
    }
    Ok(numbers)
}
