//! What a data folder held when a run began: what earlier runs left there takes memory and time.

use std::fmt;

use fanju::Engine;
use serde::{Deserialize, Serialize};

use crate::figures::counted;

/// What a data folder held when a run began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ground {
    /// Wallets in the books.
    pub wallets: u64,
    /// Orders settled, in the books.
    pub settlements: u64,
    /// Where the journal ended.
    pub journal_position: u64,
}

impl Ground {
    /// What is there as soon as the engine is open.
    ///
    /// # Errors
    /// What the books say.
    pub fn of(engine: &Engine) -> Result<Self, fanju::Error> {
        let known = engine.block_on(engine.query(|books| books.counts()))?;
        let journal_position = engine.journal().durable().0;
        Ok(Self { wallets: known.wallets, settlements: known.settled, journal_position })
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.write_str("nothing");
        }
        let [settled, wallets, journal] = [
            (self.settlements, "order"),
            (self.wallets, "wallet"),
            (self.journal_position, "byte"),
        ]
        .map(|(number, one)| counted(number.into(), one));
        write!(f, "{settled} settled, {wallets}, {journal} of journal")
    }
}
