//! Claims: a till lays the bill on the table, and two phones want the same dishes at the same moment.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    house::{House, TIRELESS},
    socket::Socket,
    table::{Ledger, Table},
};

/// Dishes of the bill.
const DISHES: u64 = 4;

/// What each costs, in minor units: all weights below divide it.
const PRICE: u64 = 6_000;

/// How often both change their minds about each dish.
const ROUNDS: u64 = 12;

/// How large a part of a dish the diner in `seat` wants: another one each round, from 1 to 3.
fn wanted(seat: u64, round: u64, dish: u64) -> u64 {
    1 + (round * (seat + 1) + dish) % 3
}

#[test]
fn two_phones_claim_the_same_dishes_at_once_and_everybody_sees_one_truth() {
    let house = House::open_with(2, 1, &[TIRELESS]);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let (group, host) = (table.group.clone(), table.host().to_owned());
    let rules = json!({
        "split": { "mode": "itemised", "claims": [], "rest": "in_proportion" },
        "shortfall": "decline", "rounding": "largest_remainder", "cash_step": 0,
    });
    table.phones[0].ask("groups.rules", json!({ "group": group, "by": host, "rules": rules }));
    let mut till = Socket::signed_in(&house, &shop.token);
    let lines: Vec<Value> = (1..=DISHES)
        .map(|dish| json!({ "name": format!("Dish {dish}"), "amount": PRICE }))
        .collect();
    let mut bill = table.bill(&shop, "dishes", 24_000);
    bill["lines"] = json!(lines);
    till.ask("orders.draft", bill.clone());

    for round in 0..ROUNDS {
        let mut begun = Vec::new();
        for dish in 0..DISHES {
            for (seat, (phone, diner)) in (0..).zip(table.phones.iter_mut().zip(&table.diners)) {
                let claim = json!({
                    "group": group, "wallet": diner.wallet, "line": dish,
                    "weight": wanted(seat, round, dish),
                });
                begun.push((seat, phone.begin("groups.claim", claim).expect("is sent")));
            }
        }
        for (seat, id) in begun {
            let phone = if seat == 0 { &mut table.phones[0] } else { &mut table.phones[1] };
            let answered = phone.answer(id).expect("still there");
            assert!(answered.is_ok(), "{answered:?}");
        }
    }

    // Both hear every claim, in one order, and the last of each counts.
    let claims = 2 * DISHES * ROUNDS;
    let mut hear = |seat: usize| -> Vec<Value> {
        let phone = &mut table.phones[seat];
        (0..claims).map(|_| phone.event_of("line_claimed").expect("still there")).collect()
    };
    let heard = hear(0);
    assert_eq!(heard, hear(1));
    let mut last: BTreeMap<(u64, String), u64> = BTreeMap::new();
    for claim in &heard {
        let data = &claim["event"]["data"];
        let number = |name: &str| data[name].as_u64().expect("a number");
        let wallet = data["wallet"].as_str().expect("a wallet").to_owned();
        last.insert((number("line"), wallet), number("weight"));
    }
    for (seat, diner) in (0..).zip(&table.diners) {
        for dish in 0..DISHES {
            let claimed = last.get(&(dish, diner.wallet.clone()));
            assert_eq!(claimed, Some(&wanted(seat, ROUNDS - 1, dish)), "dish {dish} of {seat}");
        }
    }
    let owed = |wallet: &str| -> u64 {
        let part = |dish: u64| {
            let of = last.iter().filter(|((line, _), _)| *line == dish).map(|(_, part)| part);
            PRICE * last[&(dish, wallet.to_owned())] / of.sum::<u64>()
        };
        (0..DISHES).map(part).sum()
    };
    let expected: Vec<u64> = table.diners.iter().map(|diner| owed(&diner.wallet)).collect();
    assert_eq!(expected.iter().sum::<u64>(), 24_000);
    let view = table.phones[1].ask("groups.get", json!({ "group": group }));
    let shares = |of: &Value| -> Vec<u64> {
        let shares = of["shares"].as_array().unwrap_or_else(|| panic!("no shares: {of}"));
        shares.iter().map(|share| share["owed"].as_u64().expect("an amount")).collect()
    };
    assert_eq!(shares(&view["preview"]), expected, "{view}");

    // What they saw is what they pay, and then nothing is left to claim.
    let ended = till.ask("orders.scan", bill);
    assert_eq!(ended["state"], "settled", "{ended}");
    assert_eq!(shares(&ended["settlement"]), expected, "{ended}");
    table.all_hear_settled("dishes");
    let late = json!({ "group": group, "wallet": host, "line": 0, "weight": 1 });
    let refused = table.phones[0].refused("groups.claim", late);
    assert_eq!(refused["reason"], "no_draft", "{refused}");
    let mut ledger = Ledger::default();
    ledger.settled(&ended["settlement"]);
    ledger.agrees(&house);
}
