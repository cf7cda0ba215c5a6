//! Whole units by weight, with an exact sum: floors first, then the left-over units one by one.
//!
//! Who gets those is all in which the rules differ: the largest remainders, or those most
//! under-charged so far. There are always fewer of them than parties with a remainder, so nobody
//! gets two, and who weighs nothing gets none.

use std::cmp::Reverse;

use super::{
    Due,
    table::{Seats, Table, seat_of_seed},
};
use crate::money::Amount;

/// The fair-cent memory counts in millionths of a minor unit.
const MICRO: i128 = 1_000_000;

/// Everybody's whole units, and what that leaves.
pub(in crate::domain) struct Floors {
    units: Vec<i128>,
    /// The fraction cut off each, over the sum of the weights.
    remainders: Vec<i128>,
    /// How many units are still to be given.
    left: usize,
}

/// `total` by `weights`, each cut to whole units towards less; the total may be negative.
///
/// None when a weight is negative, all are zero, or the arithmetic leaves 127 bits.
pub(in crate::domain) fn floors(total: i128, weights: &[i128]) -> Option<Floors> {
    let whole = weights
        .iter()
        .try_fold(0_i128, |sum, &weight| if weight < 0 { None } else { sum.checked_add(weight) })?;
    // With total = rounds * whole + rest, only rest * weight needs the width.
    let (rounds, rest) = (total.checked_div(whole)?, total.checked_rem(whole)?);
    let mut remainders = Vec::with_capacity(weights.len());
    let mut units = Vec::with_capacity(weights.len());
    for &weight in weights {
        let product = rest.checked_mul(weight)?;
        let quotient = product.checked_div_euclid(whole)?;
        remainders.push(product.checked_sub(quotient.checked_mul(whole)?)?);
        units.push(rounds.checked_mul(weight)?.checked_add(quotient)?);
    }
    let given = units.iter().try_fold(0_i128, |sum, &units| sum.checked_add(units))?;
    let left = usize::try_from(total.checked_sub(given)?).ok()?;
    Some(Floors { units, remainders, left })
}

impl Floors {
    /// Gives the left-over units, one each, to the first of `parties`.
    pub(in crate::domain) fn raise(
        mut self,
        parties: impl IntoIterator<Item = usize>,
    ) -> Option<Vec<i128>> {
        for party in parties.into_iter().take(self.left) {
            self.units[party] = self.units[party].checked_add(1)?;
        }
        Some(self.units)
    }

    /// Gives them to the largest remainders (Hamilton), and where those tie, in `turn`.
    pub(super) fn raise_largest(self, turn: impl Iterator<Item = usize>) -> Option<Vec<i128>> {
        if self.left == 0 {
            return Some(self.units);
        }
        let mut order: Seats = turn.collect();
        order.sort_by_key(|&party| Reverse(self.remainders[party]));
        self.raise(order)
    }
}

/// A positive total, to be divided in multiples of `step` by the seats' weights.
pub(super) struct Units<'a> {
    pub(super) total: Amount,
    pub(super) step: Amount,
    pub(super) weights: &'a [i128],
}

impl Units<'_> {
    fn floors(&self) -> Option<Floors> {
        let units = self.total.minor().checked_div(self.step.minor())?;
        floors(i128::from(units), self.weights)
    }

    /// What `units` are worth, as a due.
    fn due(&self, units: i128, carry_micro: i128) -> Option<Due> {
        let minor = units.checked_mul(i128::from(self.step.minor()))?;
        let amount = Amount::from_minor(i64::try_from(minor).ok()?);
        Some(Due { amount, carry_micro: i64::try_from(carry_micro).ok()? })
    }
}

/// Everybody the same. The path of nearly every dinner: it stays within 64 bits, and allocates
/// nothing but its answer.
pub(super) fn equally(table: &Table<'_>, total: Amount, step: Amount) -> Option<Vec<Due>> {
    let seats = i64::try_from(table.diners.len()).ok()?;
    let units = total.minor().checked_div(step.minor())?;
    let (each, left) = (units.checked_div(seats)?, units.checked_rem(seats)?);
    let low = Amount::from_minor(each.checked_mul(step.minor())?);
    let high = low.checked_add(step)?;
    let mut dues = vec![Due { amount: low, carry_micro: 0 }; table.diners.len()];
    if left > 0 {
        for seat in table.turn().take(usize::try_from(left).ok()?) {
            dues[seat].amount = high;
        }
    }
    Some(dues)
}

/// By weight; odd units to the largest remainders.
pub(super) fn largest_remainder(table: &Table<'_>, units: &Units<'_>) -> Option<Vec<Due>> {
    let shares = units.floors()?.raise_largest(table.turn())?;
    shares.into_iter().map(|share| units.due(share, 0)).collect()
}

/// By weight; odd units to those most under-charged, this bill's fraction included.
pub(super) fn fair_cent(table: &Table<'_>, units: &Units<'_>) -> Option<Vec<Due>> {
    let floors = units.floors()?;
    if floors.left == 0 {
        return floors.units.into_iter().map(|share| units.due(share, 0)).collect();
    }
    let unit_micro = MICRO.checked_mul(i128::from(units.step.minor()))?;
    // The fractions in millionths are themselves divided, so that they sum to the odd units.
    let odd_micro = i128::try_from(floors.left).ok()?.checked_mul(unit_micro)?;
    let mut carries = self::floors(odd_micro, &floors.remainders)?.raise_largest(table.turn())?;
    let mut order: Seats = table.turn().filter(|&seat| units.weights[seat] > 0).collect();
    order.sort_by_key(|&seat| {
        Reverse(carries[seat].saturating_add(i128::from(table.diners[seat].carry_micro)))
    });
    for &seat in order.iter().take(floors.left) {
        carries[seat] = carries[seat].checked_sub(unit_micro)?;
    }
    let shares = floors.raise(order)?;
    shares.into_iter().zip(carries).map(|(share, carry)| units.due(share, carry)).collect()
}

/// Why an amount cannot be apportioned, in the order the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ApportionError {
    /// A weight below nothing.
    #[error("weight {index} is negative")]
    WeightNegative {
        /// Which, from zero.
        index: usize,
    },
    /// No weights, or nothing but zeros.
    #[error("weights sum to zero")]
    NoWeight,
}

/// Divides `amount` by `weights` exactly, by largest remainder. Ties go first to the weight at
/// `seed` modulo their number, then to those after it. A negative amount is cut towards less as
/// well, so its shares are not simply those of the positive one with the sign turned.
///
/// # Errors
/// The first [`ApportionError`] that applies.
///
pub fn apportion(
    amount: Amount,
    weights: &[Amount],
    seed: u64,
) -> Result<Vec<Amount>, ApportionError> {
    if let Some(index) = weights.iter().position(|weight| *weight < Amount::ZERO) {
        return Err(ApportionError::WeightNegative { index });
    }
    if weights.iter().all(|weight| *weight == Amount::ZERO) {
        return Err(ApportionError::NoWeight);
    }
    let weights: Vec<i128> = weights.iter().map(|weight| i128::from(weight.minor())).collect();
    let first = seat_of_seed(seed, weights.len());
    let turn = (first..weights.len()).chain(0..first);
    let amount = i128::from(amount.minor());
    let shares = floors(amount, &weights)
        .and_then(|floors| floors.raise_largest(turn))
        .expect("the largest product is an amount by a weight: twice 63 bits");
    let minor = |share| i64::try_from(share).expect("no share is larger than the amount");
    Ok(shares.into_iter().map(minor).map(Amount::from_minor).collect())
}

/// Why a refund cannot be divided, in the order the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RefundError {
    /// A refund of less than nothing.
    #[error("refund is negative")]
    AmountNegative,
    /// More was refunded than was paid, before this refund.
    #[error("what remains of line {line} is negative")]
    RemainingNegative {
        /// Which line, from zero.
        line: usize,
    },
    /// More than what is left to refund.
    #[error("refund of {amount} is above the {remaining} that remain")]
    AboveRemaining {
        /// What was asked for.
        amount: Amount,
        /// What is left of all lines.
        remaining: Amount,
    },
}

/// Divides a refund over lines by what *remains* refundable of each: no line gets more than that,
/// and the refund of the last unit leaves all at zero. Dividing the cumulative refund by the
/// original shares instead would take back from somebody now and then (the Alabama paradox).
///
/// # Errors
/// The first [`RefundError`] that applies.
pub fn divide_refund(
    amount: Amount,
    remaining: &[Amount],
    seed: u64,
) -> Result<Vec<Amount>, RefundError> {
    if amount < Amount::ZERO {
        return Err(RefundError::AmountNegative);
    }
    if let Some(line) = remaining.iter().position(|line| *line < Amount::ZERO) {
        return Err(RefundError::RemainingNegative { line });
    }
    // Sums past 64 bits are above every amount.
    let sum = Amount::checked_sum(remaining.iter().copied());
    if let Some(remaining) = sum.filter(|sum| amount > *sum) {
        return Err(RefundError::AboveRemaining { amount, remaining });
    }
    match apportion(amount, remaining, seed) {
        Ok(shares) => Ok(shares),
        Err(ApportionError::NoWeight) => Ok(vec![Amount::ZERO; remaining.len()]),
        Err(ApportionError::WeightNegative { index: line }) => {
            Err(RefundError::RemainingNegative { line })
        }
    }
}
