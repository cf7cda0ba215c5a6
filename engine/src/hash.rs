//! Hashing identities: a UUID of version 7 ends in random bits, which are hash enough.

use std::hash::{BuildHasherDefault, Hasher};

/// Folds eight bytes at a time and mixes once; not for keys that an adversary chooses, who would
/// have to choose the random half of identities that only the engine makes.
#[derive(Clone, Copy, Default)]
pub(crate) struct IdHasher(u64);

/// Builds [`IdHasher`]s.
pub(crate) type IdState = BuildHasherDefault<IdHasher>;

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        // Tables take their slots from the low bits and their tags from the high ones.
        self.0 ^ (self.0 >> 32)
    }
}
