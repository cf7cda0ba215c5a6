//! The group's rules: every refusal with its reason, caps over the whole outing.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use fanju::{
    domain::{
        event::{Consent, Event, Rules},
        group::{Command, Group, Rejection, check_consent, check_rules},
        split::{Claim, Part, Rest, Split, SplitError, Weight},
    },
    id::{GroupId, WalletId},
    limits,
    money::{Amount, Currency},
};
use uuid::Uuid;

const ID: GroupId = GroupId(Uuid::from_u128(900));
const HOST: WalletId = WalletId(Uuid::from_u128(1));
const BEN: WalletId = WalletId(Uuid::from_u128(2));
const CAT: WalletId = WalletId(Uuid::from_u128(3));

fn minor(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn cap(cap: i64) -> Consent {
    Consent { cap: minor(cap), confirm_above: None }
}

fn opened() -> Group {
    let name = "dinner".try_into().unwrap();
    Group::open(ID, name, HOST, cap(100), Currency::CNY, Rules::default())
}

/// After these commands, `command` is answered so.
fn check(history: &[Command], command: &Command, expected: Result<(), Rejection>) {
    let mut group = opened();
    for command in history {
        let event = group.decide(command).unwrap();
        group.apply(&event);
    }
    let before = group.clone();
    assert_eq!(group.decide(command).map(drop), expected, "{command:?} after {history:?}");
    assert_eq!(group, before, "deciding changes nothing");
}

fn invite(by: WalletId, wallet: WalletId) -> Command {
    Command::Invite { by, wallet }
}

fn join(wallet: WalletId, by_code: bool) -> Command {
    Command::Join { wallet, consent: cap(100), by_code }
}

#[test]
fn every_refusal_has_its_reason() {
    use Rejection as No;
    let ben = [invite(HOST, BEN), join(BEN, false)];
    let locked = [&ben[..], &[Command::Lock { by: HOST }]].concat();
    let closed = [Command::Close { by: HOST }];
    for command in [
        invite(HOST, BEN),
        join(BEN, true),
        Command::Leave { wallet: HOST },
        Command::Lock { by: HOST },
        Command::Unlock { by: HOST },
        Command::Close { by: HOST },
        Command::SetConsent { wallet: HOST, consent: cap(1) },
        Command::SetRules { by: HOST, rules: Rules::default() },
    ] {
        check(&closed, &command, Err(No::Closed));
    }
    check(&locked, &invite(HOST, CAT), Err(No::Locked));
    check(&locked, &join(CAT, true), Err(No::Locked));
    check(&locked, &Command::Leave { wallet: BEN }, Err(No::Locked));
    check(&locked, &Command::Lock { by: HOST }, Err(No::Locked));
    check(&locked, &Command::Unlock { by: HOST }, Ok(()));
    check(&locked, &Command::SetConsent { wallet: BEN, consent: cap(7) }, Ok(()));
    check(&[], &Command::Unlock { by: HOST }, Err(No::NotLocked));
    check(&[], &invite(BEN, CAT), Err(No::NotMember));
    check(&ben, &invite(BEN, CAT), Ok(()));
    check(&[], &Command::Leave { wallet: BEN }, Err(No::NotMember));
    check(&[], &Command::SetConsent { wallet: BEN, consent: cap(1) }, Err(No::NotMember));
    for command in [
        Command::Lock { by: BEN },
        Command::Unlock { by: BEN },
        Command::Close { by: BEN },
        Command::SetRules { by: BEN, rules: Rules::default() },
    ] {
        check(&ben, &command, Err(No::NotHost));
    }
    check(&ben, &invite(HOST, BEN), Err(No::AlreadyMember));
    check(&ben, &join(BEN, true), Err(No::AlreadyMember));
    check(&[invite(HOST, BEN)], &invite(HOST, BEN), Err(No::AlreadyInvited));
    check(&[], &join(BEN, false), Err(No::NotInvited));
    check(&[], &join(BEN, true), Ok(()));
    check(&ben, &Command::Leave { wallet: BEN }, Ok(()));
    check(&ben, &Command::Leave { wallet: HOST }, Err(No::HostStays));
    check(
        &[&ben[..], &[Command::Leave { wallet: BEN }]].concat(),
        &join(BEN, false),
        Err(No::NotInvited),
    );
    for bad in [0, -1, i64::MIN, limits::AMOUNT_MINOR_MAX + 1] {
        let command = Command::Join { wallet: BEN, consent: cap(bad), by_code: true };
        check(&[], &command, Err(No::CapOutOfRange));
        check(
            &[],
            &Command::SetConsent { wallet: HOST, consent: cap(bad) },
            Err(No::CapOutOfRange),
        );
    }
    let below = Consent { confirm_above: Some(minor(-1)), ..cap(5) };
    assert_eq!(check_consent(&below), Err(No::CapOutOfRange));
    assert_eq!(check_consent(&Consent { confirm_above: Some(minor(0)), ..cap(5) }), Ok(()));
}

#[test]
fn tables_and_rules_are_bounded() {
    let mut full = opened();
    for seat in 1..limits::GROUP_MEMBERS_MAX {
        let wallet = WalletId(Uuid::from_u128(1_000 + u128::try_from(seat).unwrap()));
        let event = full.decide(&join(wallet, true)).unwrap();
        full.apply(&event);
    }
    assert_eq!(full.decide(&join(BEN, true)), Err(Rejection::Full));
    let mut popular = opened();
    for guest in 0..limits::GROUP_INVITATIONS_MAX {
        let wallet = WalletId(Uuid::from_u128(1_000 + u128::try_from(guest).unwrap()));
        let event = popular.decide(&invite(HOST, wallet)).unwrap();
        popular.apply(&event);
    }
    assert_eq!(popular.decide(&invite(HOST, BEN)), Err(Rejection::TooManyInvitations));
    let parts = vec![Weight { diner: BEN, weight: 1 }; limits::SPLIT_PARTS_MAX + 1];
    let large = Rules { split: Split::Weights { parts }, ..Rules::default() };
    assert_eq!(check_rules(&large), Err(Rejection::SplitTooLarge));
    for step in [-1, limits::AMOUNT_MINOR_MAX + 1] {
        let rules = Rules { cash_step: minor(step), ..Rules::default() };
        assert_eq!(check_rules(&rules), Err(Rejection::CashStepOutOfRange));
    }
    for part in [-1, limits::AMOUNT_MINOR_MAX + 1] {
        let parts = vec![Part { diner: BEN, amount: minor(part) }];
        for split in [Split::Exact { parts: parts.clone() }, Split::FixedPlusRest { parts }] {
            let rules = Rules { split, ..Rules::default() };
            assert_eq!(check_rules(&rules), Err(Rejection::PartOutOfRange));
        }
    }
    let of = Box::new(large.split);
    let split = Split::Treat { payer: HOST, guests: Vec::new(), of };
    let within = Rules { split, ..Rules::default() };
    assert_eq!(check_rules(&within), Err(Rejection::SplitTooLarge));
}

/// Whatever the bill will be: it is said when the rules are set, not when the till scans.
#[test]
fn a_split_that_could_divide_no_bill_does_not_stand() {
    let weights = |of: &[(WalletId, u32)]| -> Vec<Weight> {
        of.iter().map(|&(diner, weight)| Weight { diner, weight }).collect()
    };
    let parts = |of: [WalletId; 2]| of.map(|diner| Part { diner, amount: minor(1) }).to_vec();
    let claims = |of: [(u16, WalletId); 2]| Split::Itemised {
        claims: of.map(|(line, diner)| Claim { line, diner, weight: 1 }).to_vec(),
        rest: Rest::Equally,
    };
    let treat = |guests: &[WalletId], of| Split::Treat {
        payer: HOST,
        guests: guests.to_vec(),
        of: Box::new(of),
    };
    let twice = SplitError::PartRepeated { diner: BEN };
    let short = Split::Percent { parts: weights(&[(HOST, 4_000), (BEN, 5_963)]) };
    let off = SplitError::PercentOff { by_basis_points: -37 };
    let wrong = [
        (Split::Weights { parts: weights(&[(BEN, 1), (HOST, 1), (BEN, 0)]) }, twice),
        (Split::Weights { parts: weights(&[(BEN, 0), (HOST, 0)]) }, SplitError::NoWeight),
        (Split::Weights { parts: Vec::new() }, SplitError::NoWeight),
        (Split::Percent { parts: weights(&[(BEN, 5_000), (BEN, 5_000)]) }, twice),
        (short.clone(), off),
        (Split::Exact { parts: parts([BEN, BEN]) }, twice),
        (Split::FixedPlusRest { parts: parts([BEN, BEN]) }, twice),
        (claims([(7, BEN), (7, BEN)]), SplitError::ClaimRepeated { line: 7, diner: BEN }),
        (treat(&[CAT, BEN, BEN], Split::Equal), twice),
        (treat(&[], treat(&[], Split::Equal)), SplitError::TreatInTreat),
        (treat(&[CAT], short), off),
    ];
    for (split, error) in wrong {
        let rules = Rules { split, ..Rules::default() };
        assert_eq!(check_rules(&rules), Err(Rejection::Split(error)), "{rules:?}");
        check(&[], &Command::SetRules { by: HOST, rules }, Err(Rejection::Split(error)));
    }
    for split in [
        Split::Percent { parts: weights(&[(HOST, 4_000), (BEN, 6_000)]) },
        claims([(7, BEN), (8, BEN)]),
        claims([(7, BEN), (7, CAT)]),
        treat(&[HOST], Split::Equal),
    ] {
        assert_eq!(check_rules(&Rules { split, ..Rules::default() }), Ok(()));
    }
}

#[test]
fn a_cap_does_not_go_below_what_was_spent_and_leaving_ends_it() {
    let mut group = opened();
    group.members[0].spent = minor(60);
    let set = |amount| Command::SetConsent { wallet: HOST, consent: cap(amount) };
    let below = Rejection::CapBelowSpent { cap: minor(59), spent: minor(60) };
    assert_eq!(group.decide(&set(59)), Err(below));
    let event = group.decide(&set(60)).unwrap();
    group.apply(&event);
    assert_eq!(group.members[0].room(), Amount::ZERO);
    assert!(group.members[0].must_confirm(minor(1)));
    assert!(!group.members[0].must_confirm(minor(0)));
    let joined = group.decide(&join(BEN, true)).unwrap();
    group.apply(&joined);
    group.apply(&Event::MemberLeft { group: ID, wallet: BEN });
    assert!(group.member(BEN).is_none());
}
