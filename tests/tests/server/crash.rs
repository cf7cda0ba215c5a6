//! Crashes: the server is killed in the middle of dinners, and started again on what it left.
//!
//! Whatever was told stays true (J-1, J-2); what was not told either happened as a whole or not at
//! all, and everybody who asks hears the same.

use std::{thread, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    common::number,
    corner::{Corner, order},
    house::{House, TIRELESS},
    socket::Socket,
    table::{Ledger, Table},
};

/// Kills of one house.
const KILLS: usize = 6;

/// How long dinners go on before a kill, at most.
const DINING: Duration = Duration::from_millis(250);

/// Commands under way when the server dies: within what a session may have.
const COMMANDS: usize = 40;

fn chance() -> StdRng {
    let seed = number("FANJU_SEED").unwrap_or_else(rand::random);
    println!("FANJU_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

#[test]
fn an_order_that_waits_for_a_diner_when_the_server_dies_never_happened() {
    let mut house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let consent = json!({ "confirm_above": 1_000 });
    let mut table = Table::seat_with(&house, &house.cast.diners, consent);
    let topic = table.topic();
    let last: Vec<_> = table.phones.iter().map(|phone| phone.heard(&topic)).collect();
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "cut", 9_000);
    let scan = till.begin("orders.scan", bill.clone()).expect("is sent");
    for phone in &mut table.phones {
        while phone.push().expect("still there")["params"]["reserved"] != 3 {}
    }
    house.kill();
    assert!(till.answer(scan).is_err(), "nobody is told anything");
    assert!(table.phones.iter_mut().all(|phone| phone.push().is_err()));

    house.start();
    assert_eq!(order(&house, &shop, "cut"), None);
    Ledger::default().agrees(&house);
    table.phones.clear();
    for (diner, last) in house.cast.diners.iter().zip(last) {
        let mut phone = Socket::signed_in(&house, &diner.token);
        assert_eq!(phone.subscribe(&topic, last)["recovered"], true);
        table.phones.push(phone);
    }
    // The code was never journaled: the till scans a fresh one, under the same number.
    let mut till = Socket::signed_in(&house, &shop.token);
    assert_eq!(till.refused("orders.scan", bill)["code"], "unknown_code");
    let bill = table.bill(&shop, "cut", 9_000);
    let scan = till.begin("orders.scan", bill).expect("is sent");
    for (seat, diner) in house.cast.diners.iter().enumerate() {
        let asked = table.phones[seat].hears_reserved(3);
        let answer = table.answer(&asked, diner);
        table.phones[seat].ask("groups.confirm", answer);
    }
    let ended = till.answer(scan).expect("still there").expect("an end");
    let told = table.all_hear_settled("cut");
    assert_eq!(told["position"], ended["position"]);
    let mut ledger = Ledger::default();
    ledger.settled(&ended["settlement"]);
    ledger.agrees(&house);
    house.stop();
    let said = House::verify(house.data());
    assert!(said.contains("1 order paid"), "{said}");
}

#[test]
fn what_a_till_was_told_stays_settled_across_kills() {
    let mut chance = chance();
    let mut house = House::open_with(6, 2, &[TIRELESS]);
    let mut corners = Corner::all_of(&house);
    let mut paid = 0;
    for _ in 0..KILLS {
        let delay = chance.random_range(Duration::ZERO..DINING);
        let address = house.address();
        thread::scope(|scope| {
            for corner in &mut corners {
                scope.spawn(move || corner.dine(address));
            }
            thread::sleep(delay);
            house.kill();
        });
        house.start();
        let mut ledger = Ledger::default();
        for corner in &mut corners {
            let settled = corner.come_back(&house);
            settled.iter().for_each(|settlement| ledger.settled(settlement));
        }
        ledger.agrees(&house);
        paid = ledger.settlements();
    }
    house.stop();
    let said = House::verify(house.data());
    assert!(said.contains(&format!("{paid} orders paid")), "{paid}: {said}");
    println!("{KILLS} kills, {paid} orders paid");
}

#[test]
fn a_command_that_is_repeated_after_a_kill_is_done_once() {
    let mut chance = chance();
    let mut house = House::open_with(1, 1, &[TIRELESS]);
    let diner = house.cast.diners[0].clone();
    let mut ledger = Ledger::default();
    let (mut answered, mut unanswered) = (0, 0);
    for kill in 0..KILLS {
        let mut phone = Socket::signed_in(&house, &diner.token);
        let top_up = |number: usize| {
            let key = format!("kill {kill}, top-up {number}");
            json!({ "wallet": diner.wallet, "amount": 7, "idempotency_key": key })
        };
        let ids: Vec<u64> = (0..COMMANDS)
            .map(|number| phone.begin("wallets.top_up", top_up(number)).expect("is sent"))
            .collect();
        // Some are answered; the server dies on the others.
        let mut first: Vec<Option<Value>> = vec![None; COMMANDS];
        for number in 0..chance.random_range(0..COMMANDS) {
            let answer = phone.answer(ids[number]).expect("still there");
            first[number] = Some(answer.expect("is granted"));
        }
        house.kill();
        for (number, id) in ids.iter().enumerate() {
            if first[number].is_none() {
                first[number] = phone.answer(*id).ok().map(|answer| answer.expect("is granted"));
            }
        }
        house.start();
        let mut phone = Socket::signed_in(&house, &diner.token);
        for (number, first) in first.iter().enumerate() {
            let again = phone.ask("wallets.top_up", top_up(number));
            if let Some(first) = first {
                assert_eq!(again["position"], first["position"], "{again}");
                assert_eq!(again["replayed"], true, "{again}");
                answered += 1;
            } else {
                unanswered += 1;
            }
            let once_more = phone.ask("wallets.top_up", top_up(number));
            assert_eq!(once_more["position"], again["position"], "{once_more}");
            assert_eq!(once_more["replayed"], true, "{once_more}");
            ledger.came(&diner.wallet, 7);
        }
        ledger.agrees(&house);
    }
    println!("{answered} commands were answered before a kill, {unanswered} after");
    assert!(unanswered > 0, "no kill hit a command, so nothing was tested");
    house.stop();
    House::verify(house.data());
}

#[test]
fn what_is_opened_again_after_a_kill_is_opened_once() {
    let mut chance = chance();
    let mut house = House::open_with(1, 1, &[TIRELESS]);
    let diner = house.cast.diners[0].clone();
    let topic = format!("wallet:{}", diner.wallet);
    let mut phone = Socket::signed_in(&house, &diner.token);
    phone.subscribe(&topic, None);
    let mut last = phone.heard(&topic);
    let mut unanswered = 0;
    for kill in 0..KILLS {
        let open = |number: usize| {
            let key = format!("kill {kill}, table {number}");
            json!({ "name": key, "host": diner.wallet, "cap": 7, "idempotency_key": key })
        };
        let ids: Vec<u64> = (0..COMMANDS)
            .map(|number| phone.begin("groups.open", open(number)).expect("is sent"))
            .collect();
        // What is durable is pushed; the server dies before it has kept all answers.
        for _ in 0..chance.random_range(1..=COMMANDS) {
            phone.event_of("group_opened").expect("still there");
        }
        house.kill();
        let first: Vec<_> = ids.iter().map(|id| phone.answer(*id).ok()).collect();
        unanswered += first.iter().filter(|first| first.is_none()).count();

        house.start();
        phone = Socket::signed_in(&house, &diner.token);
        let again: Vec<Value> =
            (0..COMMANDS).map(|number| phone.ask("groups.open", open(number))).collect();
        for (first, again) in first.into_iter().zip(&again) {
            if let Some(first) = first {
                assert_eq!(again["group"], first.expect("is granted")["group"]);
                assert_eq!(again["replayed"], true, "{again}");
            }
        }
        // The host's wallet has a record of every group that was opened for it.
        assert_eq!(phone.subscribe(&topic, last)["recovered"], true);
        let opened: Vec<Value> = (0..COMMANDS)
            .map(|_| phone.event_of("group_opened").expect("still there"))
            .map(|event| event["event"]["data"]["group"].clone())
            .collect();
        phone.has_heard_nothing();
        let asked: Vec<_> = again.iter().map(|again| again["group"].clone()).collect();
        assert!(asked.iter().all(|group| opened.contains(group)), "{asked:?}, {opened:?}");
        last = phone.heard(&topic);
    }
    println!("{unanswered} openings were not answered before a kill");
    assert!(unanswered > 0, "no kill hit an opening, so nothing was tested");
    house.stop();
    House::verify(house.data());
}
