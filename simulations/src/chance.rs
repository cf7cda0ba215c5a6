//! Chance: one small seeded generator, the same on every machine and in every version.
//!
//! `SplitMix64`. Source: Steele, Lea and Flood, *Fast splittable pseudorandom number generators*,
//! OOPSLA 2014. Good enough to choose tables and bills; nothing secret comes from it.

/// A seeded stream of numbers.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of `seed` for one purpose: what one purpose draws never shifts another.
    #[must_use]
    pub fn of(seed: u64, purpose: &str) -> Self {
        let fold = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(purpose.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, fold))
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        let scaled = u128::from(self.draw()) * u128::from(bound);
        u64::try_from(scaled >> 64).expect("the upper half of 128 bits")
    }

    /// A place in a list of `len` things, which must not be empty.
    pub fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a length")
    }

    /// A fraction above zero and at most one.
    pub fn fraction(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let numerator = ((self.draw() >> 11) + 1) as f64;
        numerator / 9_007_199_254_740_992.0
    }

    /// Puts `list` into a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.place(end + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_the_same_stream_for_ever() {
        let mut chance = Chance::new(1);
        let drawn = [chance.draw(), chance.draw()];
        assert_eq!(drawn, [0x910a_2dec_8902_5cc1, 0xbeeb_8da1_658e_ec67]);
    }

    #[test]
    fn purposes_are_apart() {
        assert_ne!(Chance::of(7, "bills").draw(), Chance::of(7, "arrivals").draw());
    }
}
