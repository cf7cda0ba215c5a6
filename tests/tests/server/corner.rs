//! Corner: a till and its table, which dine until the server is gone, and then find everything as it
//! was told.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::{Value, json};

use crate::{
    house::{Diner, House, Shop},
    http::Http,
    socket::{Answer, Socket},
    table::Table,
    wire::Gone,
};

/// How an order stands, as HTTP says.
pub(crate) fn order(house: &House, shop: &Shop, order_no: &str) -> Option<Value> {
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

/// A till and its table, and everything that they were told.
pub(crate) struct Corner {
    pub(crate) table: Table,
    pub(crate) shop: Shop,
    /// What the till was told, by order number; nothing of the last one, if the server died first.
    pub(crate) told: BTreeMap<String, Option<Value>>,
    /// What its phones heard settle: position and order number.
    pub(crate) heard: Vec<(u64, String)>,
}

impl Corner {
    /// A corner for every shop of the house, with its part of the diners.
    pub(crate) fn all_of(house: &House) -> Vec<Self> {
        let party = house.cast.diners.len() / house.cast.merchants.len();
        let parties = house.cast.diners.chunks(party).zip(&house.cast.merchants);
        let seat = |(diners, shop): (&[Diner], &Shop)| Self {
            table: Table::seat(house, diners),
            shop: shop.clone(),
            told: BTreeMap::new(),
            heard: Vec::new(),
        };
        parties.map(seat).collect()
    }

    /// Dines until the server is gone.
    pub(crate) fn dine(&mut self, address: SocketAddr) -> Gone {
        match self.dine_until_refused(address) {
            Ok((_, problem)) => panic!("no end: {problem}"),
            Err(gone) => gone,
        }
    }

    /// Dines until a code or a bill is refused, or the server is gone; the till that was refused, and why.
    pub(crate) fn dine_until_refused(
        &mut self,
        address: SocketAddr,
    ) -> Result<(Socket, Value), Gone> {
        let mut till = Socket::signed_in_at(address, &self.shop.token)?;
        loop {
            if let Err(problem) = self.dine_once(&mut till)? {
                return Ok((till, problem));
            }
        }
    }

    fn dine_once(&mut self, till: &mut Socket) -> Result<Answer, Gone> {
        let show = json!({ "group": self.table.group, "by": self.table.host() });
        let code = match self.table.phones[0].try_ask("groups.code", show)? {
            Ok(shown) => shown["code"].clone(),
            Err(problem) => return Ok(Err(problem)),
        };
        let order_no = format!("{}", self.told.len());
        self.told.insert(order_no.clone(), None);
        let bill = json!({
            "merchant": self.shop.merchant, "code": code, "order_no": order_no, "total": 31,
        });
        let answer = till.try_ask("orders.scan", bill)?;
        if let Ok(ended) = &answer {
            assert_eq!(ended["state"], "settled", "{ended}");
            self.told.insert(order_no, Some(ended.clone()));
            for phone in &mut self.table.phones {
                self.heard.push(settled(&phone.event()?));
            }
        }
        Ok(answer)
    }

    /// Comes back after the server has, hears the rest, and finds every order as it was told.
    pub(crate) fn come_back(&mut self, house: &House) -> Vec<Value> {
        let topic = self.table.topic();
        let (diners, phones) = (&self.table.diners, &mut self.table.phones);
        for (diner, phone) in diners.iter().zip(phones) {
            let last = phone.heard(&topic);
            // The process is gone; what it still sent is not.
            while let Ok(event) = phone.event() {
                self.heard.push(settled(&event));
            }
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

/// Position and order number of a settlement that a phone hears of.
fn settled(event: &Value) -> (u64, String) {
    let position = event["position"].as_u64().expect("a position");
    let order_no = event["event"]["data"]["order_no"].as_str().expect("a number");
    (position, order_no.to_owned())
}
