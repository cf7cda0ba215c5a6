//! Coming back: whoever names the last position gets exactly what was missed (L-1).

use serde_json::{Value, json};

use crate::{
    house::{Diner, House, Shop, TIRELESS},
    http::Http,
    socket::Socket,
    table::Table,
};

/// A topic, and somebody who may hear it.
struct Seat {
    topic: String,
    token: String,
    history: String,
}

fn seats(group: &str, diner: &Diner, shop: &Shop) -> [Seat; 3] {
    let (wallet, merchant) = (&diner.wallet, &shop.merchant);
    let seat = |topic: String, history: String, token: &str| {
        let token = token.to_owned();
        Seat { topic, token, history }
    };
    [
        seat(format!("wallet:{wallet}"), format!("/v1/wallets/{wallet}/events"), &diner.token),
        seat(format!("group:{group}"), format!("/v1/groups/{group}/events"), &diner.token),
        seat(
            format!("merchant:{merchant}"),
            format!("/v1/merchants/{merchant}/events"),
            &shop.token,
        ),
    ]
}

/// Everything that happened to a topic, oldest first, as the pages of HTTP tell it.
fn history(house: &House, seat: &Seat) -> Vec<Value> {
    let http = Http::new(house);
    let (mut events, mut from) = (Vec::new(), String::new());
    loop {
        let page = http.get(&format!("{}?limit=3{from}", seat.history), Some(&seat.token)).done();
        events.extend(page["events"].as_array().expect("events").iter().cloned());
        match page["next"].as_u64() {
            Some(next) => from = format!("&from={next}"),
            None => break,
        }
    }
    events.reverse();
    let chain = events.iter().map(|event| &event["prev"]);
    let positions = events.iter().map(|event| &event["position"]);
    let first = json!(0);
    assert!(chain.eq(std::iter::once(&first).chain(positions).take(events.len())), "{events:?}");
    events
}

/// A push as the history tells the same event.
fn item(mut push: Value) -> Value {
    push.as_object_mut().expect("an object").remove("topic");
    push
}

fn position(event: &Value) -> u64 {
    event["position"].as_u64().expect("a position")
}

/// A dinner that leaves traces everywhere: paid, declined, paid, given back, closed.
fn dine(house: &House, table: &mut Table, shop: &Shop) {
    let mut till = Socket::signed_in(house, &shop.token);
    for (order_no, total) in [("a", 3_001), ("b", 1_800_000), ("c", 1)] {
        let bill = table.bill(shop, order_no, total);
        // The second is above what they agreed to: they are asked, and the till takes it back.
        let scan = till.begin("orders.scan", bill).expect("is sent");
        if order_no == "b" {
            while table.phones[0].push().expect("still there")["method"] != "progress" {}
            till.ask("orders.cancel", json!({ "merchant": shop.merchant, "order_no": order_no }));
        }
        till.answer(scan).expect("still there").expect("an end");
    }
    let refund = json!({ "merchant": shop.merchant, "order_no": "a", "refund_no": "1" });
    till.ask("orders.refund", refund);
    let close = json!({ "group": table.group, "by": table.host() });
    table.phones[0].ask("groups.close", close);
}

#[test]
fn from_every_position_the_rest_follows() {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    dine(&house, &mut table, &shop);
    for seat in seats(&table.group, &house.cast.diners[0], &shop) {
        let history = history(&house, &seat);
        assert!(history.len() >= 4, "{}: {history:?}", seat.topic);
        for (heard, event) in history.iter().enumerate() {
            let mut socket = Socket::signed_in(&house, &seat.token);
            let subscribed = socket.subscribe(&seat.topic, Some(position(event)));
            assert_eq!(subscribed["recovered"], true, "{subscribed}");
            assert_eq!(subscribed["position"], history[history.len() - 1]["position"]);
            for expected in &history[heard + 1..] {
                assert_eq!(&item(socket.event().expect("still there")), expected);
            }
            socket.has_heard_nothing();
            socket.leave();
        }
    }
}

#[test]
fn a_subscriber_cut_at_every_event_hears_the_full_history() {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let seats = seats(&table.group, &house.cast.diners[0], &shop);
    let before: Vec<Vec<Value>> = seats.iter().map(|seat| history(&house, seat)).collect();
    let mut cut: Vec<Socket> = Vec::new();
    for (seat, before) in seats.iter().zip(&before) {
        let mut socket = Socket::signed_in(&house, &seat.token);
        let subscribed = socket.subscribe(&seat.topic, None);
        assert_eq!(subscribed["recovered"], false, "{subscribed}");
        assert_eq!(subscribed["position"], before[before.len() - 1]["position"], "{subscribed}");
        cut.push(socket);
    }
    std::thread::scope(|scope| {
        let listeners: Vec<_> = cut
            .into_iter()
            .zip(&seats)
            .map(|(socket, seat)| scope.spawn(|| hear_in_pieces(&house, seat, socket)))
            .collect();
        dine(&house, &mut table, &shop);
        for ((listener, seat), before) in listeners.into_iter().zip(&seats).zip(&before) {
            let heard = listener.join().expect("hears everything");
            let all = history(&house, seat);
            assert_eq!(all[before.len()..], heard, "{}", seat.topic);
        }
    });
}

/// Hears one event, is cut, comes back, and so on until the last refund.
fn hear_in_pieces(house: &House, seat: &Seat, mut socket: Socket) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        let event = socket.event().expect("still there");
        let last = match seat.topic.starts_with("group:") {
            true => "group_closed",
            false => "refunded",
        };
        let is_last = event["event"]["data"]["type"] == last;
        let after = position(&event);
        heard.push(item(event));
        socket.cut();
        if is_last {
            return heard;
        }
        socket = Socket::signed_in(house, &seat.token);
        let subscribed = socket.subscribe(&seat.topic, Some(after));
        assert_eq!(subscribed["recovered"], true, "{subscribed}");
    }
}

#[test]
fn what_is_no_position_of_the_topic_is_answered_with_its_state() {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    dine(&house, &mut table, &shop);
    let seats = seats(&table.group, &house.cast.diners[0], &shop);
    for (at, seat) in seats.iter().enumerate() {
        let history = history(&house, seat);
        let newest = position(&history[history.len() - 1]);
        let others = self::history(&house, &seats[(at + 1) % 3]);
        let is_ours = |other: &u64| history.iter().any(|event| position(event) == *other);
        let foreign = others.iter().map(position).find(|other| !is_ours(other));
        let foreign = foreign.expect("something that does not concern this topic");
        for after in [newest + 1, newest - 1, 1, u64::from(u32::MAX), foreign] {
            let mut socket = Socket::signed_in(&house, &seat.token);
            let subscribed = socket.subscribe(&seat.topic, Some(after));
            assert_eq!(subscribed["recovered"], false, "after {after}: {subscribed}");
            assert_eq!(subscribed["position"], newest, "after {after}: {subscribed}");
            assert_eq!(subscribed["state"]["position"], newest, "after {after}: {subscribed}");
            socket.has_heard_nothing();
        }
    }
}

#[test]
fn an_unsubscribed_topic_is_silent_and_can_be_resumed() {
    let house = House::open(2, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let topic = table.topic();
    let last = table.phones[1].heard(&topic);
    table.phones[1].ask("unsubscribe", json!({ "topic": topic }));
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "quiet", 2_000);
    till.ask("orders.scan", bill);
    assert_eq!(table.phones[0].event().expect("hears")["event"]["data"]["order_no"], "quiet");
    table.phones[1].hears_nothing();
    assert_eq!(table.phones[1].subscribe(&topic, last)["recovered"], true);
    assert_eq!(table.phones[1].event().expect("hears")["event"]["data"]["order_no"], "quiet");
}

/// Whoever subscribes anew while things happen hears each event after its newest answer once: the former
/// subscription says nothing more.
#[test]
fn a_subscription_that_is_replaced_says_nothing_more() {
    let house = House::open_with(1, 0, &[TIRELESS]);
    let mut table = Table::seat(&house, &house.cast.diners);
    let topic = table.topic();
    let mut busy = Socket::signed_in(&house, &house.cast.diners[0].token);
    let phone = &mut table.phones[0];
    let (group, wallet) = (table.group.clone(), house.cast.diners[0].wallet.clone());
    let mut replaced = 0;
    for round in 0..REPLACED {
        let changes: Vec<u64> = (0..AT_ONCE)
            .map(|cap| {
                let cap = 100_000 + round * AT_ONCE + cap;
                let change = json!({ "group": group, "wallet": wallet, "cap": cap });
                busy.begin("groups.consent", change).expect("is sent")
            })
            .collect();
        // One after the other: the socket's own record of what it heard tells of anything told twice.
        while replaced < 5 * (round + 1) {
            phone.subscribe(&topic, None);
            replaced += 1;
        }
        for id in changes {
            busy.answer(id).expect("still there").expect("is granted");
        }
    }
    let change = json!({ "group": group, "wallet": wallet, "cap": 90_000 });
    let newest = position(&busy.ask("groups.consent", change));
    while position(&phone.event().expect("still there")) < newest {}
    phone.hears_nothing();
}

/// The most events that a subscriber can catch up with.
const RESUME_EVENTS_MAX: usize = 4_096;

/// Requests that are under way at once: fewer than `hello` allows.
const AT_ONCE: usize = 50;

/// How often a phone subscribes anew amid that many requests.
const REPLACED: usize = 20;

#[test]
fn whoever_missed_too_much_takes_the_state_instead() {
    let house = House::open_with(1, 0, &[TIRELESS]);
    let mut table = Table::seat(&house, &house.cast.diners);
    let topic = table.topic();
    let last = table.phones[0].heard(&topic).expect("listens");
    table.phones.clear();
    let mut busy = Socket::signed_in(&house, &house.cast.diners[0].token);
    let mut positions = Vec::new();
    while positions.len() < RESUME_EVENTS_MAX + 1 {
        let change = |cap: usize| {
            let (group, wallet) = (&table.group, table.host());
            json!({ "group": group, "wallet": wallet, "cap": 100_000 + cap })
        };
        let left = (RESUME_EVENTS_MAX + 1 - positions.len()).min(AT_ONCE);
        let asked: Vec<u64> = (0..left)
            .map(|cap| busy.begin("groups.consent", change(cap)).expect("is sent"))
            .collect();
        for id in asked {
            let receipt = busy.answer(id).expect("still there").expect("is granted");
            positions.push(position(&receipt));
        }
    }
    positions.sort_unstable();
    let newest = positions[RESUME_EVENTS_MAX];
    for (after, recovered) in [(last, false), (positions[0], true), (newest, true)] {
        let mut socket = Socket::signed_in(&house, &house.cast.diners[0].token);
        let subscribed = socket.subscribe(&topic, Some(after));
        assert_eq!(subscribed["recovered"], recovered, "after {after}: {subscribed}");
        assert_eq!(subscribed["position"], newest, "after {after}: {subscribed}");
        let missed = positions.iter().filter(|position| recovered && **position > after);
        for position in missed {
            assert_eq!(socket.event().expect("still there")["position"], *position);
        }
        socket.has_heard_nothing();
    }
}
