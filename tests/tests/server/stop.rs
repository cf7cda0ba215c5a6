//! Stopping: what was accepted is finished and told, and everybody is asked to come back.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
};

use serde_json::{Value, json};

use crate::{
    house::{House, ended, server},
    http::{Http, raw},
    socket::Socket,
    table::{Ledger, Table},
    wire::handshake,
};

#[test]
fn an_order_under_way_is_answered_before_the_server_goes() {
    let mut house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let consent = json!({ "confirm_above": 1_000 });
    let mut table = Table::seat_with(&house, &house.cast.diners, consent);
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "last", 9_000);
    let scan = till.begin("orders.scan", bill).expect("is sent");
    let asked: Vec<Value> = table.phones.iter_mut().map(|phone| phone.hears_reserved(3)).collect();
    house.ask_to_stop();
    while Http::new(&house).get("/readyz", None).status == 200 {}
    let late = raw(house.address(), handshake(house.address(), "/v1/live", "").as_bytes());
    assert!(late.starts_with("HTTP/1.1 503") && late.contains("\"closing\""), "{late}");
    let show = json!({ "group": table.group, "by": table.host() });
    let refused = table.phones[0].refused("groups.code", show);
    assert_eq!((&refused["status"], &refused["code"]), (&json!(503), &json!("closing")));
    for (seat, asked) in asked.iter().enumerate() {
        let mut answer = table.answer(asked, &house.cast.diners[seat]);
        answer["idempotency_key"] = json!("yes");
        table.phones[seat].ask("groups.confirm", answer);
    }
    let ended = till.answer(scan).expect("is told before the end").expect("an end");
    assert_eq!(ended["state"], "settled", "{ended}");
    table.all_hear_settled("last");
    assert_eq!(till.closed(), 1001);
    for phone in &mut table.phones {
        assert_eq!(phone.closed(), 1001);
    }
    let status = house.stopped();
    assert!(status.success(), "{status}");
    let said = House::verify(house.data());
    assert!(said.contains("1 order paid"), "{said}");
    house.start();
    let mut ledger = Ledger::default();
    ledger.settled(&ended["settlement"]);
    ledger.agrees(&house);
}

#[test]
fn whoever_listens_is_told_to_come_back_and_resumes() {
    let mut house = House::open(2, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let topic = table.topic();
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "one", 2_000);
    till.ask("orders.scan", bill);
    house.stop();
    let last: Vec<_> = table.phones.iter().map(|phone| phone.heard(&topic)).collect();
    assert_eq!(till.closed(), 1001);
    house.start();
    for ((phone, diner), last) in table.phones.iter_mut().zip(&house.cast.diners).zip(last) {
        // The settlement stood in front of the close, and is not counted as heard yet.
        assert_eq!(phone.closed(), 1001);
        *phone = Socket::signed_in(&house, &diner.token);
        assert_eq!(phone.subscribe(&topic, last)["recovered"], true);
        assert_eq!(phone.event().expect("still there")["event"]["data"]["order_no"], "one");
    }
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "two", 2_000);
    till.ask("orders.scan", bill);
    table.all_hear_settled("two");
}

/// A server whose files can be made to take no more.
struct Limited {
    child: Child,
    log: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Limited {
    /// Signal 25 is SIGXFSZ, which would end it.
    const SHELL: &str = "trap '' 25; exec \"$0\" \"$@\"";

    fn start(house: &House) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", Self::SHELL])
            .arg(server())
            .args(["--listen", "127.0.0.1:0", "--log", "json", "--data"])
            .arg(house.data())
            .env("RUST_LOG", "info")
            .env("FANJU_MADE_UP_PEOPLE", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = BufReader::new(child.stderr.take().expect("a pipe"));
        let address = SocketAddr::from(([0; 4], 0));
        let mut limited = Self { child, log, address };
        limited.address = limited.says(|told| told["fields"]["address"].as_str()?.parse().ok());
        limited
    }

    /// Reads the log until `find` finds something in a line.
    fn says<T>(&mut self, find: impl Fn(&Value) -> Option<T>) -> T {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).expect("a line") > 0, "it ended by itself");
            if let Some(found) = find(&serde_json::from_str(&line).expect("JSON")) {
                return found;
            }
        }
    }

    /// Runs a program on the process.
    fn run(&self, program: &str, flags: &[&str]) {
        let pid = self.child.id().to_string();
        let status = Command::new(program).args(flags).arg(pid).status().expect("it runs");
        assert!(status.success(), "{program}: {status}");
    }

    /// What a full disk does, without one.
    fn fill(&self) {
        self.run("prlimit", &["--fsize=0", "--pid"]);
    }

    /// How it ended, and what its log said since.
    fn end(mut self) -> (ExitStatus, String) {
        let Some(status) = ended(&mut self.child) else {
            self.child.kill().expect("SIGKILL");
            panic!("the server stays");
        };
        let mut said = String::new();
        self.log.read_to_string(&mut said).expect("text");
        (status, said)
    }
}

#[test]
fn a_server_whose_journal_takes_no_more_tells_everybody_and_ends() {
    let mut house = House::open(1, 0);
    house.stop();
    let diner = house.cast.diners[0].clone();
    let limited = Limited::start(&house);
    let address = limited.address;
    let mut phone = Socket::signed_in_at(address, &diner.token).expect("signs in");
    let top_up = |amount: i64| {
        let key = amount.to_string();
        json!({ "wallet": diner.wallet, "amount": amount, "idempotency_key": key })
    };
    phone.ask("wallets.top_up", top_up(1));
    // The end of what a phone listens to is not why it goes.
    let mut listening = Socket::signed_in_at(address, &diner.token).expect("signs in");
    listening.subscribe(&format!("wallet:{}", diner.wallet), None);
    let token = fs::read_to_string(house.data().join("operator.token")).expect("a token");
    let mut operator = Socket::signed_in_at(address, token.trim()).expect("signs in");
    assert_eq!(operator.ask("operator.stats", json!({}))["poisoned"], false);
    // What a full disk does, without one.
    limited.fill();
    let problem = phone.try_ask("wallets.top_up", top_up(2)).expect("is told");
    assert!(problem.is_err(), "nothing can be written: {problem:?}");
    // Whoever watches has time to see why.
    assert_eq!(operator.ask("operator.stats", json!({}))["poisoned"], true);
    assert_eq!(phone.refused("wallets.top_up", top_up(2))["code"], "poisoned");
    assert_eq!(phone.closed(), 1001);
    assert_eq!(listening.closed(), 1001);
    let (status, said) = limited.end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("the journal takes no more"), "{said}");
    // Source: `strerror(EFBIG)`.
    assert!(said.contains("File too large"), "the log says why: {said}");
    // A new start goes on.
    house.start();
    let mut phone = Socket::signed_in(&house, &diner.token);
    phone.ask("wallets.top_up", top_up(3));
    house.stop();
    House::verify(house.data());
}

#[test]
fn a_journal_that_fails_while_the_server_stops_is_no_good_end() {
    let mut house = House::open(1, 1);
    house.stop();
    let (diner, shop) = (house.cast.diners[0].clone(), house.cast.merchants[0].clone());
    let mut limited = Limited::start(&house);
    let mut phone = Socket::signed_in_at(limited.address, &diner.token).expect("signs in");
    let open = json!({
        "name": "table", "host": diner.wallet, "cap": 100_000, "confirm_above": 1_000,
    });
    let group = phone.ask("groups.open", open)["group"].clone();
    phone.subscribe(&format!("group:{}", group.as_str().expect("an id")), None);
    let show = json!({ "group": group, "by": diner.wallet });
    let code = phone.ask("groups.code", show)["code"].clone();
    let mut till = Socket::signed_in_at(limited.address, &shop.token).expect("signs in");
    let bill =
        json!({ "merchant": shop.merchant, "code": code, "order_no": "last", "total": 9_000 });
    let scan = till.begin("orders.scan", bill).expect("is sent");
    let asked = phone.hears_reserved(1);
    limited.run("kill", &["-TERM"]);
    limited.says(|told| told["fields"]["message"].as_str()?.contains("closing").then_some(()));
    limited.fill();
    let mut yes = asked["params"]["waiting_for"][0].clone();
    yes["group"] = group;
    phone.begin("groups.confirm", yes).expect("is sent");
    let told = till.answer(scan).expect("is told before the end");
    assert_eq!(told.expect_err("nobody knows")["code"], "poisoned");
    let (status, said) = limited.end();
    assert_eq!(status.code(), Some(1), "{said}");
}
