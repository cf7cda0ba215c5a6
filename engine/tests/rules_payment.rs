//! One bill between scan and end: every shortfall rule, questions, deadlines, and a property over
//! all orders in which answers can come.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

#[path = "rules_payment/table.rs"]
mod table;

use std::{collections::BTreeMap, time::Duration};

use fanju::{
    domain::{
        bill::Bill,
        event::{DeclineReason, Event, Leg, Rounding, Shortfall},
        group::{Group, Status},
        payment::{Action, AnswerRejection, Missing, Payment, Question, Rejection, Step, Verdict},
        split::{Split, divide},
    },
    id::{PresentationId, WalletId},
    money::{Amount, Currency},
    time::Timestamp,
};
use proptest::prelude::*;
use table::{
    DEADLINE, PATIENCE, PRESENTATION, Table, bill, group, minor, pays, place, run, wallet,
};
use uuid::Uuid;

#[test]
fn each_shortfall_rule_does_what_it_says() {
    let free = [(1_000, None); 3];
    assert_eq!(run(Shortfall::Decline, &free, 300, &[100; 3]).paid(), pays(&[100; 3]));
    let short = DeclineReason::Short { diner: wallet(1) };
    assert_eq!(run(Shortfall::Decline, &free, 300, &[500, 5, 500]).declined(), short);
    assert_eq!(run(Shortfall::HostCovers, &free, 300, &[500, 5, 500]).paid(), pays(&[200, 0, 100]));
    assert_eq!(run(Shortfall::Reshare, &free, 300, &[500, 5, 500]).paid(), pays(&[150, 0, 150]));
    // The host covers within his cap, and from his own funds, and not himself.
    let tight = [(199, None), (1_000, None), (1_000, None)];
    assert_eq!(run(Shortfall::HostCovers, &tight, 300, &[500, 5, 500]).declined(), short);
    let host = DeclineReason::Short { diner: wallet(0) };
    assert_eq!(run(Shortfall::HostCovers, &free, 300, &[199, 5, 500]).declined(), host);
    assert_eq!(run(Shortfall::HostCovers, &free, 300, &[5, 500, 500]).declined(), host);
    assert_eq!(run(Shortfall::HostCovers, &free, 300, &[500, 5, 5]).paid(), pays(&[300]));
    // Resharing stops at caps and funds.
    let capped = [(149, None), (1_000, None), (1_000, None)];
    assert_eq!(run(Shortfall::Reshare, &capped, 300, &[500, 5, 500]).paid(), pays(&[149, 0, 151]));
    assert!(!run(Shortfall::Reshare, &[(149, None); 3], 300, &[500, 5, 500]).waits());
    // Who cannot take over as much as the others pays the own share all the same, and what there is.
    let reshared = |has: &[i64]| run(Shortfall::Reshare, &free, 300, has);
    assert_eq!(reshared(&[500, 5, 120]).paid(), pays(&[180, 0, 120]));
    assert_eq!(reshared(&[500, 5, 100]).paid(), pays(&[200, 0, 100]));
    assert_eq!(reshared(&[190, 5, 110]).paid(), pays(&[190, 0, 110]));
    assert!(matches!(reshared(&[189, 5, 110]).declined(), DeclineReason::Short { .. }));
    assert!(matches!(
        run(Shortfall::Reshare, &free, 300, &[5; 3]).declined(),
        DeclineReason::Short { .. }
    ));
}

#[test]
fn a_question_waits_for_its_diner_alone() {
    let consents = [(1_000, None), (50, None), (1_000, Some(99))];
    let mut table = run(Shortfall::Decline, &consents, 300, &[500; 3]);
    assert_eq!(table.asked, pays(&[0, 100, 100]));
    assert!(table.waits());
    let asked: Vec<WalletId> =
        table.payment.progress().waiting_for.iter().map(|question| question.diner).collect();
    assert_eq!(asked, [wallet(1), wallet(2)]);
    assert_eq!(table.answer(0, true), Err(AnswerRejection::NotAsked));
    let before = table.payment.clone();
    for (yes, answered) in [(true, 99), (true, 101), (false, 99), (false, 0)] {
        let answered = minor(answered);
        let question = Question { owed: answered, ..before.questions()[1].clone() };
        let other = AnswerRejection::OtherShare { asked: minor(100), answered };
        assert_eq!(table.payment.answer(&question, yes).map(drop), Err(other));
    }
    let question = Question { owed: minor(99), diner: wallet(0), ..before.questions()[1].clone() };
    let refused = table.payment.answer(&question, true).map(drop);
    assert_eq!(refused, Err(AnswerRejection::NotAsked), "who is not asked hears of no share");
    assert_eq!(table.payment, before, "a refused answer changes nothing");
    table.answer(2, true).unwrap();
    assert_eq!(table.answer(2, false), Err(AnswerRejection::NotAsked), "one answer counts");
    table.answer(1, true).unwrap();
    assert_eq!(table.paid(), pays(&[100; 3]));
    let mut group = group(Shortfall::Decline, &consents);
    group.apply(&Event::Settled(table.settled().clone()));
    assert_eq!(group.members[1].consent.cap, minor(100), "a yes raises the cap to this share");
    assert_eq!(group.members[2].consent.cap, minor(1_000));
    let mut table = run(Shortfall::Decline, &consents, 300, &[500; 3]);
    table.answer(1, false).unwrap();
    assert_eq!(table.declined(), DeclineReason::Refused { diner: wallet(1) });
    table.finish_mail();
    assert!(table.reserved.is_empty());
}

/// The share and the bill are the same, and still an answer is to the presentation at which it was asked.
#[test]
fn an_answer_to_another_presentation_of_the_same_bill_is_none_to_this_one() {
    let consents = [(1_000, None), (50, None), (1_000, None)];
    let mut table = run(Shortfall::Decline, &consents, 300, &[500; 3]);
    let before = table.payment.clone();
    let [now] = &before.questions()[..] else { panic!("one is asked") };
    let another = Question { presentation: PresentationId(Uuid::from_u128(701)), ..now.clone() };
    let other_share = Question { owed: minor(99), ..another.clone() };
    let to_another = Err(AnswerRejection::OtherPresentation);
    for (question, yes) in [(&another, true), (&another, false), (&other_share, true)] {
        assert_eq!(table.payment.answer(question, yes).map(drop), to_another, "{question:?}");
    }
    let of_another = Question { diner: wallet(0), ..another };
    let refused = table.payment.answer(&of_another, true).map(drop);
    assert_eq!(refused, Err(AnswerRejection::NotAsked), "who is not asked hears of no bill");
    assert_eq!(table.payment, before, "a refused answer changes nothing");
    table.answer(1, true).unwrap();
    assert_eq!(table.paid(), pays(&[100; 3]));
}

/// A yes is to one share: what is taken over from others never goes beyond what a diner agreed to
/// without being asked.
#[test]
fn resharing_asks_nobody_for_more_than_was_agreed() {
    let consents = [(1_000, Some(120)), (1_000, None), (1_000, None)];
    let table = run(Shortfall::Reshare, &consents, 300, &[500, 5, 500]);
    assert_eq!(table.paid(), pays(&[120, 0, 180]));
    let all_asked = [(1_000, Some(90)); 3];
    let mut table = run(Shortfall::Reshare, &all_asked, 300, &[500, 500, 500]);
    table.answer(0, true).unwrap();
    table.answer(2, true).unwrap();
    table.answer(1, false).unwrap();
    assert_eq!(table.declined(), DeclineReason::Refused { diner: wallet(1) });
}

/// The same where the host covers: who wants to be asked about a share is not taken more for others.
#[test]
fn a_host_covers_no_more_than_he_gives_unasked() {
    let covers = |above| {
        run(
            Shortfall::HostCovers,
            &[(1_000, above), (1_000, None), (1_000, None)],
            300,
            &[500, 5, 500],
        )
    };
    assert_eq!(covers(Some(200)).paid(), pays(&[200, 0, 100]));
    let short = DeclineReason::Short { diner: wallet(1) };
    assert_eq!(covers(Some(199)).declined(), short);
    let mut asked = Table::new(
        &group(Shortfall::HostCovers, &[(1_000, Some(0)), (1_000, None)]),
        200,
        &[500; 2],
    );
    asked.answer(0, true).unwrap();
    asked.balances[1] = 5;
    asked.finish_mail();
    assert_eq!(asked.declined(), short, "his yes was to his own share");
}

/// Fair-cent memory is of what people pay: who is covered has nothing to be made good for.
#[test]
fn covered_cents_are_not_remembered() {
    let mut group = group(Shortfall::HostCovers, &[(1_000, None); 3]);
    group.rules.rounding = Rounding::FairCent;
    let cents = |has: &[i64]| {
        let mut table = Table::new(&group, 100, has);
        table.finish_mail();
        table.settled().shares.iter().map(|share| share.carry_micro).collect::<Vec<_>>()
    };
    assert!(cents(&[500; 3]).iter().any(|carry| *carry != 0));
    assert_eq!(cents(&[500, 5, 500]), [0; 3]);
}

#[test]
fn patience_ends_questions_and_the_deadline_ends_everything() {
    let consents = [(1_000, None), (50, None), (50, None)];
    for (shortfall, paid) in
        [(Shortfall::HostCovers, pays(&[300])), (Shortfall::Reshare, pays(&[300]))]
    {
        let mut table = run(shortfall, &consents, 300, &[500; 3]);
        let early = table.payment.tick(Timestamp(PATIENCE.0 - 1));
        assert_eq!(early, Step { actions: [].into_iter().collect(), verdict: Verdict::Waiting });
        assert_eq!(table.payment.next_due(), PATIENCE);
        let step = table.payment.tick(PATIENCE);
        table.take(step);
        table.finish_mail();
        assert_eq!(table.paid(), paid, "{shortfall:?}");
    }
    let mut table = run(Shortfall::Decline, &consents, 300, &[500; 3]);
    let step = table.payment.tick(PATIENCE);
    table.take(step);
    assert_eq!(table.declined(), DeclineReason::TimedOut { waiting_for: wallet(1) });
    // Wallets that say nothing at all: only the deadline ends it.
    let mut table = Table::new(&group(Shortfall::HostCovers, &[(1_000, None); 2]), 100, &[500; 2]);
    let step = table.payment.tick(PATIENCE);
    assert!(step.actions.is_empty());
    table.take(step);
    assert!(table.waits());
    assert_eq!(table.payment.next_due(), DEADLINE);
    let step = table.payment.tick(DEADLINE.after(Duration::from_secs(9)));
    table.take(step);
    assert_eq!(table.declined(), DeclineReason::TimedOut { waiting_for: wallet(0) });
    table.finish_mail();
    assert!(table.reserved.is_empty(), "late reservations are released");
}

#[test]
fn a_cancelled_bill_releases_everybody_and_stale_answers_change_nothing() {
    let mut table = Table::new(&group(Shortfall::Reshare, &[(1_000, None); 3]), 300, &[500; 3]);
    let [first, second, _] = table.asks()[..] else { panic!("three are asked") };
    let short = Missing::Short { has: minor(99) };
    let step = table.payment.missing(second, short);
    table.take(step);
    let nothing = Step { actions: [].into_iter().collect(), verdict: Verdict::Waiting };
    assert_eq!(table.payment.reserved(first), Verdict::Waiting, "asked for less than by now");
    assert_eq!(table.payment.reserved(second), Verdict::Waiting, "no longer asked");
    assert_eq!(table.payment.missing(first, short), nothing);
    assert_eq!(table.payment.missing(second, short), nothing);
    assert_eq!(table.payment.gone(&[first, second]), nothing);
    assert_eq!(table.payment.progress().reserved, 0);
    let step = table.payment.cancel();
    table.take(step);
    assert_eq!(table.declined(), DeclineReason::Cancelled);
    table.finish_mail();
    assert!(table.reserved.is_empty());
}

#[test]
fn a_treat_is_drawn_from_the_payer_alone() {
    let mut group = group(Shortfall::Decline, &[(1_000, None); 4]);
    group.rules.split = Split::Treat {
        payer: wallet(2),
        guests: vec![wallet(0), wallet(1)],
        of: Box::new(Split::Equal),
    };
    let mut table = Table::new(&group, 401, &[500; 4]);
    table.finish_mail();
    let paid = table.paid();
    assert_eq!(paid.len(), 2);
    assert_eq!(paid.values().sum::<i64>(), 401);
    assert!((300..=301).contains(&paid[&wallet(2)]), "{paid:?}");
}

#[test]
fn a_bill_that_cannot_be_tried_is_refused() {
    let mut closed = group(Shortfall::Decline, &[(1_000, None); 2]);
    closed.status = Status::Closed;
    let begin = |group: &Group, bill| {
        Payment::begin(group, bill, PRESENTATION, PATIENCE, DEADLINE).map(drop)
    };
    assert_eq!(begin(&closed, bill(100)), Err(Rejection::GroupClosed));
    let open = group(Shortfall::Decline, &[(1_000, None); 2]);
    let yen = Bill { currency: Currency::JPY, ..bill(100) };
    assert_eq!(
        begin(&open, yen),
        Err(Rejection::WrongCurrency { pays: Currency::CNY, asked: Currency::JPY })
    );
    assert!(matches!(begin(&open, bill(0)), Err(Rejection::Split(_))));
}

#[test]
fn five_hundred_diners_settle_even_when_half_of_them_cannot_pay() {
    let consents = vec![(1_000_000, None); 500];
    let mut has = vec![1_000_000; 500];
    assert_eq!(run(Shortfall::Decline, &consents, 499_999, &has).paid().len(), 500);
    has.iter_mut().skip(1).step_by(2).for_each(|balance| *balance = 0);
    for shortfall in [Shortfall::HostCovers, Shortfall::Reshare] {
        let table = run(shortfall, &consents, 499_999, &has);
        assert_eq!(table.paid().values().sum::<i64>(), 499_999);
        assert!(table.paid().keys().all(|id| id.0.as_u128() % 2 == 1));
    }
}

#[test]
fn resharing_keeps_to_whole_coins() {
    let mut group = group(Shortfall::Reshare, &[(1_000, None), (1_000, None), (1_000, None)]);
    group.rules.cash_step = minor(5);
    let mut table = Table::new(&group, 100, &[500, 500, 0]);
    table.finish_mail();
    let paid = table.paid();
    assert_eq!(paid.values().sum::<i64>(), 100);
    assert!(paid.values().all(|paid| paid % 5 == 0), "{paid:?}");
    assert_eq!(paid.len(), 2);

    // Room for 52 is room for 50.
    group.members[0].consent.cap = minor(52);
    group.members[1].consent.cap = minor(52);
    let mut table = Table::new(&group, 105, &[500, 500, 0]);
    table.finish_mail();
    assert_eq!(table.declined(), DeclineReason::Short { diner: wallet(2) });
    assert!(table.reserved.is_empty());
}

#[test]
fn those_who_stay_silent_are_reshared_in_one_round() {
    // Half of a thousand are asked and never answer.
    let consent = |number: usize| (1_000_000, (number % 2 == 1).then_some(0));
    let consents: Vec<_> = (0..1_000).map(consent).collect();
    let mut table =
        Table::new(&group(Shortfall::Reshare, &consents), 1_000_000, &vec![1_000_000; 1_000]);
    let step = table.payment.tick(PATIENCE);
    let asked_again =
        step.actions.iter().filter(|action| matches!(action, Action::Reserve { .. })).count();
    assert_eq!(asked_again, 500, "each of the others is asked once");
    table.take(step);
    table.finish_mail();
    assert_eq!(table.paid().len(), 500);
    assert_eq!(table.paid().values().sum::<i64>(), 1_000_000);
}

#[test]
fn a_waterfall_takes_from_each_source_as_far_as_it_reaches() {
    let decline = group(Shortfall::Decline, &[(1_000, None); 2]);
    let settled = |group: &Group, has: &[i64], sources: &[&[usize]]| {
        let mut table = Table::with_sources(group, 200, has, sources);
        table.finish_mail();
        assert_eq!(table.paid(), table.reserved, "what is drawn is what is reserved");
        let settlement = table.settled().clone();
        let leg = |leg: &Leg| (leg.share, place(leg.source.wallet()), leg.amount.minor());
        settlement.legs.iter().map(leg).collect::<Vec<_>>()
    };
    // A card, a kitty, the own wallet: each as far as it reaches, and nobody asked in vain twice.
    let own: &[usize] = &[1];
    let first = [(0, 2, 30), (0, 3, 50), (0, 0, 20), (1, 1, 100)];
    assert_eq!(settled(&decline, &[90, 100, 30, 50], &[&[2, 3, 0], own]), first);
    let enough = [(0, 2, 100), (1, 1, 100)];
    assert_eq!(settled(&decline, &[90, 100, 100, 50], &[&[2, 3, 0], own]), enough);
    let empty = [(0, 0, 100), (1, 1, 100)];
    assert_eq!(settled(&decline, &[100, 100, 0, 0], &[&[2, 3, 0], own]), empty);
    // Two diners, one card: it is asked once for both, and the first in line gets all of his.
    let both: &[&[usize]] = &[&[2, 0], &[2, 1]];
    assert_eq!(settled(&decline, &[0, 0, 200], both), [(0, 2, 100), (1, 2, 100)]);
    assert_eq!(settled(&decline, &[0, 70, 130], both), [(0, 2, 100), (1, 2, 30), (1, 1, 70)]);
    // Nothing is left: the shortfall rule, for whom it does not reach.
    let mut table = Table::with_sources(&decline, 200, &[0, 69, 130], both);
    table.finish_mail();
    assert_eq!(table.declined(), DeclineReason::Short { diner: wallet(1) });
    assert!(table.reserved.is_empty());
    // Who helps does so from all of his own.
    let hosted = group(Shortfall::HostCovers, &[(1_000, None); 2]);
    assert_eq!(
        settled(&hosted, &[60, 10, 140, 5], &[&[2, 0], &[3, 1]]),
        [(0, 2, 100), (1, 2, 40), (1, 0, 60)]
    );
    let reshared = group(Shortfall::Reshare, &[(1_000, None); 2]);
    assert_eq!(settled(&reshared, &[60, 10, 140], &[&[2, 0], own]), [(0, 2, 140), (0, 0, 60)]);
}

/// Its first question was answered after a second of the same amount was on its way: only the answer
/// to the second says that the money is there.
#[test]
fn a_source_that_was_let_go_is_believed_only_once_it_is_asked_again() {
    let group = group(Shortfall::HostCovers, &[(1_000, None), (1_000, Some(0)), (1_000, None)]);
    let sources: &[&[usize]] = &[&[0], &[3], &[2, 3]];
    let mut table = Table::with_sources(&group, 300, &[500, 0, 0, 100], sources);
    let ask = |table: &Table, number: usize| match table.mail[&wallet(number)].back() {
        Some(Action::Reserve { ask, .. }) => *ask,
        other => panic!("{other:?}"),
    };
    let card = ask(&table, 3);
    table.answer(1, false).unwrap();
    assert_eq!(table.mail[&wallet(3)].len(), 2, "the card is let go");
    let step = table.payment.missing(ask(&table, 2), Missing::Short { has: Amount::ZERO });
    table.take(step);
    assert_ne!(ask(&table, 3), card);
    table.payment.reserved(ask(&table, 0));
    assert_eq!(table.payment.reserved(card), Verdict::Waiting, "an answer to what is over");
    table.finish_mail();
    assert_eq!(table.paid(), table.reserved);
    assert_eq!(table.paid(), BTreeMap::from([(wallet(0), 200), (wallet(3), 100)]));
}

fn any_rule() -> impl Strategy<Value = Shortfall> {
    prop_oneof![Just(Shortfall::Decline), Just(Shortfall::Reshare), Just(Shortfall::HostCovers)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    /// Whatever the order of answers, it ends; a settlement sums exactly, is reserved to the last
    /// unit and keeps everybody within his cap; a decline leaves nothing reserved.
    #[test]
    fn whatever_the_order_of_answers_it_ends_well(
        shortfall in any_rule(),
        diners in prop::collection::vec((1..400_i64, prop::option::of(0..300_i64), -50..500_i64), 1..9),
        total in 1..1_500_i64,
        step in prop::sample::select(vec![0_i64, 1, 5, 10]),
        cards in prop::option::of(prop::collection::vec((0..3_usize, any::<bool>()), 9)),
        has in prop::array::uniform3(-50..500_i64),
        moves in prop::collection::vec((0..12_u8, 0..9_usize), 0..120),
    ) {
        let total = total * step.max(1);
        let consents: Vec<_> = diners.iter().map(|(cap, above, _)| (*cap, *above)).collect();
        let balances: Vec<_> = diners.iter().map(|(.., balance)| *balance).chain(has).collect();
        let mut group = group(shortfall, &consents);
        group.rules.cash_step = minor(step);
        // At some tables a few pay from a card first, which others may pay from as well.
        let by_card = cards.is_some();
        let cards = cards.unwrap_or_else(|| vec![(0, false); 9]);
        let sources: Vec<Vec<usize>> = cards.iter().enumerate().map(|(own, (card, from_card))| {
            let card = from_card.then_some(diners.len() + card);
            card.into_iter().chain([own]).collect()
        }).collect();
        let sources: Vec<&[usize]> = sources.iter().map(Vec::as_slice).collect();
        let mut table = match by_card {
            true => Table::with_sources(&group, total, &balances, &sources),
            false => Table::new(&group, total, &balances),
        };
        let asked = table.asked.clone();
        table.play(&moves);
        prop_assert!(!table.waits(), "the deadline ends it");
        table.finish_mail();
        if let Verdict::Decline(_) = table.verdict {
            prop_assert!(table.reserved.is_empty(), "{:?}", table.reserved);
            return Ok(());
        }
        let settlement = table.settled();
        let shares: i64 = settlement.shares.iter().map(|share| share.owed.minor()).sum();
        prop_assert_eq!(shares, total);
        let coins = |share: &fanju::domain::event::Share| share.owed.minor() % step.max(1) == 0;
        prop_assert!(settlement.shares.iter().all(coins), "whole coins");
        prop_assert_eq!(table.paid().values().sum::<i64>(), total);
        prop_assert_eq!(&table.paid(), &table.reserved, "what is drawn is what is reserved");
        for share in settlement.shares.iter().filter(|share| share.confirmed) {
            let said = asked.get(&share.diner).copied();
            prop_assert_eq!(said, Some(share.owed.minor()), "a yes is to this very share");
        }
        for share in &settlement.shares {
            let member = group.member(share.diner).unwrap();
            let of = settlement.legs.iter().filter(|leg| {
                settlement.shares[usize::from(leg.share)].diner == share.diner
            });
            let paid: i64 = of.clone().map(|leg| leg.amount.minor()).sum();
            prop_assert_eq!(paid, share.owed.minor(), "the legs of a share sum to it");
            let own = |leg: &Leg| sources[place(share.diner)].contains(&place(leg.source.wallet()));
            // A card that the host pays from as well may have covered for its diner.
            let surely_own = shortfall != Shortfall::HostCovers || !by_card;
            if surely_own && of.clone().all(own) && !share.confirmed {
                prop_assert!(!member.must_confirm(share.owed), "agreed to without being asked");
            }
        }
        if by_card {
            return Ok(());
        }
        let dues = divide(&bill(total), &group.diners(), &group.rules).unwrap();
        for (at, due) in dues.iter().enumerate().filter(|(_, due)| due.amount.is_positive()) {
            let can = balances[at] >= due.amount.minor() && !asked.contains_key(&wallet(at));
            let pays = settlement.shares.iter().any(|share| share.diner == wallet(at));
            prop_assert!(pays || !can, "who can pay the own share dines for nothing: {}", at);
        }
        let mut after = group.clone();
        after.apply(&Event::Settled(settlement.clone()));
        for member in &after.members {
            prop_assert!(member.spent <= member.consent.cap, "G-3");
        }
    }

    /// Who pays from the own wallet alone is asked another way than who has a list with nothing else on it,
    /// and pays the same.
    #[test]
    fn a_list_of_the_own_wallet_alone_changes_nothing(
        shortfall in any_rule(),
        diners in prop::collection::vec((1..400_i64, prop::option::of(0..300_i64), -50..500_i64), 1..9),
        total in 1..1_500_i64,
        moves in prop::collection::vec((0..12_u8, 0..9_usize), 0..120),
    ) {
        let consents: Vec<_> = diners.iter().map(|(cap, above, _)| (*cap, *above)).collect();
        let balances: Vec<_> = diners.iter().map(|(.., balance)| *balance).collect();
        let group = group(shortfall, &consents);
        let own: Vec<[usize; 1]> = (0..9).map(|own| [own]).collect();
        let own: Vec<&[usize]> = own.iter().map(|own| &own[..]).collect();
        let mut followed = Table::new(&group, total, &balances);
        let mut planned = Table::with_sources(&group, total, &balances, &own);
        followed.play(&moves);
        planned.play(&moves);
        prop_assert_eq!(&followed.verdict, &planned.verdict);
        followed.finish_mail();
        planned.finish_mail();
        prop_assert_eq!(followed.reserved, planned.reserved);
    }
}
