//! Diners claim lines on their phones, all at once; then the till scans: what everybody saw is what
//! leaves each wallet, also across a restart in the middle.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::collections::BTreeMap;

use fanju::{
    Config, DurableEvent, Engine, Error, FeedEvent, GroupView, Presented, TopicState,
    domain::{
        bill::{Bill, Line},
        draft::Preview,
        event::{Event, Rounding, Rules},
        group::{self, Command, Group},
        payment,
        split::{Rest, Split},
        text::Name,
    },
    id::{Topic, WalletId},
    journal::MemoryStorage,
    money::Amount,
};
use support::{Table, consent, minor, over, wallet_with, within};

/// Prices, and what comes on top of them.
const PRICES: [i64; 6] = [8_800, 4_200, 3_600, 2_900, 1_200, 700];
const TOTAL: i64 = 23_545;

fn rules() -> Rules {
    let split = Split::Itemised { claims: Vec::new(), rest: Rest::InProportion };
    Rules { split, ..Rules::default() }
}

fn lines() -> Vec<Line> {
    let line = |(number, price): (usize, &i64)| Line {
        name: Name::new(format!("dish {number}")).unwrap(),
        amount: minor(*price),
    };
    PRICES.iter().enumerate().map(line).collect()
}

fn bill(table: &Table, order_no: &str) -> Bill {
    Bill { lines: lines(), ..table.bill(order_no, TOTAL) }
}

/// What each of `diners` says last, in the order in which it is said: line and weight.
fn claimed(diners: &[WalletId]) -> Vec<(WalletId, Vec<(u16, u32)>)> {
    let said: [&[(u16, u32)]; 4] = [
        &[(0, 1), (1, 1), (1, 0), (2, 2)],
        &[(0, 1), (2, 1)],
        &[(0, 3), (0, 1), (3, 1)],
        &[(3, 2), (5, 1), (5, 0)],
    ];
    diners.iter().zip(said).map(|(diner, said)| (*diner, said.to_vec())).collect()
}

fn claim(wallet: WalletId, (line, weight): (u16, u32)) -> Command {
    Command::Claim { wallet, line, weight }
}

/// Who pays what, once more and in another way: each line is cut into the same large number of
/// parts, which is a multiple of every divisor, and the largest fractions take the odd minor units.
fn independently(diners: &[WalletId]) -> Vec<i64> {
    const PARTS: i64 = 1 << 3 | 1 << 2; // 12: divides by 1, 2, 3 and 4 diners.
    let mut last: BTreeMap<(u16, WalletId), i64> = BTreeMap::new();
    for (diner, said) in claimed(diners) {
        for (line, weight) in said {
            last.insert((line, diner), i64::from(weight));
        }
    }
    let mut weights = vec![0; diners.len()];
    for (line, price) in (0_u16..).zip(PRICES) {
        let of = |diner: &WalletId| last.get(&(line, *diner)).copied().unwrap_or(0);
        let all: i64 = diners.iter().map(of).sum();
        for (weight, diner) in weights.iter_mut().zip(diners) {
            let (part, of_all) = if all == 0 { (1, 4) } else { (of(diner), all) };
            assert_eq!(PARTS % of_all, 0, "the test's numbers divide");
            *weight += price * PARTS / of_all * part;
        }
    }
    let whole: i64 = weights.iter().sum();
    assert_eq!(whole, PRICES.iter().sum::<i64>() * PARTS);
    let mut shares: Vec<i64> = weights.iter().map(|weight| TOTAL * weight / whole).collect();
    let mut by_fraction: Vec<(i64, usize)> =
        weights.iter().map(|weight| TOTAL * weight % whole).zip(0..).collect();
    by_fraction.sort_unstable();
    by_fraction.dedup_by_key(|(fraction, _)| *fraction);
    assert_eq!(by_fraction.len(), diners.len(), "no two fractions are alike: nobody draws lots");
    let odd = usize::try_from(TOTAL - shares.iter().sum::<i64>()).unwrap();
    for (_, seat) in by_fraction.iter().rev().take(odd) {
        shares[*seat] += 1;
    }
    shares
}

fn previewed(view: &GroupView) -> Vec<i64> {
    let Some(Preview::Shares { shares }) = view.preview.as_deref() else {
        panic!("there are shares: {:?}", view.preview);
    };
    shares.iter().map(|share| share.owed.minor()).collect()
}

/// Everybody claims at once, each on a task of the own.
async fn everybody_claims(table: &Table) {
    let mut phones = Vec::new();
    for (diner, said) in claimed(&table.diners) {
        let (engine, group) = (table.engine.clone(), table.group);
        phones.push(tokio::spawn(async move {
            for claimed in said {
                engine.group_command(group, claim(diner, claimed)).await.unwrap();
                tokio::task::yield_now().await;
            }
        }));
    }
    for phone in phones {
        within(phone).await.unwrap();
    }
}

async fn scan(table: &Table, bill: Bill) -> Result<Presented, Error> {
    let code = table.code().await;
    within(table.engine.present(bill, code)).await
}

async fn next_durable(feed: &mut fanju::Subscription) -> DurableEvent {
    loop {
        if let FeedEvent::Durable(event) = within(feed.next()).await.unwrap() {
            return event;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_everybody_claims_at_once_is_what_leaves_each_wallet() {
    for rounding in [Rounding::LargestRemainder, Rounding::FairCent] {
        let rules = Rules { rounding, ..rules() };
        let table = Table::laid(Config::in_memory(), &[50_000; 4], 50_000, rules).await;
        let (engine, group) = (&table.engine, table.group);
        let code = table.code().await;
        within(engine.draft(bill(&table, "A-1"), code)).await.unwrap();
        let mut feed = within(engine.subscribe(Topic::Group(group), None)).await.unwrap();
        everybody_claims(&table).await;

        // Whoever folds what the feed says sees shares that are exact after each claim.
        let TopicState::Group(seen) = feed.state().clone() else { panic!("a group") };
        let mut live: Group = seen.group;
        let said: usize = claimed(&table.diners).iter().map(|(_, said)| said.len()).sum();
        for _ in 0..said {
            let event = next_durable(&mut feed).await;
            assert!(matches!(event.event(), Event::LineClaimed { .. }), "{:?}", event.event());
            live.apply(event.event());
            let sum: Amount = live.preview().unwrap().iter().map(|share| share.owed).sum();
            assert_eq!(sum, minor(TOTAL), "G-2");
        }
        let view = within(engine.group(group)).await.unwrap();
        assert_eq!(live, view.group);
        let expected = independently(&table.diners);
        assert_eq!(previewed(&view), expected);

        let paid = scan(&table, bill(&table, "A-1")).await;
        let Ok(Presented::Settled(receipt)) = paid else { panic!("settled: {paid:?}") };
        let Event::Settled(settlement) = receipt.event() else { panic!("a settlement") };
        assert_eq!(settlement.shares.len(), 4);
        let left: Vec<i64> = expected.iter().map(|owed| 50_000 - owed).collect();
        assert_eq!(table.balances().await, left);
        assert_eq!(table.takings().await, TOTAL);
        let view = within(engine.group(group)).await.unwrap();
        assert_eq!((view.group.draft, view.preview), (None, None), "the bill has come");
    }
}

#[tokio::test]
async fn a_restart_in_the_middle_of_claiming_keeps_every_claim() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::directory(directory.path());
    let table = Table::laid(config(), &[50_000; 4], 50_000, rules()).await;
    let laid = Command::Draft { by: table.diners[1], total: minor(TOTAL), lines: lines() };
    within(table.engine.group_command(table.group, laid)).await.unwrap();
    everybody_claims(&table).await;
    let seen = table.seen().await;
    within(table.engine.close()).await;

    let (engine, opening) = Engine::open_with_report(config()).unwrap();
    assert!(!opening.books_rebuilt, "the books have the draft");
    let table = table.moved_to(engine);
    assert_eq!(table.seen().await, seen);
    within(table.engine.close()).await;
    std::fs::remove_file(directory.path().join("books.sqlite")).unwrap();

    let table = table.moved_to(Engine::open(config()).unwrap());
    assert_eq!(table.seen().await, seen, "and so has the journal");
    let paid = scan(&table, bill(&table, "A-1")).await;
    assert!(matches!(paid, Ok(Presented::Settled(_))), "{paid:?}");
    let expected = independently(&table.diners);
    let left: Vec<i64> = expected.iter().map(|owed| 50_000 - owed).collect();
    assert_eq!(table.balances().await, left);
    within(table.engine.close()).await;
}

#[tokio::test]
async fn a_crash_forgets_no_claim_that_was_acknowledged() {
    let storage = MemoryStorage::new();
    let table = Table::laid(over(storage.clone()), &[50_000; 4], 50_000, rules()).await;
    let code = table.code().await;
    within(table.engine.draft(bill(&table, "A-1"), code)).await.unwrap();
    everybody_claims(&table).await;
    let seen = table.seen().await;
    storage.crash();
    let table = table.moved_to(Engine::open(over(storage.clone())).unwrap());
    assert_eq!(table.seen().await, seen);
    assert!(matches!(scan(&table, bill(&table, "A-1")).await, Ok(Presented::Settled(_))));
}

#[tokio::test]
async fn a_bill_with_other_lines_is_refused_and_nobody_pays() {
    let table = Table::laid(Config::in_memory(), &[50_000; 4], 50_000, rules()).await;
    let code = table.code().await;
    within(table.engine.draft(bill(&table, "A-1"), code)).await.unwrap();
    everybody_claims(&table).await;
    let mut other = bill(&table, "A-1");
    other.lines.swap(0, 1);
    for refused in [other, table.bill("A-1", TOTAL - 1)] {
        let answer = scan(&table, refused).await;
        assert!(
            matches!(answer, Err(Error::Payment(payment::Rejection::LinesDiffer))),
            "{answer:?}"
        );
    }
    assert_eq!(table.balances().await, [50_000; 4]);
    // A till that knows the total alone.
    let answer = scan(&table, table.bill("A-1", TOTAL)).await;
    assert!(matches!(answer, Ok(Presented::Settled(_))), "{answer:?}");
    let expected = independently(&table.diners);
    let left: Vec<i64> = expected.iter().map(|owed| 50_000 - owed).collect();
    assert_eq!(table.balances().await, left);
}

#[tokio::test]
async fn a_till_lays_a_draft_only_where_it_was_shown_the_code() {
    let table = Table::laid(Config::in_memory(), &[50_000; 2], 50_000, rules()).await;
    let (engine, group) = (&table.engine, table.group);
    let forged = Command::DraftByTill { bill: bill(&table, "A-1") };
    let answer = within(engine.group_command(group, forged)).await;
    assert!(matches!(answer, Err(Error::Group(group::Rejection::NotMember))), "{answer:?}");
    let unknown = fanju::domain::code::Code::from_random(7);
    let answer = within(engine.draft(bill(&table, "A-1"), unknown)).await;
    assert!(matches!(answer, Err(Error::UnknownCode)), "{answer:?}");
    let code = table.code().await;
    for _ in 0..2 {
        within(engine.draft(bill(&table, "A-1"), code)).await.unwrap();
    }
    let late = wallet_with(engine, 50_000).await;
    within(engine.join_by_code(code, late, consent(50_000))).await.unwrap();
    let paid = within(engine.present(bill(&table, "A-1"), code)).await;
    assert!(matches!(paid, Ok(Presented::Settled(_))), "laying a draft spends no code: {paid:?}");
    let answer = within(engine.draft(bill(&table, "A-2"), code)).await;
    assert!(matches!(answer, Err(Error::SpentCode | Error::UnknownCode)), "{answer:?}");
}
