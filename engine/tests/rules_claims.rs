//! Claiming lines of the bill that is coming: every refusal with its reason, what keeps and what
//! ends a claim, and shares that are exact after each of them.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use fanju::{
    domain::{
        bill::{Bill, BillRejection, Line},
        draft::{Draft, Drafter, Preview},
        event::{Consent, Event, Rules},
        group::{Command, Group, Rejection},
        payment::{self, Action, Payment, Verdict},
        reason::Reason,
        split::{Claim, Rest, Split},
        text::Name,
    },
    id::{GroupId, MerchantId, PresentationId, WalletId},
    limits,
    money::{Amount, Currency},
    time::Timestamp,
};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

const ID: GroupId = GroupId(Uuid::from_u128(900));
const SHOP: MerchantId = MerchantId(Uuid::from_u128(500));
const PRESENTATION: PresentationId = PresentationId(Uuid::from_u128(700));
const HOST: WalletId = WalletId(Uuid::from_u128(1));
const BEN: WalletId = WalletId(Uuid::from_u128(2));
const CAT: WalletId = WalletId(Uuid::from_u128(3));
const STRANGER: WalletId = WalletId(Uuid::from_u128(99));

fn minor(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn wallet(seat: usize) -> WalletId {
    WalletId(Uuid::from_u128(u128::try_from(seat).unwrap() + 1))
}

fn itemised(claims: Vec<Claim>) -> Rules {
    Rules { split: Split::Itemised { claims, rest: Rest::InProportion }, ..Rules::default() }
}

/// So many diners, who divide bills by their lines; the first is the host.
fn table_of(diners: usize) -> Group {
    let consent = Consent { cap: minor(limits::AMOUNT_MINOR_MAX), confirm_above: None };
    let name = "dinner".try_into().unwrap();
    let mut group = Group::open(ID, name, HOST, consent, Currency::CNY, itemised(Vec::new()));
    for seat in 1..diners {
        do_it(&mut group, &Command::Join { wallet: wallet(seat), consent, by_code: true });
    }
    group
}

fn lines(prices: &[i64]) -> Vec<Line> {
    let line = |(number, price): (usize, &i64)| Line {
        name: Name::new(format!("dish {number}")).unwrap(),
        amount: minor(*price),
    };
    prices.iter().enumerate().map(line).collect()
}

fn bill(total: i64, prices: &[i64]) -> Bill {
    let (order_no, lines) = ("A-1".try_into().unwrap(), lines(prices));
    Bill { merchant: SHOP, order_no, currency: Currency::CNY, total: minor(total), lines }
}

fn by_till(total: i64, prices: &[i64]) -> Command {
    Command::DraftByTill { bill: bill(total, prices) }
}

fn by(wallet: WalletId, total: i64, prices: &[i64]) -> Command {
    Command::Draft { by: wallet, total: minor(total), lines: lines(prices) }
}

fn claim(wallet: WalletId, line: u16, weight: u32) -> Command {
    Command::Claim { wallet, line, weight }
}

fn do_it(group: &mut Group, command: &Command) {
    let before = group.clone();
    let event = group.decide(command).unwrap();
    assert_eq!(*group, before, "deciding changes nothing");
    group.apply(&event);
}

/// A table of three on which these commands were done.
fn after(history: &[Command]) -> Group {
    let mut group = table_of(3);
    history.iter().for_each(|command| do_it(&mut group, command));
    group
}

fn owed(group: &Group) -> Vec<i64> {
    group.preview().unwrap().iter().map(|share| share.owed.minor()).collect()
}

fn claims(group: &Group) -> Vec<(u16, WalletId, u32)> {
    let claims = group.rules.split.claims().unwrap();
    claims.iter().map(|claim| (claim.line, claim.diner, claim.weight)).collect()
}

/// What a scan of `bill` asks of each wallet.
fn scanned(group: &Group, bill: Bill) -> Result<Vec<(WalletId, i64)>, payment::Rejection> {
    let (_, step) = Payment::begin(group, bill, PRESENTATION, Timestamp(1), Timestamp(2))?;
    let asked = step.actions.iter().filter_map(|action| match action {
        Action::Reserve { source, amount, .. } => Some((source.wallet(), amount.minor())),
        Action::Release { .. } | Action::AskConfirmation { .. } => None,
    });
    Ok(asked.collect())
}

/// Pays `bill`, with money enough in every wallet.
fn pay(group: &mut Group, bill: Bill) {
    let (mut payment, step) =
        Payment::begin(group, bill, PRESENTATION, Timestamp(1), Timestamp(2)).unwrap();
    let mut verdict = step.verdict;
    for action in step.actions {
        let Action::Reserve { ask, .. } = action else { panic!("nobody is asked") };
        verdict = payment.reserved(ask);
    }
    let Verdict::Settle(settlement) = verdict else { panic!("everybody has paid: {verdict:?}") };
    group.apply(&Event::Settled(settlement));
}

#[track_caller]
fn refused(group: &Group, command: &Command, expected: Rejection) {
    assert_eq!(group.decide(command), Err(expected), "{command:?}");
}

#[test]
fn every_refusal_of_a_draft_has_its_reason() {
    let table = table_of(3);
    refused(&after(&[Command::Close { by: HOST }]), &by(BEN, 1, &[1]), Rejection::Closed);
    refused(&after(&[Command::Close { by: HOST }]), &by_till(1, &[1]), Rejection::Closed);
    refused(&table, &by(STRANGER, 0, &[]), Rejection::NotMember);
    let mut yen = bill(1, &[1]);
    yen.currency = Currency::JPY;
    let (pays, asked) = (Currency::CNY, Currency::JPY);
    refused(&table, &Command::DraftByTill { bill: yen }, Rejection::WrongCurrency { pays, asked });
    let many = vec![1; limits::BILL_LINES_MAX + 1];
    for (total, prices, rejection) in [
        (0, &[][..], Rejection::Bill(BillRejection::TotalOutOfRange)),
        (1, &many[..], Rejection::Bill(BillRejection::TooManyLines)),
        (
            1,
            &[1, -limits::AMOUNT_MINOR_MAX - 1][..],
            Rejection::Bill(BillRejection::LineOutOfRange { line: 1 }),
        ),
        (1, &[][..], Rejection::LinesMissing),
    ] {
        refused(&table, &by(BEN, total, prices), rejection);
        refused(&table, &by_till(total, prices), rejection);
    }
    let long = Line { name: Name::new("饭".repeat(85)).unwrap(), amount: minor(1) };
    let fit = limits::DRAFT_TEXT_BYTES_MAX / 255;
    for (lines, fits) in [(fit, true), (fit + 1, false)] {
        let lines = vec![long.clone(); lines];
        let answer = table.decide(&Command::Draft { by: BEN, total: minor(1), lines });
        assert_eq!(answer.is_ok(), fits);
        assert!(fits || answer == Err(Rejection::DraftTooLarge));
    }
    refused(&table, &Command::ClearDraft { by: STRANGER }, Rejection::NotMember);
    refused(&table, &Command::ClearDraft { by: BEN }, Rejection::NoDraft);
    let reason = Reason::from(Rejection::Bill(BillRejection::TooManyLines));
    assert_eq!(reason.word(), "too_many_lines");
}

#[test]
fn every_refusal_of_a_claim_has_its_reason() {
    let table = after(&[by(BEN, 30, &[10, 20])]);
    refused(&table, &claim(STRANGER, 9, 1), Rejection::NotMember);
    refused(&table_of(3), &claim(BEN, 0, 1), Rejection::NoDraft);
    let equal = Command::SetRules { by: HOST, rules: Rules::default() };
    let shared = after(&[by(BEN, 30, &[10, 20]), equal]);
    refused(&shared, &claim(BEN, 9, 1), Rejection::NotItemised);
    refused(&table, &claim(BEN, 2, 1), Rejection::UnknownLine { line: 2, lines: 2 });
    refused(&table, &claim(BEN, u16::MAX, 0), Rejection::UnknownLine { line: u16::MAX, lines: 2 });
    let mut full = table.clone();
    let claims = vec![Claim { line: 1, diner: HOST, weight: 1 }; limits::SPLIT_PARTS_MAX];
    full.rules = itemised(claims);
    refused(&full, &claim(BEN, 0, 1), Rejection::SplitTooLarge);
    assert!(full.decide(&claim(HOST, 1, 7)).is_ok(), "a claim that is there may change");
    assert!(full.decide(&claim(BEN, 0, 0)).is_ok(), "and nobody needs room to take one back");
    let locked = after(&[by(BEN, 30, &[10, 20]), Command::Lock { by: HOST }]);
    assert!(locked.decide(&claim(BEN, 0, 1)).is_ok(), "who sits at a locked table still eats");
}

#[test]
fn two_who_claim_one_dish_pay_half_of_it_each() {
    let mut table = after(&[by_till(900, &[300, 600])]);
    assert_eq!(owed(&table), [300, 300, 300], "what nobody claims is everybody's");
    for (command, expected) in [
        (claim(BEN, 1, 1), [100, 700, 100]),
        (claim(CAT, 1, 1), [100, 400, 400]),
        (claim(HOST, 0, 1), [300, 300, 300]),
        (claim(CAT, 1, 2), [300, 200, 400]),
        (claim(BEN, 1, 0), [300, 0, 600]),
        (claim(BEN, 1, 0), [300, 0, 600]),
        (claim(CAT, 1, 0), [500, 200, 200]),
    ] {
        do_it(&mut table, &command);
        assert_eq!(owed(&table), expected, "{command:?}");
    }
}

#[test]
fn a_new_dish_takes_nobodys_claim_away_and_a_changed_one_does() {
    let history =
        [by_till(60, &[10, 20, 30]), claim(HOST, 0, 1), claim(BEN, 1, 1), claim(CAT, 2, 1)];
    let table = after(&history);
    let relaid = |prices: &[i64]| {
        let mut table = table.clone();
        do_it(&mut table, &by_till(100, prices));
        claims(&table).iter().map(|(line, ..)| *line).collect::<Vec<_>>()
    };
    assert_eq!(relaid(&[10, 20, 30]), [0, 1, 2], "the till asks twice");
    assert_eq!(relaid(&[10, 20, 30, 40]), [0, 1, 2]);
    assert_eq!(relaid(&[10, 25, 30]), [0, 2]);
    assert_eq!(relaid(&[10]), [0]);
    let mut early = table_of(3);
    early.rules = itemised(vec![Claim { line: 0, diner: BEN, weight: 1 }]);
    do_it(&mut early, &by_till(60, &[10, 20, 30]));
    assert_eq!(claims(&early), vec![], "a claim on no draft was on another bill");
    do_it(&mut early, &claim(BEN, 0, 1));
    do_it(&mut early, &Command::ClearDraft { by: CAT });
    assert_eq!((early.draft.clone(), claims(&early)), (None, vec![]));
}

#[test]
fn who_leaves_claims_nothing_and_the_hosts_rules_take_no_claim() {
    let mut table = after(&[by_till(90, &[30, 60]), claim(BEN, 0, 1), claim(CAT, 1, 1)]);
    do_it(&mut table, &Command::Leave { wallet: BEN });
    assert_eq!(claims(&table), [(1, CAT, 1)]);
    assert_eq!(owed(&table), [15, 75], "his dish is everybody's");
    let equally = Split::Itemised { claims: Vec::new(), rest: Rest::Equally };
    let set = |split| Command::SetRules { by: HOST, rules: Rules { split, ..Rules::default() } };
    do_it(&mut table, &set(equally.clone()));
    assert_eq!(claims(&table), [(1, CAT, 1)]);
    let treat = Split::Treat { payer: HOST, guests: vec![CAT], of: Box::new(equally) };
    do_it(&mut table, &set(treat));
    assert_eq!(claims(&table), [(1, CAT, 1)], "also within a treat");
    do_it(&mut table, &claim(CAT, 0, 1));
    assert_eq!(owed(&table), [90, 0]);
    let mine = Claim { line: 0, diner: HOST, weight: 1 };
    do_it(&mut table, &set(Split::Itemised { claims: vec![mine], rest: Rest::Equally }));
    assert_eq!(claims(&table), [(0, HOST, 1)], "what the host names is what counts");
}

#[test]
fn the_bill_that_was_claimed_is_paid_and_ends_the_draft() {
    let laid = [by_till(900, &[300, 600]), claim(BEN, 1, 1)];
    let table = after(&laid);
    let expected = [(HOST, 100), (BEN, 700), (CAT, 100)];
    assert_eq!(scanned(&table, bill(900, &[300, 600])), Ok(expected.to_vec()));
    assert_eq!(scanned(&table, bill(900, &[])), Ok(expected.to_vec()), "a till without lines");
    let tipped = [(HOST, 110), (BEN, 770), (CAT, 110)];
    assert_eq!(scanned(&table, bill(990, &[300, 600])), Ok(tipped.to_vec()), "tip follows");
    let mut elsewhere = bill(900, &[]);
    elsewhere.merchant = MerchantId(Uuid::from_u128(501));
    assert_eq!(
        scanned(&after(&[by(CAT, 900, &[300, 600]), claim(BEN, 1, 1)]), elsewhere.clone()),
        Ok(expected.to_vec()),
        "a member does not know who will be paid"
    );
    for other in [elsewhere, bill(900, &[600, 300]), bill(900, &[300, 600, 0]), bill(901, &[])] {
        assert_eq!(scanned(&table, other), Err(payment::Rejection::LinesDiffer));
    }
    for paid in [bill(900, &[300, 600]), bill(990, &[300, 600]), bill(900, &[])] {
        let mut table = after(&laid);
        pay(&mut table, paid);
        assert_eq!((table.draft.clone(), claims(&table)), (None, vec![]));
        let lines = payment::Rejection::Split(fanju::domain::split::SplitError::LinesMissing);
        assert_eq!(scanned(&table, bill(900, &[])), Err(lines), "as before there were drafts");
    }
}

#[test]
fn a_table_that_does_not_divide_by_lines_pays_any_bill_and_sees_its_shares() {
    let equal = Command::SetRules { by: HOST, rules: Rules::default() };
    let mut table = after(&[equal, by(BEN, 900, &[300, 600])]);
    assert_eq!(owed(&table), [300, 300, 300]);
    pay(&mut table, bill(12, &[]));
    assert!(table.draft.is_some(), "a taxi is not the dinner");
    pay(&mut table, bill(950, &[300, 600]));
    assert_eq!(table.draft, None);
    do_it(&mut table, &by(CAT, 900, &[300, 600]));
    do_it(&mut table, &Command::Close { by: HOST });
    assert_eq!(table.draft, None);
}

#[test]
fn a_preview_says_why_the_scan_would_be_refused() {
    let mut table = after(&[by_till(901, &[300, 600])]);
    table.rules.cash_step = minor(10);
    let Some(Preview::Refused { reason, detail }) = Preview::of(&table) else { panic!("refused") };
    assert_eq!(reason.word(), "total_off_step");
    assert!(detail.contains("0.01 above 9.00"), "{detail}");
    assert_eq!(Preview::of(&table_of(3)), None);
    assert_eq!(table_of(3).preview(), Ok(Vec::new()));
}

/// Seat, line, weight.
type Claimed = (usize, u16, u32);

/// What a diner does at a table whose draft has so many lines.
fn any_claim(diners: usize, lines: usize) -> impl Strategy<Value = Claimed> {
    (0..diners, 0..u16::try_from(lines).unwrap(), prop_oneof![0..3_u32, any::<u32>()])
}

/// Diners, a total, prices, claims.
fn dinner() -> impl Strategy<Value = (usize, i64, Vec<i64>, Vec<Claimed>)> {
    (1..9_usize, 1..12_usize).prop_flat_map(|(diners, lines)| {
        let prices = vec(0..20_000_i64, lines);
        let total = 1..300_000_i64;
        (Just(diners), total, prices, vec(any_claim(diners, lines), 0..40))
    })
}

proptest! {
    /// After each claim the previewed shares sum to the total, and they are what the scan asks for.
    #[test]
    fn shares_are_exact_at_each_claim((diners, total, prices, claims) in dinner()) {
        let mut live = table_of(diners);
        let mut history = vec![live.decide(&by_till(total, &prices)).unwrap()];
        live.apply(&history[0]);
        for (seat, line, weight) in claims {
            let event = live.decide(&claim(wallet(seat), line, weight)).unwrap();
            live.apply(&event);
            history.push(event);
            let preview = live.preview().unwrap();
            let sum: Amount = preview.iter().map(|share| share.owed).sum();
            prop_assert_eq!(sum, minor(total), "G-2");
            let owing = preview.iter().filter(|share| share.owed.is_positive());
            let owing: Vec<_> = owing.map(|share| (share.diner, share.owed.minor())).collect();
            prop_assert_eq!(scanned(&live, bill(total, &prices)), Ok(owing));
        }
        let mut replayed = table_of(diners);
        history.iter().for_each(|event| replayed.apply(event));
        prop_assert_eq!(replayed, live);
    }

    /// Claims of different diners and lines may come in any order.
    #[test]
    fn the_order_of_claims_does_not_matter(
        (diners, total, prices, claims) in dinner(),
        turned in any::<prop::sample::Index>(),
    ) {
        let mut last = std::collections::BTreeMap::new();
        for (seat, line, weight) in claims {
            last.insert((seat, line), weight);
        }
        let mut orders = [last.into_iter().collect::<Vec<_>>(), Vec::new()];
        orders[1] = orders[0].iter().rev().copied().collect();
        let places = orders[1].len().max(1);
        orders[1].rotate_left(turned.index(places));
        let [one, other] = orders.map(|claims| {
            let mut table = table_of(diners);
            do_it(&mut table, &by(HOST, total, &prices));
            for ((seat, line), weight) in claims {
                do_it(&mut table, &claim(wallet(seat), line, weight));
            }
            table.preview().unwrap()
        });
        prop_assert_eq!(one, other);
    }
}

#[test]
fn a_draft_says_who_laid_it() {
    let draft = |group: &Group| group.draft.clone().unwrap();
    let Draft { by, .. } = *draft(&after(&[by(BEN, 30, &[10, 20])]));
    assert_eq!(by, Drafter::Member { wallet: BEN });
    let Draft { by, total, lines: laid } = *draft(&after(&[by_till(30, &[10, 20])]));
    let order_no = "A-1".try_into().unwrap();
    assert_eq!(by, Drafter::Till { merchant: SHOP, order_no });
    assert_eq!((total, laid), (minor(30), lines(&[10, 20])));
}
