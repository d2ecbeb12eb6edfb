//! What waits for the writer, taken in turns: one of each lane after the other, so that whoever sends a flood waits for
//! its own requests and nobody else does.

use std::collections::{HashMap, VecDeque};

use carnet_core::id::{DeviceId, SupplierId, UserId};

/// A lane may have so many parts of the whole queue: a full lane leaves room for the others.
const SHARES: usize = 4;

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// The devices of one user.
    User(UserId),
    /// A device that nobody knows yet.
    Device(DeviceId),
    /// What one supplier decides.
    Supplier(SupplierId),
    /// Everything that has a transaction of its own.
    Units,
}

/// A queue of lanes.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    lanes: HashMap<Lane, VecDeque<T>>,
    /// The lanes in which something waits, in the order of their turns.
    order: VecDeque<Lane>,
    waiting: usize,
    limit: usize,
}

impl<T> Turns<T> {
    /// An empty one, that takes so many.
    pub(crate) fn of(limit: usize) -> Self {
        Self { lanes: HashMap::new(), order: VecDeque::new(), waiting: 0, limit }
    }

    /// Puts one at the end of its lane, or gives it back: too much waits, in all or there.
    pub(crate) fn push(&mut self, lane: Lane, item: T) -> Result<(), T> {
        if self.waiting >= self.limit {
            return Err(item);
        }
        let waits = self.lanes.entry(lane).or_default();
        if waits.len() >= self.limit.div_ceil(SHARES) {
            return Err(item);
        }
        if waits.is_empty() {
            self.order.push_back(lane);
        }
        waits.push_back(item);
        self.waiting += 1;
        Ok(())
    }

    /// Takes what is there, up to `most`: the oldest of each lane, and again.
    pub(crate) fn take(&mut self, most: usize) -> Vec<T> {
        let mut taken = Vec::with_capacity(most.min(self.waiting));
        while taken.len() < most
            && let Some(lane) = self.order.pop_front()
        {
            let Some(waits) = self.lanes.get_mut(&lane) else { continue };
            taken.extend(waits.pop_front());
            if waits.is_empty() {
                self.lanes.remove(&lane);
            } else {
                self.order.push_back(lane);
            }
        }
        self.waiting -= taken.len();
        taken
    }

    /// How many wait.
    pub(crate) const fn len(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn user(number: u8) -> Lane {
        Lane::User(UserId([number; 16]))
    }

    fn full(limit: usize, lanes: &[(u8, usize)]) -> Turns<(u8, usize)> {
        let mut turns = Turns::of(limit);
        for (number, count) in lanes {
            (0..*count).for_each(|nth| turns.push(user(*number), (*number, nth)).unwrap());
        }
        turns
    }

    #[test]
    fn whoever_waits_alone_is_taken_in_order() {
        let mut turns = full(100, &[(1, 5)]);
        assert_eq!(turns.take(3), [(1, 0), (1, 1), (1, 2)]);
        assert_eq!((turns.len(), turns.take(9)), (2, vec![(1, 3), (1, 4)]));
        assert_eq!(turns.take(9), []);
    }

    #[test]
    fn a_lane_waits_for_itself_and_not_for_a_longer_one() {
        let mut turns = full(400, &[(1, 90), (2, 1), (3, 2)]);
        assert_eq!(turns.take(4), [(1, 0), (2, 0), (3, 0), (1, 1)]);
        turns.push(user(4), (4, 0)).unwrap();
        assert_eq!(turns.take(3), [(3, 1), (1, 2), (4, 0)]);
        assert_eq!(turns.len(), 87);
    }

    #[test]
    fn one_lane_cannot_fill_the_queue_and_all_of_them_cannot_overfill_it() {
        let mut turns = full(8, &[(1, 2)]);
        assert_eq!(turns.push(user(1), (1, 2)), Err((1, 2)), "a quarter is its share");
        for number in 2..=4 {
            (0..2).for_each(|nth| turns.push(user(number), (number, nth)).unwrap());
        }
        assert_eq!(turns.push(user(5), (5, 0)), Err((5, 0)), "there is no room at all");
        turns.take(1);
        assert_eq!(turns.push(user(5), (5, 0)), Ok(()));
    }

    #[test]
    fn an_empty_lane_is_forgotten() {
        let mut turns = full(100, &[(1, 1), (2, 1)]);
        turns.take(2);
        assert!(turns.lanes.is_empty() && turns.order.is_empty());
    }
}
