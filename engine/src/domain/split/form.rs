//! The one form of every split: fixed amounts, and weights on what they leave.

use super::{
    Due, Part, Split, SplitError, Weight,
    allocate::{self, Units},
    error::Gap,
    itemised,
    table::Table,
};
use crate::{domain::event::Rounding, id::WalletId, money::Amount};

/// What each seat owes before rounding: its fixed amount, and its weight's part of the rest.
pub(super) struct Form {
    fixed: Vec<Amount>,
    weights: Vec<i128>,
}

impl Form {
    /// Of a split that was checked.
    pub(super) fn new(table: &Table<'_>, split: &Split, step: Amount) -> Result<Self, SplitError> {
        let seats = table.diners.len();
        let weighing = |weights| Self { fixed: vec![Amount::ZERO; seats], weights };
        match split {
            Split::Equal => Ok(weighing(vec![1; seats])),
            Split::Weights { parts } | Split::Percent { parts } => {
                weights(table, parts).map(weighing)
            }
            Split::Exact { parts } => {
                let fixed = amounts(table, parts, step)?;
                match gap(table, &fixed)? {
                    Some(gap) => Err(SplitError::SharesOff(gap)),
                    None => Ok(Self { fixed, weights: vec![0; seats] }),
                }
            }
            Split::FixedPlusRest { parts } => {
                let fixed = amounts(table, parts, step)?;
                match gap(table, &fixed)? {
                    Some(gap) if gap.by.is_positive() => Err(SplitError::FixedAbove(gap)),
                    _ => Ok(Self { fixed, weights: vec![1; seats] }),
                }
            }
            Split::Itemised { claims, rest } => {
                itemised::weights(table, claims, *rest).map(weighing)
            }
            Split::Treat { payer, guests, of } => {
                let (payer, guests) = (table.seat(*payer)?, guest_seats(table, guests)?);
                let mut form = Self::new(table, of, step)?;
                guests
                    .into_iter()
                    .try_for_each(|guest| form.treat(payer, guest))
                    .ok_or(SplitError::TooLarge)?;
                Ok(form)
            }
        }
    }

    /// Moves all that `guest` owes to `payer`.
    fn treat(&mut self, payer: usize, guest: usize) -> Option<()> {
        let fixed = std::mem::take(&mut self.fixed[guest]);
        self.fixed[payer] = self.fixed[payer].checked_add(fixed)?;
        let weight = std::mem::take(&mut self.weights[guest]);
        self.weights[payer] = self.weights[payer].checked_add(weight)?;
        Some(())
    }

    /// Rounds: the fixed amounts, and the rest by weight in whole steps.
    pub(super) fn settle(
        &self,
        table: &Table<'_>,
        step: Amount,
        rounding: Rounding,
    ) -> Result<Vec<Due>, SplitError> {
        if let Some(seat) = self.weights.iter().position(|&weight| weight < 0) {
            return Err(SplitError::ShareNegative { diner: table.diners[seat].wallet });
        }
        let fixed = Amount::checked_sum(self.fixed.iter().copied());
        let rest = fixed
            .and_then(|fixed| table.bill.total.checked_sub(fixed))
            .ok_or(SplitError::TooLarge)?;
        let mut dues = vec![Due::default(); self.fixed.len()];
        if rest.is_positive() {
            let units = Units { total: rest, step, weights: &self.weights };
            dues = match rounding {
                Rounding::LargestRemainder => allocate::largest_remainder(table, &units),
                Rounding::FairCent => allocate::fair_cent(table, &units),
            }
            .ok_or(SplitError::TooLarge)?;
        }
        for (due, fixed) in dues.iter_mut().zip(&self.fixed) {
            due.amount = due.amount.checked_add(*fixed).ok_or(SplitError::TooLarge)?;
        }
        Ok(dues)
    }
}

/// The seats of `guests`, or all seats if there are none.
fn guest_seats(table: &Table<'_>, guests: &[WalletId]) -> Result<Vec<usize>, SplitError> {
    if guests.is_empty() {
        return Ok((0..table.diners.len()).collect());
    }
    guests.iter().map(|&guest| table.seat(guest)).collect()
}

fn weights(table: &Table<'_>, parts: &[Weight]) -> Result<Vec<i128>, SplitError> {
    let mut weights = vec![0; table.diners.len()];
    for part in parts {
        weights[table.seat(part.diner)?] = i128::from(part.weight);
    }
    Ok(weights)
}

fn amounts(table: &Table<'_>, parts: &[Part], step: Amount) -> Result<Vec<Amount>, SplitError> {
    let mut fixed = vec![Amount::ZERO; table.diners.len()];
    for &Part { diner, amount } in parts {
        let seat = table.seat(diner)?;
        if amount < Amount::ZERO {
            return Err(SplitError::PartNegative { diner });
        }
        if let Some(gap) = Gap::to_step(amount, step, table.bill.currency) {
            return Err(SplitError::PartOffStep { diner, gap });
        }
        fixed[seat] = amount;
    }
    Ok(fixed)
}

/// How far `fixed` is from the bill, if it is.
fn gap(table: &Table<'_>, fixed: &[Amount]) -> Result<Option<Gap>, SplitError> {
    let sum = Amount::checked_sum(fixed.iter().copied()).ok_or(SplitError::TooLarge)?;
    Ok(Gap::between(sum, table.bill.total, table.bill.currency))
}
