//! Storms: everybody is cut and comes back at once, while bills are being paid.

use std::{collections::BTreeSet, thread};

use serde_json::{Value, json};

use crate::{
    house::{House, Shop},
    socket::Socket,
    table::{Ledger, Table},
};

const TABLES: usize = 25;
const PARTY: usize = 8;
const ROUNDS: usize = 3;

/// A till, and the table that pays at it.
struct Corner {
    table: Table,
    shop: Shop,
    till: Socket,
}

impl Corner {
    fn bill(&mut self, order_no: &str) -> Value {
        self.table.bill(&self.shop, order_no, 10_007)
    }

    /// Ends every phone's connection, every other one as a dead network does; each with the
    /// position that it remembers.
    fn cut(&mut self) -> Vec<u64> {
        let topic = self.table.topic();
        let remembered =
            self.table.phones.iter().map(|phone| phone.heard(&topic).expect("listens")).collect();
        for (number, phone) in self.table.phones.drain(..).enumerate() {
            if number % 2 == 0 { phone.cut() } else { phone.leave() }
        }
        remembered
    }

    /// Comes back with every phone, and resumes.
    fn come_back(&mut self, house: &House, remembered: &[u64]) {
        let topic = self.table.topic();
        for (diner, after) in self.table.diners.iter().zip(remembered) {
            let mut phone = Socket::signed_in(house, &diner.token);
            let subscribed = phone.subscribe(&topic, Some(*after));
            assert_eq!(subscribed["recovered"], true, "{subscribed}");
            self.table.phones.push(phone);
        }
    }

    /// The till is cut as well, and asks for the same order again.
    fn reopen_till(&mut self, house: &House, bill: Value) -> Value {
        self.till = Socket::signed_in(house, &self.shop.token);
        self.till.ask("orders.scan", bill)
    }
}

#[test]
fn two_hundred_sessions_come_back_at_once_and_no_dinner_is_lost() {
    let house = House::open(TABLES * PARTY, TABLES);
    let mut corners: Vec<Corner> = thread::scope(|scope| {
        let parties = house.cast.diners.chunks(PARTY).zip(&house.cast.merchants);
        let seating: Vec<_> = parties
            .map(|(diners, shop)| {
                let house = &house;
                scope.spawn(move || Corner {
                    table: Table::seat(house, diners),
                    shop: shop.clone(),
                    till: Socket::signed_in(house, &shop.token),
                })
            })
            .collect();
        seating.into_iter().map(|corner| corner.join().expect("is seated")).collect()
    });
    let (mut ledger, mut settled) = (Ledger::default(), BTreeSet::new());
    for round in 0..ROUNDS {
        let order_no = format!("round {round}");
        let bills: Vec<Value> = corners.iter_mut().map(|corner| corner.bill(&order_no)).collect();
        // A third of the tables is cut before the scan, the others while it is under way or after.
        let mut scans = Vec::new();
        let mut remembered = Vec::new();
        for (number, (corner, bill)) in corners.iter_mut().zip(&bills).enumerate() {
            let before = (number % 3 == 0).then(|| corner.cut());
            scans.push(corner.till.begin("orders.scan", bill.clone()).expect("is sent"));
            remembered.push(before.unwrap_or_else(|| corner.cut()));
        }
        let ended: Vec<Value> = thread::scope(|scope| {
            let storm: Vec<_> = corners
                .iter_mut()
                .zip(bills)
                .zip(scans.into_iter().zip(remembered))
                .enumerate()
                .map(|(number, ((corner, bill), (scan, remembered)))| {
                    let (house, order_no) = (&house, &order_no);
                    scope.spawn(move || {
                        corner.come_back(house, &remembered);
                        let ended = if number % 5 == round {
                            corner.reopen_till(house, bill)
                        } else {
                            corner.till.answer(scan).expect("still there").expect("an end")
                        };
                        let told = corner.table.all_hear_settled(order_no);
                        assert_eq!(told["position"], ended["position"]);
                        ended
                    })
                })
                .collect();
            storm.into_iter().map(|corner| corner.join().expect("dines")).collect()
        });
        for ended in ended {
            assert_eq!(ended["state"], "settled", "{ended}");
            assert!(settled.insert(ended["position"].as_u64()), "{ended}");
            ledger.settled(&ended["settlement"]);
        }
    }
    for corner in &mut corners {
        for phone in &mut corner.table.phones {
            phone.ask("ping", json!({}));
        }
        corner.table.phones[0].hears_nothing();
    }
    ledger.agrees(&house);
    let mut house = house;
    house.stop();
    let said = House::verify(house.data());
    let paid = format!("{} orders paid", TABLES * ROUNDS);
    assert!(said.contains(&paid), "{said}");
}
