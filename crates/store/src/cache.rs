//! A small cache of things that never change.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Two generations: what is asked for moves to the young one; when that is full, the old one goes. Close to
/// least-recently-used at the price of two lookups, and never larger than twice its size.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    size: usize,
    generations: Mutex<Generations<K, V>>,
}

#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn of_size(size: usize) -> Self {
        Self { size, generations: Mutex::new(Generations { young: HashMap::new(), old: HashMap::new() }) }
    }

    pub(crate) fn find(&self, key: &K) -> Option<V> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = generations.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = generations.old.remove_entry(key)?;
        self.put(&mut generations, key, value.clone());
        Some(value)
    }

    pub(crate) fn keep(&self, key: K, value: V) {
        self.put(&mut self.generations.lock().unwrap_or_else(PoisonError::into_inner), key, value);
    }

    fn put(&self, generations: &mut Generations<K, V>, key: K, value: V) {
        if generations.young.len() >= self.size {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let cache = Cache::of_size(2);
        cache.keep(0, 'a');
        for key in 1..20 {
            cache.keep(key, 'b');
            assert_eq!(cache.find(&0), Some('a'));
        }
        assert_eq!(cache.find(&1), None);
    }
}
