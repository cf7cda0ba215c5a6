//! Guest: somebody who signed up by hand, with passkeys in a software authenticator.

use serde_json::{Value, json};

use crate::{
    authenticator::Authenticator,
    house::House,
    socket::{Answer, Socket},
};

/// What the house is told: where its passkeys belong, that more than this takes a look, and that guests
/// are many at one address.
pub(crate) const SETTINGS: [(&str, &str); 3] = [
    ("FANJU_PUBLIC_URL", "https://fanju.example"),
    ("FANJU_STEP_UP_ABOVE_MINOR", "100000"),
    ("FANJU_ATTEMPTS_PER_MINUTE", "100000"),
];

/// The same, where nobody was made up: everybody's amounts count together.
pub(crate) const STRICT: [(&str, &str); 4] =
    [SETTINGS[0], SETTINGS[1], SETTINGS[2], ("FANJU_MADE_UP_PEOPLE", "false")];

/// An amount that takes a look.
pub(crate) const LARGE: i64 = 100_001;

/// Somebody who is signed in over a socket.
pub(crate) struct Guest {
    pub(crate) socket: Socket,
    pub(crate) token: String,
    pub(crate) me: Value,
}

/// A phone whose passkeys belong to the house.
pub(crate) fn phone(number: u8) -> Authenticator {
    let mut phone = Authenticator::new(number);
    phone.origin = SETTINGS[0].1.to_owned();
    phone.relying_party = "fanju.example".to_owned();
    phone
}

impl Guest {
    pub(crate) fn sign_up(house: &House, name: &str, phone: &mut Authenticator) -> Self {
        let mut socket = Socket::connect(house);
        let begun = socket.ask("sign_up.begin", json!({ "name": name }));
        let credential = phone.create(&begun["options"]);
        let ceremony = &begun["ceremony"];
        let finish = json!({ "ceremony": ceremony, "credential": credential, "device": "phone" });
        let session = socket.ask("sign_up.finish", finish);
        Self::enter(house, &session)
    }

    /// Signs in with a passkey that the house knows, or does not.
    pub(crate) fn try_sign_in(house: &House, phone: &mut Authenticator) -> Result<Self, Value> {
        let mut socket = Socket::connect(house);
        let begun = socket.ask("sign_in.begin", json!({}));
        let credential = phone.get(&begun["options"]);
        let finish = json!({ "ceremony": begun["ceremony"], "credential": credential });
        let answered = socket.try_ask("sign_in.finish", finish).expect("still there");
        answered.map(|session| Self::enter(house, &session))
    }

    #[track_caller]
    pub(crate) fn sign_in(house: &House, phone: &mut Authenticator) -> Self {
        Self::try_sign_in(house, phone).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// In with the session that a ceremony has opened.
    pub(crate) fn enter(house: &House, session: &Value) -> Self {
        let token = session["token"].as_str().expect("a token").to_owned();
        let (socket, me) = (Socket::signed_in(house, &token), session["me"].clone());
        Self { socket, token, me }
    }

    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.socket.ask(method, params)
    }

    /// Holds `method` to be refused with `code`; gives the problem.
    #[track_caller]
    pub(crate) fn is_refused(&mut self, method: &str, params: Value, code: &str) -> Value {
        let problem = self.socket.refused(method, params);
        assert_eq!(problem["code"], code, "{method}: {problem}");
        problem
    }

    /// Shows one of the person's passkeys once more.
    pub(crate) fn try_step_up(&mut self, phone: &mut Authenticator) -> Answer {
        let begun = self.ask("step_up.begin", json!({}));
        let credential = phone.get(&begun["options"]);
        let finish = json!({ "ceremony": begun["ceremony"], "credential": credential });
        self.socket.try_ask("step_up.finish", finish).expect("still there")
    }

    #[track_caller]
    pub(crate) fn step_up(&mut self, phone: &mut Authenticator) {
        self.try_step_up(phone).unwrap_or_else(|problem| panic!("{problem}"));
    }

    /// Adds the passkey of `phone`, which takes a look before.
    pub(crate) fn add_passkey(&mut self, phone: &mut Authenticator, label: &str) -> Value {
        let begun = self.ask("add_passkey.begin", json!({}));
        let credential = phone.create(&begun["options"]);
        let ceremony = &begun["ceremony"];
        let finish = json!({ "ceremony": ceremony, "credential": credential, "label": label });
        self.ask("add_passkey.finish", finish)
    }

    /// The labels of the person's passkeys.
    pub(crate) fn passkeys(&mut self) -> Vec<String> {
        let listed = self.ask("passkeys.list", json!({}));
        let listed = listed["passkeys"].as_array().expect("a list");
        listed.iter().map(|one| one["label"].as_str().expect("a label").to_owned()).collect()
    }

    /// New recovery codes, which take a look before.
    pub(crate) fn codes(&mut self) -> Vec<String> {
        let made = self.ask("recovery_codes.make", json!({}));
        let codes = made["codes"].as_array().expect("a list");
        codes.iter().map(|code| code.as_str().expect("a code").to_owned()).collect()
    }

    pub(crate) fn codes_left(&mut self) -> Value {
        self.ask("recovery_codes.get", json!({}))["left"].clone()
    }

    pub(crate) fn wallet(&self) -> Value {
        self.me["wallets"][0]["wallet"].clone()
    }

    /// What a command that moves `amount` says, under a key of its own.
    pub(crate) fn withdraw(&self, amount: i64, key: &str) -> Value {
        json!({ "wallet": self.wallet(), "amount": amount, "idempotency_key": key })
    }
}
