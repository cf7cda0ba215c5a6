//! Published figures of restaurant bills, for when no file is given: amount per cover, tip, party
//! size.
//!
//! Source: the 244 bills of Bryant and Smith, *Practical Data Analysis: Case Studies in Business
//! Statistics* (1995), as distributed in R's reshape2 and mwaskom/seaborn-data (`tips.csv`): their
//! quantiles in steps of five percent. In between, drawing is linear. Amounts are in minor units of
//! whatever currency one simulates.

use crate::chance::Chance;

/// Bill per cover: quantiles 0, 5, … 100 %, in minor units.
const COVER_MINOR: [i64; 21] = [
    288, 428, 497, 527, 556, 580, 613, 632, 659, 689, 726, 769, 802, 841, 882, 939, 995, 1055,
    1179, 1357, 2028,
];

/// Tip: quantiles 0, 5, … 100 %, in thousandths of the bill.
const TIP_PERMILLE: [i64; 21] = [
    36, 79, 99, 107, 121, 129, 137, 141, 147, 150, 155, 160, 167, 175, 182, 191, 197, 202, 217,
    241, 710,
];

/// Parties of one, two, … six diners among the 244.
const PARTIES: [u64; 6] = [4, 156, 38, 37, 5, 4];

/// A quantile at `chance`, linear between the steps, in whole units.
fn quantile(steps: &[i64; 21], chance: &mut Chance) -> i64 {
    const FINE: i64 = 1 << 20;
    let step = chance.place(20);
    let fine = i64::try_from(chance.below(1 << 20)).expect("twenty bits");
    steps[step] + (steps[step + 1] - steps[step]) * fine / FINE
}

/// What a party of `diners` pays together, tip included, in minor units.
pub fn total_minor(diners: usize, chance: &mut Chance) -> i64 {
    let diners = i64::try_from(diners).expect("a table has few seats");
    let bill = quantile(&COVER_MINOR, chance) * diners;
    bill + bill * quantile(&TIP_PERMILLE, chance) / 1000
}

/// The most that [`total_minor`] gives.
#[must_use]
pub fn total_minor_max(diners: usize) -> i64 {
    let bill = COVER_MINOR[20] * i64::try_from(diners).expect("a table has few seats");
    bill + bill * TIP_PERMILLE[20] / 1000
}

/// How many sit at one table.
pub fn party_size(chance: &mut Chance) -> usize {
    let mut ticket = chance.below(PARTIES.iter().sum());
    for (seats, parties) in (1..).zip(PARTIES) {
        match ticket.checked_sub(parties) {
            Some(rest) => ticket = rest,
            None => return seats,
        }
    }
    unreachable!("the ticket is below the sum of all parties")
}

/// The largest party that [`party_size`] gives.
pub const PARTY_SIZE_MAX: usize = PARTIES.len();

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: i64 = 200_000;

    /// The file's own mean cover is 788.8 minor units, its mean tip 160.8 ‰ (1995 US dollars).
    #[test]
    fn drawn_bills_have_the_published_mean() {
        let mut chance = Chance::new(1);
        let mean = (0..DRAWS).map(|_| quantile(&COVER_MINOR, &mut chance)).sum::<i64>() / DRAWS;
        assert!((773..=805).contains(&mean), "{mean}");
        let mean = (0..DRAWS).map(|_| quantile(&TIP_PERMILLE, &mut chance)).sum::<i64>() / DRAWS;
        assert!((155..=172).contains(&mean), "{mean}");
    }

    /// 627 diners sat at the file's 244 tables.
    #[test]
    fn drawn_parties_have_the_published_mean_size() {
        let mut chance = Chance::new(2);
        let sum: usize = (0..244_000).map(|_| party_size(&mut chance)).sum();
        assert!((622_000..=632_000).contains(&sum), "{sum}");
    }

    #[test]
    fn no_bill_is_above_the_largest() {
        let mut chance = Chance::new(3);
        assert!(
            (0..DRAWS).all(|_| (1..=total_minor_max(8)).contains(&total_minor(8, &mut chance)))
        );
    }
}
