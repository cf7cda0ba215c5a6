//! Manner: how a table pays, and what that comes to for a bill.

use fanju::{
    domain::{
        event::{Rounding, Rules, Shortfall},
        split::{Part, Rest, Split, Weight},
    },
    id::WalletId,
    money::Amount,
};

use crate::chance::Chance;

/// How a table pays.
#[derive(Clone, Copy, Debug)]
pub struct TableManner {
    /// When somebody is short.
    pub shortfall: Shortfall,
    /// Odd minor units.
    pub rounding: Rounding,
    /// Who owes what.
    pub divides: Divides,
}

/// Who owes what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Divides {
    /// Everybody the same.
    Equally,
    /// By weights, drawn from this number.
    ByWeights(u64),
    /// By percentages, drawn from this number.
    ByPercent(u64),
    /// By amounts, drawn from this number.
    Exactly(u64),
    /// One pays a fixed amount, and all share the rest.
    FixedPlusRest(u64),
    /// One pays for another, or for everybody.
    Treated(u64),
    /// By the lines that they claim.
    ByLines,
}

impl TableManner {
    /// The group's rules for a bill of `total`, once its members have wallets.
    #[must_use]
    pub fn rules(&self, diners: &[WalletId], total: Amount) -> Rules {
        let split = match self.divides {
            Divides::Equally => Split::Equal,
            Divides::ByWeights(drawn) => weighted(&mut Chance::new(drawn), diners),
            Divides::ByPercent(drawn) => {
                let parts = cut(&mut Chance::new(drawn), diners, 10_000).into_iter();
                let weight = |points| u32::try_from(points).expect("at most ten thousand");
                let parts = parts.map(|(diner, it)| Weight { diner, weight: weight(it) });
                Split::Percent { parts: parts.collect() }
            }
            Divides::Exactly(drawn) => {
                let parts = cut(&mut Chance::new(drawn), diners, total.minor()).into_iter();
                let parts = parts.map(|(diner, it)| Part { diner, amount: Amount::from_minor(it) });
                Split::Exact { parts: parts.collect() }
            }
            Divides::FixedPlusRest(drawn) => {
                let mut chance = Chance::new(drawn);
                let diner = diners[chance.place(diners.len())];
                let amount = Amount::from_minor(below(&mut chance, total.minor() / 2 + 1));
                let parts = Some(Part { diner, amount }).filter(|_| amount.is_positive());
                Split::FixedPlusRest { parts: parts.into_iter().collect() }
            }
            Divides::Treated(drawn) => {
                let mut chance = Chance::new(drawn);
                let payer = diners[chance.place(diners.len())];
                let guest = diners[chance.place(diners.len())];
                let guests = Some(guest).filter(|guest| *guest != payer).into_iter().collect();
                let of = match chance.below(2) {
                    0 => Split::Equal,
                    _ => weighted(&mut chance, diners),
                };
                Split::Treat { payer, guests, of: Box::new(of) }
            }
            Divides::ByLines => Split::Itemised { claims: vec![], rest: Rest::InProportion },
        };
        let (shortfall, rounding) = (self.shortfall, self.rounding);
        Rules { split, shortfall, rounding, ..Rules::default() }
    }
}

fn weighted(chance: &mut Chance, diners: &[WalletId]) -> Split {
    let parts = diners.iter().map(|diner| {
        let weight = u32::try_from(chance.below(5)).expect("below five");
        Weight { diner: *diner, weight: weight + 1 }
    });
    Split::Weights { parts: parts.collect() }
}

/// Cuts `whole` into parts; who gets nothing has none.
fn cut(chance: &mut Chance, diners: &[WalletId], whole: i64) -> Vec<(WalletId, i64)> {
    let (mut parts, mut left) = (Vec::new(), whole);
    for (seat, diner) in diners.iter().enumerate() {
        let part = match seat + 1 == diners.len() {
            true => left,
            false => below(chance, left + 1),
        };
        left -= part;
        parts.push((*diner, part));
    }
    parts.retain(|(_, part)| *part > 0);
    parts
}

fn below(chance: &mut Chance, bound: i64) -> i64 {
    let bound = u64::try_from(bound).expect("not negative");
    i64::try_from(chance.below(bound)).expect("below what was an i64")
}
