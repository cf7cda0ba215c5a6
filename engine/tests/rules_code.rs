//! The group code: its check digit, and its turns.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use std::time::Duration;

use fanju::{
    domain::code::{Code, CodeError, Codes},
    limits,
    time::Timestamp,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn digits(code: Code) -> Vec<u8> {
    code.to_string().bytes().map(|byte| byte - b'0').collect()
}

fn parse(digits: &[u8]) -> Result<Code, CodeError> {
    digits.iter().map(|digit| char::from(digit + b'0')).collect::<String>().parse()
}

#[test]
fn a_code_reads_back_and_looks_like_one() {
    let mut chance = StdRng::seed_from_u64(1);
    for _ in 0..1_000 {
        let code = Code::from_random(chance.random());
        let text = code.to_string();
        assert_eq!(text.len(), 18);
        assert!(text.starts_with("88"));
        assert_eq!(text.parse(), Ok(code));
    }
    assert_eq!(Code::from_random(7), Code::from_random(7 + 10_u64.pow(15)));
}

#[test]
fn every_single_wrong_digit_is_found() {
    let mut chance = StdRng::seed_from_u64(2);
    for _ in 0..500 {
        let right = digits(Code::from_random(chance.random()));
        for at in 0..right.len() {
            for digit in (0..10).filter(|digit| *digit != right[at]) {
                let mut wrong = right.clone();
                wrong[at] = digit;
                let expected = if at < 2 { CodeError::Foreign } else { CodeError::Mistyped };
                assert_eq!(parse(&wrong), Err(expected), "{right:?} with {digit} at {at}");
            }
        }
    }
}

/// MOD 11,10 does not find every transposition: a pair of neighbours is confused with its mirror
/// image in some states of the sum. Measured here over random codes: it misses 1 in 44 swaps of
/// unequal neighbours.
#[test]
fn almost_every_swap_of_neighbours_is_found() {
    let mut chance = StdRng::seed_from_u64(3);
    let (mut swaps, mut missed) = (0_u32, 0_u32);
    for _ in 0..5_000 {
        let right = digits(Code::from_random(chance.random()));
        for at in 2..right.len() - 1 {
            if right[at] == right[at + 1] {
                continue;
            }
            let mut wrong = right.clone();
            wrong.swap(at, at + 1);
            swaps += 1;
            missed += u32::from(parse(&wrong).is_ok());
        }
    }
    println!("{missed} of {swaps} swaps of neighbours missed");
    assert!(missed > 0, "if none is missed, say so in the code's documentation");
    assert!(missed * 40 < swaps, "{missed} of {swaps}");
}

#[test]
fn other_peoples_codes_are_foreign_and_other_texts_are_none() {
    for foreign in [
        "251234567890123456",
        "301234567890123456",
        "101234567890123456",
        "621234567890123456",
        "000000000000000000",
        "999999999999999999",
    ] {
        assert_eq!(foreign.parse::<Code>(), Err(CodeError::Foreign), "{foreign}");
    }
    for text in [
        "",
        "88",
        "88123456789012345",
        "8812345678901234567",
        "88123456789012345x",
        "+8123456789012345678",
        "８８1234567890123",
        " 8812345678901234 ",
    ] {
        assert_eq!(text.parse::<Code>(), Err(CodeError::NotEighteenDigits), "{text}");
    }
}

#[test]
fn a_code_is_shown_for_its_time_and_counts_for_a_grace_more() {
    let mut codes = Codes::default();
    let first = codes.show(NOW, 1);
    assert!(first.fresh && first.retired.is_none());
    assert_eq!(first.shown.replaced_at, NOW.after(limits::CODE_SHOWN));
    assert_eq!(first.shown.expires_at, first.shown.replaced_at.after(limits::CODE_GRACE));
    let just_before = Timestamp(first.shown.replaced_at.0 - 1);
    let same = codes.show(just_before, 2);
    assert!(!same.fresh && same.shown == first.shown);
    let second = codes.show(first.shown.replaced_at, 2);
    assert!(second.fresh && second.retired.is_none(), "the one before is still known");
    assert_eq!(codes.known().count(), 2);
    let third = codes.show(second.shown.replaced_at.after(Duration::from_secs(9)), 3);
    assert_eq!(third.retired, Some(first.shown.code), "two before is over");
}

#[test]
fn a_spent_code_makes_room_for_a_fresh_one() {
    let mut codes = Codes::default();
    let first = codes.show(NOW, 1).shown.code;
    assert_eq!(codes.spend(Code::from_random(99)), None, "not ours");
    assert_eq!(codes.spend(first), None, "nothing was before it");
    let second = codes.show(NOW, 2);
    assert!(second.fresh && second.shown.code != first);
    assert!(codes.known().any(|code| code == first), "so that a second scan is told 'spent'");
    assert_eq!(codes.spend(first), None, "the one before is spent already");
    assert_eq!(codes.spend(second.shown.code), Some(first));
}
