//! Crashes: the server is killed in the middle of dinners, and started again on what it left.
//!
//! Whatever was told stays true (J-1, J-2); what was not told either happened as a whole or not at
//! all, and everybody who asks hears the same.

use std::{collections::BTreeMap, env, net::SocketAddr, thread, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    house::{House, Shop, TIRELESS},
    http::Http,
    socket::Socket,
    table::{Ledger, Table},
    wire::Gone,
};

/// Kills of one house.
const KILLS: usize = 6;

/// How long dinners go on before a kill, at most.
const DINING: Duration = Duration::from_millis(250);

/// Commands under way when the server dies: within what a session may have.
const COMMANDS: usize = 40;

fn chance() -> StdRng {
    let seed = match env::var("FANJU_SEED") {
        Ok(seed) => seed.parse().expect("FANJU_SEED is a number"),
        Err(_) => rand::random(),
    };
    println!("FANJU_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// How an order stands, as HTTP says.
fn order(house: &House, shop: &Shop, order_no: &str) -> Option<Value> {
    let path = format!("/v1/merchants/{}/orders/{order_no}", shop.merchant);
    let reply = Http::new(house).get(&path, Some(&shop.token));
    match reply.status {
        404 => {
            reply.is_problem(404, "unknown_order");
            None
        }
        _ => Some(reply.done()),
    }
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
    for (phone, diner) in table.phones.iter_mut().zip(&house.cast.diners) {
        while phone.push().expect("still there")["params"]["reserved"] != 3 {}
        let question = json!({
            "group": table.group, "diner": diner.wallet, "merchant": shop.merchant,
            "order_no": "cut", "owed": 3_000,
        });
        phone.ask("groups.confirm", question);
    }
    let ended = till.answer(scan).expect("still there").expect("an end");
    let told = table.all_hear_settled("cut");
    assert_eq!(told["position"], ended["position"]);
    let mut ledger = Ledger::default();
    ledger.settled(&ended["settlement"]);
    ledger.agrees(&house);
    house.stop();
    let said = House::verify(house.data());
    assert!(said.contains("1 orders paid"), "{said}");
}

/// A till and its table, and everything that they were told.
struct Corner {
    table: Table,
    shop: Shop,
    /// What the till was told, by order number; nothing of the last one, if the server died first.
    told: BTreeMap<String, Option<Value>>,
    heard: Vec<(u64, String)>,
}

impl Corner {
    /// Dines until the server is gone.
    fn dine(&mut self, address: SocketAddr) -> Gone {
        let mut till = match Socket::signed_in_at(address, &self.shop.token) {
            Ok(till) => till,
            Err(gone) => return gone,
        };
        loop {
            if let Err(gone) = self.dine_once(&mut till) {
                return gone;
            }
        }
    }

    fn dine_once(&mut self, till: &mut Socket) -> Result<(), Gone> {
        let show = json!({ "group": self.table.group, "by": self.table.host() });
        let code = match self.table.phones[0].try_ask("groups.code", show)? {
            Ok(shown) => shown["code"].clone(),
            Err(problem) => panic!("no code: {problem}"),
        };
        let order_no = format!("{}", self.told.len());
        self.told.insert(order_no.clone(), None);
        let bill = json!({
            "merchant": self.shop.merchant, "code": code, "order_no": order_no, "total": 31,
        });
        let ended = till.try_ask("orders.scan", bill)?.expect("an end");
        assert_eq!(ended["state"], "settled", "{ended}");
        self.told.insert(order_no, Some(ended));
        for phone in &mut self.table.phones {
            let event = phone.event()?;
            let position = event["position"].as_u64().expect("a position");
            let order_no = event["event"]["data"]["order_no"].as_str().expect("a number");
            self.heard.push((position, order_no.to_owned()));
        }
        Ok(())
    }

    /// Comes back after the server has, hears the rest, and finds every order as it was told.
    fn come_back(&mut self, house: &House) -> Vec<Value> {
        let topic = self.table.topic();
        let (diners, phones) = (&self.table.diners, &mut self.table.phones);
        for (diner, phone) in diners.iter().zip(phones) {
            let last = phone.heard(&topic);
            // The process is gone; what it still sent is not.
            while phone.event().is_ok() {}
            let last = phone.heard(&topic).max(last);
            *phone = Socket::signed_in(house, &diner.token);
            let subscribed = phone.subscribe(&topic, last);
            assert_eq!(subscribed["recovered"], true, "{subscribed}");
            let newest = subscribed["position"].as_u64();
            while phone.heard(&topic) < newest {
                phone.event().expect("hears the rest");
            }
        }
        // Both doors say the same, of the last order that the server could die on as well.
        let mut till = Socket::signed_in(house, &self.shop.token);
        let mut by_socket = |order_no: &str| {
            let get = json!({ "merchant": self.shop.merchant, "order_no": order_no });
            till.try_ask("orders.get", get).expect("still there").ok()
        };
        if let Some(last) = self.told.len().checked_sub(1).map(|last| last.to_string()) {
            assert_eq!(by_socket(&last), order(house, &self.shop, &last));
        }
        let mut settled = Vec::new();
        for (order_no, told) in &self.told {
            let now = by_socket(order_no);
            let was_heard = self.heard.iter().any(|(_, heard)| heard == order_no);
            match (told, now) {
                (Some(told), Some(now)) => {
                    assert_eq!(now["state"], "settled", "{now}");
                    assert_eq!(now["settlement"], told["settlement"], "{now}");
                    assert_eq!(now["position"], told["position"], "{now}");
                    settled.push(now["settlement"].clone());
                }
                (None, Some(now)) => {
                    assert_eq!(now["state"], "settled", "{now}");
                    settled.push(now["settlement"].clone());
                }
                (None, None) => assert!(!was_heard, "a phone heard {order_no}, which is lost"),
                (Some(told), None) => panic!("lost: {told}"),
            }
        }
        settled
    }
}

#[test]
fn what_a_till_was_told_stays_settled_across_kills() {
    let mut chance = chance();
    let mut house = House::open_with(6, 2, &[TIRELESS]);
    let parties = house.cast.diners.chunks(3).zip(&house.cast.merchants);
    let mut corners: Vec<Corner> = parties
        .map(|(diners, shop)| Corner {
            table: Table::seat(&house, diners),
            shop: shop.clone(),
            told: BTreeMap::new(),
            heard: Vec::new(),
        })
        .collect();
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
