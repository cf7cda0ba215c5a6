//! Backups: a copy of a busy server's folder is whole, holds what was told before, and serves.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::{
    house::{House, PURSE, Shop, TIRELESS},
    socket::Socket,
    table::{Ledger, Table},
};

const TABLES: usize = 3;
const COPIES: usize = 3;

/// Each bill: so little that no diner's cap ends the evening.
const TOTAL: i64 = 31;

/// Dines until it is told to stop; every settlement that the till was told of.
fn dine(house: &House, table: &mut Table, shop: &Shop, enough: &AtomicBool) -> Vec<Value> {
    let mut till = Socket::signed_in(house, &shop.token);
    let mut told = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let order_no = told.len().to_string();
        let bill = table.bill(shop, &order_no, TOTAL);
        let ended = till.ask("orders.scan", bill);
        assert_eq!(ended["state"], "settled", "{ended}");
        table.all_hear_settled(&order_no);
        told.push(ended["settlement"].clone());
    }
    told
}

#[test]
fn a_copy_made_while_dinners_go_on_is_whole_and_serves() {
    let mut house = House::open_with(TABLES * 3, TABLES, &[TIRELESS]);
    // Told before the first copy begins: in each of them.
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners[..3]);
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "before", 3_000);
    let before = till.ask("orders.scan", bill);
    drop(table);

    let enough = AtomicBool::new(false);
    let copies: Vec<_> = (0..COPIES).map(|copy| house.beside(&format!("copy-{copy}"))).collect();
    let mut told = thread::scope(|scope| {
        let parties = house.cast.diners.chunks(3).zip(&house.cast.merchants);
        let dining: Vec<_> = parties
            .map(|(diners, shop)| {
                let (house, enough) = (&house, &enough);
                let mut table = Table::seat(house, diners);
                scope.spawn(move || dine(house, &mut table, shop, enough))
            })
            .collect();
        let said: Vec<_> = copies.iter().map(|copy| house.back_up(copy)).collect();
        // Whatever became of the copies: the diners end.
        enough.store(true, Ordering::Relaxed);
        for said in said {
            assert!(said.as_ref().is_ok_and(|said| said.contains("databases")), "{said:?}");
        }
        let told = dining.into_iter().flat_map(|table| table.join().expect("dines"));
        told.collect::<Vec<Value>>()
    });
    told.push(before["settlement"].clone());
    let mut ledger = Ledger::default();
    told.iter().for_each(|settlement| ledger.settled(settlement));
    ledger.agrees(&house);
    house.stop();
    let said = House::verify(house.data());
    assert!(said.contains(&format!("{} orders paid", told.len())), "{said}");

    for copy in &copies {
        House::verify(copy);
        let mut copied = house.moved_to(copy);
        let mut till = Socket::signed_in(&copied, &shop.token);
        let get = json!({ "merchant": shop.merchant, "order_no": "before" });
        assert_eq!(till.ask("orders.get", get)["settlement"], before["settlement"]);
        // Whatever the copy has of the others happened, and happened like that.
        let mut ledger = Ledger::default();
        for shop in &house.cast.merchants {
            let mut till = Socket::signed_in(&copied, &shop.token);
            let is_here = |settlement: &&Value| settlement["merchant"] == shop.merchant.as_str();
            for settlement in told.iter().filter(is_here) {
                let order_no = &settlement["order_no"];
                let get = json!({ "merchant": shop.merchant, "order_no": order_no });
                if let Ok(now) = till.try_ask("orders.get", get).expect("still there") {
                    assert_eq!(now["settlement"], *settlement);
                    ledger.settled(settlement);
                }
            }
        }
        ledger.agrees(&copied);
        // And it goes on.
        let mut table = Table::seat(&copied, &copied.cast.diners);
        let bill = table.bill(&shop, "after", 9_000);
        let ended = till.ask("orders.scan", bill);
        assert_eq!(table.all_hear_settled("after")["position"], ended["position"]);
        copied.stop();
        House::verify(copy);
    }
}

#[test]
fn a_copy_of_a_server_on_which_nothing_has_happened_is_whole_and_serves() {
    let mut house = House::open(0, 0);
    let copy = house.beside("copy");
    house.back_up(&copy).expect("is copied");
    house.stop();
    House::verify(house.data());
    House::verify(&copy);
    house.moved_to(&copy).stop();
}

#[test]
fn whoever_was_told_more_than_a_copy_has_does_not_resume_there() {
    let mut house = House::open(2, 0);
    let copy = house.beside("copy");
    house.back_up(&copy).expect("is copied");
    let (ana, bo) = (house.cast.diners[0].clone(), house.cast.diners[1].clone());
    let topic = format!("wallet:{}", ana.wallet);
    let top_up = |amount: i64| json!({ "wallet": ana.wallet, "amount": amount, "idempotency_key": amount.to_string() });
    let told = |house: &House, amount: i64| {
        let mut phone = Socket::signed_in(house, &ana.token);
        phone.subscribe(&topic, None);
        phone.ask("wallets.top_up", top_up(amount));
        let event = phone.event_of("rail_requested").expect("hears");
        (phone.hello["epoch"].clone(), event)
    };
    let (epoch, first) = told(&house, 700);
    house.stop();

    let copied = house.moved_to(&copy);
    let (other, second) = told(&copied, 500);
    // The copy writes something else at the very place that the phone was told of.
    assert_eq!(first["position"], second["position"]);
    assert_ne!(first["event"]["data"], second["event"]["data"]);
    assert_ne!(epoch, other);
    assert_ne!(first["event"]["source"], second["event"]["source"]);
    let resume = |epoch: &Value| {
        let mut phone = Socket::signed_in(&copied, &ana.token);
        let after = json!({ "topic": topic, "after": first["position"], "epoch": epoch });
        phone.ask("subscribe", after)
    };
    let subscribed = resume(&epoch);
    assert_eq!(subscribed["recovered"], false, "{subscribed}");
    assert_eq!(subscribed["state"]["posted"], PURSE + 500, "{subscribed}");
    assert_eq!(resume(&Value::Null)["recovered"], false, "nobody says of which journal it is");
    assert_eq!(resume(&other)["recovered"], true);
    // Another start is no other copy, and a copy of the copy is.
    let mut copied = copied;
    let of_copy = house.beside("copy of copy");
    copied.back_up(&of_copy).expect("is copied");
    copied.stop();
    copied.start();
    assert_eq!(Socket::signed_in(&copied, &bo.token).hello["epoch"], other);
    copied.stop();
    let third = house.moved_to(&of_copy);
    let third = Socket::signed_in(&third, &bo.token).hello["epoch"].clone();
    assert!(third != other && third != epoch, "{third}");
}
