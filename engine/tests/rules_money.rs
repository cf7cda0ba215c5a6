//! Amounts and currencies: exact, or an error.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use std::str::FromStr;

use fanju::money::{Amount, AmountError, Currency};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

#[test]
fn a_currency_has_none_two_three_or_four_decimals() {
    for (code, exponent) in [("JPY", 0), ("KRW", 0), ("CNY", 2), ("USD", 2), ("KWD", 3), ("CLF", 4)]
    {
        let currency = currency(code);
        assert_eq!(currency.exponent(), exponent, "{code}");
        assert_eq!(currency.to_string(), code);
        assert_eq!(Currency::from_numeric(currency.numeric()), Some(currency));
    }
    for code in ["XAU", "XTS", "cny", "", "CN", "YUAN"] {
        assert!(code.parse::<Currency>().is_err(), "{code}");
    }
    assert_eq!(Currency::from_numeric(959), None, "gold has no minor unit");
}

#[test]
fn decimals_become_minor_units_exactly_or_not_at_all() {
    let cases: &[(&str, &str, Result<i64, ()>)] = &[
        ("CNY", "86.00", Ok(8_600)),
        ("CNY", "0.01", Ok(1)),
        ("CNY", "-0.01", Ok(-1)),
        ("CNY", "1.2300", Ok(123)),
        ("CNY", "0.001", Err(())),
        ("CNY", "-0", Ok(0)),
        ("JPY", "100", Ok(100)),
        ("JPY", "100.0", Ok(100)),
        ("JPY", "0.5", Err(())),
        ("KWD", "0.001", Ok(1)),
        ("KWD", "0.0001", Err(())),
        ("CLF", "0.0001", Ok(1)),
        ("CLF", "0.00001", Err(())),
    ];
    for (code, text, expected) in cases {
        let currency = currency(code);
        let amount = Amount::from_decimal(Decimal::from_str(text).unwrap(), currency);
        let too_fine = |()| AmountError::TooFine { currency };
        assert_eq!(amount.map(Amount::minor), expected.map_err(too_fine), "{text} {code}");
    }
    let most = Decimal::new(i64::MAX, 2);
    assert_eq!(Amount::from_decimal(most, Currency::CNY), Ok(Amount::from_minor(i64::MAX)));
    let least = Decimal::new(i64::MIN, 2);
    assert_eq!(Amount::from_decimal(least, Currency::CNY), Ok(Amount::from_minor(i64::MIN)));
    for beyond in
        [most + Decimal::new(1, 2), least - Decimal::new(1, 2), Decimal::MAX, Decimal::MIN]
    {
        assert_eq!(Amount::from_decimal(beyond, Currency::CNY), Err(AmountError::Overflow));
    }
}

#[test]
fn sums_say_when_they_do_not_fit() {
    let most = Amount::from_minor(i64::MAX);
    assert_eq!(most.checked_add(Amount::from_minor(1)), None);
    assert_eq!(Amount::from_minor(i64::MIN).checked_neg(), None);
    assert_eq!(Amount::from_minor(i64::MIN).checked_sub(Amount::from_minor(1)), None);
    assert_eq!(
        Amount::checked_sum([most, Amount::from_minor(-1)]),
        Some(Amount::from_minor(i64::MAX - 1))
    );
}

proptest! {
    #[test]
    fn every_amount_reads_back(minor: i64, code in prop::sample::select(vec!["JPY", "CNY", "KWD", "CLF"])) {
        let (amount, currency) = (Amount::from_minor(minor), currency(code));
        let decimal = amount.to_decimal(currency);
        prop_assert_eq!(decimal.scale(), currency.exponent());
        prop_assert_eq!(Amount::from_decimal(decimal, currency), Ok(amount));
        let text = decimal.to_string();
        prop_assert_eq!(Amount::from_decimal(text.parse().unwrap(), currency), Ok(amount));
    }
}
