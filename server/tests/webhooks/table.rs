//! A laid table: an engine, two friends with money, and a shop.

use std::path::Path;

use fanju::{
    Config, Engine, Presented,
    domain::{
        bill::Bill,
        event::{Consent, Rules},
        order::RefundRequest,
        text::OrderNo,
    },
    id::{GroupId, MerchantId, Position, RequestId, WalletId},
    money::{Amount, Currency},
};
use uuid::Uuid;

#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) engine: Engine,
    pub(crate) shop: MerchantId,
    group: GroupId,
    host: WalletId,
}

impl Table {
    pub(crate) fn laid() -> Self {
        Self::laid_in(Engine::open(Config::in_memory()).unwrap())
    }

    pub(crate) fn engine_in(directory: &Path) -> Engine {
        Engine::open(Config { sync: false, ..Config::directory(directory) }).unwrap()
    }

    pub(crate) fn laid_in(engine: Engine) -> Self {
        let (shop, group, host) = engine.block_on(async {
            let name = "Noodle House".try_into().unwrap();
            let shop = engine.onboard_merchant(name, Currency::CNY).await.unwrap();
            let mut friends = Vec::new();
            for name in ["Ana", "Bo"] {
                let name = name.try_into().unwrap();
                let wallet = engine.open_wallet(name, Currency::CNY).await.unwrap();
                let request = RequestId(Uuid::now_v7());
                let amount = Amount::from_minor(100_000_000);
                engine.top_up(wallet, request, amount).await.unwrap();
                friends.push(wallet);
            }
            let consent = Consent { cap: Amount::from_minor(100_000_000), confirm_above: None };
            let (ana, bo, name) = (friends[0], friends[1], "Friday".try_into().unwrap());
            let opened = engine.open_group(name, ana, consent, Currency::CNY, Rules::default());
            let group = opened.await.unwrap();
            engine.invite(group, ana, bo).await.unwrap();
            engine.join(group, bo, consent).await.unwrap();
            (shop, group, ana)
        });
        Self { engine, shop, group, host }
    }

    /// The same friends at another shop.
    pub(crate) fn another_shop(&self) -> Self {
        let name = "Tea House".try_into().unwrap();
        let opened = self.engine.onboard_merchant(name, Currency::CNY);
        Self { shop: self.engine.block_on(opened).unwrap(), ..self.clone() }
    }

    /// The friends eat for 90.00; says where that is in the journal.
    pub(crate) fn dine(&self, order_no: &str) -> Position {
        self.engine.block_on(async {
            let code = self.engine.show_code(self.group, self.host).await.unwrap().code;
            let bill = Bill {
                merchant: self.shop,
                order_no: OrderNo::new(order_no).unwrap(),
                currency: Currency::CNY,
                total: Amount::from_minor(9_000),
                lines: vec![],
            };
            match self.engine.present(bill, code).await.unwrap() {
                Presented::Settled(receipt) => receipt.position(),
                declined @ Presented::Declined { .. } => panic!("{order_no}: {declined:?}"),
            }
        })
    }

    pub(crate) fn refund(&self, order_no: &str) {
        let request = RefundRequest {
            order_no: order_no.try_into().unwrap(),
            refund_no: "R-1".try_into().unwrap(),
            amount: None,
            diner: None,
        };
        self.engine.block_on(self.engine.refund(self.shop, request)).unwrap();
    }

    /// Where the shop stands in the journal.
    pub(crate) fn position(&self) -> Position {
        self.engine.block_on(self.engine.merchant(self.shop)).unwrap().position
    }
}

/// All positions of a shop's history behind `after`, oldest first.
pub(crate) fn history(engine: &Engine, shop: MerchantId, after: Position) -> Vec<u64> {
    let (mut positions, mut from) = (Vec::new(), None);
    loop {
        let topic = fanju::id::Topic::Merchant(shop);
        let page = engine.block_on(engine.statement(topic, from, 500)).unwrap();
        positions.extend(page.events.iter().map(|event| event.position()));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    positions.retain(|position| *position > after);
    positions.iter().rev().map(|position| position.0).collect()
}
