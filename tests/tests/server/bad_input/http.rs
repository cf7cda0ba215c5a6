//! HTTP requests that are wrong: each gets a problem (RFC 9457) that says how.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use crate::{
    house::{Diner, House, PATIENCE},
    http::{Http, raw},
};

#[test]
fn a_body_that_is_no_command_is_refused() {
    let house = House::open(1, 0);
    let Diner { wallet, token } = &house.cast.diners[0];
    let http = Http::new(&house);
    let bearer = format!("Bearer {token}");
    let path = format!("/v1/wallets/{wallet}/top-ups");
    let nested = format!("{{\"amount\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let deep = "[".repeat(50_000);
    let bodies: [&[u8]; 10] = [
        b"nonsense",
        b"null",
        b"[]",
        b"{\"amount\":1",
        b"{\"amount\":1}x",
        b"{\"amount\":\"\xFF\"}",
        b"{\"amount\":1,\"more\":1}",
        b"{\"amount\":1,\"wallet\":\"mine\"}",
        nested.as_bytes(),
        deep.as_bytes(),
    ];
    for body in bodies {
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "1")];
        let reply = http.send("POST", &path, &headers, body);
        reply.is_problem(400, "bad_request");
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
        let request = format!(
            "GET /v1/live HTTP/1.1\r\nhost: {}\r\norigin: {origin}\r\nupgrade: websocket\r\n\
             connection: upgrade\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            house.address()
        );
        let mut socket = TcpStream::connect(house.address()).expect("connects");
        socket.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
        socket.write_all(request.as_bytes()).expect("is sent");
        let mut reply = [0; 12];
        socket.read_exact(&mut reply).expect("is answered");
        assert_eq!(String::from_utf8_lossy(&reply), format!("HTTP/1.1 {status}"), "{origin}");
    }
}
