//! World: a table and a shop with everybody around them, who came in through the front door.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    guest::phone,
    house::House,
    http::{Http, Reply},
    table::code_of,
};

/// Tills, and what the key of each may.
type Tills = [(&'static str, &'static [&'static str])];

/// The shop's tills, each of which may one thing.
const TILLS: &Tills = &[
    ("collect", &["collect"]),
    ("refund", &["refund"]),
    ("read", &["read"]),
    ("pay_out", &["pay_out"]),
];

/// A till elsewhere, which may everything there.
const OTHER_TILLS: &Tills = &[("other_till", &["collect", "refund", "read", "pay_out"])];

/// One table, one shop, and by role the token of everybody.
pub(super) struct World<'a> {
    http: &'a Http,
    tokens: BTreeMap<&'static str, String>,
    /// What `$word` stands for.
    words: BTreeMap<&'static str, String>,
}

impl<'a> World<'a> {
    /// People who never were there before.
    pub(super) fn new(house: &House, http: &'a Http) -> Self {
        let operator = house.data().join("operator.token");
        let operator = fs::read_to_string(operator).expect("a token").trim().to_owned();
        let mut world =
            Self { http, tokens: [("operator", operator)].into(), words: BTreeMap::new() };
        let mut cashier = Value::Null;
        for role in ["host", "member", "invited", "stranger", "cashier"] {
            let me = world.person(role);
            if role == "cashier" {
                cashier = me["person"]["id"].clone();
            }
            let wallet = me["wallets"][0]["wallet"].as_str().expect("a wallet");
            world.words.insert(role, wallet.to_owned());
        }
        world.words.insert("id", Uuid::now_v7().to_string());
        world.keeps_a_shop("owner", TILLS);
        let merchant = world.words["merchant"].clone();
        world.keeps_a_shop("stranger", OTHER_TILLS);
        world.words.insert("merchant", merchant.clone());
        let staff = json!({ "person": cashier, "role": "cashier" });
        world.does("owner", &format!("/v1/merchants/{merchant}/staff"), staff);
        world.sits();
        world
    }

    /// Signs somebody up as `role`, who shows the passkey once more; who that is.
    fn person(&mut self, role: &'static str) -> Value {
        let mut phone = phone(1);
        phone.credential = Uuid::now_v7().as_bytes().repeat(2);
        let begun = self.posts(None, "/v1/sign-up", json!({ "name": role }));
        let finish = json!({ "credential": phone.create(&begun["options"]) });
        let path = |room: &str, begun: &Value| {
            format!("/v1/{room}/{}", begun["ceremony"].as_str().expect("a ceremony"))
        };
        let session = self.posts(None, &path("sign-up", &begun), finish);
        let token = session["token"].as_str().expect("a token").to_owned();
        self.tokens.insert(role, token);
        let begun = self.does(role, "/v1/step-up", json!({}));
        let finish = json!({ "credential": phone.get(&begun["options"]) });
        self.does(role, &path("step-up", &begun), finish);
        session["me"].clone()
    }

    /// A shop of `role`, who is made up here if nobody has that role yet, with `tills`.
    fn keeps_a_shop(&mut self, role: &'static str, tills: &Tills) {
        if !self.tokens.contains_key(role) {
            self.person(role);
        }
        let shop = json!({ "name": "Shop", "currency": "CNY" });
        let merchant = self.does(role, "/v1/merchants", shop)["merchant"].clone();
        let merchant = merchant.as_str().expect("a shop").to_owned();
        for (till, scopes) in tills {
            let key = json!({ "label": till, "scopes": scopes });
            let made = self.does(role, &format!("/v1/merchants/{merchant}/keys"), key);
            self.tokens.insert(till, made["secret"].as_str().expect("a secret").to_owned());
        }
        self.words.insert("merchant", merchant);
    }

    /// The host's table, with a member and somebody who is invited.
    fn sits(&mut self) {
        let words = self.words.clone();
        let open = json!({ "name": "Table", "host": words["host"], "cap": 100 });
        let group = self.does("host", "/v1/groups", open)["group"].clone();
        let group = group.as_str().expect("a group").to_owned();
        for wallet in [&words["member"], &words["invited"]] {
            let invite = json!({ "by": words["host"], "wallet": wallet });
            self.does("host", &format!("/v1/groups/{group}/invitations"), invite);
        }
        let join = json!({ "wallet": words["member"], "cap": 100 });
        self.does("member", &format!("/v1/groups/{group}/members"), join);
        let seat = json!({ "by": words["host"] });
        let code = code_of(&self.does("host", &format!("/v1/groups/{group}/codes"), seat));
        self.words.extend([("group", group), ("code", code)]);
    }

    pub(super) fn token(&self, role: &str) -> Option<&str> {
        self.tokens.get(role).map(String::as_str)
    }

    /// `text` with everybody and everything that it names as `$word`.
    pub(super) fn named(&self, text: &str) -> String {
        let name =
            |text: String, (word, is): (&&str, &String)| text.replace(&format!("${word}"), is);
        let named = self.words.iter().fold(text.to_owned(), name);
        assert!(!named.contains('$'), "the world knows not all of {named}");
        named
    }

    /// Sends a command that must be done.
    fn does(&self, role: &str, path: &str, body: Value) -> Value {
        self.posts(self.token(role), path, body)
    }

    fn posts(&self, token: Option<&str>, path: &str, body: Value) -> Value {
        self.send("POST", path, token, &body).done()
    }

    /// Sends a request of whoever holds `token`.
    pub(super) fn send(&self, verb: &str, path: &str, token: Option<&str>, body: &Value) -> Reply {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let key = Uuid::now_v7().to_string();
        let mut headers = vec![("content-type", "application/json"), ("idempotency-key", &key)];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let body =
            if verb == "GET" || verb == "DELETE" { Vec::new() } else { body.to_string().into() };
        self.http.send(verb, path, &headers, &body)
    }
}
