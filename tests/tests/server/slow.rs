//! Slow listeners: whoever does not read is cut, told why, and goes on from where the topic is.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    house::{House, TIRELESS},
    socket::Socket,
    table::Table,
    wire::Gone,
};

/// Events: some hundreds more than the server keeps for its slowest listener, and more bytes than
/// both kernels' buffers hold.
const EVENTS: usize = 420;

/// Entries of each: near the longest frame.
const PARTS: usize = 650;

#[test]
fn a_listener_who_does_not_read_is_cut_and_takes_the_state() {
    let house = House::open_with(1, 0, &[TIRELESS]);
    let diner = &house.cast.diners[0];
    let mut table = Table::seat(&house, &house.cast.diners);
    let topic = table.topic();
    let mut slow = table.phones.remove(0);
    let mut busy = Socket::signed_in(&house, &diner.token);
    let parts: Vec<Value> =
        (1..=PARTS).map(|weight| json!({ "diner": Uuid::now_v7(), "weight": weight })).collect();
    let rules = json!({
        "split": { "mode": "weights", "parts": parts }, "shortfall": "decline",
        "rounding": "largest_remainder", "cash_step": 0,
    });
    let rules = json!({ "group": table.group, "by": diner.wallet, "rules": rules });
    let receipts = (0..EVENTS).map(|_| busy.ask("groups.rules", rules.clone()));
    let positions: Vec<Value> = receipts.map(|receipt| receipt["position"].clone()).collect();

    let mut heard = Vec::new();
    let gone = loop {
        match slow.event() {
            Ok(event) => heard.push(event["position"].clone()),
            Err(gone) => break gone,
        }
    };
    assert_eq!(gone, Gone(4008), "after {} events", heard.len());
    assert!(heard.len() < EVENTS, "nobody was slow");
    let mut again = Socket::signed_in(&house, &diner.token);
    // Nineteen megabytes are more than a session is sent at once: the state stands for them.
    let subscribed = again.subscribe(&topic, slow.heard(&topic));
    assert_eq!(subscribed["recovered"], false, "{subscribed}");
    assert_eq!(Some(&subscribed["position"]), positions.last());
    assert_eq!(subscribed["state"]["rules"]["split"]["mode"], "weights");
    again.has_heard_nothing();
    assert_eq!(heard, positions[..heard.len()]);
    let receipt = busy.ask("groups.rules", rules);
    assert_eq!(again.event().expect("still there")["position"], receipt["position"]);
}
