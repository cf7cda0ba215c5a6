//! Side: what a peer has to be able to do, and what it hands back.

use std::{ops::Range, time::Duration};

use anyhow::Result;
use hdrhistogram::Histogram;

use super::{evening::Evening, footprint::Used};
use crate::workload::Dinner;

/// Whoever settles dinners durably.
pub trait Side {
    /// What the table calls it.
    fn name(&self) -> String;

    /// What is true of a dinner once it was answered, in one sentence.
    fn promise(&self) -> &'static str;

    /// Dinners between call and answer at once.
    fn in_flight(&self) -> usize;

    /// Settles these dinners, in order of their beginnings; none may fail.
    ///
    /// # Errors
    /// A dinner was refused, or the peer failed.
    fn settle(&mut self, evening: &Evening, which: Range<usize>) -> Result<Lap>;

    /// Writes whatever is still owed to files: no side leaves work to the next one's time.
    ///
    /// # Errors
    /// The peer failed.
    fn rest(&mut self) -> Result<()>;

    /// What it has used so far.
    ///
    /// # Errors
    /// The peer failed.
    fn used(&mut self) -> Result<Used>;

    /// Presents one dinner by itself.
    ///
    /// # Errors
    /// The peer failed; a refusal is an outcome.
    fn present(&mut self, evening: &Evening, dinner: &Dinner) -> Result<Outcome>;

    /// Moves everything that one wallet has to another.
    ///
    /// # Errors
    /// The peer failed.
    fn give_away(&mut self, evening: &Evening, from: usize, to: usize) -> Result<()>;

    /// Adds up what is there, and looks for what must not be.
    ///
    /// # Errors
    /// The peer failed; what is wrong with its money is told in the totals.
    fn totals(&mut self, evening: &Evening) -> Result<Totals>;
}

/// One round of one side.
#[derive(Clone, Debug)]
pub struct Lap {
    /// From the first beginning to the last answer.
    pub wall: Duration,
    /// From a dinner's beginning to its answer, in nanoseconds.
    pub times: Histogram<u64>,
}

/// How one dinner ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Everybody's share went to the merchant.
    Settled,
    /// Somebody had too little, so nobody paid.
    Short,
    /// The order was paid before, and was not paid again.
    Known,
}

/// What is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Orders paid.
    pub orders: u64,
    /// What all wallets have.
    pub wallets_minor: i128,
    /// What each merchant has, by number.
    pub merchants_minor: Vec<i128>,
    /// What must not be: negative wallets, legs that do not sum up, and so on.
    pub faults: Vec<String>,
}

impl Totals {
    /// What differs from `expected`, in words.
    #[must_use]
    pub fn differences(&self, expected: &Self) -> Vec<String> {
        let mut found = self.faults.clone();
        if self.orders != expected.orders {
            found.push(format!("{} orders instead of {}", self.orders, expected.orders));
        }
        let (wallets, wanted) = (self.wallets_minor, expected.wallets_minor);
        if wallets != wanted {
            found.push(format!("wallets have {wallets} instead of {wanted}"));
        }
        if self.merchants_minor.len() != expected.merchants_minor.len() {
            found.push(format!("{} merchants", self.merchants_minor.len()));
        }
        let merchants = self.merchants_minor.iter().zip(&expected.merchants_minor).enumerate();
        let wrong: Vec<_> = merchants.filter(|(_, (has, wanted))| has != wanted).collect();
        if let Some((merchant, (has, wanted))) = wrong.first() {
            let more = wrong.len() - 1;
            found.push(format!("merchant {merchant} has {has} instead of {wanted}; {more} more"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_told() {
        let (faults, merchants_minor) = (Vec::new(), vec![3, 4]);
        let good = Totals { orders: 2, wallets_minor: 10, merchants_minor, faults };
        assert_eq!(good.differences(&good), Vec::<String>::new());
        let bad = Totals {
            orders: 3,
            wallets_minor: 9,
            merchants_minor: vec![3, 5],
            faults: vec!["a negative wallet".into()],
        };
        let told = bad.differences(&good).join("; ");
        for part in ["a negative wallet", "3 orders", "wallets have 9", "merchant 1 has 5"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
