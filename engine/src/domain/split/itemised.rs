//! Itemised bills: what each diner's lines cost, exactly, as weights.
//!
//! Lines are divided in fractions of a minor unit: in 1/D, where D is the common denominator of
//! all claims, so that nothing is rounded here. Where D would leave 127 bits (a hall in which
//! claims of dozens of different prime sizes meet), D is a million, and a line is cut to millionths
//! of a minor unit; the sum is exact all the same.

use super::{Claim, Rest, SplitError, allocate::floors, table::Table};
use crate::limits;

/// D where there is no common denominator of a useful size.
const GRID: i128 = 1_000_000;

#[allow(clippy::arithmetic_side_effects, reason = "checked by the compiler: it is a constant")]
const _: () = {
    // The largest weights at GRID, times the largest total, stay within 127 bits.
    let total = limits::AMOUNT_MINOR_MAX as i128;
    let lines = total * limits::BILL_LINES_MAX as i128;
    let seats = limits::GROUP_MEMBERS_MAX as i128;
    assert!(lines <= i128::MAX / total / GRID);
    assert!(total * seats <= i128::MAX / total / GRID);
    assert!(lines + total <= i128::MAX / seats / GRID);
};

/// One claim, at its seat.
struct Seated {
    line: u16,
    seat: usize,
    weight: i128,
}

/// What each seat owes of the bill, as weights; may be negative where rebates are claimed.
pub(super) fn weights(
    table: &Table<'_>,
    claims: &[Claim],
    rest: Rest,
) -> Result<Vec<i128>, SplitError> {
    if table.bill.lines.is_empty() {
        return Err(SplitError::LinesMissing);
    }
    let claims = seated(table, claims)?;
    exact(table, &claims, rest).ok_or(SplitError::TooLarge)
}

/// The claims in the order of lines, then wallets; each line's claims weigh something.
fn seated(table: &Table<'_>, claims: &[Claim]) -> Result<Vec<Seated>, SplitError> {
    let lines = table.bill.lines.len();
    let mut sorted: Vec<&Claim> = claims.iter().collect();
    sorted.sort_unstable_by_key(|claim| (claim.line, claim.diner));
    let mut seated = Vec::with_capacity(sorted.len());
    for claims in sorted.chunk_by(|one, next| one.line == next.line) {
        let line = claims[0].line;
        if usize::from(line) >= lines {
            return Err(SplitError::UnknownLine { line, lines });
        }
        if claims.iter().all(|claim| claim.weight == 0) {
            return Err(SplitError::ClaimsWeightless { line });
        }
        for claim in claims {
            let weight = i128::from(claim.weight);
            seated.push(Seated { line, seat: table.seat(claim.diner)?, weight });
        }
    }
    Ok(seated)
}

/// What every seat owes, over one denominator that the callers need not know.
fn exact(table: &Table<'_>, claims: &[Seated], rest: Rest) -> Option<Vec<i128>> {
    let by_line = || claims.chunk_by(|one, next| one.line == next.line);
    let parts = denominator(table, by_line())?;

    let mut weights = vec![0_i128; table.diners.len()];
    let sum = sum(table.bill.lines.iter().map(|line| i128::from(line.amount.minor())))?;
    let mut unclaimed = sum;
    for claims in by_line() {
        let line = &table.bill.lines[usize::from(claims[0].line)];
        let line = i128::from(line.amount.minor());
        unclaimed = unclaimed.checked_sub(line)?;
        let by: Vec<i128> = claims.iter().map(|claim| claim.weight).collect();
        let shares = floors(line.checked_mul(parts)?, &by)?.raise_largest(0..by.len())?;
        for (claim, share) in claims.iter().zip(shares) {
            weights[claim.seat] = weights[claim.seat].checked_add(share)?;
        }
    }
    let by = vec![1; weights.len()];
    let shares = floors(unclaimed.checked_mul(parts)?, &by)?.raise_largest(table.turn())?;
    for (weight, share) in weights.iter_mut().zip(shares) {
        *weight = weight.checked_add(share)?;
    }

    // The weights now sum to the lines: what is above or below them follows by itself.
    let above = i128::from(table.bill.total.minor()).checked_sub(sum)?;
    let by_itself = rest == Rest::InProportion && sum > 0;
    if above != 0 && !by_itself {
        let seats = i128::try_from(weights.len()).ok()?;
        let share = above.checked_mul(parts)?;
        for weight in &mut weights {
            *weight = weight.checked_mul(seats)?.checked_add(share)?;
        }
    }
    Some(weights)
}

/// D: the parts of a minor unit in which every line divides without a remainder, or [`GRID`].
fn denominator<'a>(
    table: &Table<'_>,
    mut by_line: impl Iterator<Item = &'a [Seated]>,
) -> Option<i128> {
    let seats = i128::try_from(table.diners.len()).ok()?;
    let total = i128::from(table.bill.total.minor());
    let lines = sum(table.bill.lines.iter().map(|line| i128::from(line.amount.minor()).abs()))?;
    // Weights stay below (lines + total) * (seats + 1) * D, and are multiplied by the total.
    let room = lines.checked_add(total)?.checked_mul(seats.checked_add(1)?)?;
    let most = i128::MAX.checked_div(total)?.checked_div(room)?;
    let exact = by_line.try_fold(seats, |parts, claims| {
        let parts = common_multiple(parts, sum(claims.iter().map(|claim| claim.weight))?)?;
        (parts <= most).then_some(parts)
    });
    Some(exact.unwrap_or(GRID))
}

fn sum(numbers: impl Iterator<Item = i128>) -> Option<i128> {
    numbers.into_iter().try_fold(0_i128, i128::checked_add)
}

/// The least common multiple of two positive numbers.
fn common_multiple(one: i128, other: i128) -> Option<i128> {
    let (mut divisor, mut rest) = (one, other);
    while let Some(next) = divisor.checked_rem(rest) {
        (divisor, rest) = (rest, next);
    }
    one.checked_div(divisor)?.checked_mul(other)
}
