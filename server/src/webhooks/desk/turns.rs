//! Turns: which merchant is served next, whatever the number of its endpoints.
//!
//! A fair queue by time: whoever has held the threads for less goes first, and of two who are alike
//! whoever waits longer. Time that was not used is not saved up; whoever comes new, or comes back
//! after a removal, begins where the others are.

use std::{collections::BTreeMap, time::Duration};

use fanju::id::MerchantId;

#[derive(Debug, Default)]
pub(super) struct Turns {
    merchants: BTreeMap<MerchantId, Merchant>,
    /// Counts turns, to tell who waits longest.
    turn: u64,
    /// What the merchant that was served last had used up before: nobody counts as having less.
    reached: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Merchant {
    /// How long it has held threads, counted from where the others were.
    used: Duration,
    turn: u64,
    endpoints: usize,
    /// Threads that serve its slow endpoints, and the others.
    slow: usize,
    fast: usize,
}

/// A merchant's place in the queue: the smallest goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    used: Duration,
    turn: u64,
}

impl Turns {
    /// Lets one endpoint more of `merchant` stand in the queue; a new merchant at its end.
    pub(super) fn join(&mut self, merchant: MerchantId) {
        let (used, turn) = (self.reached, self.turn);
        let new = Merchant { used, turn, endpoints: 0, slow: 0, fast: 0 };
        let known = self.merchants.entry(merchant).or_insert(new);
        known.endpoints = known.endpoints.saturating_add(1);
    }

    /// One endpoint of `merchant` is gone.
    pub(super) fn leave(&mut self, merchant: MerchantId) {
        if let Some(known) = self.merchants.get_mut(&merchant) {
            known.endpoints = known.endpoints.saturating_sub(1);
        }
    }

    /// Where `merchant` stands, if it may have a thread more for an endpoint that is `slow`, or is not: one of
    /// each kind, and more that are not slow where there are threads to `spare`.
    pub(super) fn place(&self, merchant: MerchantId, slow: bool, spare: bool) -> Option<Place> {
        let known = self.merchants.get(&merchant)?;
        let is_busy = if slow { known.slow > 0 } else { known.fast > 0 && !spare };
        let used = known.used.max(self.reached);
        (!is_busy).then_some(Place { used, turn: known.turn })
    }

    /// `merchant` gets a thread; says the turn's number.
    pub(super) fn begin(&mut self, merchant: MerchantId, slow: bool) -> u64 {
        self.turn = self.turn.saturating_add(1);
        if let Some(known) = self.merchants.get_mut(&merchant) {
            known.used = known.used.max(self.reached);
            known.turn = self.turn;
            let threads = known.threads(slow);
            *threads = threads.saturating_add(1);
            self.reached = known.used;
        }
        // Whoever has left is forgotten once a newcomer's place is no better: removing an endpoint and
        // making it again gains nothing.
        let reached = self.reached;
        self.merchants.retain(|_, known| known.endpoints > 0 || known.used > reached);
        self.turn
    }

    /// `merchant` gives the thread back that it had for so long.
    pub(super) fn end(&mut self, merchant: MerchantId, slow: bool, took: Duration) {
        if let Some(known) = self.merchants.get_mut(&merchant) {
            let threads = known.threads(slow);
            *threads = threads.saturating_sub(1);
            known.used = known.used.saturating_add(took);
        }
    }
}

impl Merchant {
    fn threads(&mut self, slow: bool) -> &mut usize {
        if slow { &mut self.slow } else { &mut self.fast }
    }
}
