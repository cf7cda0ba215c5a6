//! Whoever cannot or does not pay: the rule that the table chose before the scan decides, and everybody
//! sees whom the bill waits for until it has.

use serde_json::{Value, json};

use crate::{
    house::{House, PURSE, Shop},
    load::operator_token,
    socket::Socket,
    table::{CAP, Ledger, Table},
};

/// What the third diner has left, in minor units.
const LEFT: i64 = 500;

/// A table of three whose third diner gave nearly everything to the host, under `rule`.
fn table_with_one_short(house: &House, rule: &str, consent: Value, ledger: &mut Ledger) -> Table {
    let mut table = Table::seat_with(house, &house.cast.diners, consent);
    let [host, _, poor] = &table.diners[..] else { panic!("three") };
    let (host, poor, given) = (host.wallet.clone(), poor.wallet.clone(), PURSE - LEFT);
    let gift = json!({ "wallet": poor, "to": host, "amount": given, "idempotency_key": "gift" });
    table.phones[2].ask("wallets.transfer", gift);
    ledger.came(&poor, -given);
    ledger.came(&host, given);
    let rules = json!({
        "split": { "mode": "equal" }, "shortfall": rule, "rounding": "largest_remainder", "cash_step": 0,
    });
    let rules = json!({ "group": table.group, "by": host, "rules": rules });
    table.phones[0].ask("groups.rules", rules);
    for phone in &mut table.phones {
        phone.event_of("rules_set").expect("everybody hears the rules");
    }
    table
}

/// What each diner owed and who paid it, in the table's order; nobody stands for who owed nothing.
fn parts(table: &Table, settlement: &Value) -> Vec<(i64, usize)> {
    let seat = |wallet: &Value| {
        let mut diners = table.diners.iter();
        diners.position(|diner| *wallet == diner.wallet.as_str()).expect("sits there")
    };
    let shares = settlement["shares"].as_array().expect("shares");
    let legs = settlement["legs"].as_array().expect("legs");
    let mut parts = vec![(0, usize::MAX); table.diners.len()];
    for leg in legs {
        let at = usize::try_from(leg["share"].as_u64().expect("a number")).expect("small");
        let owed = shares[at]["owed"].as_i64().expect("an amount");
        assert_eq!(leg["amount"], owed, "one source each: {settlement}");
        parts[seat(&shares[at]["diner"])] = (owed, seat(&leg["source"]["id"]));
    }
    parts
}

#[track_caller]
fn check(rule: &str, expected: Result<[(i64, usize); 3], usize>) {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut ledger = Ledger::default();
    let mut table = table_with_one_short(&house, rule, json!({}), &mut ledger);
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "short", 30_000);
    let ended = till.ask("orders.scan", bill);
    match expected {
        Ok(expected) => {
            assert_eq!(ended["state"], "settled", "{rule}: {ended}");
            assert_eq!(parts(&table, &ended["settlement"]), expected, "{rule}: {ended}");
            let heard = table.all_hear_settled("short");
            assert_eq!(heard["event"]["data"]["shares"], ended["settlement"]["shares"]);
            for leg in ended["settlement"]["legs"].as_array().expect("legs") {
                let payer = leg["source"]["id"].as_str().expect("a wallet");
                ledger.came(payer, -leg["amount"].as_i64().expect("an amount"));
            }
            ledger.shop_got(&shop.merchant, 30_000);
        }
        Err(blamed) => {
            assert_eq!(ended["state"], "declined", "{rule}: {ended}");
            let reason = json!({ "reason": "short", "diner": table.diners[blamed].wallet });
            assert_eq!(ended["reason"], reason, "{rule}: {ended}");
        }
    }
    ledger.agrees(&house);
}

/// 300.00 among three, the third of whom has 5.00.
#[test]
fn each_rule_does_over_the_wire_what_it_says() {
    check("decline", Err(2));
    check("reshare", Ok([(15_000, 0), (15_000, 1), (0, usize::MAX)]));
    check("host_covers", Ok([(10_000, 0), (10_000, 1), (10_000, 0)]));
}

/// The operator's list of what waits, in which `shop` is the only one.
fn open_orders(house: &House, shop: &Shop) -> Value {
    let mut operator = Socket::signed_in(house, &operator_token(house));
    let open = operator.ask("operator.orders", json!({}));
    for order in open["orders"].as_array().expect("a list") {
        assert_eq!((&order["merchant"], &order["shop"]), (&json!(shop.merchant), &json!("Shop 1")));
    }
    open
}

#[test]
fn whoever_says_no_is_covered_and_meanwhile_the_operator_sees_the_order() {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut ledger = Ledger::default();
    let asked = json!({ "confirm_above": 5_000 });
    let mut table = table_with_one_short(&house, "host_covers", asked, &mut ledger);
    // The host covers what a host gives unasked, and wants to be asked nothing.
    let host = table.host().to_owned();
    let unasked =
        json!({ "group": table.group, "wallet": host, "cap": CAP, "idempotency_key": "cap" });
    table.phones[0].ask("groups.consent", unasked);
    table.phones[1].event_of("consent_changed").expect("everybody hears it");
    assert_eq!(open_orders(&house, &shop), json!({ "orders": [], "count": 0 }));
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "asked", 30_000);
    let scan = till.begin("orders.scan", bill).expect("is sent");
    // The third cannot pay, so the host does.
    let newest = loop {
        let push = table.phones[1].push().expect("still there");
        let told = &push["params"];
        let (reserved, of) = (told["reserved"].as_u64(), told["of"].as_u64());
        let reserving = told["reserving"].as_array().expect("a list").len() as u64;
        assert_eq!(of, reserved.map(|reserved| reserved + reserving), "{push}");
        if told["waiting_for"].as_array().expect("a list").len() == 1 && reserving == 0 {
            break push;
        }
    };
    let open = open_orders(&house, &shop);
    assert_eq!(open["count"], 1, "{open}");
    let order = &open["orders"][0];
    assert_eq!((&order["order_no"], &order["total"]), (&json!("asked"), &json!(30_000)), "{open}");
    assert_eq!((&order["group"], &order["currency"]), (&json!(table.group), &json!("CNY")));
    assert_eq!(
        (&order["waiting_for"], &order["reserved"], &order["of"]),
        (&json!(1), &json!(2), &json!(2))
    );
    let mut no = table.answer(&newest, &table.diners[1]);
    no["idempotency_key"] = json!("no");
    table.phones[1].ask("groups.refuse", no);
    let ended = till.answer(scan).expect("still there").expect("is granted");
    assert_eq!(ended["state"], "settled", "{ended}");
    assert_eq!(parts(&table, &ended["settlement"]), [(10_000, 0); 3], "{ended}");
    assert_eq!(open_orders(&house, &shop)["orders"], json!([]));
    ledger.came(table.host(), -30_000);
    ledger.shop_got(&shop.merchant, 30_000);
    ledger.agrees(&house);
}
