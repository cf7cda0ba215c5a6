//! What a dinner takes from whom, to the cent: splits whose shares are counted by hand, and the memory
//! for cents that they leave, from one bill to the next.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{fs, time::Duration};

use fanju::{
    Config, Engine, TestClock,
    domain::{
        event::{Rounding, Rules},
        group::Command,
        split::{Part, Split, Weight},
    },
    limits,
    time::Timestamp,
};
use support::{Table, drowsy, minor, within};

/// What each has at first, and the cap: more than any bill.
const PLENTY: i64 = 100_000;

/// Bills of 100 cents for three who weigh 1, 2 and 4. Each is due 14 2/7, 28 4/7 and 57 1/7 cents a
/// bill, and the odd cents go to those who were under-charged most. In sevenths of a cent, before and
/// after each bill:
///
/// | bill | owed before | due with this bill | pays | owed after |
/// |---|---|---|---|---|
/// | 1 | 0, 0, 0 | 100, 200, 400 | 14, 29, 57 | 2, -3, 1 |
/// | 2 | 2, -3, 1 | 102, 197, 401 | 15, 28, 57 | -3, 1, 2 |
/// | 3 | -3, 1, 2 | 97, 201, 402 | 14, 29, 57 | -1, -2, 3 |
/// | 4 | -1, -2, 3 | 99, 198, 403 | 14, 28, 58 | 1, 2, -3 |
/// | 5 | 1, 2, -3 | 101, 202, 397 | 14, 29, 57 | 3, -1, -2 |
/// | 6 | 3, -1, -2 | 103, 199, 398 | 15, 28, 57 | -2, 3, -1 |
/// | 7 | -2, 3, -1 | 98, 203, 399 | 14, 29, 57 | 0, 0, 0 |
///
/// After seven bills each has paid exactly 100, 200 and 400; without the memory it would be
/// 98, 203 and 399.
const SEVEN_BILLS: [[i64; 3]; 7] = [
    [14, 29, 57],
    [15, 28, 57],
    [14, 29, 57],
    [14, 28, 58],
    [14, 29, 57],
    [15, 28, 57],
    [14, 29, 57],
];

async fn set(table: &Table, split: Split, rounding: Rounding) {
    let rules = Rules { split, rounding, ..Rules::default() };
    let command = Command::SetRules { by: table.diners[0], rules };
    within(table.engine.group_command(table.group, command)).await.unwrap();
}

async fn table(config: Config) -> Table {
    Table::laid(config, &[PLENTY; 3], PLENTY, Rules::default()).await
}

async fn weighed(config: Config) -> Table {
    let table = table(config).await;
    let weight = |(diner, weight): (&_, _)| Weight { diner: *diner, weight };
    let parts = table.diners.iter().zip([1, 2, 4]).map(weight).collect();
    set(&table, Split::Weights { parts }, Rounding::FairCent).await;
    table
}

/// Pays a bill, and says what it took from each.
async fn pay(table: &Table, order_no: &str, total: i64) -> Vec<i64> {
    let before = table.balances().await;
    table.settle(order_no, total).await;
    let after = table.balances().await;
    before.iter().zip(after).map(|(before, after)| before - after).collect()
}

/// The bill of this index, which must take what was counted by hand.
async fn pay_next(table: &Table, bill: usize) {
    let taken = pay(table, &format!("A-{bill}"), 100).await;
    assert_eq!(taken, SEVEN_BILLS[bill], "bill {}", bill + 1);
}

async fn everybody_is_even(table: &Table) {
    assert_eq!(table.balances().await, [PLENTY - 100, PLENTY - 200, PLENTY - 400]);
    let group = within(table.engine.group(table.group)).await.unwrap().group;
    for member in group.members {
        assert!(member.carry_micro.abs() <= 7, "a millionth a bill is lost in the division");
    }
}

#[tokio::test]
async fn cents_are_remembered_from_bill_to_bill() {
    let table = weighed(Config::in_memory()).await;
    for bill in 0..SEVEN_BILLS.len() {
        pay_next(&table, bill).await;
    }
    everybody_is_even(&table).await;
    within(table.engine.close()).await;
}

#[tokio::test]
async fn cents_are_remembered_by_a_group_that_left_memory() {
    let clock = TestClock::at(Timestamp(1_700_000_000_000_000));
    let table = weighed(drowsy(&clock, Duration::from_millis(2))).await;
    for bill in 0..SEVEN_BILLS.len() {
        pay_next(&table, bill).await;
        // A code that may still be scanned keeps its group.
        clock.advance(limits::CODE_SHOWN + limits::CODE_GRACE);
        let asleep = async {
            while table.engine.stats().groups_active > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within(asleep).await;
    }
    everybody_is_even(&table).await;
    within(table.engine.close()).await;
}

#[tokio::test]
async fn cents_are_remembered_by_an_engine_that_was_closed_with_its_books_and_without() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::directory(directory.path());
    let mut table = weighed(config()).await;
    for bill in 0..SEVEN_BILLS.len() {
        pay_next(&table, bill).await;
        within(table.engine.close()).await;
        if bill % 2 == 1 {
            fs::remove_file(directory.path().join("books.sqlite")).unwrap();
        }
        table = table.moved_to(Engine::open(config()).unwrap());
    }
    everybody_is_even(&table).await;
    within(table.engine.close()).await;
}

fn parts(table: &Table, amounts: &[(usize, i64)]) -> Vec<Part> {
    let part = |&(diner, amount): &_| Part { diner: table.diners[diner], amount: minor(amount) };
    amounts.iter().map(part).collect()
}

#[tokio::test]
async fn exact_parts_are_what_each_pays() {
    let table = table(Config::in_memory()).await;
    // Who is not named pays nothing.
    let split = Split::Exact { parts: parts(&table, &[(2, 2_501), (0, 7_498)]) };
    set(&table, split, Rounding::LargestRemainder).await;
    assert_eq!(pay(&table, "A-1", 9_999).await, [7_498, 0, 2_501]);
    assert_eq!(table.takings().await, 9_999);
    let other = within(table.pay("A-2", 10_000)).await;
    assert!(other.is_err(), "parts that do not sum to the bill: {other:?}");
    assert_eq!(table.takings().await, 9_999);
    within(table.engine.close()).await;
}

#[tokio::test]
async fn fixed_parts_come_on_top_of_what_all_share() {
    let table = table(Config::in_memory()).await;
    // 1,099 for the wine; of the other 6,600 everybody pays 2,200, who had the wine too.
    let split = Split::FixedPlusRest { parts: parts(&table, &[(1, 1_099)]) };
    set(&table, split, Rounding::LargestRemainder).await;
    assert_eq!(pay(&table, "A-1", 7_699).await, [2_200, 3_299, 2_200]);
    assert_eq!(table.takings().await, 7_699);
    let below = within(table.pay("A-2", 1_098)).await;
    assert!(below.is_err(), "a fixed part above the bill: {below:?}");
    assert_eq!(table.takings().await, 7_699);
    within(table.engine.close()).await;
}
