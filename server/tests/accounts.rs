//! What commands leave in the journal: nothing of what is refused, and each till's own.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use std::net::{IpAddr, Ipv4Addr};

use fanju::{
    Presented,
    domain::{
        bill::Bill,
        event::{Consent, Rules},
        text::{Name, OrderNo},
    },
    id::{MerchantId, RequestId, WalletId},
    money::{Amount, Currency},
};
use fanju_server::{
    app::{App, Desk},
    auth::{
        caller::{Ask, Caller, Door},
        register::{Answered, Person, PersonId, Role, Scope},
    },
    config::Settings,
    operations,
    problem::Problem,
};
use serde_json::{Value, json};
use uuid::Uuid;

fn open() -> App {
    App::open(Settings { data: String::new(), ..Settings::default() }).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Somebody of whom the register knows what `also` writes.
async fn person(
    app: &App,
    also: impl FnOnce(&Desk, PersonId) + Send + 'static,
) -> (PersonId, Caller) {
    let (id, now, lasts) = (PersonId(Uuid::now_v7()), app.now(), app.settings().session_lasts());
    let written = app.desk(move |desk| {
        let person = Person { id, name: name("Ana"), verified: false, created_at: now };
        desk.register.add_person_without_passkey(&person).unwrap();
        also(desk, id);
        desk.register.open_session(id, None, "test", now, lasts).unwrap().0
    });
    let token = written.await.unwrap();
    (id, app.identify(token.kind(), &token.hash()).unwrap())
}

/// What `caller` is answered under `key`.
async fn ask(
    app: &App,
    caller: &Caller,
    key: &str,
    method: &str,
    parameters: Value,
) -> Result<Value, Problem> {
    let ask = Ask {
        door: Door::Http,
        caller: caller.clone(),
        token: None,
        key: Some(key.into()),
        opens: None,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        agent: None,
    };
    let operation = operations::named(method).unwrap();
    let parameters = parameters.as_object().unwrap().clone();
    let answer = operations::perform(app, operation, ask, parameters).await?;
    Ok(serde_json::from_str(&answer).unwrap())
}

#[test]
fn what_the_register_has_no_room_for_is_never_opened() {
    actix_rt::System::new().block_on(async {
        let app = open();
        let wallets = |desk: &Desk, person| {
            for _ in 1..64 {
                let wallet = WalletId(Uuid::now_v7());
                desk.register.add_wallet(person, wallet, Currency::CNY).unwrap();
            }
        };
        let shops = |desk: &Desk, person| {
            for _ in 1..256 {
                let shop = MerchantId(Uuid::now_v7());
                desk.register.set_role(shop, person, Role::Owner).unwrap();
            }
        };
        let (_, collector) = person(&app, wallets).await;
        let (_, founder) = person(&app, shops).await;
        for (caller, method, parameters) in [
            (collector, "wallets.open", json!({ "currency": "CNY" })),
            (founder, "merchants.onboard", json!({ "name": "Shop", "currency": "CNY" })),
        ] {
            ask(&app, &caller, "last", method, parameters.clone()).await.unwrap();
            let position = app.engine().stats().durable;
            for key in ["one more", "and one", "and another"] {
                let refused = ask(&app, &caller, key, method, parameters.clone()).await;
                assert_eq!(refused.unwrap_err().code(), "too_many", "{method}");
            }
            assert_eq!(app.engine().stats().durable, position, "{method} left something");
            // A server that was killed before it answered finds what it had opened.
            let asker = caller.asker();
            let forgotten = app.desk(move |desk| {
                let kept = desk.register.answered(&asker, "last")?.unwrap();
                let begun = Answered { answer: None, ..kept };
                desk.register.remember_answer(&asker, "last", begun)
            });
            forgotten.await.unwrap().unwrap();
            let again = ask(&app, &caller, "last", method, parameters).await.unwrap();
            assert_eq!(again["replayed"], true, "{method}");
        }
        app.close().await;
    });
}

/// Somebody eats alone, so that `shop` has takings.
async fn dine(app: &App, shop: MerchantId) {
    let engine = app.engine();
    let wallet = engine.open_wallet(name("Ana"), Currency::CNY).await.unwrap();
    let amount = Amount::from_minor(1_000);
    engine.top_up(wallet, RequestId(Uuid::now_v7()), amount).await.unwrap();
    let consent = Consent { cap: amount, confirm_above: None };
    let opened = engine.open_group(name("Table"), wallet, consent, Currency::CNY, Rules::default());
    let group = opened.await.unwrap();
    let code = engine.show_code(group, wallet).await.unwrap().code;
    let (order_no, total) = (OrderNo::new("1").unwrap(), amount);
    let bill = Bill { merchant: shop, order_no, currency: Currency::CNY, total, lines: vec![] };
    let presented = engine.present(bill, code).await.unwrap();
    assert!(matches!(presented, Presented::Settled(_)), "{presented:?}");
}

#[test]
fn two_tills_that_count_alike_pay_out_twice_and_each_of_them_once() {
    actix_rt::System::new().block_on(async {
        let app = open();
        let shop = app.engine().onboard_merchant(name("Shop"), Currency::CNY).await.unwrap();
        dine(&app, shop).await;
        let now = app.now();
        let keys = move |desk: &Desk| {
            let make = |label| desk.register.create_key(shop, label, &[Scope::PayOut], now);
            ["1", "2"].map(|label| make(label).unwrap().0)
        };
        let tokens = app.desk(keys).await.unwrap();
        let tills = tokens.map(|token| app.identify(token.kind(), &token.hash()).unwrap());
        let pay_out = async |till| {
            let amount = json!({ "merchant": shop, "amount": 100 });
            ask(&app, till, "0001", "merchants.pay_out", amount).await.unwrap()
        };
        let (first, second) = (pay_out(&tills[0]).await, pay_out(&tills[1]).await);
        assert_eq!((&first["replayed"], &second["replayed"]), (&false.into(), &false.into()));
        assert_ne!(first["position"], second["position"]);
        let again = pay_out(&tills[0]).await;
        assert_eq!((&again["replayed"], &again["position"]), (&true.into(), &first["position"]));
        app.close().await;
    });
}
