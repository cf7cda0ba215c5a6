//! What was read of late, and whether it still stands.
//!
//! - an entry stands as long as nothing of its subject changed. A change marks the subject
//!   after its commit and before its caller is told; a reader notes the mark *before* it looks
//!   into the database. What was read too early therefore carries a mark of the past.
//!
//! At most `max` entries are kept. Each shard has two halves: when the young one is full it becomes
//! the old one, and what was not asked for in the meantime is gone.
//!
//! Nobody holds a lock of this file while a database works.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::RwLock;
use uuid::Uuid;

use crate::auth::token::TokenHash;

const SHARDS: usize = 64;

/// Subjects share marks by their hash: more of them would not make misses rarer.
const MARKS: usize = 4_096;

/// How often each subject changed; subjects may share a mark, and then change together.
#[derive(Debug)]
pub(super) struct Marks {
    marks: Box<[AtomicU64]>,
    changes: AtomicU64,
}

/// A subject's mark at some moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark(u64);

impl Marks {
    pub(super) fn new() -> Self {
        let marks = (0..MARKS).map(|_| AtomicU64::new(0)).collect();
        Self { marks, changes: AtomicU64::new(0) }
    }

    pub(super) fn now(&self, subject: Uuid) -> Mark {
        Mark(self.marks[slot(subject)].load(Ordering::SeqCst))
    }

    pub(super) fn changed(&self, subject: Uuid) {
        self.marks[slot(subject)].fetch_add(1, Ordering::SeqCst);
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// How often anything changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }
}

/// The random end of a UUID of version 7; its beginning is the time.
fn slot(subject: Uuid) -> usize {
    let [.., high, low] = *subject.as_bytes();
    usize::from(u16::from_be_bytes([high, low])) % MARKS
}

/// Entries by the hash of the secret that asks for them.
#[derive(Debug)]
pub(super) struct Cache<V> {
    shards: Box<[RwLock<Shard<V>>]>,
    half_max: usize,
}

#[derive(Debug)]
struct Shard<V> {
    young: HashMap<TokenHash, (Mark, V)>,
    old: HashMap<TokenHash, (Mark, V)>,
}

impl<V: Clone> Cache<V> {
    pub(super) fn new(max: usize) -> Self {
        let shard = || RwLock::new(Shard { young: HashMap::new(), old: HashMap::new() });
        let shards = (0..SHARDS).map(|_| shard()).collect();
        Self { shards, half_max: (max / SHARDS / 2).max(1) }
    }

    fn shard(&self, key: &TokenHash) -> &RwLock<Shard<V>> {
        &self.shards[usize::from(key.0[0]) % SHARDS]
    }

    /// The entry, if its subject has the mark that it had when the entry was read.
    pub(super) fn get(&self, key: &TokenHash, stands: impl Fn(&V) -> Mark) -> Option<V> {
        let shard = self.shard(key);
        let (mark, value, is_young) = {
            let shard = shard.read();
            let young = shard.young.get(key);
            let (mark, value) = young.or_else(|| shard.old.get(key))?;
            (*mark, value.clone(), young.is_some())
        };
        if stands(&value) != mark {
            return None;
        }
        if !is_young {
            self.put(*key, mark, value.clone());
        }
        Some(value)
    }

    /// Keeps `value`, whose subject had `mark` before it was read.
    pub(super) fn put(&self, key: TokenHash, mark: Mark, value: V) {
        let mut shard = self.shard(&key).write();
        if shard.young.len() >= self.half_max && !shard.young.contains_key(&key) {
            shard.old = std::mem::take(&mut shard.young);
        }
        shard.young.insert(key, (mark, value));
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read()).map(|s| s.young.len() + s.old.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> TokenHash {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        TokenHash(bytes)
    }

    #[test]
    fn an_entry_stands_until_its_subject_changes() {
        let (marks, cache) = (Marks::new(), Cache::new(1_000));
        let (ana, ben) = (Uuid::from_u128(1), Uuid::from_u128(2));
        cache.put(hash(1), marks.now(ana), ana);
        let get = |number| cache.get(&hash(number), |subject| marks.now(*subject));
        assert_eq!(get(1), Some(ana));
        marks.changed(ben);
        assert_eq!(get(1), Some(ana));
        marks.changed(ana);
        assert_eq!(get(1), None);
        assert_eq!(marks.changes(), 2);
    }

    #[test]
    fn what_was_read_before_a_change_never_stands() {
        let (marks, cache) = (Marks::new(), Cache::new(1_000));
        let ana = Uuid::from_u128(1);
        let early = marks.now(ana);
        marks.changed(ana);
        cache.put(hash(1), early, ana);
        assert_eq!(cache.get(&hash(1), |subject| marks.now(*subject)), None);
    }

    #[test]
    fn it_never_grows_beyond_its_bound_and_keeps_what_is_asked_for() {
        let (marks, cache) = (Marks::new(), Cache::new(1_024));
        let mark = marks.now(Uuid::nil());
        for number in 0..100_000 {
            cache.put(hash(number), mark, number);
            assert!(cache.get(&hash(0), |_| mark).is_some(), "lost after {number}");
        }
        assert!(cache.len() <= 1_024, "{} entries", cache.len());
    }
}
