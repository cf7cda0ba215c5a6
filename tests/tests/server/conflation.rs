//! Progress that changes faster than it is told: a phone hears how a bill stands and not each step,
//! and whatever is durable all the same.

use serde_json::{Value, json};

use crate::{
    house::{Diner, House, TIRELESS},
    socket::Socket,
    table::Table,
};

/// Diners, each of whom is asked about every share.
const DINERS: usize = 8;

/// Bills, one after the other.
const BILLS: usize = 12;

/// Each diner's share, in minor units: above what they agreed to without being asked.
const SHARE: i64 = 2_000;

/// Waits until `phone` hears that the table waits for `count` answers.
fn waits_for(phone: &mut Socket, count: usize) -> Value {
    loop {
        let push = phone.push().expect("still there");
        assert_eq!(push["method"], "progress", "the bill has not ended: {push}");
        let waiting = push["params"]["waiting_for"].as_array().expect("a list").len();
        assert!(waiting >= count, "nobody took an answer back: {push}");
        if waiting == count {
            return push;
        }
    }
}

#[test]
fn a_phone_hears_the_newest_progress_and_every_event() {
    let house = House::open_with(DINERS, 1, &[TIRELESS]);
    let shop = house.cast.merchants[0].clone();
    let consent = json!({ "confirm_above": SHARE - 1 });
    let mut table = Table::seat_with(&house, &house.cast.diners, consent);
    let mut till = Socket::signed_in(&house, &shop.token);
    // Reads nothing until the evening is over.
    let mut slow = Socket::signed_in(&house, &table.diners[0].token);
    slow.subscribe(&table.topic(), None);
    let total = SHARE * i64::try_from(DINERS).expect("a few");
    for number in 0..BILLS {
        let bill = table.bill(&shop, &number.to_string(), total);
        let scan = till.begin("orders.scan", bill).expect("is sent");
        let asked = waits_for(&mut table.phones[0], DINERS);
        let answer = |diner: &Diner| table.answer(&asked, diner);
        let answers: Vec<Value> = table.diners.iter().map(answer).collect();
        let mut confirm = |diner: usize| {
            let said = table.phones[diner].begin("groups.confirm", answers[diner].clone());
            said.expect("is sent");
        };
        // All but the last answer at once; then everybody is told for whom alone the table waits.
        (0..DINERS - 1).for_each(&mut confirm);
        let newest = waits_for(&mut table.phones[0], 1);
        table.answer(&newest, &table.diners[DINERS - 1]);
        let last = answers[DINERS - 1].clone();
        table.phones[DINERS - 1].begin("groups.confirm", last).expect("is sent");
        let ended = till.answer(scan).expect("still there").expect("an end");
        assert_eq!(ended["state"], "settled", "{ended}");
        for phone in &mut table.phones {
            let event = phone.event().expect("still there");
            assert_eq!(event["position"], ended["position"], "{event}");
        }
    }

    let (mut told, mut settled, mut waiting) = (0, 0, DINERS);
    while settled < BILLS {
        let push = slow.push().expect("still there");
        let params = &push["params"];
        if push["method"] == "event" {
            assert_eq!(params["event"]["data"]["order_no"], settled.to_string(), "{push}");
            (settled, waiting) = (settled + 1, DINERS);
            continue;
        }
        told += 1;
        // Of the bill that comes next, and never older than what was told before.
        assert_eq!(params["order_no"], settled.to_string(), "{push}");
        let now = params["waiting_for"].as_array().expect("a list").len();
        assert!(now <= waiting, "{push} after {waiting}");
        waiting = now;
    }
    // Each answer is a step, and so is each reservation.
    let steps = BILLS * 2 * DINERS;
    assert!((2 * BILLS..steps).contains(&told), "told {told} of {steps} steps");
    slow.has_heard_nothing();
}
