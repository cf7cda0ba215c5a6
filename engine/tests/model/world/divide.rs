//! The model's own arithmetic: who owes what of a bill, in whole fractions over one common denominator.
//! Nothing of the engine's is called, not even for ties: the digest that turns them is written out here.

use std::{cmp::Reverse, collections::BTreeMap};

use fanju::{
    domain::{
        bill::{Bill, Line},
        event::{Rounding, Rules},
        split::{Claim, Gap, Part, Rest, Split, SplitError, Weight},
        text::OrderNo,
    },
    id::{MerchantId, WalletId},
    money::{Amount, Currency},
};

use crate::support::minor;

/// FNV-1a, 64 bits, each field followed by a byte of ones. Source: draft-eastlake-fnv.
pub(crate) fn digest(fields: &[&[u8]]) -> u64 {
    let ones: &[u8] = &[0xff];
    let bytes = fields.iter().flat_map(|field| field.iter().chain(ones));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What turns the ties of the bill that `merchant` presents under `order_no`.
pub(crate) fn bill_id(merchant: MerchantId, order_no: &OrderNo) -> u64 {
    digest(&[merchant.0.as_bytes(), order_no.as_str().as_bytes()])
}

/// What tells a bill from another under the same number.
pub(crate) fn bill_content(bill: &Bill) -> u64 {
    let total = bill.total.minor().to_le_bytes();
    let amounts: Vec<[u8; 8]> =
        bill.lines.iter().map(|line| line.amount.minor().to_le_bytes()).collect();
    let mut fields: Vec<&[u8]> = vec![bill.currency.code().as_bytes(), &total];
    for (line, amount) in bill.lines.iter().zip(&amounts) {
        fields.extend([line.name.as_str().as_bytes(), amount.as_slice()]);
    }
    digest(&fields)
}

/// `count` places, beginning with the one that `seed` chooses.
pub(crate) fn turn(seed: u64, count: usize) -> Vec<usize> {
    let first = usize::try_from(seed % count as u64).expect("below the count");
    (first..count).chain(0..first).collect()
}

/// Whole parts of `total`, and of each what was cut off.
fn cut(total: i128, weights: &[i128]) -> (Vec<i128>, Vec<i128>) {
    let whole: i128 = weights.iter().sum();
    let parts = weights.iter().map(|weight| total * weight / whole).collect();
    (parts, weights.iter().map(|weight| total * weight % whole).collect())
}

/// One more for each of `order`, as far as what is left of `total` reaches; says for how many.
fn hand_out(total: i128, parts: &mut [i128], order: &[usize]) -> usize {
    let left = usize::try_from(total - parts.iter().sum::<i128>()).expect("parts are cut");
    order[..left].iter().for_each(|&place| parts[place] += 1);
    left
}

/// `total` by weight; what is left over goes to the largest remainders, and where they tie in `turn`.
pub(crate) fn by_weight(total: i128, weights: &[i128], turn: &[usize]) -> Vec<i128> {
    let (mut parts, remainders) = cut(total, weights);
    let mut order = turn.to_vec();
    order.sort_by_key(|&place| Reverse(remainders[place]));
    hand_out(total, &mut parts, &order);
    parts
}

/// What one diner owes, and by how much the fair-cent memory changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Due {
    pub(crate) owed: i64,
    pub(crate) carry: i64,
}

/// A bill, and who divides it.
struct Table<'a> {
    total: i64,
    lines: &'a [Line],
    currency: Currency,
    step: i64,
    diners: Vec<WalletId>,
    /// Places in the order of wallets, beginning with another one for each bill.
    turn: Vec<usize>,
}

/// Before rounding: fixed amounts, and weights on what they leave.
struct Owed {
    fixed: Vec<i64>,
    weights: Vec<i128>,
}

/// Divides `bill` among diners with their fair-cent memories; one due for each.
pub(crate) fn divide(
    bill: &Bill,
    diners: &[(WalletId, i64)],
    rules: &Rules,
) -> Result<Vec<Due>, SplitError> {
    let (total, currency) = (bill.total.minor(), bill.currency);
    let step = rules.cash_step.minor().max(1);
    if let Some(gap) = off_step(total, step, currency) {
        return Err(SplitError::TotalOffStep(gap));
    }
    let mut by_wallet: Vec<usize> = (0..diners.len()).collect();
    by_wallet.sort_by_key(|&place| diners[place].0);
    let turned = turn(bill_id(bill.merchant, &bill.order_no), diners.len());
    let table = Table {
        total,
        lines: &bill.lines,
        currency,
        step,
        diners: diners.iter().map(|(wallet, _)| *wallet).collect(),
        turn: turned.into_iter().map(|place| by_wallet[place]).collect(),
    };
    let Owed { fixed, weights } = table.owed(&rules.split)?;
    if let Some(place) = weights.iter().position(|weight| *weight < 0) {
        return Err(SplitError::ShareNegative { diner: table.diners[place] });
    }
    let rest = i128::from((total - fixed.iter().sum::<i64>()) / step);
    let carried: Vec<i64> = diners.iter().map(|(_, carry)| *carry).collect();
    let (steps, carries) = match rules.rounding {
        _ if rest == 0 => (vec![0; fixed.len()], vec![0; fixed.len()]),
        Rounding::LargestRemainder => {
            (by_weight(rest, &weights, &table.turn), vec![0; fixed.len()])
        }
        Rounding::FairCent => table.by_memory(rest, &weights, &carried),
    };
    let narrow = |wide: i128| i64::try_from(wide).expect("a part of the bill");
    let due = |((steps, carry), fixed): ((i128, i128), i64)| Due {
        owed: fixed + narrow(steps) * step,
        carry: narrow(carry),
    };
    Ok(steps.into_iter().zip(carries).zip(fixed).map(due).collect())
}

/// What is wrong with a split before there is a bill: rules that have it are refused, so that no bill meets it.
pub(crate) fn check_split(split: &Split) -> Result<(), SplitError> {
    let diners: Vec<WalletId> = match split {
        Split::Equal => return Ok(()),
        Split::Weights { parts } | Split::Percent { parts } => {
            parts.iter().map(|part| part.diner).collect()
        }
        Split::Exact { parts } | Split::FixedPlusRest { parts } => {
            parts.iter().map(|part| part.diner).collect()
        }
        Split::Itemised { claims, .. } => {
            let mut places: Vec<_> = claims.iter().map(|claim| (claim.line, claim.diner)).collect();
            places.sort();
            let twice = places.windows(2).find(|pair| pair[0] == pair[1]);
            return twice.map_or(Ok(()), |twice| {
                let (line, diner) = twice[0];
                Err(SplitError::ClaimRepeated { line, diner })
            });
        }
        Split::Treat { of, .. } if matches!(**of, Split::Treat { .. }) => {
            return Err(SplitError::TreatInTreat);
        }
        Split::Treat { guests, .. } => guests.clone(),
    };
    let mut twice: Vec<WalletId> = diners
        .iter()
        .filter(|diner| diners.iter().filter(|other| other == diner).count() > 1)
        .copied()
        .collect();
    twice.sort();
    if let Some(&diner) = twice.first() {
        return Err(SplitError::PartRepeated { diner });
    }
    let whole = |parts: &[Weight]| parts.iter().map(|part| i64::from(part.weight)).sum::<i64>();
    match split {
        Split::Weights { parts } if whole(parts) == 0 => Err(SplitError::NoWeight),
        Split::Percent { parts } if whole(parts) != 10_000 => {
            Err(SplitError::PercentOff { by_basis_points: whole(parts) - 10_000 })
        }
        Split::Treat { of, .. } => check_split(of),
        _ => Ok(()),
    }
}

fn off_step(amount: i64, step: i64, currency: Currency) -> Option<Gap> {
    let above = amount.rem_euclid(step);
    (above != 0).then(|| Gap { by: minor(above), of: minor(amount - above), currency })
}

impl Table<'_> {
    fn place(&self, diner: WalletId) -> Result<usize, SplitError> {
        let place = self.diners.iter().position(|known| *known == diner);
        place.ok_or(SplitError::UnknownDiner { diner })
    }

    fn owed(&self, split: &Split) -> Result<Owed, SplitError> {
        let count = self.diners.len();
        let weighing = |weights| Owed { fixed: vec![0; count], weights };
        match split {
            Split::Equal => Ok(weighing(vec![1; count])),
            Split::Weights { parts } | Split::Percent { parts } => {
                self.weights(parts).map(weighing)
            }
            Split::Exact { parts } => match self.fixed(parts)? {
                (_, Some(gap)) => Err(SplitError::SharesOff(gap)),
                (fixed, None) => Ok(Owed { fixed, weights: vec![0; count] }),
            },
            Split::FixedPlusRest { parts } => match self.fixed(parts)? {
                (_, Some(gap)) if gap.by > Amount::ZERO => Err(SplitError::FixedAbove(gap)),
                (fixed, _) => Ok(Owed { fixed, weights: vec![1; count] }),
            },
            Split::Itemised { claims, rest } => self.itemised(claims, *rest).map(weighing),
            Split::Treat { payer, guests, of } => {
                let payer = self.place(*payer)?;
                let guests = match guests.as_slice() {
                    [] => (0..count).collect(),
                    guests => guests
                        .iter()
                        .map(|guest| self.place(*guest))
                        .collect::<Result<Vec<_>, _>>()?,
                };
                let mut owed = self.owed(of)?;
                for guest in guests {
                    let fixed = std::mem::take(&mut owed.fixed[guest]);
                    owed.fixed[payer] += fixed;
                    let weight = std::mem::take(&mut owed.weights[guest]);
                    owed.weights[payer] += weight;
                }
                Ok(owed)
            }
        }
    }

    fn weights(&self, parts: &[Weight]) -> Result<Vec<i128>, SplitError> {
        let mut weights = vec![0; self.diners.len()];
        for part in parts {
            weights[self.place(part.diner)?] = i128::from(part.weight);
        }
        Ok(weights)
    }

    /// Fixed amounts, and how far they are from the bill.
    fn fixed(&self, parts: &[Part]) -> Result<(Vec<i64>, Option<Gap>), SplitError> {
        let mut fixed = vec![0; self.diners.len()];
        for part in parts {
            let place = self.place(part.diner)?;
            if let Some(gap) = off_step(part.amount.minor(), self.step, self.currency) {
                return Err(SplitError::PartOffStep { diner: part.diner, gap });
            }
            fixed[place] = part.amount.minor();
        }
        let by = fixed.iter().sum::<i64>() - self.total;
        let gap = Gap { by: minor(by), of: minor(self.total), currency: self.currency };
        Ok((fixed, (by != 0).then_some(gap)))
    }

    /// What each diner's lines cost, in fractions of which every claim is a whole number.
    fn itemised(&self, claims: &[Claim], rest: Rest) -> Result<Vec<i128>, SplitError> {
        if self.lines.is_empty() {
            return Err(SplitError::LinesMissing);
        }
        let by_line = self.claims_by_line(claims)?;
        let count = i128::try_from(self.diners.len()).expect("few");
        let whole =
            |claims: &[(usize, i128)]| claims.iter().map(|(_, weight)| weight).sum::<i128>();
        let fractions = by_line.values().fold(count, |all, claims| all * whole(claims));
        let mut costs = vec![0; self.diners.len()];
        for (line, number) in self.lines.iter().zip(0_u16..) {
            let cost = i128::from(line.amount.minor()) * fractions;
            match by_line.get(&number) {
                Some(claims) => claims
                    .iter()
                    .for_each(|(place, weight)| costs[*place] += cost * weight / whole(claims)),
                None => costs.iter_mut().for_each(|all| *all += cost / count),
            }
        }
        let sum: i64 = self.lines.iter().map(|line| line.amount.minor()).sum();
        if rest == Rest::Equally || sum <= 0 {
            // In proportion, the difference follows the lines by itself.
            let above = i128::from(self.total - sum) * fractions / count;
            costs.iter_mut().for_each(|all| *all += above);
        }
        Ok(costs)
    }

    /// Who claims how much of which line; the first thing that is wrong, line by line.
    fn claims_by_line(
        &self,
        claims: &[Claim],
    ) -> Result<BTreeMap<u16, Vec<(usize, i128)>>, SplitError> {
        let mut sorted: BTreeMap<u16, Vec<&Claim>> = BTreeMap::new();
        claims.iter().for_each(|claim| sorted.entry(claim.line).or_default().push(claim));
        let mut by_line = BTreeMap::new();
        for (line, mut claims) in sorted {
            let lines = self.lines.len();
            if usize::from(line) >= lines {
                return Err(SplitError::UnknownLine { line, lines });
            }
            claims.sort_by_key(|claim| claim.diner);
            if claims.iter().all(|claim| claim.weight == 0) {
                return Err(SplitError::ClaimsWeightless { line });
            }
            let placed = claims
                .into_iter()
                .map(|claim| Ok((self.place(claim.diner)?, i128::from(claim.weight))))
                .collect::<Result<_, SplitError>>()?;
            by_line.insert(line, placed);
        }
        Ok(by_line)
    }

    /// What is left over goes to those who were charged least so far, this bill included.
    fn by_memory(&self, total: i128, weights: &[i128], carried: &[i64]) -> (Vec<i128>, Vec<i128>) {
        let (mut parts, remainders) = cut(total, weights);
        let left = total - parts.iter().sum::<i128>();
        if left == 0 {
            return (parts, vec![0; weights.len()]);
        }
        let one = 1_000_000 * i128::from(self.step);
        let mut carries = by_weight(left * one, &remainders, &self.turn);
        let mut order = self.turn.clone();
        order.retain(|&place| weights[place] > 0);
        order.sort_by_key(|&place| Reverse(carries[place] + i128::from(carried[place])));
        let left = hand_out(total, &mut parts, &order);
        order[..left].iter().for_each(|&place| carries[place] -= one);
        (parts, carries)
    }
}
