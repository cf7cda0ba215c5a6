//! HTTP requests that are wrong: each gets a problem (RFC 9457) that says how.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::{
    house::{Diner, House, PATIENCE, PURSE, TIRELESS},
    http::{Http, raw},
    socket::Socket,
    wire::handshake,
};

/// The largest body that is taken, in bytes; a bill may be longer.
const BODY_BYTES_MAX: usize = 64 * 1024;
const BILL_BYTES_MAX: usize = 1024 * 1024;

#[test]
fn an_amount_that_never_moves_is_a_bad_request_at_both_doors() {
    let house = House::open(1, 0);
    let Diner { wallet, token } = &house.cast.diners[0];
    let (http, mut phone) = (Http::new(&house), Socket::signed_in(&house, token));
    for (verb, method) in [("top-ups", "wallets.top_up"), ("withdrawals", "wallets.withdraw")] {
        for (amount, reason, told) in [
            (json!(-5), json!("amount_out_of_range"), "between 1 and 10000000000000 minor units"),
            (json!(0), json!("amount_out_of_range"), "between 1 and 10000000000000 minor units"),
            (json!(1.5), json!(null), "`amount`: expected whole minor units, not 1.5"),
        ] {
            let path = format!("/v1/wallets/{wallet}/{verb}");
            let reply = http.command("POST", &path, token, "1", &json!({ "amount": amount }));
            reply.is_problem(400, "bad_request");
            let asked = json!({ "wallet": wallet, "amount": amount, "idempotency_key": "1" });
            let problem = phone.refused(method, asked);
            assert_eq!(reply.json(), problem);
            assert_eq!(problem["reason"], reason, "{problem}");
            assert!(problem["detail"].as_str().expect("a text").contains(told), "{problem}");
        }
    }
    let stands = phone.ask("wallets.get", json!({ "wallet": wallet }));
    assert_eq!(stands["available"], PURSE, "{stands}");
}

#[test]
fn a_body_that_is_no_command_is_refused() {
    let house = House::open(1, 0);
    let Diner { wallet, token } = &house.cast.diners[0];
    let http = Http::new(&house);
    let bearer = format!("Bearer {token}");
    let path = format!("/v1/wallets/{wallet}/top-ups");
    let deep = |depth: usize| format!("{{\"amount\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    let (too_deep, bottomless) = (deep(32), deep(30_000));
    let bodies: [&[u8]; 10] = [
        b"nonsense",
        b"null",
        b"[]",
        b"{\"amount\":1",
        b"{\"amount\":1}x",
        b"{\"amount\":\"\xFF\"}",
        b"{\"amount\":1,\"more\":1}",
        b"{\"amount\":1,\"wallet\":\"mine\"}",
        too_deep.as_bytes(),
        bottomless.as_bytes(),
    ];
    for body in bodies {
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "1")];
        let reply = http.send("POST", &path, &headers, body);
        reply.is_problem(400, "bad_request");
        let told = reply.json()["detail"].to_string();
        assert!(!told.contains("ident") && !told.contains("expected value"), "{told}");
    }
    let headers = [("authorization", bearer.as_str())];
    let reply = http.send("POST", &path, &headers, b"{\"amount\":1}");
    reply.is_problem(400, "idempotency_key_required");
    let long = "k".repeat(256);
    let reply = http.command("POST", &path, token, &long, &json!({ "amount": 1 }));
    reply.is_problem(400, "idempotency_key_wrong");
    let reply = http.get(&format!("/v1/wallets/{wallet}/events?limit=many"), Some(token));
    reply.is_problem(400, "bad_request");
    http.get("/v1/wallets/7", Some(token)).is_problem(400, "bad_request");
    http.get("/v1/nothing", Some(token)).is_problem(404, "not_found");
    let other = format!("/v1/wallets/{}", uuid::Uuid::now_v7());
    http.get(&other, Some(token)).is_problem(403, "forbidden");
}

#[test]
fn a_field_that_does_not_fit_is_named_at_both_doors() {
    let house = House::open(1, 0);
    let Diner { wallet, token } = &house.cast.diners[0];
    let (http, mut phone) = (Http::new(&house), Socket::signed_in(&house, token));
    for (field, value, told) in [
        ("name", json!(""), "`name`: text is empty"),
        ("host", json!("7"), "`host`: UUID parsing failed"),
        ("cap", json!("1"), "`cap`: expected whole minor units, not the text \"1\""),
        (
            "rules",
            json!({ "cash_step": true }),
            "`rules.cash_step`: expected whole minor units, not true",
        ),
        ("tip", json!(1), "`tip`: unknown field"),
    ] {
        let mut open = json!({ "name": "Table", "host": wallet, "cap": 1 });
        open[field] = value;
        let refused = http.command("POST", "/v1/groups", token, field, &open);
        refused.is_problem(400, "bad_request");
        let refused = refused.json();
        assert!(refused["detail"].as_str().expect("a text").starts_with(told), "{refused}");
        assert_eq!(phone.refused("groups.open", open), refused);
    }
    let in_query = format!("/v1/wallets/{wallet}/events?limit=many");
    let no_number = "`limit`: expected a whole number, not the text \"many\"";
    for (path, told) in [("/v1/wallets/7", "`wallet`: "), (&in_query, no_number)] {
        let refused = http.get(path, Some(token)).json();
        assert!(refused["detail"].as_str().expect("a text").starts_with(told), "{refused}");
    }
    let refused = phone.refused("subscribe", json!({ "topic": "table:1" }));
    assert!(refused["detail"].as_str().expect("a text").starts_with("`topic`: "), "{refused}");
}

#[test]
fn what_is_in_the_path_is_no_field_of_the_body() {
    let house = House::open(1, 0);
    let Diner { wallet, token } = &house.cast.diners[0];
    let (http, mut phone) = (Http::new(&house), Socket::signed_in(&house, token));
    let (path, body) = (format!("/v1/wallets/{wallet}/top-ups"), json!({ "amount": 1, "tip": 1 }));
    let refused = http.command("POST", &path, token, "1", &body);
    refused.is_problem(400, "bad_request");
    assert_eq!(refused.json()["detail"], "`tip`: unknown field `tip`, known are `amount`");
    let asked = json!({ "wallet": wallet, "amount": 1, "tip": 1, "idempotency_key": "1" });
    let refused = phone.refused("wallets.top_up", asked);
    assert_eq!(refused["detail"], "`tip`: unknown field `tip`, known are `wallet`, `amount`");
}

#[test]
fn what_is_no_http_is_refused_and_the_server_goes_on() {
    let house = House::open(0, 0);
    let requests: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /v1/names HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n",
        b"POST /v1/names HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n",
    ];
    for request in requests {
        let reply = raw(house.address(), request);
        assert!(reply.starts_with("HTTP/1.1 4") || reply.is_empty(), "{reply}");
    }
    assert_eq!(Http::new(&house).get("/healthz", None).text, "ok\n");
}

#[test]
fn pages_of_other_sites_may_not_connect() {
    let house = House::open(0, 0);
    for (origin, status) in [
        ("https://elsewhere.example".to_owned(), "403"),
        (format!("http://{}", house.address()), "101"),
    ] {
        let origin = format!("origin: {origin}\r\n");
        let request = handshake(house.address(), "/v1/live", &origin);
        let mut socket = TcpStream::connect(house.address()).expect("connects");
        socket.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
        socket.write_all(request.as_bytes()).expect("is sent");
        let mut reply = [0; 12];
        socket.read_exact(&mut reply).expect("is answered");
        assert_eq!(String::from_utf8_lossy(&reply), format!("HTTP/1.1 {status}"), "{origin}");
    }
}

#[test]
fn a_verb_that_a_resource_does_not_take_is_told_which_it_does() {
    let house = House::open(1, 1);
    let Diner { wallet, token } = &house.cast.diners[0];
    let merchant = &house.cast.merchants[0].merchant;
    let http = Http::new(&house);
    let cases = [
        ("DELETE", format!("/v1/wallets/{wallet}"), "GET"),
        ("GET", format!("/v1/wallets/{wallet}/top-ups"), "POST"),
        ("PUT", format!("/v1/merchants/{merchant}/orders/1"), "DELETE, GET"),
        ("PATCH", "/v1/groups".to_owned(), "POST"),
        ("POST", "/healthz".to_owned(), "GET"),
        ("PUT", "/openapi.json".to_owned(), "GET"),
        ("POST", "/v1/live".to_owned(), "GET"),
    ];
    for (verb, path, allowed) in cases {
        let bearer = format!("Bearer {token}");
        let reply = http.send(verb, &path, &[("authorization", &bearer)], b"");
        reply.is_problem(405, "wrong_method");
        let mut allow: Vec<&str> = reply.header("allow").split(", ").collect();
        allow.retain(|verb| *verb != "HEAD");
        allow.sort_unstable();
        assert_eq!(allow.join(", "), allowed, "{verb} {path}: {reply:?}");
    }
}

#[test]
fn the_live_channel_tells_a_browser_bar_that_it_is_a_websocket() {
    let house = House::open(0, 0);
    let http = Http::new(&house);
    let version = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "99"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for headers in [&[][..], &version] {
        let reply = http.send("GET", "/v1/live", headers, b"");
        reply.is_problem(426, "no_websocket");
        assert_eq!(reply.header("upgrade"), "websocket");
        assert_eq!(reply.header("sec-websocket-version"), "13");
    }
}

#[test]
fn a_body_of_more_than_64_kib_is_refused() {
    let house = House::open_with(1, 1, &[TIRELESS]);
    let Diner { wallet, token } = &house.cast.diners[0];
    let http = Http::new(&house);
    let bearer = format!("Bearer {token}");
    let path = format!("/v1/wallets/{wallet}/top-ups");
    let filled = |body: &str, length: usize| body.to_owned() + &" ".repeat(length - body.len());
    let padded = |length: usize| filled("{\"amount\":1}", length);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "large")];
    let largest = http.send("POST", &path, &headers, padded(BODY_BYTES_MAX).as_bytes());
    assert_eq!(largest.status, 200, "{largest:?}");
    let reply = http.send("POST", &path, &headers, padded(BODY_BYTES_MAX + 1).as_bytes());
    reply.is_problem(413, "body_too_large");
    let bill = |length: usize| {
        let bearer = format!("Bearer {}", house.cast.merchants[0].token);
        let path = format!("/v1/merchants/{}/orders", house.cast.merchants[0].merchant);
        http.send("POST", &path, &[("authorization", &bearer)], filled("{}", length).as_bytes())
    };
    bill(BILL_BYTES_MAX).is_problem(400, "bad_request");
    bill(BILL_BYTES_MAX + 1).is_problem(413, "body_too_large");
    // In chunks, which say no length beforehand.
    let mut chunked = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\nidempotency-key: c\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )
    .into_bytes();
    for _ in 0..=BODY_BYTES_MAX / 1024 {
        chunked.extend_from_slice(b"400\r\n");
        chunked.extend_from_slice(&[b' '; 1024]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let reply = raw(house.address(), &chunked);
    assert!(reply.starts_with("HTTP/1.1 413"), "{reply}");
    assert!(reply.contains("body_too_large"), "{reply}");
}

#[test]
fn a_body_in_chunks_without_end_ends_with_its_answer() {
    let house = House::open(1, 1);
    let Diner { wallet, token } = &house.cast.diners[0];
    let top_up = format!("POST /v1/wallets/{wallet}/top-ups");
    let bearer = format!("authorization: Bearer {token}\r\nidempotency-key: endless\r\n");
    let full = [b"400\r\n".as_slice(), &[b' '; 1024], b"\r\n"].concat();
    let (byte, nothing, quick) = (b"1\r\n \r\n", b"", Duration::ZERO);
    let slow = Duration::from_millis(50);
    let stranger = "authorization: Bearer nobody\r\n";
    let cases = [
        (top_up.as_str(), bearer.as_str(), full.as_slice(), quick, "413"),
        (&top_up, &bearer, byte, slow, "408"),
        (&top_up, &bearer, nothing, slow, "408"),
        // What is refused, or needs no body, has nothing read from.
        (&top_up, stranger, &full, quick, "401"),
        (&top_up, stranger, byte, slow, "401"),
        ("GET /healthz", "", &full, quick, "200"),
        ("POST /nothing", "", byte, slow, "404"),
    ];
    thread::scope(|scope| {
        for (target, headers, chunk, every, status) in cases {
            let address = house.address();
            scope.spawn(move || {
                let reply = endless(address, target, headers, chunk, every);
                assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {reply}");
                assert!(reply.contains("connection: close"), "{target}: {reply}");
            });
        }
    });
    let view = Http::new(&house).get(&format!("/v1/wallets/{wallet}"), Some(token)).done();
    assert_eq!(view["posted"], PURSE, "{view}");
}

/// Sends `chunk` again and again until the server has closed, which it must; what it said before.
fn endless(
    address: SocketAddr,
    target: &str,
    headers: &str,
    chunk: &[u8],
    every: Duration,
) -> String {
    let mut socket = TcpStream::connect(address).expect("connects");
    socket.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
    let head =
        format!("{target} HTTP/1.1\r\nhost: x\r\n{headers}transfer-encoding: chunked\r\n\r\n");
    socket.write_all(head.as_bytes()).expect("is sent");
    let mut sending = socket.try_clone().expect("a second handle");
    let closed = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !closed.load(Ordering::Relaxed) && sending.write_all(chunk).is_ok() {
                thread::sleep(every);
            }
        });
        let mut reply = Vec::new();
        // The end may be a reset, for there was more to read; a time-out is no end.
        let ended = socket.read_to_end(&mut reply).map_err(|error| error.kind());
        closed.store(true, Ordering::Relaxed);
        drop(socket.shutdown(Shutdown::Both));
        let reply = String::from_utf8_lossy(&reply).into_owned();
        assert_ne!(ended, Err(ErrorKind::WouldBlock), "{target}: still open behind: {reply}");
        reply
    })
}

#[test]
fn a_body_that_never_comes_is_not_waited_for() {
    let house = House::open(1, 0);
    let Diner { wallet, token } = &house.cast.diners[0];
    let mut socket = TcpStream::connect(house.address()).expect("connects");
    socket.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
    let request = format!(
        "POST /v1/wallets/{wallet}/top-ups HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         idempotency-key: slow\r\ncontent-length: 100\r\n\r\n{{\"amount\":1"
    );
    socket.write_all(request.as_bytes()).expect("is sent");
    let mut status = [0; 12];
    let read = socket.read_exact(&mut status);
    assert!(read.is_ok(), "still waited for after {PATIENCE:?}: {read:?}");
    assert_eq!(status, *b"HTTP/1.1 408");
    let path = format!("/v1/wallets/{wallet}");
    let view = Http::new(&house).get(&path, Some(token)).done();
    assert_eq!(view["posted"], PURSE, "{view}");
}
