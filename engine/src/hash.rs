//! Hashing: identities are random already, so one multiplication spreads them; words that people
//! choose need a secret.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// Builds the hasher. Identities are drawn by the engine, not chosen by an adversary.
pub(crate) type IdState = BuildHasherDefault<IdHasher>;

/// Builds the hasher of words that people choose, with a secret of this process: enough against a list
/// that was made beforehand. A merchant fills a table of its own, and a short one.
pub(crate) type WordState = foldhash::quality::RandomState;

/// A map by identity.
pub(crate) type IdMap<K, V> = HashMap<K, V, IdState>;

/// Folds eight bytes at a time into one word.
#[derive(Clone, Copy, Default)]
pub(crate) struct IdHasher(u64);

/// Odd, with no pattern in its bits: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(29) ^ word).wrapping_mul(SPREAD);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    /// Every identity has the same length.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
