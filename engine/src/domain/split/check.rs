//! What is wrong with a split whatever the bill, and whoever sits at the table.

use super::{Claim, Part, Split, SplitError, Weight};
use crate::id::WalletId;

/// The whole, in basis points.
const WHOLE_BASIS_POINTS: i64 = 10_000;

impl Split {
    /// Checks what contradicts itself whatever the bill, and whoever sits at the table. Amounts are looked at
    /// with the bill.
    ///
    /// # Errors
    /// [`SplitError::TreatInTreat`], [`SplitError::PartRepeated`], [`SplitError::ClaimRepeated`],
    /// [`SplitError::NoWeight`] or [`SplitError::PercentOff`].
    pub fn check(&self) -> Result<(), SplitError> {
        match self {
            Self::Equal => Ok(()),
            Self::Weights { parts } => {
                check_named_once(parts.iter().map(|part| part.diner))?;
                let weighs = parts.iter().any(|part| part.weight > 0);
                if weighs { Ok(()) } else { Err(SplitError::NoWeight) }
            }
            Self::Percent { parts } => {
                check_named_once(parts.iter().map(|part| part.diner))?;
                check_whole(parts)
            }
            Self::Exact { parts } | Self::FixedPlusRest { parts } => {
                check_named_once(parts.iter().map(|Part { diner, .. }| *diner))
            }
            Self::Itemised { claims, .. } => check_claimed_once(claims),
            Self::Treat { guests, of, .. } => {
                if matches!(**of, Self::Treat { .. }) {
                    return Err(SplitError::TreatInTreat);
                }
                check_named_once(guests.iter().copied())?;
                of.check()
            }
        }
    }
}

fn check_named_once(diners: impl Iterator<Item = WalletId>) -> Result<(), SplitError> {
    match repeated(diners) {
        Some(diner) => Err(SplitError::PartRepeated { diner }),
        None => Ok(()),
    }
}

fn check_claimed_once(claims: &[Claim]) -> Result<(), SplitError> {
    match repeated(claims.iter().map(|claim| (claim.line, claim.diner))) {
        Some((line, diner)) => Err(SplitError::ClaimRepeated { line, diner }),
        None => Ok(()),
    }
}

fn check_whole(parts: &[Weight]) -> Result<(), SplitError> {
    let sum = parts.iter().try_fold(0_i64, |sum, part| sum.checked_add(i64::from(part.weight)));
    match sum.and_then(|sum| sum.checked_sub(WHOLE_BASIS_POINTS)) {
        Some(0) => Ok(()),
        Some(by_basis_points) => Err(SplitError::PercentOff { by_basis_points }),
        None => Err(SplitError::TooLarge),
    }
}

/// The least of those that are there twice.
fn repeated<T: Ord + Copy>(named: impl Iterator<Item = T>) -> Option<T> {
    let mut named: Vec<T> = named.collect();
    named.sort_unstable();
    named.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}
