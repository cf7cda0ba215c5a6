//! Table: diners with their phones and a till, and what a dinner should do to everybody's money.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    house::{Diner, House, PURSE, Shop},
    http::Http,
    socket::Socket,
};

/// What each diner agrees to, in minor units: half a purse.
pub(crate) const CAP: i64 = PURSE / 2;

/// A group that was opened and joined, and its people's phones, which listen to it.
pub(crate) struct Table {
    pub(crate) group: String,
    pub(crate) diners: Vec<Diner>,
    pub(crate) phones: Vec<Socket>,
}

impl Table {
    /// Seats `diners`, the first of whom is the host.
    pub(crate) fn seat(house: &House, diners: &[Diner]) -> Self {
        Self::seat_with(house, diners, json!({}))
    }

    /// The same, with `consent` beside each cap.
    pub(crate) fn seat_with(house: &House, diners: &[Diner], consent: Value) -> Self {
        let sign_in = |diner: &Diner| Socket::signed_in(house, &diner.token);
        let mut phones: Vec<Socket> = diners.iter().map(sign_in).collect();
        let host = &diners[0].wallet;
        let open = json!({ "name": "Table", "host": host, "cap": CAP });
        let opened = phones[0].ask("groups.open", with(open, &consent));
        let group = opened["group"].as_str().expect("a group").to_owned();
        let link = phones[0].ask("groups.link", json!({ "group": group, "by": host }));
        for (diner, phone) in diners.iter().zip(&mut phones).skip(1) {
            let wallet = &diner.wallet;
            let join =
                json!({ "group": group, "wallet": wallet, "cap": CAP, "link": link["link"] });
            phone.ask("groups.join", with(join, &consent));
        }
        let mut table = Self { group, diners: diners.to_vec(), phones };
        let topic = table.topic();
        for phone in &mut table.phones {
            let subscribed = phone.subscribe(&topic, None);
            let members = subscribed["state"]["members"].as_array().expect("members");
            assert_eq!(members.len(), diners.len(), "{subscribed}");
        }
        table
    }

    pub(crate) fn topic(&self) -> String {
        format!("group:{}", self.group)
    }

    pub(crate) fn host(&self) -> &str {
        &self.diners[0].wallet
    }

    /// The digits that the host's phone shows.
    pub(crate) fn code(&mut self) -> String {
        let show = json!({ "group": self.group, "by": self.host() });
        code_of(&self.phones[0].ask("groups.code", show))
    }

    /// What a till sends to collect `total` from this table.
    pub(crate) fn bill(&mut self, shop: &Shop, order_no: &str, total: i64) -> Value {
        let code = self.code();
        json!({ "merchant": shop.merchant, "code": code, "order_no": order_no, "total": total })
    }

    /// What a diner's phone sends to answer what `progress` asks of `diner`.
    pub(crate) fn answer(&self, progress: &Value, diner: &Diner) -> Value {
        let asked = progress["params"]["waiting_for"].as_array().expect("a list");
        let is_own = |question: &&Value| question["diner"] == diner.wallet.as_str();
        let own = asked.iter().find(is_own).unwrap_or_else(|| panic!("not asked: {progress}"));
        with(json!({ "group": self.group }), own)
    }

    /// Lets every phone hear the settlement of `order_no`, and nothing else before it.
    pub(crate) fn all_hear_settled(&mut self, order_no: &str) -> Value {
        let mut told = Vec::new();
        for phone in &mut self.phones {
            let event = phone.event().expect("still there");
            assert_eq!(event["event"]["data"]["type"], "settled", "{event}");
            assert_eq!(event["event"]["data"]["order_no"], order_no, "{event}");
            told.push(event);
        }
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
        told.swap_remove(0)
    }
}

/// `value` with the fields of `more`.
fn with(mut value: Value, more: &Value) -> Value {
    for (name, field) in more.as_object().expect("an object") {
        value[name] = field.clone();
    }
    value
}

/// The digits in the answer to `groups.code`.
pub(crate) fn code_of(shown: &Value) -> String {
    shown["code"].as_str().expect("digits").to_owned()
}

/// What everybody should have: sums of this file's own.
#[derive(Default)]
pub(crate) struct Ledger {
    wallets: BTreeMap<String, i64>,
    merchants: BTreeMap<String, i64>,
    settlements: usize,
}

impl Ledger {
    /// Writes a settlement down as the server tells it, and holds it against its own total (G-2).
    pub(crate) fn settled(&mut self, settlement: &Value) {
        let mut sum = 0;
        for share in settlement["shares"].as_array().expect("shares") {
            let owed = share["owed"].as_i64().expect("an amount");
            *self.wallets.entry(text(&share["diner"])).or_default() -= owed;
            sum += owed;
        }
        assert_eq!(settlement["total"], sum, "G-2: {settlement}");
        self.settlements += 1;
        *self.merchants.entry(text(&settlement["merchant"])).or_default() += sum;
    }

    /// How many settlements were written down.
    pub(crate) fn settlements(&self) -> usize {
        self.settlements
    }

    /// Writes money down that came to a wallet by itself.
    pub(crate) fn came(&mut self, wallet: &str, amount: i64) {
        *self.wallets.entry(wallet.to_owned()).or_default() += amount;
    }

    /// Writes down what `merchant` got of people whose parts are written down one by one.
    pub(crate) fn shop_got(&mut self, merchant: &str, amount: i64) {
        *self.merchants.entry(merchant.to_owned()).or_default() += amount;
    }

    /// Holds what the server says of everybody against these sums.
    #[track_caller]
    pub(crate) fn agrees(&self, house: &House) {
        let http = Http::new(house);
        for Diner { wallet, token } in &house.cast.diners {
            let expected = PURSE + self.wallets.get(wallet).copied().unwrap_or(0);
            let view = http.get(&format!("/v1/wallets/{wallet}"), Some(token)).done();
            assert_eq!((&view["posted"], &view["available"]), (&json!(expected), &json!(expected)));
        }
        for Shop { merchant, token } in &house.cast.merchants {
            let expected = self.merchants.get(merchant).copied().unwrap_or(0);
            let view = http.get(&format!("/v1/merchants/{merchant}"), Some(token)).done();
            assert_eq!(view["posted"], expected, "{view}");
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
