//! A server of a few methods: a thread for each connection, one lock for everything.

#![allow(dead_code, reason = "each file of tests uses its own part")]

use std::{
    collections::BTreeMap,
    io,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tungstenite::{
    Error, Message, WebSocket,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// The name of its positions.
const EPOCH: &str = "scripted";

/// How the server behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    /// As the contract says.
    Honest,
    /// Each event is pushed twice.
    Twice,
    /// `prev` names an event that nobody was told of.
    Gap,
    /// Each request is taken at its second attempt.
    Busy,
    /// The host of each table is asked before it pays.
    Asks,
    /// Everybody's wallet is full already.
    Rich,
    /// Nobody who signs in is known.
    Strange,
    /// Whoever scans is told how it ended only after its connection was closed, and so is a phone.
    Closes { after_scans: u64, code: u16 },
}

/// Everything that the server knows.
#[derive(Default)]
struct World {
    position: u64,
    groups: BTreeMap<String, Group>,
    scans: u64,
    orders: BTreeMap<String, Value>,
    /// Scans that wait for a diner's answer, by order number.
    asked: BTreeMap<String, Vec<(Value, mpsc::Sender<Out>)>>,
}

#[derive(Default)]
struct Group {
    members: Vec<String>,
    /// Position and text of each event.
    events: Vec<(u64, String)>,
    listeners: Vec<mpsc::Sender<Out>>,
}

enum Out {
    Text(String),
    Close(u16),
}

pub(crate) struct Server {
    port: u16,
}

/// A wallet's id.
fn wallet(number: usize) -> String {
    format!("00000000-0000-7000-8000-{number:012}")
}

/// A cast of so many diners and two shops.
pub(crate) fn cast(diners: usize) -> String {
    let diners: Vec<_> = (0..diners)
        .map(|number| json!({ "name": "D", "wallet": wallet(number), "token": "fjs_d" }))
        .collect();
    let shop =
        |name| json!({ "merchant": name, "name": name, "currency": "CNY", "token": "fjs_m" });
    json!({ "merchants": [shop("m1"), shop("m2")], "diners": diners }).to_string()
}

impl Server {
    pub(crate) fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let world = Arc::new(Mutex::new(World::default()));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let world = Arc::clone(&world);
                thread::spawn(move || serve(stream, &world, script));
            }
        });
        Self { port }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/v1/live", self.port)
    }
}

/// One connection until it ends, however it ends.
fn serve(stream: TcpStream, world: &Mutex<World>, script: Script) {
    let Ok(mut socket) = tungstenite::accept(stream) else { return };
    let timeout = Some(Duration::from_millis(1));
    socket.get_ref().set_read_timeout(timeout).expect("a timeout");
    let (out, outgoing) = mpsc::channel();
    let hello = json!({ "jsonrpc": "2.0", "method": "hello", "params": { "server_time": 0, "epoch": EPOCH } });
    let mut refused = false;
    let mut sent = socket.send(Message::text(hello.to_string()));
    while sent.is_ok() {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let request: Value = serde_json::from_str(&text).expect("a request");
                refused = matches!(script, Script::Busy) && !refused;
                if refused {
                    let data = json!({ "code": "too_many_requests", "retry_after_ms": 2 });
                    let answer = json!({ "id": request["id"], "error": { "data": data } });
                    sent = socket.send(Message::text(answer.to_string()));
                } else {
                    world.lock().expect("no panic").answer(&request, &out, script);
                }
            }
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        while let Ok(next) = outgoing.try_recv() {
            sent = match next {
                Out::Text(text) => socket.send(Message::text(text)),
                Out::Close(code) => return close(&mut socket, code),
            };
        }
    }
}

fn close(socket: &mut WebSocket<TcpStream>, code: u16) {
    let frame = CloseFrame { code: CloseCode::from(code), reason: "scripted".into() };
    if socket.close(Some(frame)).is_ok() {
        while socket.read().is_ok() {}
    }
}

impl World {
    fn answer(&mut self, request: &Value, out: &mpsc::Sender<Out>, script: Script) {
        let params = &request["params"];
        let text = |name: &str| params[name].as_str().expect(name).to_owned();
        let mut missed = Vec::new();
        let result = match request["method"].as_str().expect("a method") {
            "sign_in" if matches!(script, Script::Strange) => {
                let data = json!({ "code": "not_signed_in" });
                let answer = json!({ "id": request["id"], "error": { "data": data } });
                return tell(out, answer.to_string());
            }
            "sign_in" | "wallets.top_up" | "unsubscribe" => json!({}),
            "groups.rules" => {
                let mode = params["rules"]["split"]["mode"].as_str();
                assert!(mode.is_some_and(|mode| mode != "equal"), "{params}");
                json!({})
            }
            "wallets.get" => {
                let available = if matches!(script, Script::Rich) { 1_000_000_000 } else { 0 };
                json!({ "posted": available, "available": available })
            }
            "groups.get" => json!({ "questions": [] }),
            method @ ("groups.confirm" | "groups.refuse") => {
                assert_eq!(params["presentation"], "p", "an answer says to what: {params}");
                let scans = self.asked.remove(&text("order_no")).expect("a question");
                for (scan, till) in scans {
                    if method == "groups.confirm" {
                        self.scan(&scan, &till, Script::Honest);
                    } else {
                        let reason = json!({ "reason": "refused", "diner": text("diner") });
                        let ended = json!({
                            "state": "declined", "order_no": text("order_no"), "position": 1,
                            "total": scan["params"]["total"], "reason": reason,
                        });
                        tell(&till, json!({ "id": scan["id"], "result": ended }).to_string());
                        self.orders.insert(text("order_no"), ended);
                    }
                }
                json!({})
            }
            "orders.refund" => {
                let paid = self.orders.get(&text("order_no")).expect("a paid order");
                let amount = params["amount"].as_u64().or(paid["total"].as_u64());
                json!({ "position": 1, "event": { "type": "refunded", "amount": amount } })
            }
            "groups.open" => {
                let group = format!("g{}", self.groups.len());
                let members = vec![text("host")];
                self.groups.insert(group.clone(), Group { members, ..Group::default() });
                json!({ "group": group, "position": 1 })
            }
            "groups.link" => json!({ "link": "l", "expires_at": 1 }),
            "groups.join" => {
                assert_eq!(params["link"], "l");
                let group = self.groups.get_mut(&text("group")).expect("a group");
                group.members.push(text("wallet"));
                json!({})
            }
            "groups.code" => json!({ "code": text("group"), "expires_at": 60_000_000 }),
            "subscribe" => {
                let topic = text("topic");
                let Some(group) = topic.strip_prefix("group:") else {
                    let recovered = params["after"].is_u64() && params["epoch"] == EPOCH;
                    let result = json!({ "topic": topic, "recovered": recovered, "position": 0 });
                    return tell(out, json!({ "id": request["id"], "result": result }).to_string());
                };
                let group = self.groups.get_mut(group).expect("a group");
                group.listeners.push(out.clone());
                let after = params["after"].as_u64().filter(|_| params["epoch"] == EPOCH);
                if let Some(after) = after {
                    let events = group.events.iter().filter(|(position, _)| *position > after);
                    missed = events.map(|(_, text)| text.clone()).collect();
                }
                let position = group.events.last().map_or(0, |(position, _)| *position);
                json!({ "topic": topic, "recovered": after.is_some(), "position": position })
            }
            "orders.scan" if matches!(script, Script::Asks) => return self.ask(request, out),
            "orders.scan" => return self.scan(request, out, script),
            other => panic!("unknown method {other}"),
        };
        tell(out, json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }).to_string());
        missed.into_iter().for_each(|text| tell(out, text));
    }

    /// Asks the host, unless the order has ended already; a till that asks again waits as well.
    fn ask(&mut self, request: &Value, out: &mpsc::Sender<Out>) {
        let params = &request["params"];
        let order_no = params["order_no"].as_str().expect("an order");
        if self.orders.contains_key(order_no) {
            return self.scan(request, out, Script::Honest);
        }
        let group = self.groups.get(params["code"].as_str().expect("a code")).expect("a group");
        let question = json!({
            "merchant": params["merchant"], "order_no": order_no, "presentation": "p",
            "diner": group.members[0], "owed": 1,
        });
        let (reserved, of) = (group.members.len(), group.members.len());
        let progress = json!({ "jsonrpc": "2.0", "method": "progress", "params": {
            "topic": "t", "merchant": params["merchant"], "order_no": order_no,
            "total": params["total"], "reserved": reserved, "of": of, "waiting_for": [question],
        } });
        group.listeners.iter().for_each(|listener| tell(listener, progress.to_string()));
        self.asked.entry(order_no.to_owned()).or_default().push((request.clone(), out.clone()));
    }

    fn scan(&mut self, request: &Value, out: &mpsc::Sender<Out>, script: Script) {
        let params = &request["params"];
        let order_no = params["order_no"].as_str().expect("an order").to_owned();
        let ended = self.orders.get(&order_no).cloned();
        let is_new = ended.is_none();
        let ended = ended.unwrap_or_else(|| self.settle(params, &order_no, script));
        self.scans += u64::from(is_new);
        if let Script::Closes { after_scans, code } = script
            && is_new
            && self.scans.is_multiple_of(after_scans)
        {
            let group = self.groups.get(params["code"].as_str().expect("a code"));
            let phone = group.and_then(|group| group.listeners.last());
            // Whoever left before hears nothing.
            phone.into_iter().for_each(|phone| drop(phone.send(Out::Close(code))));
            return drop(out.send(Out::Close(code)));
        }
        tell(out, json!({ "id": request["id"], "result": ended }).to_string());
    }

    fn settle(&mut self, params: &Value, order_no: &str, script: Script) -> Value {
        let total = params["total"].as_u64().expect("a total");
        self.position += 3;
        let position = self.position;
        let group = self.groups.get_mut(params["code"].as_str().expect("a code")).expect("a group");
        let (mut left, mut shares) = (total, Vec::new());
        for (at, diner) in group.members.iter().enumerate() {
            let owed = left / (group.members.len() - at) as u64;
            left -= owed;
            shares.push(json!({ "diner": diner, "owed": owed, "confirmed": false }));
        }
        let prev = group.events.last().map_or(0, |(position, _)| *position);
        let prev = if matches!(script, Script::Gap) { prev + 1 } else { prev };
        let data = json!({
            "type": "settled", "order_no": order_no, "total": total, "shares": shares,
        });
        let event = json!({ "specversion": "1.0", "type": "fanju.settled", "data": data });
        let push = json!({
            "jsonrpc": "2.0", "method": "event",
            "params": { "topic": "t", "position": position, "prev": prev, "event": event },
        });
        let times = if matches!(script, Script::Twice) { 2 } else { 1 };
        for listener in group.listeners.iter().flat_map(|it| std::iter::repeat_n(it, times)) {
            tell(listener, push.to_string());
        }
        group.events.push((position, push.to_string()));
        let ended = json!({
            "state": "settled", "order_no": order_no, "total": total, "position": position,
        });
        self.orders.insert(order_no.to_owned(), ended.clone());
        ended
    }
}

/// Whoever left before hears nothing.
fn tell(out: &mpsc::Sender<Out>, text: String) {
    drop(out.send(Out::Text(text)));
}
