//! The workload is a pure function of its numbers and its seed.

use std::collections::BTreeSet;

use fanju::money::Amount;
use fanju_sim::{
    bills::BillRow,
    dinner::Timetable,
    values::Diners,
    workload::{Dinner, Menu, Numbers, Workload},
};

const NUMBERS: Numbers =
    Numbers { wallets: 1_000, merchants: 10, diners: Diners::Always(8), dinners: Some(500) };

fn dinners(menu: &Menu, numbers: Numbers, seed: u64) -> Vec<Dinner> {
    Workload::new(menu, numbers, seed).expect("enough wallets").collect()
}

fn bill(minor: i64, diners: usize) -> BillRow {
    let (bill, tip) = (Amount::from_minor(minor), Amount::ZERO);
    BillRow { line: 2, bill, tip, total: bill, diners }
}

#[test]
fn same_seed_gives_the_same_dinners_and_another_seed_others() {
    let menu = Menu::Published;
    assert_eq!(dinners(&menu, NUMBERS, 7), dinners(&menu, NUMBERS, 7));
    assert_ne!(dinners(&menu, NUMBERS, 7), dinners(&menu, NUMBERS, 8));
}

#[test]
fn nobody_dines_twice_before_everybody_has_dined_once() {
    let menu = Menu::Published;
    let workload = Workload::new(&menu, NUMBERS, 3).expect("enough wallets");
    let parties = workload.seating().parties();
    assert_eq!(parties, 125);
    let seats: BTreeSet<usize> =
        (0..parties).flat_map(|party| workload.seating().party(party).to_vec()).collect();
    assert_eq!(seats.len(), 1_000);
    let all: Vec<usize> = workload.map(|dinner| dinner.party).collect();
    for round in all.chunks(parties) {
        assert_eq!(round.iter().collect::<BTreeSet<_>>().len(), parties);
    }
}

#[test]
fn published_parties_seat_everybody() {
    let numbers = Numbers { diners: Diners::Published, ..NUMBERS };
    let workload = Workload::new(&Menu::Published, numbers, 1).expect("enough wallets");
    let parties = workload.seating().parties();
    let seats: usize = (0..parties).map(|party| workload.seating().party(party).len()).sum();
    assert_eq!(seats, 1_000);
    assert!((340..=440).contains(&parties), "{parties}: 2.57 diners a table in the mean");
}

#[test]
fn each_bill_of_a_file_has_a_party_of_its_size() {
    let menu = Menu::Bills(vec![bill(100, 2), bill(200, 5), bill(300, 2)]);
    let numbers = Numbers { wallets: 5, dinners: Some(6), ..NUMBERS };
    let workload = Workload::new(&menu, numbers, 1).expect("enough wallets");
    let seating = workload.seating().clone();
    let seen: Vec<_> =
        workload.map(|dinner| (dinner.total.minor(), seating.party(dinner.party).len())).collect();
    assert_eq!(seen, [(100, 2), (200, 5), (300, 2), (100, 2), (200, 5), (300, 2)]);
}

#[test]
fn a_party_larger_than_all_wallets_is_refused() {
    let menu = Menu::Bills(vec![bill(100, 6)]);
    let numbers = Numbers { wallets: 5, ..NUMBERS };
    let error = Workload::new(&menu, numbers, 1).expect_err("six do not fit");
    assert_eq!(error, "a party of 6 needs more than the 5 wallets");
}

#[test]
fn funds_reach_for_the_largest_bill_each_time() {
    let menu = Menu::Bills(vec![bill(100, 2), bill(250, 2)]);
    let workload = Workload::new(&menu, NUMBERS, 1).expect("enough wallets");
    // Two parties of two share ten dinners; one diner could pay each of the seven alone.
    assert_eq!(workload.funds(10), Amount::from_minor(250 * 7));
}

#[test]
fn arrivals_repeat_with_the_seed_and_keep_their_rate() {
    let gaps = |seed| {
        let mut timetable = Timetable::new(1_000, seed);
        (0..50_000).map(|_| timetable.gap()).sum::<std::time::Duration>()
    };
    assert_eq!(gaps(1), gaps(1));
    assert!((49.0..51.0).contains(&gaps(1).as_secs_f64()), "{:?}", gaps(1));
}
