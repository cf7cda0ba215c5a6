//! every operation, asked by everybody. Who may is written here by hand, once more.

use std::net::{IpAddr, Ipv4Addr};

use fanju::{
    domain::{
        event::{Consent, Rules},
        text::Name,
    },
    id::{GroupId, MerchantId, WalletId},
    money::{Amount, Currency},
};
use fanju_server::{
    app::{App, Desk},
    auth::{
        caller::{Ask, Caller, Door},
        register::{Answered, DeviceId, KeyId, Person, PersonId, Role, Scope},
    },
    config::Settings,
    operations,
    problem::Problem,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Everybody who may ask.
const ROLES: [&str; 10] = [
    "nobody",
    "host",
    "member",
    "invited",
    "stranger",
    "owner",
    "cashier",
    "till",
    "other_till",
    "operator",
];

/// Who may, operation by operation: `*` is everybody, `+` everybody who is somebody.
const MAY: &[(&str, &str)] = &[
    ("sign_up.begin", "*"),
    ("sign_up.finish", "*"),
    ("sign_in.begin", "*"),
    ("sign_in.finish", "*"),
    ("step_up.begin", "host member invited stranger owner cashier"),
    ("step_up.finish", "host member invited stranger owner cashier"),
    ("sign_out", "host member invited stranger owner cashier"),
    ("recovery.begin", "*"),
    ("recovery.finish", "*"),
    ("recovery_codes.make", "host member invited stranger owner cashier"),
    ("recovery_codes.get", "host member invited stranger owner cashier"),
    ("me", "+"),
    ("me.verify", "host member invited stranger owner cashier"),
    ("devices.list", "host member invited stranger owner cashier"),
    ("devices.revoke", "host member invited stranger owner cashier"),
    ("names", "+"),
    ("add_passkey.begin", "host member invited stranger owner cashier"),
    ("add_passkey.finish", "host member invited stranger owner cashier"),
    ("passkeys.list", "host member invited stranger owner cashier"),
    ("passkeys.remove", "host member invited stranger owner cashier"),
    ("wallets.open", "host member invited stranger owner cashier"),
    ("wallets.get", "host"),
    ("wallets.top_up", "host"),
    ("wallets.withdraw", "host"),
    ("wallets.transfer", "host"),
    ("wallets.freeze", "host"),
    ("wallets.thaw", "host"),
    ("wallets.close", "host"),
    ("wallets.statement", "host"),
    ("wallets.groups", "host"),
    ("groups.open", "host"),
    ("groups.get", "host member invited"),
    ("groups.events", "host member invited"),
    ("groups.invite", "host"),
    ("groups.link", "host"),
    ("groups.join", "host"),
    ("groups.join_by_code", "host"),
    ("groups.leave", "host"),
    ("groups.consent", "host"),
    ("groups.rules", "host"),
    ("groups.lock", "host"),
    ("groups.unlock", "host"),
    ("groups.close", "host"),
    ("groups.code", "host"),
    ("groups.confirm", "host"),
    ("groups.refuse", "host"),
    ("groups.draft", "host"),
    ("groups.clear_draft", "host"),
    ("groups.claim", "host"),
    ("orders.draft", "owner cashier till"),
    ("merchants.onboard", "host member invited stranger owner cashier"),
    ("merchants.get", "owner cashier till"),
    ("merchants.events", "owner cashier till"),
    ("merchants.days", "owner cashier till"),
    ("merchants.pay_out", "owner"),
    ("orders.scan", "owner cashier till"),
    ("orders.get", "owner cashier till"),
    ("orders.cancel", "owner cashier till"),
    ("orders.refund", "owner cashier"),
    ("staff.add", "owner"),
    ("staff.list", "owner"),
    ("staff.remove", "owner"),
    ("keys.create", "owner"),
    ("keys.list", "owner"),
    ("keys.revoke", "owner"),
    ("webhooks.create", "owner"),
    ("webhooks.list", "owner"),
    ("webhooks.remove", "owner"),
    ("webhooks.rotate", "owner"),
    ("webhooks.deliveries", "owner"),
    ("webhooks.replay", "owner"),
    ("operator.stats", "operator"),
    ("operator.orders", "operator"),
    ("operator.totals", "operator"),
];

/// A table and a shop, with everybody around them.
struct World {
    app: App,
    group: GroupId,
    merchant: MerchantId,
    host: WalletId,
    callers: Vec<(&'static str, Caller)>,
}

impl World {
    async fn new() -> Self {
        let settings = Settings { data: String::new(), ..Settings::default() };
        let app = App::open(settings).expect("the app opens");
        let engine = app.engine().clone();
        let name = |text: &str| Name::new(text).expect("a name");
        let merchant = engine.onboard_merchant(name("Shop"), Currency::CNY).await.expect("open");
        let other = engine.onboard_merchant(name("Other"), Currency::CNY).await.expect("open");
        let mut callers = vec![("nobody", Caller::Nobody), ("operator", Caller::Operator)];
        let mut wallets = Vec::new();
        for role in ["host", "member", "invited", "stranger", "owner", "cashier"] {
            let works = match role {
                "owner" => Some((merchant, Role::Owner)),
                "cashier" => Some((merchant, Role::Cashier)),
                "stranger" => Some((other, Role::Owner)),
                _ => None,
            };
            let (wallet, caller) = person(&app, role, works).await;
            wallets.push(wallet);
            callers.push((role, caller));
        }
        for (role, shop) in [("till", merchant), ("other_till", other)] {
            let now = app.now();
            let scopes = [Scope::Collect, Scope::Read];
            let made = move |desk: &Desk| desk.register.create_key(shop, "till", &scopes, now);
            let (token, _) = app.desk(made).await.expect("a thread").expect("a key");
            let caller = app.identify(token.kind(), &token.hash()).expect("readable");
            callers.push((role, caller));
        }
        let [host, member, invited, ..] = wallets[..] else { panic!("six wallets") };
        let consent = Consent { cap: Amount::from_minor(10_000), confirm_above: None };
        let rules = Rules::default();
        let group = engine.open_group(name("Table"), host, consent, Currency::CNY, rules).await;
        let group = group.expect("open");
        for wallet in [member, invited] {
            engine.invite(group, host, wallet).await.expect("invited");
        }
        engine.join(group, member, consent).await.expect("joined");
        Self { app, group, merchant, host, callers }
    }

    fn caller(&self, role: &str) -> &Caller {
        let found = self.callers.iter().find(|(named, _)| *named == role);
        &found.expect("everybody is there").1
    }

    /// What `role` is answered.
    async fn ask(&self, role: &str, method: &str, parameters: Value) -> Result<Value, Problem> {
        let ask = Ask {
            door: Door::Http,
            caller: self.caller(role).clone(),
            token: None,
            key: None,
            opens: None,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            agent: None,
        };
        let operation = operations::named(method).expect("offered");
        let parameters = parameters.as_object().expect("an object").clone();
        let answer = operations::perform(&self.app, operation, ask, parameters).await?;
        Ok(serde_json::from_str(&answer).expect("JSON"))
    }

    /// Parameters of the host's and the shop's: whoever else sends them reaches for what is theirs.
    fn parameters(&self, method: &str) -> Map<String, Value> {
        let Self { group, merchant, host, .. } = self;
        let id = Uuid::now_v7();
        let seat = json!({ "group": group, "by": host });
        let join = json!({ "group": group, "wallet": host, "cap": 1 });
        let answer = json!({
            "group": group, "diner": host, "merchant": merchant, "order_no": "1",
            "presentation": id, "owed": 1,
        });
        let shop = json!({ "merchant": merchant });
        let lines = json!([{ "name": "Noodles", "amount": 1 }]);
        let order = json!({ "merchant": merchant, "order_no": "1" });
        let hook = json!({ "merchant": merchant, "webhook": id });
        let value = match method {
            "sign_up.begin" => json!({ "name": "Ana" }),
            "sign_up.finish" | "sign_in.finish" | "step_up.finish" | "add_passkey.finish"
            | "recovery.finish" => json!({ "ceremony": id, "credential": {} }),
            "sign_in.begin"
            | "step_up.begin"
            | "add_passkey.begin"
            | "sign_out"
            | "me"
            | "devices.list"
            | "passkeys.list"
            | "recovery_codes.make"
            | "recovery_codes.get"
            | "operator.stats"
            | "operator.orders"
            | "operator.totals" => json!({}),
            "recovery.begin" => json!({ "name": "host", "code": "K7QM-2XHD-9WPC-3FTN" }),
            "passkeys.remove" => json!({ "passkey": "AQEB" }),
            "me.verify" => json!({ "name": "Ana", "id_number": "1" }),
            "devices.revoke" => json!({ "device": id }),
            "names" => json!({ "wallets": [host] }),
            "wallets.open" => json!({ "currency": "CNY" }),
            "wallets.top_up" | "wallets.withdraw" => json!({ "wallet": host, "amount": 1 }),
            "wallets.transfer" => json!({ "wallet": host, "to": id, "amount": 1 }),
            "groups.open" => json!({ "name": "Table", "host": host, "cap": 1 }),
            "groups.get" | "groups.events" => json!({ "group": group }),
            "groups.invite" => json!({ "group": group, "by": host, "wallet": id }),
            "groups.link" | "groups.lock" | "groups.unlock" | "groups.close" | "groups.code"
            | "groups.clear_draft" => seat,
            "groups.join" | "groups.consent" => join,
            "groups.join_by_code" => {
                json!({ "code": fanju::domain::code::Code::from_random(1), "wallet": host, "cap": 1 })
            }
            "groups.leave" => json!({ "group": group, "wallet": host }),
            "groups.rules" => json!({ "group": group, "by": host, "rules": Rules::default() }),
            "groups.confirm" | "groups.refuse" => answer,
            "groups.draft" => json!({ "group": group, "by": host, "total": 1, "lines": lines }),
            "groups.claim" => json!({ "group": group, "wallet": host, "line": "0", "weight": 1 }),
            "orders.draft" => json!({
                "merchant": merchant, "order_no": "1", "total": 1, "lines": lines,
                "code": fanju::domain::code::Code::from_random(1),
            }),
            "merchants.onboard" => json!({ "name": "Shop", "currency": "CNY" }),
            "merchants.pay_out" => json!({ "merchant": merchant, "amount": 1 }),
            "orders.scan" => json!({
                "merchant": merchant, "order_no": "1", "total": 1,
                "code": fanju::domain::code::Code::from_random(1),
            }),
            "orders.get" | "orders.cancel" => order,
            "orders.refund" => json!({ "merchant": merchant, "order_no": "1", "refund_no": "1" }),
            "staff.add" => json!({ "merchant": merchant, "person": id, "role": "cashier" }),
            "staff.remove" => json!({ "merchant": merchant, "person": id }),
            "keys.create" => json!({ "merchant": merchant, "label": "1", "scopes": ["read"] }),
            "keys.revoke" => json!({ "merchant": merchant, "key": id }),
            "webhooks.create" => json!({ "merchant": merchant, "url": "https://example.com/" }),
            "webhooks.remove" | "webhooks.rotate" | "webhooks.deliveries" => hook,
            "webhooks.replay" => {
                json!({ "merchant": merchant, "message": "msg_1" })
            }
            method if method.starts_with("wallets.") => json!({ "wallet": host }),
            method if method.starts_with("merchants.") || method.ends_with(".list") => shop,
            method => panic!("no parameters for {method}: write them"),
        };
        value.as_object().expect("an object").clone()
    }
}

async fn person(app: &App, role: &str, works: Option<(MerchantId, Role)>) -> (WalletId, Caller) {
    let name = Name::new(role).expect("a name");
    let wallet = app.engine().open_wallet(name.clone(), Currency::CNY).await.expect("open");
    let (id, now) = (PersonId(Uuid::now_v7()), app.now());
    let lasts = app.settings().session_lasts();
    let token = app
        .desk(move |desk| {
            let person = Person { id, name, verified: false, created_at: now };
            desk.register.add_person_without_passkey(&person).expect("added");
            desk.register.add_wallet(id, wallet, Currency::CNY).expect("added");
            if let Some((merchant, role)) = works {
                desk.register.set_role(merchant, id, role).expect("set");
            }
            desk.register.open_session(id, None, "test", now, lasts).expect("open").0
        })
        .await
        .expect("a thread");
    (wallet, app.identify(token.kind(), &token.hash()).expect("readable"))
}

fn may(method: &str, role: &str) -> bool {
    let (_, roles) = MAY.iter().find(|(named, _)| *named == method).unwrap_or_else(|| {
        panic!("who may ask for {method}? write it into MAY");
    });
    match *roles {
        "*" => true,
        "+" => role != "nobody",
        roles => roles.split_whitespace().any(|named| named == role),
    }
}

#[test]
fn every_operation_is_refused_to_everybody_who_has_no_right() {
    actix_rt::System::new().block_on(async {
        let mut asked = 0;
        for operation in operations::all() {
            // Some operations change who is who: each gets a world of its own.
            let world = World::new().await;
            // Over HTTP nobody is refused by this, before there are parameters.
            let method = operation.offer.method;
            assert_eq!(operation.is_for_anyone, may(method, "nobody"), "{method}");
            for role in ROLES {
                let ask = Ask {
                    door: Door::Http,
                    caller: world.caller(role).clone(),
                    token: None,
                    key: Some(Uuid::now_v7().to_string()),
                    opens: None,
                    address: IpAddr::V4(Ipv4Addr::from(asked)),
                    agent: None,
                };
                asked += 1;
                let answer =
                    operations::perform(&world.app, operation, ask, world.parameters(method)).await;
                let code = answer.as_ref().err().map(Problem::code);
                let refused = matches!(code, Some("forbidden" | "not_signed_in"));
                assert_eq!(!refused, may(method, role), "{method} by {role}: {answer:?}");
                assert_ne!(code, Some("bad_request"), "{method}: {answer:?}");
                assert_ne!(code, Some("internal"), "{method} by {role}: {answer:?}");
            }
            world.app.close().await;
        }
        let operations = operations::all().len();
        assert_eq!(MAY.len(), operations, "MAY names what is not offered");
        println!("{operations} operations × {} roles: {asked} answers as expected", ROLES.len());
    });
}

#[test]
fn ids_of_keys_and_devices_are_of_use_to_nobody_else() {
    actix_rt::System::new().block_on(async {
        let world = World::new().await;
        let Caller::Person(host) = world.caller("host") else { panic!("a person") };
        let Caller::Till(till) = world.caller("till") else { panic!("a till") };
        let (device, key): (DeviceId, KeyId) = (host.device, till.key);
        let other = world.caller("stranger").person().expect("a person").staff[0].0;
        for (method, parameters) in [
            ("devices.revoke", json!({ "device": device })),
            ("keys.revoke", json!({ "merchant": other, "key": key })),
        ] {
            let answer = world.ask("stranger", method, parameters).await;
            let code = answer.expect_err("not the stranger's").code();
            assert!(matches!(code, "unknown_device" | "unknown_key"), "{method}: {code}");
        }
        world.app.close().await;
    });
}

#[test]
fn a_till_lays_a_draft_and_everybody_claims_for_nobody_else() {
    actix_rt::System::new().block_on(async {
        let world = World::new().await;
        let World { group, merchant, host, .. } = world;
        let member = world.caller("member").person().expect("a person").wallets[0].0;
        let split = json!({ "mode": "itemised", "claims": [] });
        let rules = json!({
            "split": split, "shortfall": "decline", "rounding": "fair_cent", "cash_step": 0,
        });
        let rules = json!({ "group": group, "by": host, "rules": rules });
        world.ask("host", "groups.rules", rules).await.expect("the host's right");
        let code = json!({ "group": group, "by": host });
        let code = world.ask("host", "groups.code", code).await.expect("shown")["code"].clone();
        let lines = json!([{ "name": "Tea", "amount": 300 }, { "name": "Duck", "amount": 600 }]);
        let draft = json!({
            "merchant": merchant, "code": code, "order_no": "7", "total": 900, "lines": lines,
        });
        world.ask("till", "orders.draft", draft).await.expect("the code was shown");
        let claim = |wallet| json!({ "group": group, "wallet": wallet, "line": 1, "weight": 1 });
        world.ask("member", "groups.claim", claim(member)).await.expect("one's own");
        let foreign = world.ask("member", "groups.claim", claim(host)).await;
        assert_eq!(foreign.expect_err("another's").code(), "forbidden");
        let view = world.ask("host", "groups.get", json!({ "group": group })).await.expect("seen");
        assert_eq!(view["draft"]["by"]["kind"], "till");
        assert_eq!(view["draft"]["lines"], lines);
        let claims = json!([{ "line": 1, "diner": member, "weight": 1 }]);
        assert_eq!(view["rules"]["split"]["claims"], claims);
        let shares = json!([{ "diner": host, "owed": 150 }, { "diner": member, "owed": 750 }]);
        assert_eq!(view["preview"], json!({ "state": "shares", "shares": shares }));
        world.app.close().await;
    });
}

/// Lets `role` ask under a key.
async fn keyed(
    world: &World,
    role: &str,
    method: &str,
    parameters: Value,
) -> Result<Value, Problem> {
    let ask = Ask {
        door: Door::Http,
        caller: world.caller(role).clone(),
        token: None,
        key: Some(KEY.into()),
        opens: None,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        agent: None,
    };
    let operation = operations::named(method).expect("is offered");
    let parameters = parameters.as_object().expect("an object").clone();
    let answer = operations::perform(&world.app, operation, ask, parameters).await?;
    Ok(serde_json::from_str(&answer).expect("JSON"))
}

const KEY: &str = "once";

async fn kept(world: &World, role: &str) -> Option<Answered> {
    let asker = world.caller(role).asker();
    let kept = world.app.desk(move |desk| desk.register.answered(&asker, KEY));
    kept.await.expect("a desk").expect("reads")
}

/// What a server leaves that is killed after the engine's yes: a beginning without an answer.
async fn kill_before_the_answer(world: &World, role: &str, begun: &Answered) {
    let begun = Answered { answer: None, ..begun.clone() };
    let asker = world.caller(role).asker();
    let written = world.app.desk(move |desk| desk.register.remember_answer(&asker, KEY, begun));
    written.await.expect("a desk").expect("writes");
}

#[test]
fn what_is_opened_again_after_a_kill_is_the_first_one_and_whose_it_is_now() {
    actix_rt::System::new().block_on(async {
        let world = World::new().await;
        let shop = json!({ "name": "Shop", "currency": "CNY" });
        let first =
            keyed(&world, "member", "merchants.onboard", shop.clone()).await.expect("opens");
        let begun = kept(&world, "member").await.expect("is kept");
        let merchant = serde_json::from_value(first["merchant"].clone()).expect("an id");
        kill_before_the_answer(&world, "member", &begun).await;
        let again =
            keyed(&world, "member", "merchants.onboard", shop.clone()).await.expect("opens");
        assert_eq!(again, json!({ "merchant": first["merchant"], "replayed": true }));

        // Whoever sold the shop does not get it back by asking once more.
        let [seller, buyer] =
            ["member", "stranger"].map(|role| PersonId(world.caller(role).id().expect("a person")));
        let sold = world.app.desk(move |desk| {
            desk.register.set_role(merchant, buyer, Role::Owner)?;
            desk.register.remove_role(merchant, seller)
        });
        assert!(sold.await.expect("a desk").expect("writes"));
        kill_before_the_answer(&world, "member", &begun).await;
        let again = keyed(&world, "member", "merchants.onboard", shop).await.expect("opens");
        assert_eq!(again["replayed"], true);
        let staff = world.app.desk(move |desk| desk.register.staff(merchant));
        let staff = staff.await.expect("a desk").expect("reads");
        assert_eq!(staff.iter().map(|(person, _)| person.id).collect::<Vec<_>>(), [buyer]);
        world.app.close().await;
    });
}

#[test]
fn a_wallet_that_is_opened_again_after_a_kill_is_one_wallet_of_its_own_asker() {
    actix_rt::System::new().block_on(async {
        let world = World::new().await;
        let wallet = json!({ "currency": "CNY" });
        let first = keyed(&world, "member", "wallets.open", wallet.clone()).await.expect("opens");
        let begun = kept(&world, "member").await.expect("is kept");
        assert_eq!(first["replayed"], false);
        kill_before_the_answer(&world, "member", &begun).await;
        for _ in 0..2 {
            let again = keyed(&world, "member", "wallets.open", wallet.clone()).await;
            let again = again.expect("opens");
            assert_eq!(again, json!({ "wallet": first["wallet"], "replayed": true }));
        }
        let other = keyed(&world, "stranger", "wallets.open", wallet).await.expect("opens");
        assert_ne!(other["wallet"], first["wallet"]);
        assert_eq!(other["replayed"], false);
        world.app.close().await;
    });
}

#[test]
fn whoever_may_not_open_anything_leaves_nothing_written() {
    actix_rt::System::new().block_on(async {
        let world = World::new().await;
        let (wallet, shop) =
            (json!({ "currency": "CNY" }), json!({ "name": "S", "currency": "CNY" }));
        for (role, method, parameters) in [
            ("nobody", "wallets.open", wallet),
            ("till", "merchants.onboard", shop),
            ("member", "groups.open", json!({ "name": "nonsense" })),
        ] {
            assert!(keyed(&world, role, method, parameters).await.is_err());
            assert_eq!(kept(&world, role).await, None, "{role}: {method}");
        }
        world.app.close().await;
    });
}
