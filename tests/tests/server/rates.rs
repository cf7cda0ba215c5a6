//! Rates: an identity's sessions share one, what they are sent is counted, and HTTP has the same.

use serde_json::{Value, json};

use crate::{house::House, http::Http, socket::Socket, table::Table};

/// Sessions that one identity may have.
const SESSIONS_MAX: usize = 64;

/// How many of so many pings of each are refused.
fn refused(sockets: &mut [Socket], pings: usize) -> usize {
    let mut refused = 0;
    for socket in sockets {
        for _ in 0..pings {
            let answer = socket.try_ask("ping", json!({})).expect("still there");
            refused += usize::from(answer.is_err_and(|why| why["code"] == "too_many_requests"));
        }
    }
    refused
}

#[test]
fn sessions_of_one_identity_share_a_rate_and_there_are_so_many() {
    let house = House::open_with(2, 0, &[("FANJU_REQUESTS_PER_SECOND", "8")]);
    let (ana, bo) = (&house.cast.diners[0].token, &house.cast.diners[1].token);
    let mut sockets: Vec<Socket> =
        (0..SESSIONS_MAX).map(|_| Socket::signed_in(&house, ana)).collect();
    // Each has thirty-two requests of its own, and all of them together have as many.
    assert!(refused(&mut sockets, 8) > 0, "nobody was refused");
    let mut one_more = Socket::connect(&house);
    let problem = loop {
        let problem = one_more.refused("sign_in", json!({ "token": ana }));
        if problem["code"] != "too_many_requests" {
            break problem;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    assert_eq!(problem["code"], "too_many_sessions", "{problem}");
    Socket::signed_in(&house, bo).ask("ping", json!({}));
}

#[test]
fn whoever_asks_too_often_over_http_is_refused_and_nobody_else() {
    let house = House::open_with(2, 0, &[("FANJU_REQUESTS_PER_SECOND", "8")]);
    let http = Http::new(&house);
    let me = |of: usize| {
        let bearer = format!("Bearer {}", house.cast.diners[of].token);
        http.send("GET", "/v1/me", &[("authorization", &bearer)], b"")
    };
    let refused: Vec<_> = (0..80).map(|_| me(0)).filter(|reply| reply.status != 200).collect();
    assert!(refused.len() > 20, "{} of 80 were refused", refused.len());
    for reply in refused {
        assert_eq!(reply.status, 429, "{}", reply.text);
        let problem = reply.json();
        assert_eq!(problem["code"], "too_many_requests", "{problem}");
        assert!(problem["retry_after_ms"].as_u64() > Some(0), "{problem}");
    }
    assert_eq!(me(1).status, 200, "somebody else pays for it");
}

#[test]
fn a_gap_counts_like_the_answer_that_it_is() {
    let house = House::open(2, 0);
    let token = &house.cast.diners[1].token;
    let mut table = Table::seat(&house, &house.cast.diners);
    let parts: Vec<Value> = (1..=650)
        .map(|weight| json!({ "diner": uuid::Uuid::now_v7(), "weight": weight }))
        .collect();
    let rules = json!({
        "split": { "mode": "weights", "parts": parts }, "shortfall": "decline",
        "rounding": "largest_remainder", "cash_step": 0,
    });
    let rules = json!({ "group": table.group, "by": table.host(), "rules": rules });
    let mut phone = table.phones.remove(0);
    let mut positions = Vec::new();
    while positions.len() < 60 {
        match phone.try_ask("groups.rules", rules.clone()).expect("still there") {
            Ok(receipt) => positions.push(receipt["position"].as_u64()),
            Err(problem) => {
                let wait = problem["retry_after_ms"].as_u64().expect("asked too often");
                std::thread::sleep(std::time::Duration::from_millis(wait));
            }
        }
    }
    // The other one at the table has asked for next to nothing.
    let mut again = Socket::signed_in(&house, token);
    // Two and a half megabytes: more than six hundred requests, of which there were two hundred.
    assert_eq!(again.subscribe(&table.topic(), positions[0])["recovered"], true);
    let problem = again.refused("ping", json!({}));
    assert_eq!(problem["code"], "too_many_requests", "{problem}");
}
