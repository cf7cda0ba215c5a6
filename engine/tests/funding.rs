//! Funding: an amount and sources in order → who gives what, or what is missing.

use fanju::{
    domain::{
        funding::{Missing, Source, allot, plan},
        split::ApportionError,
    },
    money::Amount,
};
use proptest::{collection::vec, option, prelude::*};

fn amount(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn source((available, max): (i64, Option<i64>)) -> Source {
    Source { available: amount(available), max: max.map(amount) }
}

/// The one door: sources as (available, max).
#[track_caller]
fn check(minor: i64, sources: &[(i64, Option<i64>)], expected: Result<&[i64], i64>) {
    let sources: Vec<Source> = sources.iter().copied().map(source).collect();
    let expected = expected
        .map(|parts| parts.iter().copied().map(amount).collect())
        .map_err(|missing| Missing { amount: amount(missing) });
    assert_eq!(plan(amount(minor), &sources), expected);
}

#[test]
fn each_source_gives_all_it_can_before_the_next() {
    check(100, &[(30, None), (0, None), (500, None)], Ok(&[30, 0, 70]));
    check(30, &[(30, None), (500, None)], Ok(&[30, 0]));
}

#[test]
fn no_source_gives_more_than_its_owner_allows() {
    check(100, &[(1_000, Some(40)), (1_000, None)], Ok(&[40, 60]));
    check(100, &[(1_000, Some(-50)), (1_000, None)], Ok(&[0, 100]));
}

#[test]
fn debts_give_nothing() {
    check(5, &[(-100, None), (5, None)], Ok(&[0, 5]));
    check(0, &[(-100, None)], Ok(&[0]));
    check(-7, &[(100, None)], Ok(&[0]));
}

#[test]
fn what_is_missing_is_said_and_nobody_gives() {
    check(100, &[(30, None), (1_000, Some(40))], Err(30));
    check(1, &[], Err(1));
}

#[test]
fn odd_units_of_an_allotment_go_to_the_first_portions_that_count() {
    let parts = |minor, portions: &[u64]| {
        allot(amount(minor), portions).map(|parts| parts.into_iter().map(Amount::minor).collect())
    };
    assert_eq!(parts(15, &[20, 2, 3]), Ok(vec![13, 1, 1]));
    assert_eq!(parts(5, &[0, 1, 1]), Ok(vec![0, 3, 2]));
    assert_eq!(parts(i64::MAX, &[u64::MAX]), Ok(vec![i64::MAX]));
    assert_eq!(parts(i64::MIN, &[u64::MAX, u64::MAX]), Ok(vec![i64::MIN / 2; 2]));
    assert_eq!(parts(5, &[0, 0]), Err(ApportionError::NoWeight));
    assert_eq!(parts(5, &[]), Err(ApportionError::NoWeight));
}

proptest! {
    #[test]
    fn a_plan_gives_the_amount_in_order_or_says_what_is_missing(
        minor in 0..5_000_i64,
        sources in vec((-500..1_500_i64, option::of(-100..800_i64)), 0..8),
    ) {
        let sources: Vec<Source> = sources.into_iter().map(source).collect();
        let all: Amount = sources.iter().map(|source| source.gives()).sum();
        match plan(amount(minor), &sources) {
            Ok(parts) => {
                prop_assert_eq!(parts.iter().copied().sum::<Amount>(), amount(minor));
                let full = |(part, source): &(&Amount, &Source)| **part == source.gives();
                let mut after = parts.iter().zip(&sources).skip_while(full);
                if let Some((part, source)) = after.next() {
                    prop_assert!((Amount::ZERO..source.gives()).contains(part));
                }
                prop_assert!(after.all(|(part, _)| *part == Amount::ZERO));
            }
            Err(missing) => prop_assert_eq!(all.minor() + missing.amount.minor(), minor),
        }
    }

    #[test]
    fn an_allotment_is_the_whole_and_each_part_is_off_by_one_at_most(
        minor in any::<i64>(),
        portions in vec(0..1_000_000_u64, 1..12),
    ) {
        let whole: i128 = portions.iter().copied().map(i128::from).sum();
        prop_assume!(whole > 0);
        let parts = allot(amount(minor), &portions).expect("somebody has a portion");
        prop_assert_eq!(parts.iter().map(|part| i128::from(part.minor())).sum::<i128>(), minor.into());
        for (part, portion) in parts.iter().zip(portions) {
            let exact = i128::from(minor) * i128::from(portion);
            let off = i128::from(part.minor()) * whole - exact;
            // By a whole one where the exact part is a whole number and comes first.
            prop_assert!(off.abs() <= whole && (portion > 0 || *part == Amount::ZERO));
        }
    }
}
