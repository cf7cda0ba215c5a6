//! Hashing: identities are random already, so one multiplication spreads them, from a secret where anybody
//! may ask for any; words that people choose need more.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher},
};

/// Builds the hasher. By default without a secret: for those that there are, which the engine draws.
#[derive(Clone, Copy, Default)]
pub(crate) struct IdState(u64);

impl IdState {
    /// With a secret, for whatever somebody asks for.
    pub(crate) fn with(secret: u64) -> Self {
        Self(secret)
    }
}

impl BuildHasher for IdState {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(self.0)
    }
}

/// Builds the hasher of words that people choose, with a secret of this process: enough against a list
/// that was made beforehand. A merchant fills a table of its own, and a short one.
pub(crate) type WordState = foldhash::quality::RandomState;

/// A map by identity.
pub(crate) type IdMap<K, V> = HashMap<K, V, IdState>;

/// Folds eight bytes at a time into one word.
#[derive(Clone, Copy)]
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Identities that all hash to the same where there is no secret, the `number`th of them.
    fn chosen(number: u64) -> [u8; 16] {
        let second = number.wrapping_mul(SPREAD).rotate_left(29) ^ 0x5eed;
        (u128::from(number) | u128::from(second) << 64).to_le_bytes()
    }

    #[test]
    fn identities_chosen_to_collide_do_not_where_there_is_a_secret() {
        let hashes = |state: IdState| {
            (0..1_000).map(|number| state.hash_one(chosen(number))).collect::<HashSet<u64>>().len()
        };
        assert_eq!(hashes(IdState::default()), 1);
        assert!(hashes(IdState::with(0x1234_5678_9abc_def1)) > 990);
    }
}
