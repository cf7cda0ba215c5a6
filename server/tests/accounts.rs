//! What commands leave in the journal: nothing of what is refused.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

use std::net::{IpAddr, Ipv4Addr};

use fanju::{
    domain::{code::Code, text::Name},
    id::{MerchantId, WalletId},
    money::Currency,
};
use fanju_server::{
    app::{App, Desk},
    auth::{
        caller::{Ask, Caller, Door},
        register::{Answered, Person, PersonId, Role},
    },
    config::Settings,
    limits, operations,
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

/// All wallets of `person` but one.
fn wallets(desk: &Desk, person: PersonId) {
    for _ in 1..64 {
        let wallet = WalletId(Uuid::now_v7());
        desk.register.add_wallet(person, wallet, Currency::CNY).unwrap();
    }
}

#[test]
fn what_the_register_has_no_room_for_is_never_opened() {
    actix_rt::System::new().block_on(async {
        let app = open();
        let shops = |desk: &Desk, person| {
            for _ in 1..256 {
                let shop = MerchantId(Uuid::now_v7());
                desk.register.set_role(shop, person, Role::Owner).unwrap();
            }
        };
        let (keeper, _) = person(&app, |_, _| ()).await;
        let (_, collector) = person(&app, wallets).await;
        let founded = move |desk: &Desk, person| {
            for _ in 1..8 {
                let shop = MerchantId(Uuid::now_v7());
                desk.register.add_founder(shop, person).unwrap();
                // Left to somebody else.
                desk.register.set_role(shop, keeper, Role::Owner).unwrap();
                desk.register.remove_role(shop, person).unwrap();
            }
        };
        let (_, worker) = person(&app, shops).await;
        let (_, founder) = person(&app, founded).await;
        for (caller, method, parameters) in [
            (collector, "wallets.open", json!({ "currency": "CNY" })),
            (worker, "merchants.onboard", json!({ "name": "Shop", "currency": "CNY" })),
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

#[test]
fn of_two_that_come_at_once_for_the_last_room_one_is_opened() {
    actix_rt::System::new().block_on(async {
        let app = open();
        let shops = |desk: &Desk, person| {
            for _ in 1..8 {
                desk.register.add_founder(MerchantId(Uuid::now_v7()), person).unwrap();
            }
        };
        let (_, collector) = person(&app, wallets).await;
        let (_, founder) = person(&app, shops).await;
        for (caller, method, parameters) in [
            (collector, "wallets.open", json!({ "currency": "CNY" })),
            (founder, "merchants.onboard", json!({ "name": "Shop", "currency": "CNY" })),
        ] {
            let records = app.engine().stats().journal.records;
            let one = |key| ask(&app, &caller, key, method, parameters.clone());
            let (first, second) = tokio::join!(one("first"), one("second"));
            assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
            assert_eq!(app.engine().stats().journal.records, records + 1, "{method}");
        }
        app.close().await;
    });
}

#[test]
fn a_shop_with_all_its_orders_in_flight_begins_none_and_keeps_nobody_elses_waiting() {
    actix_rt::System::new().block_on(async {
        let app = open();
        let onboard = || app.engine().onboard_merchant(name("Shop"), Currency::CNY);
        let (shop, other) = (onboard().await.unwrap(), onboard().await.unwrap());
        let works = move |desk: &Desk, person| {
            for shop in [shop, other] {
                desk.register.set_role(shop, person, Role::Owner).unwrap();
            }
        };
        let (_, owner) = person(&app, works).await;
        let scan = |merchant: MerchantId| {
            let bill = json!({
                "merchant": merchant, "code": Code::from_random(1), "order_no": "1", "total": 1
            });
            ask(&app, &owner, "unused", "orders.scan", bill)
        };
        let in_flight = limits::ORDERS_PER_MERCHANT_MAX;
        let seats: Vec<_> = (0..in_flight).map(|_| app.seat_order(shop).unwrap()).collect();
        assert_eq!(scan(shop).await.unwrap_err().code(), "too_many_requests");
        assert_ne!(scan(other).await.unwrap_err().code(), "too_many_requests");
        drop(seats);
        assert_ne!(scan(shop).await.unwrap_err().code(), "too_many_requests");
        app.close().await;
    });
}
